import Glibc

/// Sends back what it hears, on one thread; ends a stream when its peer does. Joined when its owner goes.
final class EchoServer {
    /// The thread's own. Nobody else touches it before the join.
    private final class Body {
        let listener: Int32
        let stop: Int32
        var peers: [Int32] = []

        init(listener: Int32, stop: Int32) {
            self.listener = listener
            self.stop = stop
        }

        func run() {
            while true {
                var watched = ([stop, listener] + peers).map {
                    pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
                }
                poll(&watched, nfds_t(watched.count), -1)
                if watched[0].revents != 0 { break }
                let ready = watched.dropFirst(2).filter { $0.revents != 0 }.map(\.fd)
                for peer in ready where !echo(peer) {
                    close(peer)
                    peers.removeAll { $0 == peer }
                }
                if watched[1].revents != 0 { peers.append(accept(listener, nil, nil)) }
            }
            peers.forEach { _ = close($0) }
        }

        private func echo(_ peer: Int32) -> Bool {
            var buffer = [UInt8](repeating: 0, count: 64 << 10)
            let count = recv(peer, &buffer, buffer.count, 0)
            return count > 0 && send(peer, buffer, count, Int32(MSG_NOSIGNAL)) == count
        }
    }

    let port: Int
    private let listener: Int32
    private var stop: [Int32] = [-1, -1]
    private var thread = pthread_t()

    init() throws {
        listener = try Peer.listen()
        port = Peer.port(of: listener)
        guard pipe(&stop) == 0 else { throw PeerError(call: "pipe") }
        let body = Unmanaged.passRetained(Body(listener: listener, stop: stop[0]))
        pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run()
                return nil
            }, body.toOpaque())
    }

    deinit {
        close(stop[1])
        pthread_join(thread, nil)
        close(stop[0])
        close(listener)
    }
}
