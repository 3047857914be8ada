import Foundation

/// The one thread of a `ChaosProxy`, and all it shares with the proxy's callers.
///
/// `@unchecked Sendable` is sound because everything that changes is touched only while `lock` is held.
final class ChaosLoop: @unchecked Sendable {
    private let lock = NSCondition()
    private let upstream: Int
    private let port: Int
    /// Keeps the port while nobody listens on it.
    private let reservation: ChaosSocket
    private var listener: ChaosSocket?
    private var refuses = false
    /// Why the listener could not be made again.
    private var listenerError: (any Error)?
    private var wake: [Int32] = [-1, -1]
    private var plan: @Sendable (Int) -> ChaosPlan
    private var connections: [ChaosConnection] = []
    private var blackholeEnd: UInt64 = 0
    private var isStopping = false
    private var buffer = [UInt8](repeating: 0, count: 64 << 10)

    init(
        _ reservation: ChaosSocket, upstream: Int, plan: @escaping @Sendable (Int) -> ChaosPlan
    ) throws {
        self.reservation = reservation
        self.upstream = upstream
        self.plan = plan
        port = reservation.port
        listener = try ChaosSocket.listening(on: port)
        guard pipe(&wake) == 0 else { throw ChaosProxy.Failure.last("pipe") }
        for end in wake {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
    }

    deinit { for end in wake where end >= 0 { close(end) } }

    static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    // MARK: For the callers

    private func change<Result>(_ body: () throws -> Result) rethrows -> Result {
        lock.lock()
        defer {
            lock.unlock()
            _ = write(wake[1], [1], 1)
        }
        return try body()
    }

    var records: [ChaosRecord] {
        lock.lock()
        defer { lock.unlock() }
        return connections.map(\.record)
    }

    func setPlan(_ plan: @escaping @Sendable (Int) -> ChaosPlan) { change { self.plan = plan } }

    func change(_ index: Int?, _ body: (inout ChaosPlan) -> Void) {
        change { for connection in chosen(index) { body(&connection.plan) } }
    }

    func cut(_ index: Int?, _ ending: ChaosPlan.Ending) {
        change { for connection in chosen(index) { connection.cut(ending) } }
    }

    private func chosen(_ index: Int?) -> [ChaosConnection] {
        guard let index else { return connections }
        return connections.indices.contains(index) ? [connections[index]] : []
    }

    func blackhole(until end: UInt64) { change { blackholeEnd = end } }

    /// Returns when it is so. The thread does it, because a socket lives on for as long as somebody polls it.
    func setRefusing(_ refuses: Bool) throws {
        change {
            self.refuses = refuses
            listenerError = nil
        }
        lock.lock()
        defer { lock.unlock() }
        while !isStopping, listenerError == nil, (listener == nil) != self.refuses { lock.wait() }
        if let listenerError { throw listenerError }
    }

    func stop() { change { isStopping = true } }

    /// Whether the condition came true before `deadline`.
    func wait(until deadline: UInt64, for condition: ([ChaosRecord]) -> Bool) -> Bool {
        lock.lock()
        defer { lock.unlock() }
        while !condition(connections.map(\.record)) {
            guard Self.now() < deadline else { return false }
            // The condition's own clock may be set; short waits make the deadline one of the monotonic clock.
            _ = lock.wait(until: Date(timeIntervalSinceNow: 0.02))
        }
        return true
    }

    // MARK: The thread

    func run() {
        var watched: [pollfd] = []
        var places: [(connection: ChaosConnection, side: ChaosConnection.Side)] = []
        lock.lock()
        while !isStopping {
            listen()
            let timeout = advance()
            watch(&watched, &places)
            lock.broadcast()
            lock.unlock()
            poll(&watched, nfds_t(watched.count), timeout)
            lock.lock()
            hear(watched, places)
        }
        listener = nil
        for connection in connections where connection.record.fate == .open {
            connection.close(.cut, reset: true)
        }
        // Those that wait for their peers' ends have their fate already.
        for connection in connections { connection.close(connection.record.fate, reset: false) }
        lock.broadcast()
        lock.unlock()
    }

    private func listen() {
        guard (listener == nil) != refuses, listenerError == nil else { return }
        do {
            listener = refuses ? nil : try ChaosSocket.listening(on: port)
        } catch {
            listenerError = error
        }
    }

    private var isBlackholed: Bool { Self.now() < blackholeEnd }

    /// Sends what is due; returns the milliseconds until there is more to do.
    private func advance() -> Int32 {
        let now = Self.now()
        var next = now < blackholeEnd ? blackholeEnd : UInt64.max
        for connection in connections where !connection.isClosed {
            next = min(next, connection.advance(now: now, isBlackholed: now < blackholeEnd) ?? .max)
        }
        guard next != .max else { return -1 }
        return next <= now ? 0 : Int32(clamping: (next - now + 999_999) / 1_000_000)
    }

    private func watch(
        _ watched: inout [pollfd],
        _ places: inout [(connection: ChaosConnection, side: ChaosConnection.Side)]
    ) {
        let isBlackholed = isBlackholed
        let accepting = isBlackholed ? -1 : listener?.number ?? -1
        watched = [wake[0], accepting].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        places = []
        for connection in connections where !connection.isClosed {
            for side in [ChaosConnection.Side.client, .server] {
                guard let (socket, events) = connection.interest(side, isBlackholed: isBlackholed) else {
                    continue
                }
                watched.append(pollfd(fd: socket, events: events, revents: 0))
                places.append((connection, side))
            }
        }
    }

    private func hear(
        _ watched: [pollfd], _ places: [(connection: ChaosConnection, side: ChaosConnection.Side)]
    ) {
        let now = Self.now()
        if watched[0].revents != 0 { _ = read(wake[0], &buffer, buffer.count) }
        // A blackhole that began meanwhile also hides what has just been reported.
        for (place, entry) in zip(places, watched.dropFirst(2))
        where entry.revents & ~Int16(POLLOUT) != 0 && !place.connection.isClosed
            && place.connection.interest(place.side, isBlackholed: now < blackholeEnd) != nil
        {
            place.connection.take(from: place.side, &buffer, now: now)
        }
        if watched[1].revents != 0, now >= blackholeEnd { accept() }
    }

    private func accept() {
        while let client = listener?.accept() {
            let server = try? ChaosSocket.connecting(to: upstream)
            let plan = plan(connections.count)
            connections.append(ChaosConnection(client: client, server: server, plan: plan))
        }
    }
}
