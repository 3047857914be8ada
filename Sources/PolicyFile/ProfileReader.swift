import RingPolicy
import RingProtocol

/// A profile file: the shape of one device class's commands. docs/profiles.md describes it.
enum ProfileReader {
    /// The profile, or nil after reporting everything that is wrong with it. Other profiles that it names are added to
    /// `references`.
    static func read(
        _ source: SourceText, _ references: inout [ProfileReference], _ report: inout Report
    ) -> Profile? {
        guard let root = YAMLReader.read(source, &report), var map = MapReader(root, "a profile", &report)
        else { return nil }
        let name = map.required("name", &report).flatMap { readName($0, source, &report) }
        let summary = map.required("summary", &report)?.line("summary", &report)
        let commands = map.required("commands", &report).flatMap { readCommands($0, &references, &report) }
        let release = map.optional("release")
        map.finish(&report)
        let releases = release.map { ReleaseReader.read($0, commands ?? [], &report) } ?? []
        guard let name, let summary, let commands, report.diagnostics.isEmpty else {
            return nil
        }
        return Profile(name: name, summary: summary, commands: commands, releases: releases)
    }

    private static func readName(_ value: Value, _ source: SourceText, _ report: inout Report) -> String? {
        guard let name = value.name("profile", &report) else { return nil }
        guard "\(name).yaml" == source.fileName else {
            report.add(
                value.place, "profile `\(name)` is in a file called `\(source.fileName)`",
                "call the file `\(name).yaml` or correct the name")
            return nil
        }
        return name
    }

    private static func readCommands(
        _ value: Value, _ references: inout [ProfileReference], _ report: inout Report
    ) -> [CommandShape]? {
        guard let items = value.items("commands", maximum: FileLimits.commands, &report) else { return nil }
        var shapes: [CommandShape] = []
        for item in items {
            guard let shape = CommandReader.read(item, &references, &report) else { continue }
            if let conflict = shapes.lazy.compactMap({ conflict(shape, $0) }).first {
                report.add(item.place, conflict.message, conflict.hint)
            } else {
                shapes.append(shape)
            }
        }
        return shapes
    }

    /// Why two commands cannot be in one profile, or nil.
    private static func conflict(
        _ shape: CommandShape, _ other: CommandShape
    ) -> (message: String, hint: String)? {
        if shape.name == other.name {
            return ("command `\(shape.name)` is described twice", "remove one of the two")
        }
        guard shape.pattern.overlaps(other.pattern) else { return nil }
        guard shape.pattern == other.pattern, !shape.selectors.isEmpty, !other.selectors.isEmpty else {
            return (
                "`\(shape.name)` has the code \(shape.code) of `\(other.name)`",
                "a code means one command; correct or remove one of the two, or tell them apart by `when`"
            )
        }
        guard shape.transport == other.transport, shape.placement == other.placement else {
            return (
                "`\(shape.name)` and `\(other.name)` share a code, but not engine and form",
                "commands with one code have the same `engine` and `as`"
            )
        }
        return nil
    }
}

/// The `release` of a profile.
enum ReleaseReader {
    static func read(_ value: Value, _ commands: [CommandShape], _ report: inout Report) -> [ReleaseAction] {
        guard let items = value.items("release", maximum: FileLimits.releases, &report) else { return [] }
        return items.compactMap { readAction($0, commands, &report) }
    }

    private static func readAction(
        _ value: Value, _ commands: [CommandShape], _ report: inout Report
    ) -> ReleaseAction? {
        guard var map = MapReader(value, "a release", &report) else { return nil }
        let restore = map.optional("restore"), write = map.optional("write"), call = map.optional("call")
        map.finish(&report)
        switch (restore, write, call) {
        case (let restore?, nil, nil): return readRestore(restore, commands, &report)
        case (nil, let write?, nil): return write.line("write", &report).map { .write(Array($0.utf8)) }
        case (nil, nil, let call?): return readCall(call, &report)
        default:
            report.add(value.place, "a release does one thing", "write one of: restore, write, call")
            return nil
        }
    }

    private static func readRestore(
        _ value: Value, _ commands: [CommandShape], _ report: inout Report
    ) -> ReleaseAction? {
        guard var map = MapReader(value, "a restore", &report) else { return nil }
        let get = map.required("get", &report).flatMap { find($0, commands, .output, &report) }
        let set = map.required("set", &report).flatMap { find($0, commands, .input, &report) }
        map.finish(&report)
        guard let get, let set else { return nil }
        guard get.size == set.size else {
            report.add(
                value.place, "`\(get.name)` gives \(get.size) bytes and `\(set.name)` takes \(set.size)",
                "name two commands with one struct")
            return nil
        }
        return .restore(get: get.code, set: set.code, size: get.size)
    }

    /// A command with one struct behind a pointer.
    private static func find(
        _ value: Value, _ commands: [CommandShape], _ direction: Direction, _ report: inout Report
    ) -> CommandShape? {
        guard let name = value.symbol("command", &report) else { return nil }
        guard let command = commands.first(where: { $0.name == name }) else {
            report.add(
                value.place, "there is no command `\(name)` in this profile",
                Suggestion.hint(for: name, among: commands.map(\.name)))
            return nil
        }
        guard command.placement == .pointer, command.direction == direction, command.blocks.count == 1,
            command.pattern.isExact
        else {
            let way = direction == .output ? "out" : "in"
            report.add(
                value.place, "`\(name)` is not one struct behind a pointer that goes \(way)",
                "name another command")
            return nil
        }
        return command
    }

    private static func readCall(_ value: Value, _ report: inout Report) -> ReleaseAction? {
        guard var map = MapReader(value, "a call", &report) else { return nil }
        let code = map.required("code", &report)?.number("code", in: 0...Int128(UInt32.max), &report)
        let number = map.required("value", &report)?.number("value", in: 0...Int128(UInt64.max), &report)
        map.finish(&report)
        guard let code, let number else { return nil }
        if let never = BuiltInNevers.name(of: SubOpcode(UInt32(code))) {
            report.add(value.place, "\(never) is never allowed", "use another code")
            return nil
        }
        return .call(SubOpcode(UInt32(code)), UInt64(number))
    }
}
