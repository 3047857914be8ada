/// The daemon's configuration file: where to listen, and which other files to read. docs/ringgated.md lists the keys.
public struct DaemonSettings: Equatable, Sendable {
    public var listen: String?
    public var certificate: String?
    public var key: String?
    public var clientCA: String?
    /// Revocation lists of these CAs, PEM; nil when none is asked about.
    public var revocationLists: String?
    /// Whether a list that is due again is still good enough; nil for no.
    public var acceptsOverdueLists: Bool?
    /// Certificates that are not let in, YAML; nil for none.
    public var denyList: String?
    public var policy: String?
    public var profiles: String?
    /// Directory of the policies that have been in force; nil for none.
    public var state: String?
    /// Directory of the audit log; nil for none.
    public var audit: String?
    /// Bytes after which another file of it begins; nil for the built-in size.
    public var auditFileSize: Int?
    /// `ADDRESS:PORT` of this host's own for metrics, health and the status page; nil for none.
    public var status: String?
    public var logLevel: String?
    /// `text` or `json`; nil for the first.
    public var logFormat: String?
    /// Connections at once; nil for the built-in bound.
    public var maxSessions: Int?
    /// Connections that have not shown who they are: from which number on some are turned away, how many percent of them at
    /// first, and from which number on all are. nil for the built-in bounds.
    public var startups: (start: Int, rate: Int, full: Int)? {
        startupNumbers.isEmpty ? nil : (startupNumbers[0], startupNumbers[1], startupNumbers[2])
    }
    private var startupNumbers: [Int] = []
    /// Of these from one source, and connections of any kind from one source; nil for the built-in bounds.
    public var startupsPerSource: Int?
    public var sessionsPerSource: Int?
    /// Milliseconds for which a session outlives a lost connection; nil for the built-in time.
    public var sessionGrace: UInt32?
    /// Milliseconds a client may say nothing; nil for as long as it likes.
    public var idleTimeout: UInt32?
    /// Loop threads; nil for one.
    public var loops: Int?

    /// How much the daemon shuts itself in; nil for as much as the kernel has.
    public var sandbox: SandboxUse?
    /// Capabilities that it keeps, by the names of capabilities(7).
    public var keptCapabilities: [String] = []

    /// Whom the daemon becomes when root has started it; nil for nobody else.
    public var user: String?

    /// Whether the daemon goes on without a sandbox.
    public enum SandboxUse: Sendable {
        /// It does not start where a part of it is missing.
        case required
        /// It puts up what the kernel has.
        case available
        case off
    }

    /// What `loops` may be.
    public static let loopCounts = Int(FileLimits.loops.lowerBound)...Int(FileLimits.loops.upperBound)

    public init() {}

    /// Reads the file at `path`. Relative paths in it start at its own directory.
    public static func load(_ path: String) throws(PolicyErrors) -> DaemonSettings {
        try SourceText.load(path, read)
    }

    /// Reads settings that are already in memory; `source.path` decides where relative paths start.
    public static func load(_ source: SourceText) throws(PolicyErrors) -> DaemonSettings {
        try source.load(read)
    }

    private static func read(_ source: SourceText, _ report: inout Report) -> DaemonSettings? {
        guard let root = YAMLReader.read(source, &report),
            var map = MapReader(root, "a configuration", &report)
        else { return nil }
        let directory = source.path.lastIndex(of: "/").map { String(source.path[...$0]) } ?? ""
        func path(_ value: Value?) -> String? {
            guard let text = value?.line("a path", &report) else { return nil }
            return text.hasPrefix("/") ? text : directory + text
        }
        var settings = DaemonSettings()
        settings.listen = map.optional("listen")?.line("an address", &report)
        settings.certificate = path(map.optional("certificate"))
        settings.key = path(map.optional("key"))
        settings.clientCA = path(map.optional("client-ca"))
        settings.revocationLists = path(map.optional("crl"))
        settings.acceptsOverdueLists = map.optional("crl-overdue")?
            .choice("way with overdue lists", ["refuse": false, "accept": true], &report)
        settings.denyList = path(map.optional("deny-list"))
        settings.policy = path(map.optional("policy"))
        settings.profiles = path(map.optional("profiles"))
        settings.state = path(map.optional("state"))
        settings.audit = path(map.optional("audit"))
        settings.auditFileSize = map.optional("audit-file-size")?
            .number("audit-file-size", in: FileLimits.auditFile, &report).map(Int.init)
        settings.status = map.optional("status")?.line("an address", &report)
        settings.logLevel = map.optional("log-level")?.choice("log level", levels, &report)
        settings.logFormat = map.optional("log-format")?.choice(
            "log format", ["text": "text", "json": "json"], &report)
        settings.maxSessions = map.optional("max-sessions")?
            .number("max-sessions", in: 1...65_536, &report).map(Int.init)
        settings.startupNumbers = map.optional("max-startups").flatMap { startups($0, &report) } ?? []
        settings.startupsPerSource = map.optional("max-startups-per-source")?
            .number("max-startups-per-source", in: 1...65_536, &report).map(Int.init)
        settings.sessionsPerSource = map.optional("max-sessions-per-source")?
            .number("max-sessions-per-source", in: 1...65_536, &report).map(Int.init)
        settings.sessionGrace = map.optional("session-grace")?
            .duration("session-grace", in: FileLimits.sessionGrace, &report)
        settings.idleTimeout = map.optional("idle-timeout")?.duration(
            "idle-timeout", in: FileLimits.lease, &report)
        settings.loops = map.optional("loops")?
            .number("loops", in: FileLimits.loops, &report).map(Int.init)
        settings.sandbox = map.optional("sandbox")?
            .choice(
                "use of the sandbox", ["required": .required, "available": .available, "off": .off], &report)
        settings.keptCapabilities =
            map.optional("keep-capabilities")?.items("keep-capabilities", maximum: 64, &report)?
            .compactMap { $0.line("a capability", &report) } ?? []
        settings.user = map.optional("user")?.line("a user", &report)
        map.finish(&report)
        return settings
    }

    /// `start:rate:full`, as in sshd_config(5).
    private static func startups(_ value: Value, _ report: inout Report) -> [Int]? {
        let numbers = (value.text ?? "").split(separator: ":", omittingEmptySubsequences: false).map {
            Int($0) ?? -1
        }
        guard numbers.count == 3, numbers.allSatisfy({ $0 >= 1 && $0 <= 65_536 }), numbers[1] <= 100,
            numbers[0] <= numbers[2]
        else {
            report.add(
                value.place, "\(value.words) is no START:RATE:FULL",
                "write three numbers in quotes, such as \"64:30:128\": a rate of 1 to 100 percent, start not above full"
            )
            return nil
        }
        return numbers
    }

    private static let levels: KeyValuePairs<String, String> = [
        "debug": "debug", "info": "info", "notice": "notice", "warning": "warning", "error": "error",
    ]
}
