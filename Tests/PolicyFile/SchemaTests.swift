import Foundation
import TestSupport
import Testing

@testable import RingPolicyFile

/// The JSON Schemas that editors use: they know the keys that the readers know, and no others.
@Suite("The schemas for editors")
struct SchemaTests {
    /// Every key of a policy.
    static func policyKeys() throws -> Set<String> {
        try SchemaFile("policy").definitions.values.reduce(into: []) { $0.formUnion($1) }
    }

    @Test("Each mapping has exactly the keys that its reader takes", arguments: SchemaPlace.all)
    func keys(_ place: SchemaPlace) throws {
        let told = try #require(SchemaFile(place.schema).definitions[place.definition])
        var taken = try place.taken(of: SchemaPlace.candidates)
        // Known, so that the error can say what is wrong with it.
        if place.definition == "gatewayRule" { taken.subtract(["labels", "procedures"]) }
        #expect(told == taken)
    }

    @Test("Each mapping of the schemas has a place in the small files", arguments: ["policy", "profile"])
    func places(_ schema: String) throws {
        let tried = Set(SchemaPlace.all.filter { $0.schema == schema }.map(\.definition))
        // Conditions are no mapping of keys to the reader, which tells their tests apart by the field.
        #expect(try Set(SchemaFile(schema).definitions.keys).subtracting(["test", "neverTest"]) == tried)
        let tests = try SchemaFile("policy").definitions
        #expect(tests["test"] == Set(FieldTestReader.keys + ["window", "max-length"]))
    }

    /// Whether this machine's Python has what validates YAML by JSON Schema.
    private static let hasValidator =
        (try? Tool.run(["python3", "-c", "import jsonschema, yaml"]).succeeded) ?? false

    private static let reason: Comment = "skipped: python3 lacks one of the modules jsonschema and yaml"

    /// Prints what is wrong with each file. As to the gateway and to editors, times are text, and so are `on` and
    /// the like (YAML 1.2).
    private static let program = """
        import json, re, sys, yaml, jsonschema
        class Loader(yaml.SafeLoader): pass
        others = ('tag:yaml.org,2002:timestamp', 'tag:yaml.org,2002:bool')
        Loader.yaml_implicit_resolvers = {
            first: [pair for pair in pairs if pair[0] not in others]
            for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()}
        Loader.add_implicit_resolver('tag:yaml.org,2002:bool', re.compile('^(true|false)$'), list('tf'))
        schema = json.load(open(sys.argv[1]))
        jsonschema.Draft202012Validator.check_schema(schema)
        for path in sys.argv[2:]:
            for error in jsonschema.Draft202012Validator(schema).iter_errors(yaml.load(open(path), Loader)):
                print(path, '/'.join(map(str, error.absolute_path)), error.message[:200])
        """

    private func errors(_ schema: String, _ files: [String]) throws -> String {
        try Tool.require(
            ["python3", "-c", Self.program, "\(Tool.repository)/docs/\(schema).schema.json"] + files)
    }

    private func errors(_ schema: String, texts: [String]) throws -> String {
        let scratch = try ScratchDirectory()
        var files: [String] = []
        for (index, text) in texts.enumerated() {
            files.append(try scratch.write("\(index).yaml", text.utf8))
        }
        return try withExtendedLifetime(scratch) { try errors(schema, files) }
    }

    @Test("What is shipped and what the pages show follows the schemas", .enabled(if: hasValidator, reason))
    func shipped() throws {
        let profiles = try SiteFixture.shippedProfiles().map { "\(Tool.repository)/\($0.path)" }
        #expect(profiles.count > 20)
        #expect(try errors("profile", profiles) == "")
        #expect(try errors("policy", ["\(Tool.repository)/deploy/policy.yaml"]) == "")
        let examples = try Page("policy.md").blocks("yaml")
        #expect(examples.count > 5)
        #expect(try errors("policy", texts: examples + [LanguageFixture.text, SiteFixture.text]) == "")
        #expect(try errors("profile", texts: Page("profiles.md").blocks("yaml profile")) == "")
    }

    @Test("What is wrong does not follow the schemas", .enabled(if: hasValidator, reason))
    func wrong() throws {
        for (old, new) in [
            ("roles:", "rolls:"), ("lease: exclusive", "lease: once"), ("write: true}", "write: false}"),
            ("{uri: \"ringgate", "{uri: \"ring*gate"), ("path: /dev/bus1", "path: ../bus1"),
            ("{equals: FAST}", "{equals: FAST, in: [SLOW]}"),
            ("commands: [policy.show", "commands: [policy.shw"),
            (", kind: tcp", ""), ("{range: [0, 1]}", "{mask: 1}"), ("timeout: 2s", "timeout: 2"),
        ] {
            let parts = LanguageFixture.text.split(separator: old, omittingEmptySubsequences: false)
            try #require(parts.count >= 2, "the fixture has no `\(old)`")
            #expect(try errors("policy", texts: [parts.joined(separator: new)]) != "", "\(new)")
        }
        for (old, new) in [
            ("effect: write", "effect: none"), ("type: u64", "type: u128"),
            ("type: bytes, at: 12, size: 4", "type: bytes, at: 12"),
            ("as: pointer", "as: sqe-commands"), ("code: 0x4001", "code: {base: 0x4001}"),
        ] {
            let parts = BadProfile.text.split(separator: old, omittingEmptySubsequences: false)
            try #require(parts.count >= 2, "the fixture has no `\(old)`")
            #expect(try errors("profile", texts: [parts.joined(separator: new)]) != "", "\(new)")
        }
    }
}
