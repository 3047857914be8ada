import RingGateway

/// The page for a browser on the gateway's host: what is there, who has it, what was denied. Read-only, without scripts,
/// and without anything from elsewhere.
struct StatusPage {
    let html: String

    /// Rates are since `earlier`, when there is one.
    init(_ report: StatusReport, since earlier: StatusReport?) {
        let status = report.status
        let identities = Dictionary(
            status.sessions.map { ($0.session, $0.identity) }, uniquingKeysWith: { first, _ in first })
        let before = Dictionary(
            (earlier?.status.devices ?? []).map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        let elapsed = earlier.map { report.time - $0.time }
        func rate(_ now: Int, _ then: Int?) -> String {
            guard let elapsed, elapsed > 0, let then else { return "" }
            return "\(Int((Double(now - then) / elapsed).rounded()))"
        }
        let devices = status.devices.map { device in
            [
                device.name, device.profile, Self.state(device),
                Self.names(device.holders ?? [], identities), Self.names(device.sessions, identities),
                rate(device.started, before[device.name]?.started), "\(device.started)", "\(device.denied)",
            ]
        }
        let sessions = status.sessions.map { session in
            [
                "\(session.session)", session.identity, session.isConnected ? session.peer : "lost",
                session.slots.map(\.device).joined(separator: ", "), "\(session.inFlight)",
                "\(session.entries)",
            ]
        }
        let denials = status.denials.map { denial in
            [Self.clock(denial.time), denial.identity, denial.device, denial.operation, denial.text]
        }
        let recent = report.auditDirectory.map(RecentRecord.latest) ?? []
        let records = recent.map { record in
            [
                "\(record.seq)", String(record.time.dropFirst(11).prefix(8)), record.type,
                record.identity ?? "",
                record.words,
            ]
        }
        let troubles = report.troubles
        let audit = report.auditHead.map { "audit record \($0)" } ?? "no audit log"
        html = """
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="5">
            <title>Ringgate</title><link rel="stylesheet" href="/style.css"></head><body>
            <h1>Ringgate <small>\(Self.escaped(report.version))</small></h1>
            <p class="\(troubles.isEmpty ? "good" : "bad")" id="state">\
            \(troubles.isEmpty ? "ready" : Self.escaped(troubles.joined(separator: "; ")))</p>
            <p>policy \(Self.escaped(String(status.revision.prefix(12)))), \(status.sessions.count) sessions, \
            \(report.connections) connections, \(Self.escaped(audit))</p>
            \(Self.table(
                "devices", "Devices",
                ["device", "profile", "state", "held by", "open by", "per second", "operations", "denied"], devices))
            \(Self.table("sessions", "Sessions", ["session", "identity", "peer", "open", "in flight", "entries"], sessions))
            \(Self.table("denials", "Denied lately", ["time (UTC)", "identity", "device", "operation", "why"], denials))
            \(Self.table("audit", "On record lately", ["number", "time (UTC)", "type", "identity", "what"], records))
            </body></html>

            """
    }

    private static func state(_ device: DeviceReport) -> String {
        if device.lane?.isStuck == true { return "stuck" }
        return device.reason.map { "\(device.state): \($0)" } ?? device.state
    }

    private static func names(_ sessions: [UInt64], _ identities: [UInt64: String]) -> String {
        sessions.map { identities[$0] ?? "\($0)" }.joined(separator: ", ")
    }

    private static func clock(_ time: UInt64) -> String {
        func two(_ number: UInt64) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(two(time / 3600 % 24)):\(two(time / 60 % 60)):\(two(time % 60))"
    }

    private static func table(_ id: String, _ title: String, _ heads: [String], _ rows: [[String]]) -> String
    {
        let head = heads.map { "<th>\(escaped($0))</th>" }.joined()
        let body = rows.map { row in "<tr>\(row.map { "<td>\(escaped($0))</td>" }.joined())</tr>\n" }.joined()
        return """
            <h2>\(escaped(title))</h2><table id="\(id)"><thead><tr>\(head)</tr></thead>
            <tbody>\(body)</tbody></table>
            """
    }

    /// Identities and texts of denials have clients' words.
    private static func escaped(_ text: String) -> String {
        text.escaped(["&": "&amp;", "<": "&lt;", ">": "&gt;", "\"": "&quot;", "'": "&#39;"])
    }

    static let style = """
        body { font: 15px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 72em; padding: 0 1em; }
        h1 small { color: #777; font-size: 50%; font-weight: normal; }
        h2 { font-size: 110%; margin: 1.6em 0 .4em; }
        table { border-collapse: collapse; width: 100%; }
        th, td { border-bottom: 1px solid #ddd; padding: .25em .8em .25em 0; text-align: left; vertical-align: top; }
        th { color: #555; font-weight: 600; }
        .good { color: #176b2c; } .bad { color: #a11; font-weight: 600; }

        """
}
