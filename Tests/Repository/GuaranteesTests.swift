import Foundation
import TestSupport
import Testing

/// docs/guarantees.md names only tests that exist.
struct GuaranteesTests {
    @Test func everyTestThatIsNamedIsThere() throws {
        let page = try String(contentsOfFile: "\(Tool.repository)/docs/guarantees.md", encoding: .utf8)
        let tests = try FileManager.default.subpathsOfDirectory(atPath: "\(Tool.repository)/Tests")
            .filter { $0.hasSuffix(".swift") }
            .map { try String(contentsOfFile: "\(Tool.repository)/Tests/\($0)", encoding: .utf8) }
        let names = page.matches(of: /`([A-Za-z]+Tests)(?:\/([A-Za-z]+))?`/)
        #expect(names.count > 30)
        for name in names {
            let isThere = tests.contains { text in
                guard text.contains("struct \(name.1)") else { return false }
                return name.2.map { text.contains("func \($0)(") } ?? true
            }
            #expect(isThere, "\(name.0)")
        }
    }
}
