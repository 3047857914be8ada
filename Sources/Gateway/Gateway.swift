import COpenSSL
import Glibc
import Logging
import RingAdministration
import RingEngine
import RingPolicy
import Synchronization

/// What a gateway needs to start.
public struct GatewayConfiguration: Sendable {
    /// `ADDRESS:PORT`; port 0 lets the kernel choose.
    public var listen: String
    /// PEM files: the gateway's certificate chain and key, and the CA that client certificates must chain to.
    public var certificate: String
    public var key: String
    public var clientCA: String
    public var limits = GatewayLimits()

    public init(listen: String, certificate: String, key: String, clientCA: String) {
        self.listen = listen
        self.certificate = certificate
        self.key = key
        self.clientCA = clientCA
    }
}

/// A running gateway: one loop thread, started and listening. `drain` or `stop` ends it; `wait` returns then.
public final class Gateway: Sendable {
    /// `HOST:PORT` it listens on.
    public let address: String
    public let counters: GatewayCounters
    public let engineCounters: EngineCounters
    private let mailbox: Mailbox
    private let ending: LoopEnding

    private init(_ started: Started, mailbox: Mailbox, counters: GatewayCounters, ending: LoopEnding) {
        address = started.address
        engineCounters = started.engineCounters
        self.mailbox = mailbox
        self.counters = counters
        self.ending = ending
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
        let wake: WakeSignal
        do { wake = try WakeSignal() } catch { throw .engine(error) }
        let mailbox = Mailbox(wake: wake)
        let counters = GatewayCounters()
        let start = LoopStart()
        let ending = LoopEnding()
        do throws(EngineError) {
            let desk = try AdministrationDesk(administrator, mailbox)
            try LoopThread.spawn {
                run(configuration, policy, logger, mailbox, counters, desk, start)
                ending.arrive()
            }
        } catch {
            throw .engine(error)
        }
        return Gateway(try start.wait(), mailbox: mailbox, counters: counters, ending: ending)
    }

    /// Checks everything `start` would need, without serving anybody.
    public static func check(_ configuration: GatewayConfiguration) throws(GatewayError) {
        _ = try TLSContext(
            certificate: configuration.certificate, key: configuration.key, clientCA: configuration.clientCA)
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
    public func drain() { mailbox.post(.drain) }

    /// Cuts all connections and ends.
    public func stop() { mailbox.post(.stop) }

    /// Puts a policy in force: in one turn of the loop, for all sessions. What a session may no longer use is
    /// closed, a session nobody is known as any more ends, and what is in flight is answered under the policy
    /// that let it run. Returns at once; a gateway that is stopping takes no new policy.
    public func apply(_ policy: PolicySnapshot) { mailbox.post(.apply(policy)) }

    /// Lets the administrator read the policy file again and puts it in force when it is good. Returns at
    /// once; the log tells.
    public func reload() { mailbox.post(.reload) }

    /// Blocks until the gateway has ended.
    public func wait() { ending.wait() }

    /// The loop's whole life, on its own thread: rings belong to the thread that makes them.
    private static func run(
        _ configuration: GatewayConfiguration, _ policy: PolicySnapshot, _ logger: Logger, _ mailbox: Mailbox,
        _ counters: GatewayCounters, _ desk: AdministrationDesk, _ start: LoopStart
    ) {
        do throws(GatewayError) {
            var loop = try GatewayLoop(configuration, policy, logger, mailbox, counters, desk)
            start.succeed(
                Started(address: loop.listener.address.description, engineCounters: loop.engine.counters))
            loop.run()
        } catch {
            desk.stop()
            start.fail(error)
        }
    }
}

extension GatewayLoop {
    init(
        _ configuration: GatewayConfiguration, _ policy: PolicySnapshot, _ logger: Logger, _ mailbox: Mailbox,
        _ counters: GatewayCounters, _ desk: AdministrationDesk
    ) throws(GatewayError) {
        let tls = try TLSContext(
            certificate: configuration.certificate, key: configuration.key, clientCA: configuration.clientCA)
        let listener = try Listener(configuration.listen)
        let sessions = configuration.limits.sessions
        let network = try Self.makeNetworkRing(listener.descriptor, mailbox.wake, sessions)
        let engine = try Self.makeEngine(mailbox.wake)
        self.init(
            limits: configuration.limits, policy: policy, counters: counters, logger: logger,
            mailbox: mailbox, epoch: UInt64.random(in: 1...UInt64.max), tls: tls, network: network,
            listener: listener, engine: engine, connections: PlaceTable(capacity: sessions),
            sessions: PlaceTable(capacity: sessions),
            events: EventLog(logger), desk: desk,
            deviceWatch: try? DeviceWatch { mailbox.post(.nodesChanged($0)) })
    }

    private static func makeNetworkRing(
        _ listener: Int32, _ wake: WakeSignal, _ connections: Int
    ) throws(GatewayError) -> NetworkRing {
        do { return try NetworkRing(listener: listener, wake: wake, connections: connections) } catch {
            throw .engine(error)
        }
    }

    private static func makeEngine(_ wake: WakeSignal) throws(GatewayError) -> DeviceEngine {
        do { return try DeviceEngine(wake: wake) } catch { throw .engine(error) }
    }
}
