import Foundation
import Testing

@testable import RingPolicyFile

@Suite("Examples of the documentation")
struct DocumentationTests {
    @Test("The example policies load with the shipped profiles, and are laid out as `fmt` does it")
    func policies() throws {
        let examples = try Page("policy.md").blocks("yaml")
        #expect(examples.count == 8)
        let profiles = try SiteFixture.shippedProfiles()
        for example in examples {
            let source = SourceText(path: "site.yaml", text: example)
            let profiles = profiles.filter { example.contains($0.fileName.dropLast(".yaml".count)) }
            #expect(throws: Never.self) { try PolicyLoader.load(source, profiles: profiles) }
            #expect(try PolicyFormat.format(source) == example)
        }
    }

    @Test("Every key of the language is told")
    func keys() throws {
        let page = try Page("policy.md").text
        let keys = try SchemaTests.policyKeys()
        #expect(keys.count > 30)
        for key in keys {
            #expect(
                ["`\(key)`", "`\(key):", "{\(key):", ", \(key):"].contains { page.contains($0) }, "\(key)")
        }
    }

    @Test("The example of errors gives exactly the errors shown")
    func errors() throws {
        let page = try Page("policy.md")
        let wrong = try #require(page.blocks("yaml wrong").first)
        let shown = try #require(page.blocks("text").first)
        #expect(SiteFixture.errors(wrong).map { $0 + "\n" }.joined() == shown)
    }

    @Test("Every error that the page explains is one that the readers can tell")
    func explanations() throws {
        let page = try Page("policy.md").text
        let section = try #require(page.components(separatedBy: "| the error says | because |").last)
        let told = section.split(separator: "\n").filter { $0.hasPrefix("| ") }
            .compactMap { $0.split(separator: "|").first?.trimmingCharacters(in: .whitespaces) }
        #expect(told.count > 15)
        let directory = repository.appending(path: "Sources/PolicyFile")
        let sources = try FileManager.default.contentsOfDirectory(atPath: directory.path)
            .map { try String(contentsOf: directory.appending(path: $0), encoding: .utf8) }.joined()
        for words in told { #expect(sources.contains(words), "\(words)") }
    }

    @Test("The example profile loads")
    func profile() throws {
        let examples = try Page("profiles.md").blocks("yaml profile")
        #expect(examples.count == 1)
        for example in examples { #expect(BadProfile.errors(example) == []) }
    }
}
