import Foundation
import RingGateway
import TestSupport
import Testing

/// What `malformed_hellos.py` begins a handshake with ends in an alert or a close, and nothing else happens.
@Suite(.timeLimit(.minutes(5)))
struct MalformedHandshakeTests {
    @Test func eachEndsInAnAlertOrAClose() throws {
        var limits = GatewayLimits()
        // What is only incomplete ends with the deadline.
        limits.greetingDeadline = 1_000_000_000
        let site = try Site(limits: limits)
        let text = try Tool.require(["python3", "\(Tool.repository)/Tests/Gateway/malformed_hellos.py"])
        let cases = text.split(separator: "\n").map { $0.split(separator: "\t").map(String.init) }
        #expect(cases.count > 90)
        var alerts = 0
        // Fewer at once than one source may have.
        for start in stride(from: 0, to: cases.count, by: 24) {
            let batch = try cases[start..<min(start + 24, cases.count)].map { parts in
                (name: parts[0], peer: try PlainPeer(port: site.gateway.port, sending: parts[1]))
            }
            for (name, peer) in batch {
                let answer = try #require(peer.readToEnd(), "\(name): it was neither answered nor closed")
                let isAlert = answer.first == 21
                if name == "good" { #expect(answer.first == 22, "a ServerHello for what is in order") }
                if isAlert { alerts += 1 }
            }
        }
        #expect(alerts > 60)
        #expect(site.gateway.counters.frames == 0)
        #expect(eventually { site.gateway.counters.open == 0 })
        let client = try site.greeted()
        try client.submit([.nop(1)])
        #expect(try client.completions(1)[0].header.result == 0)
    }
}

/// A TCP connection that sends some bytes and listens.
private final class PlainPeer {
    private let socket: Int32

    init(port: Int, sending hex: String) throws {
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        try #require(connected)
        let digits = Array(hex.utf8)
        let bytes = stride(from: 0, to: digits.count, by: 2).map {
            UInt8(strtoul(String(decoding: digits[$0..<$0 + 2], as: UTF8.self), nil, 16))
        }
        // A gateway that has heard enough may close before all was sent.
        _ = send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    }

    deinit { close(socket) }

    /// All that comes until the gateway closes; nil when it does not.
    func readToEnd() -> [UInt8]? {
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = recv(socket, &buffer, buffer.count, 0)
            if count > 0 {
                answer += buffer.prefix(count)
            } else if count == 0 || errno == ECONNRESET {
                return answer
            } else {
                return nil
            }
        }
    }
}
