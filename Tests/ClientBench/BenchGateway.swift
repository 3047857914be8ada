import Foundation
import Glibc
import Logging
import RingClient
import RingGateway
import RingPolicy
import TestSupport

/// A gateway in this process with one character device that may be written, and a client of it behind a network that
/// delays each way.
struct BenchGateway {
    let connection: RingConnection
    let device: RemoteDevice
    private let gateway: Gateway
    private let proxy: ChaosProxy?

    init(path: String, delay: Duration = .zero) async throws {
        let certificates = try TestCertificates()
        let agent = try certificates.client(uri: "ringgate://bench.example/agent")
        var configuration = GatewayConfiguration(
            listen: "127.0.0.1:0", certificate: certificates.server.certificate, key: certificates.server.key,
            clientCA: certificates.authority.certificate)
        configuration.limits.sessions = 8
        gateway = try Gateway.start(
            configuration, policy: Self.policy(path),
            logger: Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() })
        proxy =
            delay == .zero
            ? nil
            : try ChaosProxy(to: gateway.port) { _ in
                ChaosPlan { plan in
                    plan.toServer.delay = delay
                    plan.toClient.delay = delay
                }
            }
        connection = try await RingConnection.connect(
            ConnectionConfiguration(
                host: "127.0.0.1", port: proxy?.port ?? gateway.port, certificateChain: agent.certificate,
                privateKey: agent.key, trustRoots: certificates.authority.certificate))
        device = try await connection.open("device")
    }

    func stop() async {
        await connection.close()
        proxy?.stop()
        gateway.stop()
        gateway.wait()
    }

    static var kernel: String {
        var name = utsname()
        uname(&name)
        return withUnsafeBytes(of: name.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }

    private static func policy(_ path: String) -> PolicySnapshot {
        let device = Device(
            name: "device", path: path, kind: .character, access: .readWrite,
            profile: Profile(name: "bench", summary: "", commands: []))
        let rights = FileRights(write: TransferRights(maxLength: 1))
        return PolicySnapshot(
            revision: [UInt8](repeating: 0, count: 32),
            principals: URIPattern("ringgate://bench.example/agent").map {
                [Principal(name: "agent", match: .uri($0))]
            } ?? [], devices: [device],
            rules: [Rule(id: "bench", principals: ["agent"], rights: ["device": rights])], profiles: [])
    }
}
