import Foundation

/// A TCP proxy on 127.0.0.1 that harms the connections through it as a test says: cuts, delays, small segments,
/// slow links, blackholes, refusals.
///
/// It stands between two sockets of its own, so it cannot hide what a kernel does by itself: in a blackhole the
/// kernel still acknowledges what fits into its buffers, and still completes handshakes.
public final class ChaosProxy: Sendable {
    public struct Failure: Error, CustomStringConvertible {
        public let call: String
        public let errno: Int32
        public var description: String { "\(call): \(String(cString: strerror(errno)))" }

        static func last(_ call: String) -> Failure { Failure(call: call, errno: Glibc.errno) }
    }

    /// Where clients connect to.
    public let port: Int
    private let loop: ChaosLoop
    private let thread: ChaosThread

    /// Listens in front of a port of 127.0.0.1. `plan` is asked, on the proxy's thread, for each new connection;
    /// connections are numbered from 0 in the order they are accepted. It must not call the proxy.
    public init(
        to upstream: Int, plan: @escaping @Sendable (Int) -> ChaosPlan = { _ in ChaosPlan() }
    ) throws {
        let reservation = try ChaosSocket.bound(to: 0)
        port = reservation.port
        loop = try ChaosLoop(reservation, upstream: upstream, plan: plan)
        thread = try ChaosThread(loop)
    }

    deinit { stop() }

    /// Resets what is open, stops listening and waits for the thread. May be called more than once.
    public func stop() {
        loop.stop()
        thread.join()
    }

    // MARK: What happens

    /// Connections accepted so far.
    public var connections: Int { loop.records.count }
    /// Those that are still there.
    public var openConnections: Int { loop.records.count { $0.fate == .open } }
    /// All connections, by their numbers.
    public var records: [ChaosRecord] { loop.records }

    /// Whether the condition on all connections came true in time.
    public func wait(within limit: Duration, for condition: ([ChaosRecord]) -> Bool) -> Bool {
        let (deadline, overflow) = ChaosLoop.now().addingReportingOverflow(limit.nanoseconds)
        return loop.wait(until: overflow ? .max : deadline, for: condition)
    }

    public func waitForConnections(_ count: Int, within limit: Duration = .seconds(10)) -> Bool {
        wait(within: limit) { $0.count >= count }
    }

    /// Whether so many bytes in all were sent on to the server over connection `index`.
    public func waitForBytes(
        toServer count: UInt64, on index: Int = 0, within limit: Duration = .seconds(10)
    ) -> Bool {
        wait(within: limit) { $0.indices.contains(index) && $0[index].toServer.bytes >= count }
    }

    /// The same towards the client.
    public func waitForBytes(
        toClient count: UInt64, on index: Int = 0, within limit: Duration = .seconds(10)
    ) -> Bool {
        wait(within: limit) { $0.indices.contains(index) && $0[index].toClient.bytes >= count }
    }

    // MARK: Harm

    /// Another plan for connections to come.
    public func setPlan(_ plan: @escaping @Sendable (Int) -> ChaosPlan) { loop.setPlan(plan) }

    /// Changes the plan of one connection, or of all there are, from now on.
    public func change(_ index: Int? = nil, _ body: (inout ChaosPlan) -> Void) { loop.change(index, body) }

    /// Ends one connection, or all there are, at once. What is on its way is lost.
    public func cut(_ index: Int? = nil, _ ending: ChaosPlan.Ending = .reset) { loop.cut(index, ending) }

    /// Accepts and forwards nothing for a time; connections stay open, new ones hang. Then all goes on.
    /// Another call replaces the time; zero ends it.
    public func blackhole(for time: Duration) {
        let (end, overflow) = ChaosLoop.now().addingReportingOverflow(time.nanoseconds)
        loop.blackhole(until: overflow ? .max : end)
    }

    /// Refuses new connections with ECONNREFUSED, or takes them again. Those not yet accepted are reset.
    public func setRefusing(_ refuses: Bool) throws { try loop.setRefusing(refuses) }
}

/// A thread that can be joined once, by whoever comes first; the others wait for that.
///
/// `@unchecked Sendable` is sound because `isJoined` is touched only while `lock` is held.
private final class ChaosThread: @unchecked Sendable {
    private let lock = NSLock()
    private let thread: pthread_t
    private var isJoined = false

    init(_ loop: ChaosLoop) throws {
        let retained = Unmanaged.passRetained(loop)
        var thread = pthread_t()
        let result = pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                Unmanaged<ChaosLoop>.fromOpaque(context).takeRetainedValue().run()
                return nil
            }, retained.toOpaque())
        guard result == 0 else {
            retained.release()
            throw ChaosProxy.Failure(call: "pthread_create", errno: result)
        }
        self.thread = thread
    }

    func join() {
        lock.withLock {
            guard !isJoined else { return }
            pthread_join(thread, nil)
            isJoined = true
        }
    }
}
