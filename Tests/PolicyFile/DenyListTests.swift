import RingPolicy
import RingPolicyFile
import Testing

@Suite("The list of certificates that are not let in")
struct DenyListTests {
    private func load(_ text: String) throws -> DenyList {
        try DenyList.load(SourceText(path: "denied.yaml", text: text))
    }

    private func errors(_ text: String) -> [String] {
        do throws(PolicyErrors) {
            _ = try DenyList.load(SourceText(path: "denied.yaml", text: text))
            return []
        } catch {
            return error.description.split(separator: "\n").map(String.init)
        }
    }

    @Test("Numbers and keys are found, however they are written")
    func found() throws {
        let key = [UInt8](repeating: 0xab, count: 32)
        let list = try load(
            """
            version: 1
            denied:
              - {serial: "00:7A:0b:44", reason: stolen}
              - {serial: "5"}
              - {spki: "sha256:\(String(repeating: "ab", count: 32))", reason: leaked}

            """)
        #expect(list.count == 3)
        #expect(list.reason(serial: "7a0b44", keyHash: []) == "stolen")
        #expect(list.reason(serial: "007A0B44", keyHash: []) == "stolen")
        #expect(list.reason(serial: "05", keyHash: []) == "no reason given")
        #expect(list.reason(serial: "6", keyHash: key) == "leaked")
        #expect(list.reason(serial: "7a0b4400", keyHash: []) == nil)
        #expect(DenyList.canonical("0") == "00" && DenyList.canonical("0000") == "00")
    }

    @Test("An empty list denies nobody")
    func empty() throws {
        #expect(try load("version: 1\n").count == 0)
    }

    @Test(
        "An error names its place",
        arguments: [
            ("denied: []\n", "denied.yaml:1:"),
            ("version: 2\n", "denied.yaml:1:10"),
            ("version: 1\ndenied:\n  - {serial: \"xyz\"}\n", "denied.yaml:3:14"),
            ("version: 1\ndenied:\n  - {spki: \"sha256:ab\"}\n", "denied.yaml:3:12"),
            ("version: 1\ndenied:\n  - {reason: why}\n", "denied.yaml:3:5"),
            ("version: 1\ndenied:\n  - {serial: \"1\", spki: \"sha256:ab\"}\n", "denied.yaml:3:5"),
            ("version: 1\ndeny: 1\n", "denied.yaml:2:1"),
        ])
    func places(text: String, place: String) {
        let errors = errors(text)
        #expect(errors.contains { $0.hasPrefix(place) }, "\(errors)")
    }
}
