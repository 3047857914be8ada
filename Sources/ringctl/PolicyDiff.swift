import ArgumentParser
import Foundation
import RingClient
import RingPolicy

struct PolicyDiff: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff", abstract: "Compares the text of a policy file with the policy in force.",
        discussion: "Exit code 1 when they differ. `plan` tells what the difference means.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions
    @Argument(help: "The policy file; - for standard input.") var file: String

    private struct Report: Encodable {
        let revision: String
        let diff: [String]
    }

    func run() async throws {
        let text = try PolicyText.read(file)
        let shown = try await connection.ask(.policyShow).decoded(ShownPolicy.self)
        let lines = UnifiedDiff.lines(
            from: shown.text, named: "in force \(shown.revision.prefix(12))", to: text, named: file)
        switch output.format {
        case .json: try Output.json(Report(revision: shown.revision, diff: lines))
        case .text: for line in lines { print(line.printable) }
        }
        if !lines.isEmpty { throw ExitCode(ExitStatus.device.rawValue) }
    }
}

/// The difference of two texts as diff -u writes it.
enum UnifiedDiff {
    private enum Line {
        case same(String)
        case removed(String)
        case added(String)

        var text: String {
            switch self {
            case .same(let text): " " + text
            case .removed(let text): "-" + text
            case .added(let text): "+" + text
            }
        }

        var isSame: Bool { if case .same = self { true } else { false } }
        var isOfOld: Bool { if case .added = self { false } else { true } }
        var isOfNew: Bool { if case .removed = self { false } else { true } }
    }

    /// Unchanged lines around a change.
    private static let context = 3

    /// Empty when the texts are the same.
    static func lines(from old: String, named oldName: String, to new: String, named newName: String)
        -> [String]
    {
        guard old != new else { return [] }
        let merged = merge(split(old), split(new))
        return ["--- \(oldName)", "+++ \(newName)"] + hunks(merged)
    }

    private static func split(_ text: String) -> [Substring] {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        if lines.last == "" { lines.removeLast() }
        return lines
    }

    private static func merge(_ old: [Substring], _ new: [Substring]) -> [Line] {
        let difference = new.difference(from: old)
        let removed = Set(
            difference.removals.compactMap { if case .remove(let at, _, _) = $0 { at } else { nil } })
        let added = Set(
            difference.insertions.compactMap { if case .insert(let at, _, _) = $0 { at } else { nil } })
        var merged: [Line] = []
        var (left, right) = (0, 0)
        while left < old.count || right < new.count {
            if left < old.count, removed.contains(left) {
                merged.append(.removed(String(old[left])))
                left += 1
            } else if right < new.count, added.contains(right) {
                merged.append(.added(String(new[right])))
                right += 1
            } else if left < old.count {
                merged.append(.same(String(old[left])))
                (left, right) = (left + 1, right + 1)
            } else {
                break
            }
        }
        return merged
    }

    private static func hunks(_ lines: [Line]) -> [String] {
        var result: [String] = []
        var position = 0
        var (oldLine, newLine) = (1, 1)
        func advance(to end: Int) {
            while position < end {
                if lines[position].isOfOld { oldLine += 1 }
                if lines[position].isOfNew { newLine += 1 }
                position += 1
            }
        }
        while let change = lines[position...].firstIndex(where: { !$0.isSame }) {
            advance(to: max(position, change - context))
            var end = change
            var last = change
            while end < lines.count, end - last <= 2 * context {
                if !lines[end].isSame { last = end }
                end += 1
            }
            end = min(last + 1 + context, lines.count)
            let hunk = lines[position..<end]
            let old = hunk.count { $0.isOfOld }, new = hunk.count { $0.isOfNew }
            // As diff(1) has it, an empty side is said to lie behind the line before.
            result.append(
                "@@ -\(old == 0 ? oldLine - 1 : oldLine),\(old) +\(new == 0 ? newLine - 1 : newLine),\(new) @@"
            )
            result += hunk.map(\.text)
            advance(to: end)
        }
        return result
    }
}
