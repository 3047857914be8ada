import Foundation
import TestSupport
import Testing

@testable import RingPolicyFile

@Suite("The layout of policy files")
struct FormatTests {
    private func format(_ text: String) throws(PolicyErrors) -> String {
        try PolicyFormat.format(SourceText(path: "site.yaml", text: text))
    }

    private func value(_ text: String) throws -> Value {
        var report = Report("site.yaml")
        return try #require(YAMLReader.read(SourceText(path: "site.yaml", text: text), &report))
    }

    @Test("Spaces, indentation and blank lines become uniform; comments, order and values stay")
    func layout() throws {
        let text = """


            # Site
            version: 1
            principals:
                ada: {uri: "x://y/z"}   # Ada
            # The devices.
            devices:
              # Two of them.
              a:
                    path: /dev/a
                    labels: {x: y,
                             z: 1}


              b: {path: /dev/b}
            rules:
                -   id: r
                    commands:
                      - A
                      -   use: B
                          where: {}
            # End


            """.replacing("a:\n", with: "a:   \r\n")
        let expected = """
            # Site
            version: 1

            principals:
              ada: {uri: "x://y/z"}   # Ada

            # The devices.
            devices:
              # Two of them.
              a:
                path: /dev/a
                labels: {x: y,
                         z: 1}

              b: {path: /dev/b}

            rules:
              - id: r
                commands:
                  - A
                  - use: B
                    where: {}
            # End

            """
        #expect(try format(text) == expected)
        #expect(try format(expected) == expected)
        #expect(try value(text).saysTheSame(as: value(expected)))
    }

    @Test("Lists may start below their key")
    func lists() throws {
        #expect(try format("a:\n- x\n-   y: 1\n    z: 2\n") == "a:\n- x\n- y: 1\n  z: 2\n")
    }

    @Test(
        "Where another layout would say something else the lines stay",
        arguments: [
            "a: |\n   x\n     y\nb: 1\n", "a: \"x  \n\n\n   y\"\nb: 1\n", "a: >\n    x\n\n\n    y\n\nb: 2\n",
            "a: 'it''s # no comment'\nb: x#y\n", "a: [x,\n  # {\n  y]\nb: 1\n", "--- \na: 1\n",
        ])
    func meaning(_ text: String) throws {
        let formatted = try format(text)
        #expect(try value(text).saysTheSame(as: value(formatted)))
        #expect(try format(formatted) == formatted)
    }

    @Test("A tab is an error, with its place")
    func tabs() throws {
        let error = try #require(throws: PolicyErrors.self) { try format("a: {x: 1,\ty: 2}\n# x\ty\n") }
        #expect(
            error.description == """
                site.yaml:1:10: a tab, which is as wide as each editor likes; use spaces
                site.yaml:2:4: a tab, which is as wide as each editor likes; use spaces
                """)
    }

    @Test("What is not YAML is not formatted")
    func syntax() throws {
        let error = try #require(throws: PolicyErrors.self) { try format("a: [\n") }
        #expect(error.description.contains("not YAML"))
    }

    @Test("No cut of a policy changes what it says, and a second pass changes nothing")
    func cuts() throws {
        let lines = LanguageFixture.text.split(separator: "\n").map(String.init)
        for count in 1...lines.count {
            // Odd depths of indentation on the way.
            let text = lines.prefix(count).map { $0.replacing("    ", with: "       ") }.joined(
                separator: "\n")
            var report = Report("site.yaml")
            let source = SourceText(path: "site.yaml", text: text)
            guard let before = YAMLReader.read(source, &report), report.diagnostics.isEmpty else { continue }
            let formatted = try format(text)
            #expect(try value(formatted).saysTheSame(as: before))
            #expect(try format(formatted) == formatted)
        }
    }

    @Test("The files of the repository are in this layout")
    func shipped() throws {
        let text = try String(contentsOfFile: "\(Tool.repository)/deploy/policy.yaml", encoding: .utf8)
        #expect(try format(text) == text)
    }
}
