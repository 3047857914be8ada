import COpenSSL
import Glibc
import Logging
import RingAdministration
import RingAudit
import RingDeviceLink
import RingEngine
import RingPolicy
import RingRecording
import Synchronization

/// What a gateway needs to start.
public struct GatewayConfiguration: Sendable {
    /// `ADDRESS:PORT`; port 0 lets the kernel choose.
    public var listen: String
    /// Who is let in. The files are looked at again every second while it runs.
    public var trust: TrustFiles
    public var limits = GatewayLimits()
    /// Loop threads, 1 to 64. Each has its sessions and its devices; what a session asks of another loop's device is handed
    /// over.
    public var loops = 1
    /// nil for no audit log.
    public var audit: AuditSettings?
    /// What answers for its devices in their stead; nil for nothing.
    public var replay: Recording?
    public var replayOrder = ReplayScript.Order.strict
    /// Who opens devices.
    public var opener: DeviceOpener = { OpenedDevice(opening: $0) }
    /// Sockets to the processes of devices that have one of their own (``DeviceSocket``), by the devices' names; at most 64.
    public var processes: [String: Int32] = [:]

    public init(listen: String, certificate: String, key: String, clientCA: String) {
        self.listen = listen
        trust = TrustFiles(certificate: certificate, key: key, clientCA: clientCA)
    }
}

/// A running gateway: its loop threads, started and listening. `drain` or `stop` ends them; `wait` returns then.
public final class Gateway: Sendable {
    /// `HOST:PORT` it listens on.
    public let address: String
    public let counters: GatewayCounters
    public let engineCounters: EngineTotals
    private let mailboxes: [Mailbox]
    private let endings: [LoopEnding]
    private let links: [DeviceLink]
    private let trustWatch: TrustWatch
    private let audit: AuditLog?

    private init(
        _ site: LoopSite, _ engines: [EngineCounters], _ mailboxes: [Mailbox], _ endings: [LoopEnding],
        _ trustWatch: TrustWatch
    ) {
        address = site.listener.address.description
        engineCounters = EngineTotals(engines + site.commons.links.map(\.counters))
        links = site.commons.links
        self.mailboxes = mailboxes
        counters = site.counters
        audit = site.audit
        self.endings = endings
        self.trustWatch = trustWatch
    }

    /// The port it listens on.
    public var port: Int {
        Int(address[address.index(after: address.lastIndex(of: ":") ?? address.startIndex)...]) ?? 0
    }

    /// Starts a gateway; it listens when this returns. Without an administrator the commands on policies are
    /// refused.
    public static func start(
        _ configuration: GatewayConfiguration, policy: PolicySnapshot, administrator: Administrator? = nil,
        logger: Logger
    ) throws(GatewayError) -> Gateway {
        precondition((1...64).contains(configuration.loops), "a gateway has 1 to 64 loops")
        let mailboxes = try makeMailboxes(configuration.loops)
        let trustWatch = try TrustWatch(configuration.trust, logger) { mailboxes[0].post(.renew($0)) }
        // What a recording answers for is nobody's.
        let processes = configuration.processes.filter { configuration.replay?.scripts[$0.key] == nil }
        let links = try makeLinks(processes, mailboxes, logger)
        let site = LoopSite(
            configuration: configuration, policy: policy, trust: trustWatch.first, logger: logger,
            counters: GatewayCounters(),
            commons: Commons(
                mailboxes, links, policy.devices, configuration.limits.door,
                Replays(configuration.replay, configuration.replayOrder)),
            listener: try Listener(configuration.listen),
            audit: try startAudit(configuration, policy, mailboxes, logger))
        var engines: [EngineCounters] = []
        var endings: [LoopEnding] = []
        do throws(GatewayError) {
            for number in mailboxes.indices {
                let desk = try makeDesk(number == 0 ? administrator : nil, mailboxes[number])
                let (engine, ending) = try start(site, UInt8(number), desk)
                engines.append(engine)
                endings.append(ending)
            }
        } catch {
            for mailbox in mailboxes.prefix(endings.count) { mailbox.post(.stop) }
            for ending in endings { ending.wait() }
            site.audit?.stop()
            throw error
        }
        do throws(EngineError) {
            try trustWatch.begin()
            for link in links { try link.start() }
        } catch {
            for link in links { link.mailbox.post(.stop) }
            for mailbox in mailboxes { mailbox.post(.stop) }
            for ending in endings { ending.wait() }
            site.audit?.stop()
            throw .engine(error)
        }
        return Gateway(site, engines, mailboxes, endings, trustWatch)
    }

