import GRPCCore
import GRPCNIOTransportHTTP2Posix

/// A closed loop of unary calls, `depth` of them unanswered on one channel; one line of JSON.
enum Client {
    private static let warmUp = Duration.milliseconds(300)

    static func run(_ arguments: Arguments) async throws {
        let depth: Int = try arguments.number("depth")
        let seconds: Double = try arguments.number("seconds")
        let roots = try arguments.roots()
        let transport = try HTTP2ClientTransport.Posix(
            target: .ipv4(address: "127.0.0.1", port: try arguments.number("port")),
            transportSecurity: .mTLS(certificateChain: try arguments.chain(), privateKey: try arguments.key())
            {
                $0.trustRoots = roots
                $0.serverCertificateVerification = .noHostnameVerification
            })
        let times = try await withGRPCClient(transport: transport) { client in
            try await calls(of: client, depth: depth, duration: .seconds(seconds))
        }.sorted()
        guard !times.isEmpty else { throw BenchError("no call was answered in time") }
        print(
            "{\"connections\": 1, \"depth\": \(depth), \"commands\": \(times.count), \"seconds\": \(seconds), "
                + "\"commands_per_second\": \(Double(times.count) / seconds), "
                + "\"p50_us\": \(times[times.count / 2]), \"p99_us\": \(times[times.count * 99 / 100])}")
    }

    /// Microseconds of each call that began and ended in the time that counts.
    private static func calls(
        of client: GRPCClient<HTTP2ClientTransport.Posix>, depth: Int, duration: Duration
    ) async throws -> [Double] {
        let clock = ContinuousClock()
        let begin = clock.now + warmUp
        let end = begin + duration
        return try await withThrowingTaskGroup(of: [Double].self) { group in
            for _ in 0..<depth {
                group.addTask {
                    var times: [Double] = []
                    while true {
                        let sent = clock.now
                        guard sent < end else { return times }
                        try await call(client)
                        let answered = clock.now
                        if sent >= begin, answered < end {
                            times.append((answered - sent) / .microseconds(1))
                        }
                    }
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
    }

    private static func call(_ client: GRPCClient<HTTP2ClientTransport.Posix>) async throws {
        let reply = try await client.unary(
            request: ClientRequest(message: []), descriptor: ioctlMethod, serializer: Bytes(),
            deserializer: Bytes(),
            options: .defaults
        ) { try $0.message }
        guard reply.count == 8 else { throw BenchError("a reply of \(reply.count) bytes where 8 are due") }
    }
}
