import Foundation
import Testing

@testable import RingPolicyFile

/// A schema as tests look at it.
struct SchemaFile {
    /// The keys of each mapping: of those under `$defs` by their names, of others by the key that they are
    /// under, of the file itself as `root`.
    let definitions: [String: Set<String>]

    init(_ name: String) throws {
        let data = try Data(contentsOf: repository.appending(path: "docs/\(name).schema.json"))
        let root = try JSONSerialization.jsonObject(with: data)
        var found: [String: Set<String>] = [:]
        Self.collect(root, "root", &found)
        definitions = found
    }

    /// What cannot have other keys is a mapping of ours.
    private static func collect(_ value: Any, _ name: String, _ found: inout [String: Set<String>]) {
        if let list = value as? [Any] {
            for item in list { collect(item, name, &found) }
        }
        guard let object = value as? [String: Any] else { return }
        if object["additionalProperties"] as? Bool == false, let keys = object["properties"] as? [String: Any]
        {
            found[name, default: []].formUnion(keys.keys)
        }
        for (key, inner) in object {
            let isName = !["items", "anyOf", "oneOf", "allOf", "additionalProperties", "properties", "$defs"]
                .contains(key)
            collect(inner, isName ? key : name, &found)
        }
    }
}

/// A mapping in one of two small files, a policy and a profile that use everything once.
struct SchemaPlace: CustomTestStringConvertible, Sendable {
    let schema: String
    let definition: String

    var testDescription: String { "\(schema): \(definition)" }

    static let all =
        [
            "root", "principal", "role", "device", "expect", "limits", "observe", "lease", "console", "rule",
            "gatewayRule",
            "never",
            "commands", "procedures", "procedure", "parameter", "step", "neverCommands", "transfer",
            "handles",
            "neverHandles",
        ].map { SchemaPlace(schema: "policy", definition: $0) }
        + [
            "root", "command", "family", "argument", "result", "extent", "numberField", "bytesField",
            "structField", "pointerField", "target", "direction", "release", "restore", "call",
        ].map { SchemaPlace(schema: "profile", definition: $0) }

    /// Everything that is a key anywhere, to the schemas or to the readers.
    static let candidates: Set<String> = (try? findCandidates()) ?? []

    private static func findCandidates() throws -> Set<String> {
        let told = try ["policy", "profile"].flatMap { try SchemaFile($0).definitions.values.joined() }
        let directory = repository.appending(path: "Sources/PolicyFile")
        var keys = Set(told).union(FieldTestReader.keys)
        for file in try FileManager.default.contentsOfDirectory(atPath: directory.path) {
            let text = try String(contentsOf: directory.appending(path: file), encoding: .utf8)
            for match in text.matches(of: /(?:optional|required|number)\("([a-z-]+)"/) {
                keys.insert(String(match.1))
            }
        }
        return keys
    }

    /// The keys that the reader knows here. One that is there already is given twice then, and known all the
    /// more.
    func taken(of keys: Set<String>) throws -> Set<String> {
        let sorted = keys.sorted()
        // Fewer at a time than the errors that are told of one file.
        return try stride(from: 0, to: sorted.count, by: 50).reduce(into: []) { taken, first in
            let some = sorted[first..<min(first + 50, sorted.count)]
            let errors = errors(some.map { ", \($0): 0" }.joined())
            try #require(errors.count < FileLimits.diagnostics)
            taken.formUnion(some.filter { key in !errors.contains { $0.contains("has no key `\(key)`") } })
        }
    }

    /// What is wrong with the files when `text` stands at the end of this mapping.
    private func errors(_ text: String) -> [String] {
        let policy = Self.filled(Self.policy, schema == "policy" ? "<\(definition)>" : "", text)
        let profile = Self.filled(Self.profile, schema == "profile" ? "<\(definition)>" : "", text)
        do throws(PolicyErrors) {
            _ = try PolicyLoader.load(
                SourceText(path: "site.yaml", text: policy),
                profiles: [SourceText(path: "profiles/demo.yaml", text: profile)])
            return []
        } catch {
            return error.diagnostics.map(\.description)
        }
    }

    private static func filled(_ file: String, _ mark: String, _ text: String) -> String {
        (mark.isEmpty ? file : file.replacing(mark, with: text)).replacing(/<[a-zA-Z]+>/, with: "")
    }

    private static let policy = """
        {version: 1,
        principals: {ci: {uri: "x://farm/ci"<principal>}},
        roles: {all: {members: [ci]<role>}},
        devices: {board: {path: /dev/board, profile: demo, expect: {major: 1<expect>},
          limits: {rate: 1<limits>}, observe: {until: 2026-12-31T23:59:59Z<observe>},
          lease: {mode: shared<lease>}, console: {scrollback: 4KiB<console>}<device>}},
        procedures: {twice: {device: board, summary: Sets twice.,
          parameters: {level: {type: u8, range: [1, 2]<parameter>}},
          steps: [{on: board, use: DEMO_PUT<step>}]<procedure>}},
        rules: [
          {id: use, principals: [ci], devices: [board], read: {max-length: 1<transfer>},
            procedures: [{use: twice, where: {level: {equals: 1}}<procedures>}],
            commands: [DEMO_OPEN, {use: DEMO_SET, where: {low: {equals: 1}}<commands>}],
            handles: {demo: {read: true<handles>}}<rule>},
          {id: run, roles: [all], devices: ["@gateway"], commands: [policy.show]<gatewayRule>}],
        never: [{id: not, commands: [{use: DEMO_SET, where: {low: {equals: 2}}<neverCommands>}],
          handles: {demo: {commands: [DEMO_OPEN]<neverHandles>}}<never>}]<root>}

        """

    private static let profile = """
        {name: demo,
        summary: Everything once.,
        release: [
          {call: {code: 0x4409, value: 0<call>}<release>},
          {restore: {get: DEMO_GET, set: DEMO_PUT<restore>}}],
        commands: [
          {name: DEMO_SET, code: {base: 0x4400, numbers: [0, 3]<family>}, engine: call, effect: write,
            argument: {as: pointer, direction: in, size: 32, fields: [
              {name: low, type: u32, at: 0<numberField>},
              {name: tag, type: bytes, at: 4, size: 4<bytesField>},
              {name: part, type: struct, at: 8, size: 8, fields: [{name: x, type: u64, at: 0}]<structField>},
              {name: data, type: pointer, at: 16,
                to: {direction: {from: low, in: 1<direction>}, length: 4<target>}<pointerField>},
              {name: end, type: u64, at: 24}],
              extents: {range: {start: low, length: end<extent>}}<argument>},
            summary: Sets.<command>},
          {name: DEMO_OPEN, code: 0x4410, engine: call, effect: write,
            result: {gives: demo<result>}, summary: Opens.},
          {name: DEMO_GET, code: 0x4411, engine: call, effect: read,
            argument: {as: pointer, direction: out, size: 4}, summary: Gets.},
          {name: DEMO_PUT, code: 0x4412, engine: call, effect: write,
            argument: {as: pointer, direction: in, size: 4}, summary: Puts.}]<root>}

        """
}
