import Foundation
import Testing

@testable import RingPolicyFile

/// A directory of its own, removed with the value.
final class ScratchDirectory: Sendable {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appending(path: "policy-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    func write(_ name: String, _ bytes: some Sequence<UInt8>) throws -> String {
        let file = url.appending(path: name)
        try Data(bytes).write(to: file)
        return file.path
    }
}

@Suite("Files")
struct LoaderTests {
    private let directory: ScratchDirectory
    private var profiles: String { directory.url.path }

    init() throws {
        let scratch = try ScratchDirectory()
        for source in FixtureProfiles.sources { _ = try scratch.write(source.fileName, source.bytes) }
        directory = scratch
    }

    private func errors(_ policy: String, _ profiles: String) -> [String] {
        do throws(PolicyErrors) {
            _ = try PolicyLoader.load(policy: policy, profiles: profiles)
            return []
        } catch {
            return error.description.split(separator: "\n").map(String.init)
        }
    }

    @Test("A policy and a directory of profiles load as their texts do")
    func paths() throws {
        let scratch = try ScratchDirectory()
        let path = try scratch.write("site", SiteFixture.text.utf8)
        for source in FixtureProfiles.sources { _ = try scratch.write(source.fileName, source.bytes) }
        let loaded = try PolicyLoader.load(policy: path, profiles: scratch.url.path)
        #expect(try loaded.revisionInput == SiteFixture.load(SiteFixture.text).revisionInput)
    }

    @Test("The revision covers the policy and every profile, with its name, and nothing else")
    func revision() throws {
        let base = try SiteFixture.load(SiteFixture.text).revisionInput
        #expect(try SiteFixture.load(SiteFixture.text + "# note\n").revisionInput != base)
        let policy = SourceText(path: "elsewhere/policy", text: SiteFixture.text)
        var sources = Array(FixtureProfiles.sources.reversed())
        #expect(try PolicyLoader.load(policy, profiles: sources).revisionInput == base)
        sources[0] = SourceText(path: sources[0].path, bytes: sources[0].bytes + Array("# note\n".utf8))
        #expect(try PolicyLoader.load(policy, profiles: sources).revisionInput != base)
        let length = base.prefix(8).enumerated().reduce(0) { $0 | Int($1.element) << ($1.offset * 8) }
        #expect(Array(base.dropFirst(8).prefix(length)) == Array(SiteFixture.text.utf8))
    }

    @Test("What cannot be read is named with the system's reason")
    func unreadable() throws {
        let scratch = try ScratchDirectory()
        let missing = scratch.url.appending(path: "none").path
        #expect(
            errors(missing, profiles) == [
                "\(missing): cannot be opened: No such file or directory; check the path and its permissions"
            ])
        #expect(
            errors(scratch.url.path, profiles) == ["\(scratch.url.path): is not a regular file; name a file"])
        let path = try scratch.write("site.yaml", SiteFixture.text.utf8)
        #expect(
            errors(path, missing) == [
                "\(missing): cannot be opened: No such file or directory; "
                    + "name the directory that holds the profiles"
            ])
    }

    @Test("Errors of profiles are told even when the policy is missing")
    func others() throws {
        let scratch = try ScratchDirectory()
        _ = try scratch.write("a.yaml", "name: b\n".utf8)
        _ = try scratch.write("b.yml", "".utf8)
        _ = try scratch.write(".hidden.yaml", "".utf8)
        let lines = errors("/nowhere/site.yaml", scratch.url.path)
        #expect(lines.count == 5)
        #expect(lines.contains { $0.contains("a.yaml:1:7: profile `b` is in a file called `a.yaml`") })
        #expect(lines.contains { $0.contains("`b.yml` would be ignored; call it NAME.yaml or remove it") })
    }

    @Test("A profile with errors is not also unknown to the devices that use it")
    func brokenProfile() throws {
        let scratch = try ScratchDirectory()
        for source in FixtureProfiles.sources where source.fileName != "tty.yaml" {
            _ = try scratch.write(source.fileName, source.bytes)
        }
        _ = try scratch.write("tty.yaml", "name: tty\nsummary: x\ncommands: []\n".utf8)
        let path = try scratch.write("site", SiteFixture.text.utf8)
        #expect(
            errors(path, scratch.url.path) == [
                "\(scratch.url.path)/tty.yaml:3:11: commands is an empty list; fill it in or remove it"
            ])
    }

    @Test("Size, encoding and emptiness are checked before anything else")
    func bytes() throws {
        let scratch = try ScratchDirectory()
        let cases: [(bytes: [UInt8], says: String)] = [
            (
                [UInt8](repeating: 0x23, count: (1 << 20) + 1),
                ": the file has more than 1048576 bytes; split it or remove what is not used"
            ),
            (
                Array("version: 1\n  # \u{e9}".utf8) + [0xff],
                ":2:6: this byte is not UTF-8; save the file as UTF-8"
            ),
            (
                [0xef, 0xbb, 0xbf] + Array("version: 1\n".utf8),
                ":1:1: the file starts with a byte order mark; save it as UTF-8 without one"
            ),
            ([], ": the file is empty; write a mapping that starts with `version: 1`"),
            (Array("- 1\n".utf8), ":1:1: a policy is a mapping, not a list; write `key: value` pairs"),
        ]
        for (bytes, says) in cases {
            let path = try scratch.write("site.yaml", bytes)
            #expect(errors(path, profiles) == [path + says])
        }
    }

    @Test("Thousands of levels and of errors stay bounded")
    func bounded() throws {
        for opening in ["[", "- ", "{a: ", "? "] {
            #expect(SiteFixture.errors(String(repeating: opening, count: 100_000)).count == 1)
        }
        let keys = (0..<5000).map { "k\($0): 1\n" }.joined()
        #expect(SiteFixture.errors(keys).count == FileLimits.diagnostics)
        let twice = (0..<40).map { "k\($0): 1\nk\($0): 2\n" }.joined()
        let errors = SiteFixture.errors(twice)
        #expect(errors.count == 1 && errors[0].contains("is given twice in one mapping"))
    }

    @Test("A diagnostic is one line whatever the file holds")
    func oneLine() throws {
        let errors = SiteFixture.errors("version: 1\n\"a\\nb\\e\": 1\n")
        #expect(errors.contains { $0.hasPrefix("site.yaml:2:1: a policy has no key `a\u{fffd}b\u{fffd}`") })
    }
}
