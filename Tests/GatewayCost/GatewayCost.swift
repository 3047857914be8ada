import AllocationCounter
import Foundation
import Logging
import RingGateway
import RingPolicy
import RingProtocol
import TestSupport

/// What the gateway allocates on the way of a command from the socket to the ring and back, which must be nothing: a
/// guard of its speed that no busy machine can break. The load comes from Benchmarks/limit, a process of its own, so all
/// that is counted here is the gateway's and OpenSSL's, which makes one allocation for a record read and three for one
/// written.
@main
struct GatewayCost {
    /// Allocations a frame with one command: OpenSSL's four, and what depends on time, not on frames.
    static let boundOfOne = 4.8
    /// With many commands a frame, whose answers may come in more frames than one; only that no command allocates.
    static let boundOfMany = 10.0

    static func main() throws {
        guard CommandLine.arguments.count == 2 else {
            FileHandle.standardError.write(Data("usage: gateway-cost LOADGEN\n".utf8))
            exit(64)
        }
        let load = try Load(program: CommandLine.arguments[1])
        var failures = 0
        for (connections, depth) in [(1, 1), (1, 32), (16, 32), (4, 256)] {
            // Connecting allocates, equally in both.
            let short = try load.run(connections, depth, seconds: 0.2)
            let long = try load.run(connections, depth, seconds: 1.2)
            let frames = long.frames - short.frames
            let each = (Double(long.allocations) - Double(short.allocations)) / Double(max(frames, 1))
            print("gateway-cost: \(connections)x\(depth): \(each) allocations a frame, \(frames) frames")
            if frames < 1000 || each > (depth == 1 ? boundOfOne : boundOfMany) { failures += 1 }
        }
        load.stop()
        guard failures == 0 else {
            print("gateway-cost: over \(boundOfOne) or \(boundOfMany) allocations, or too few frames to tell")
            exit(1)
        }
    }
}

/// A gateway with /dev/null in this process, and the load generator that is run against it.
struct Load {
    private let program: String
    private let gateway: Gateway
    private let audit: TemporaryDirectory
    private let certificates: TestCertificates
    private let agent: TestCertificates.Pair

    init(program: String) throws {
        self.program = program
        certificates = try TestCertificates()
        agent = try certificates.client(uri: "ringgate://bench.example/agent")
        audit = try TemporaryDirectory()
        var configuration = GatewayConfiguration(
            listen: "127.0.0.1:0", certificate: certificates.server.certificate,
            key: certificates.server.key, clientCA: certificates.authority.certificate)
        configuration.audit = AuditSettings(directory: audit.path)
        gateway = try Gateway.start(
            configuration, policy: Self.policy,
            logger: Logger(label: "cost") { _ in SwiftLogNoOpLogHandler() })
    }

    func stop() {
        gateway.stop()
        gateway.wait()
    }

    /// Frames that came, and allocations, of a whole run.
    func run(
        _ connections: Int, _ depth: Int, seconds: Double
    ) throws -> (frames: Int, allocations: UInt64) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = [
            "--port", "\(gateway.port)", "--cert", agent.certificate, "--key", agent.key,
            "--ca", certificates.authority.certificate, "--connections", "\(connections)",
            "--depth", "\(depth)", "--seconds", "\(seconds)",
        ]
        process.standardOutput = FileHandle.nullDevice
        let (frames, allocations) = (gateway.counters.frames, allocation_count())
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Failure("the load generator failed") }
        return (gateway.counters.frames - frames, allocation_count() - allocations)
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
        init(_ description: String) { self.description = description }
    }

    private static var policy: PolicySnapshot {
        let command = CommandShape(
            name: "NULL_URING_CMD", code: SubOpcode(0), transport: .ring, effect: .read)
        let device = Device(
            name: "null", path: "/dev/null", kind: .character, access: .readOnly,
            profile: Profile(name: "null", summary: "", commands: [command]))
        let rights = FileRights(commands: [FileRights.Command(command)])
        return PolicySnapshot(
            revision: [UInt8](repeating: 0, count: 32),
            principals: URIPattern("ringgate://bench.example/agent").map {
                [Principal(name: "agent", match: .uri($0))]
            } ?? [], devices: [device],
            rules: [Rule(id: "cost", principals: ["agent"], rights: ["null": rights])], profiles: [])
    }
}
