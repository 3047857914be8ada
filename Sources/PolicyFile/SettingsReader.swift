/// The daemon's configuration file: where to listen, and which other files to read. docs/cli.md lists the keys.
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
    public var logLevel: String?
    /// Connections at once; nil for the built-in bound.
    public var maxSessions: Int?
    /// Milliseconds for which a session outlives a lost connection; nil for the built-in time.
    public var sessionGrace: UInt32?
    /// Loop threads; nil for one.
    public var loops: Int?

    /// What `loops` may be.
    public static let loopCounts = Int(FileLimits.loops.lowerBound)...Int(FileLimits.loops.upperBound)

    public init() {}

    /// Reads the file at `path`. Relative paths in it start at its own directory.
    public static func load(_ path: String) throws(PolicyErrors) -> DaemonSettings {
        var report = Report(path)
        let settings = SourceText.read(path, &report).flatMap { read($0, &report) }
        guard let settings, report.diagnostics.isEmpty else { throw PolicyErrors(report.diagnostics) }
        return settings
    }

    /// Reads settings that are already in memory; `source.path` decides where relative paths start.
    public static func load(_ source: SourceText) throws(PolicyErrors) -> DaemonSettings {
        var report = Report(source.path)
        let settings = read(source, &report)
        guard let settings, report.diagnostics.isEmpty else { throw PolicyErrors(report.diagnostics) }
        return settings
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
        settings.logLevel = map.optional("log-level")?.choice("log level", levels, &report)
        settings.maxSessions = map.optional("max-sessions")?
            .number("max-sessions", in: 1...65_536, &report).map(Int.init)
        settings.sessionGrace = map.optional("session-grace")?
            .duration("session-grace", in: FileLimits.sessionGrace, &report)
        settings.loops = map.optional("loops")?
            .number("loops", in: FileLimits.loops, &report).map(Int.init)
        map.finish(&report)
        return settings
    }

    private static let levels: KeyValuePairs<String, String> = [
        "debug": "debug", "info": "info", "notice": "notice", "warning": "warning", "error": "error",
    ]
}