    private static func makeLinks(
        _ processes: [String: Int32], _ loops: [Mailbox], _ logger: Logger
    ) throws(GatewayError) -> [DeviceLink] {
        precondition(processes.count <= 64, "a gateway has at most 64 devices with a process of their own")
        var links: [DeviceLink] = []
        do throws(EngineError) {
            for (index, (device, socket)) in processes.sorted(by: { $0.key < $1.key }).enumerated() {
                links.append(
                    try DeviceLink(device, UInt8(loops.count + index), socket, loops: loops, logger))
            }
        } catch {
            throw .engine(error)
        }
        return links
    }

    /// Last before the loops, because what it starts has to be stopped again.
    private static func startAudit(
        _ configuration: GatewayConfiguration, _ policy: PolicySnapshot, _ mailboxes: [Mailbox],
        _ logger: Logger
    ) throws(GatewayError) -> AuditLog? {
        guard let settings = configuration.audit else { return nil }
        let audit: AuditLog
        do throws(AuditError) { audit = try AuditLog(settings, logger) } catch { throw .audit(error) }
        var first = AuditRecord(.begin, time: KernelClock.realtime())
        first.add("revision", Revision.text(policy.revision))
        do throws(EngineError) { try audit.start(first, mailboxes) } catch { throw .engine(error) }
        return audit
    }

    private static func makeMailboxes(_ count: Int) throws(GatewayError) -> [Mailbox] {
        var mailboxes: [Mailbox] = []
        do throws(EngineError) {
            for _ in 0..<count { mailboxes.append(Mailbox(wake: try WakeSignal())) }
        } catch {
            throw .engine(error)
        }
        return mailboxes
    }

    private static func makeDesk(
        _ administrator: Administrator?, _ mailbox: Mailbox
    ) throws(GatewayError) -> AdministrationDesk {
        do { return try AdministrationDesk(administrator, mailbox) } catch { throw .engine(error) }
    }

    /// Starts one loop; it runs when this returns.
    private static func start(
        _ site: LoopSite, _ number: UInt8, _ desk: AdministrationDesk
    ) throws(GatewayError) -> (EngineCounters, LoopEnding) {
        let start = LoopStart()
        let ending = LoopEnding()
        do throws(EngineError) {
            try DetachedThread.spawn {
                run(site, number, desk, start)
                OpenSSLThread.end()
                ending.arrive()
            }
        } catch {
            desk.stop()
            throw .engine(error)
        }
        return (try start.wait(), ending)
    }

    /// Checks everything `start` would need, without serving anybody.
    public static func check(_ configuration: GatewayConfiguration) throws(GatewayError) {
        _ = try Trust(configuration.trust)
        if let audit = configuration.audit {
            do throws(AuditError) { try AuditStore.check(audit.directory) } catch { throw .audit(error) }
        }
        do {
            let wake = try WakeSignal()
            _ = try DeviceEngine(wake: wake)
            // Any descriptor can stand in for the listener, whose address may be in use by the daemon that
            // runs now.
            _ = try NetworkRing(
                listener: wake.descriptor, wake: wake, connections: configuration.limits.sessions)
        } catch { throw .engine(error) }
    }

    /// How its rings were set up, for benchmarks and bug reports.
    public static let ringFlags = "R_DISABLED|SINGLE_ISSUER|DEFER_TASKRUN|SUBMIT_ALL|CLAMP|CQSIZE"

    /// Answers what was accepted, takes nothing new, then ends. After two seconds what still runs is
    /// cancelled, after three connections are cut; after five it has ended whatever hangs.
    public func drain() { for mailbox in mailboxes { mailbox.post(.drain) } }

    /// Cuts all connections and ends.
    public func stop() { for mailbox in mailboxes { mailbox.post(.stop) } }

