import Foundation
import RingClient

/// What was driven, how, and what came of it.
struct ResultTable {
    private var rows: [[String]] = []
    private(set) var passed = 0
    private(set) var failed = 0

    mutating func run(_ check: Check, _ lab: Lab) async {
        do {
            let finding = try await check.run(lab)
            passed += 1
            let time = finding.deviceTime == 0 ? "-" : "\(finding.deviceTime / 1000) us"
            rows.append(["pass", check.device, check.name, finding.engine, time, finding.result])
        } catch {
            failed += 1
            rows.append(["FAIL", check.device, check.name, "-", "-", "\(error)"])
        }
        await lab.closeAll()
    }

    /// In columns.
    var text: String {
        let head = ["", "device", "check", "engine", "device time", "result"]
        let all = [head] + rows
        let widths = head.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        return all.map { row in
            zip(row, widths).map { $0.padding(toLength: $1, withPad: " ", startingAt: 0) }
                .joined(separator: "  ").trimmedEnd
        }.joined(separator: "\n")
    }
}

extension String {
    fileprivate var trimmedEnd: String { String(reversed().drop { $0 == " " }.reversed()) }
}
