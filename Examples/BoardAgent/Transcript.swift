/// What happened, line by line, and a table at the end.
struct Transcript {
    private enum Outcome: String {
        case passed
        case failed = "FAILED"
        case skipped
    }

    private var rows: [(name: String, outcome: Outcome, detail: String)] = []

    var hasFailed: Bool { rows.contains { $0.outcome == .failed } }

    func line(_ text: String) { print("  \(text)") }

    /// Runs a step and keeps what it says, or what it throws.
    mutating func step(_ name: String, _ body: () async throws -> String) async {
        do {
            let detail = try await body()
            line("\(name): \(detail)")
            rows.append((name, .passed, detail))
        } catch {
            line("\(name): FAILED: \(error)")
            rows.append((name, .failed, "\(error)"))
        }
    }

    mutating func skip(_ name: String, _ reason: String) {
        line("\(name): skipped: \(reason)")
        rows.append((name, .skipped, reason))
    }

    func printTable() {
        let width = rows.map(\.name.count).max() ?? 0
        print("\n  result   what")
        for row in rows {
            let outcome = row.outcome.rawValue.padding(to: 8)
            print("  \(outcome) \(row.name.padding(to: width))  \(row.detail)")
        }
    }
}

extension String {
    fileprivate func padding(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }
}