    /// Puts a policy in force: in one turn of each loop, for all its sessions. What a session may no longer use is
    /// closed, a session nobody is known as any more ends, and what is in flight is answered under the policy
    /// that let it run. Returns at once; a gateway that is stopping takes no new policy.
    public func apply(_ policy: PolicySnapshot) { mailboxes[0].post(.apply(policy)) }

    /// Lets the administrator read the policy file again and puts it in force when it is good, and the same with the
    /// certificates, each by itself. Returns at once; the log tells.
    public func reload() {
        mailboxes[0].post(.reload)
        trustWatch.look()
    }

    /// Asks all loops what they are doing. `deliver` is called on a loop's thread, which it must not keep; never when the
    /// gateway has ended.
    public func status(_ deliver: @escaping @Sendable (GatewayStatus) -> Void) {
        mailboxes[0].post(.status(deliver))
    }

    /// Blocks until the gateway has ended.
    public func wait() {
        for ending in endings { ending.wait() }
        for link in links { link.mailbox.post(.stop) }
        trustWatch.stop()
        audit?.stop()
    }

    /// Number of the last record of the audit log that is on the disk; nil without one.
    public var auditHead: UInt64? { audit?.head }
    /// Where the audit log is; nil without one.
    public var auditDirectory: String? { audit?.directory }
    /// Whether the audit log cannot be written now, so that what changes something is refused.
    public var isAuditFailing: Bool { audit?.isFailing ?? false }

    /// The loop's whole life, on its own thread: rings belong to the thread that makes them.
    private static func run(
        _ site: LoopSite, _ number: UInt8, _ desk: AdministrationDesk, _ start: LoopStart
    ) {
        do throws(GatewayError) {
            var loop = try GatewayLoop(site, number, desk)
            start.succeed(loop.engine.counters)
            loop.run()
        } catch {
            desk.stop()
            start.fail(error)
        }
    }
}

/// What all loops of a gateway start with.
struct LoopSite: Sendable {
    let configuration: GatewayConfiguration
    let policy: PolicySnapshot
    let trust: Trust
    let logger: Logger
    let counters: GatewayCounters
    let commons: Commons
    let listener: Listener
    let audit: AuditLog?
}

extension GatewayLoop {
    init(_ site: LoopSite, _ number: UInt8, _ desk: AdministrationDesk) throws(GatewayError) {
        let configuration = site.configuration
        let isFirst = number == 0
        let mailbox = site.commons.mailboxes[Int(number)]
        let sessions = configuration.limits.sessions
        let network = try Self.makeNetworkRing(
            isFirst ? site.listener.descriptor : mailbox.wake.descriptor, mailbox.wake, sessions)
        let engine = try Self.makeEngine(mailbox.wake, number, configuration.opener)
        let loops = site.commons.loops
        self.init(
            number: number, commons: site.commons, limits: configuration.limits, policy: site.policy,
            counters: site.counters, logger: site.logger, mailbox: mailbox, trust: site.trust,
            network: network,
            listener: isFirst ? site.listener : nil, engine: engine,
            connections: PlaceTable(capacity: sessions),
            sessions: PlaceTable(capacity: (sessions + loops - 1) / loops),
            events: EventLog(site.logger), desk: desk, audit: LoopAudit(log: site.audit),
            deviceWatch: isFirst ? try? DeviceWatch { mailbox.post(.nodesChanged($0)) } : nil,
            sessionNumber: UInt64(number),
            outgoing: Array(repeating: [], count: site.commons.mailboxes.count),
            handedOver: Array(repeating: 0, count: site.commons.mailboxes.count))
    }

    private static func makeNetworkRing(
        _ listener: Int32, _ wake: WakeSignal, _ connections: Int
    ) throws(GatewayError) -> NetworkRing {
        do { return try NetworkRing(listener: listener, wake: wake, connections: connections) } catch {
            throw .engine(error)
        }
    }

    private static func makeEngine(
        _ wake: WakeSignal, _ loop: UInt8, _ opener: @escaping DeviceOpener
    ) throws(GatewayError) -> DeviceEngine {
        do { return try DeviceEngine(wake: wake, loop: loop, opener: opener) } catch { throw .engine(error) }
    }
}
