import ArgumentParser
import Foundation
import RingClient
import RingPolicy

struct Top: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows what sessions and devices are doing, again and again.",
        discussion: "Needs the rights session.list and device.list on @gateway.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions
    @Option(help: ArgumentHelp("Time between two looks.", valueName: "seconds"))
    var interval = 2.0
    @Option(help: "End after so many looks; without end unless given.")
    var count: Int?

    func validate() throws {
        guard interval >= 0.1, interval <= 3600 else {
            throw ValidationError("--interval must be 0.1 to 3600")
        }
        if let count, count < 1 { throw ValidationError("--count must be 1 or more") }
    }

    /// What the gateway says at one moment, as `-o json` has it.
    struct Look: Encodable {
        let sessions: [SessionList.Session]
        let devices: [DeviceStates.State]
        /// Operations a second since the look before, by device; absent in the first.
        let rates: [String: Double]?
    }

    func run() async throws {
        try await connection.withConnection { gateway in
            var before: (time: ContinuousClock.Instant, started: [String: Int])?
            var looks = 0
            while true {
                let sessions = try await SessionList.all(gateway)
                let devices = try await DeviceStates.all(gateway)
                let now = ContinuousClock.now
                let started = Dictionary(
                    devices.map { ($0.name, $0.started ?? 0) }, uniquingKeysWith: { first, _ in first })
                let rates = before.map { before in
                    let seconds = (now - before.time) / .seconds(1)
                    return started.merging(before.started) { now, before in max(0, now - before) }
                        .filter { started[$0.key] != nil }
                        .mapValues { (Double($0) / seconds * 10).rounded() / 10 }
                }
                try show(Look(sessions: sessions, devices: devices, rates: rates))
                before = (now, started)
                looks += 1
                if looks == count { return }
                try await Task.sleep(for: .seconds(interval))
            }
        }
    }

    private func show(_ look: Look) throws {
        if output.format == .json { return try Output.json(look) }
        // A terminal shows one look in the place of the one before; elsewhere they follow each other.
        let clear = isatty(STDOUT_FILENO) == 1 ? "\u{1b}[H\u{1b}[2J" : ""
        try Output.bytes(Array((clear + look.text).utf8))
    }
}

extension Top.Look {
    fileprivate var text: String {
        let denied = devices.reduce(0) { $0 + ($1.denied ?? 0) }
        let head = "\(sessions.count) sessions, \(devices.count) devices, \(denied) entries denied\n\n"
        let identities = Dictionary(
            sessions.map { ($0.session, $0.identity) }, uniquingKeysWith: { first, _ in first })
        func names(_ sessions: [UInt64]) -> String {
            sessions.isEmpty ? "-" : sessions.map { identities[$0] ?? "\($0)" }.joined(separator: " ")
        }
        let devices = devices.sorted { (rates?[$0.name] ?? 0, $1.name) > (rates?[$1.name] ?? 0, $0.name) }
            .map { device in
                [
                    device.name, device.lane?.isStuck == true ? "stuck" : device.state,
                    rates?[device.name].map { "\(Int($0.rounded()))" } ?? "-", "\(device.started ?? 0)",
                    "\(device.denied ?? 0)", names(device.holders ?? []), names(device.sessions),
                ]
            }
        let sessions = sessions.map { session in
            [
                "\(session.session)", session.isConnected ? session.peer : "lost", "\(session.inFlight)",
                "\(session.entries ?? 0)", session.identity,
            ]
        }
        return head
            + Columns(["DEVICE", "STATE", "PER-S", "TOTAL", "DENIED", "HELD BY", "OPEN BY"], devices).text
            + "\n"
            + Columns(["SESSION", "PEER", "IN-FLIGHT", "ENTRIES", "IDENTITY"], sessions).text
    }
}

/// Rows whose columns stand below each other.
struct Columns {
    let text: String

    init(_ head: [String], _ rows: [[String]]) {
        let rows = [head] + rows.map { $0.map(\.printable) }
        let widths = head.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        text = rows.map { row in
            let cells = zip(row, widths).map { cell, width in
                cell + String(repeating: " ", count: width - cell.count)
            }
            let line = cells.joined(separator: "  ")
            return String(line.reversed().drop { $0 == " " }.reversed()) + "\n"
        }.joined()
    }
}
