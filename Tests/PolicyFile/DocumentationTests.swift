import Foundation
import Testing

@testable import RingPolicyFile

@Suite("Examples of the documentation")
struct DocumentationTests {
    /// The fenced blocks of a page, with what follows the opening fence.
    private func blocks(_ page: String) throws -> [(kind: String, text: String)] {
        let url = repository.appending(path: "docs/\(page)")
        var blocks: [(kind: String, text: String)] = []
        var open: (kind: String, text: String)?
        for line in try String(contentsOf: url, encoding: .utf8).components(separatedBy: "\n") {
            if let block = open {
                if line == "```" { blocks.append(block) }
                open = line == "```" ? nil : (block.kind, block.text + line + "\n")
            } else if line.hasPrefix("```") {
                open = (String(line.dropFirst(3)), "")
            }
        }
        return blocks
    }

    @Test("The example policy loads")
    func policy() throws {
        let examples = try blocks("policy.md").filter { $0.kind == "yaml" }
        #expect(examples.count == 1)
        for example in examples { #expect(try SiteFixture.errors(example.text) == []) }
    }

    @Test("The example of errors gives exactly the errors shown")
    func errors() throws {
        let blocks = try blocks("policy.md")
        let wrong = try #require(blocks.first { $0.kind == "yaml wrong" })
        let shown = try #require(blocks.first { $0.kind == "text" })
        #expect(try SiteFixture.errors(wrong.text).map { $0 + "\n" }.joined() == shown.text)
    }

    @Test("The example profile loads")
    func profile() throws {
        let examples = try blocks("profiles.md").filter { $0.kind == "yaml profile" }
        #expect(examples.count == 1)
        for example in examples { #expect(BadProfile.errors(example.text) == []) }
    }
}
