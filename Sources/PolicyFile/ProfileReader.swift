import RingPolicy

/// A profile file: the shape of one device class's commands. docs/profiles.md describes it.
enum ProfileReader {
    /// The profile, or nil after reporting everything that is wrong with it.
    static func read(_ source: SourceText, _ report: inout Report) -> Profile? {
        guard let root = YAMLReader.read(source, &report), var map = MapReader(root, "a profile", &report)
        else { return nil }
        let name = map.required("name", &report).flatMap { readName($0, source, &report) }
        let summary = map.required("summary", &report)?.line("summary", &report)
        let commands = map.required("commands", &report).flatMap { readCommands($0, &report) }
        map.finish(&report)
        guard let name, let summary, let commands, report.diagnostics.isEmpty else {
            return nil
        }
        return Profile(name: name, summary: summary, commands: commands)
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

    private static func readCommands(_ value: Value, _ report: inout Report) -> [CommandShape]? {
        guard let items = value.items("commands", maximum: FileLimits.commands, &report) else { return nil }
        var shapes: [CommandShape] = []
        for item in items {
            guard let shape = CommandReader.read(item, &report) else { continue }
            if shapes.contains(where: { $0.name == shape.name }) {
                report.add(item.place, "command `\(shape.name)` is described twice", "remove one of the two")
            } else if let other = shapes.first(where: { $0.code == shape.code }) {
                report.add(
                    item.place, "`\(shape.name)` has the code \(shape.code) of `\(other.name)`",
                    "a code means one command; correct or remove one of the two")
            } else {
                shapes.append(shape)
            }
        }
        return shapes
    }
}
