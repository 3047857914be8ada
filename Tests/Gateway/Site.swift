import Foundation
import Logging
import RingAdministration
import RingClient
import RingGateway
import RingLab
import RingPolicy
import RingPolicyFile
import RingProtocol
import RingRecording
import TestSupport

/// A gateway on a free port of 127.0.0.1 with real devices behind it. Stops with its owner.
final class Site: Sendable {
    /// Loop threads of every gateway here, from the environment: `RINGGATE_LOOPS=2` has all suites pass with devices that
    /// are another loop's than the session.
    static let loops = ProcessInfo.processInfo.environment["RINGGATE_LOOPS"].flatMap(Int.init) ?? 1

    static let agentURI = "ringgate://test.example/agent/one"

    let certificates: TestCertificates
    let agent: TestCertificates.Pair
    let gateway: Gateway
    private let services: DeviceServices
    /// Where every gateway here keeps its audit log, so that all suites pass with one.
    let audit = AuditDirectory()

    /// `devices` and `rules` are lines of a policy file beside those that are always there.
    init(
        devices: [String] = [], rules: [String] = [], limits: GatewayLimits = GatewayLimits(),
        loops: Int = Site.loops
    ) throws {
        certificates = try TestCertificates()
        agent = try certificates.client(uri: Self.agentURI)
        (gateway, services) = try Self.start(
            certificates, Self.policy(devices, rules), limits, nil, loops, audit)
    }

    /// A gateway under a policy made of values.
    init(_ policy: SitePolicy, administrator: Administrator? = nil, loops: Int = Site.loops) throws {
        certificates = try TestCertificates()
        agent = try certificates.client(uri: Self.agentURI)
        (gateway, services) = try Self.start(
            certificates, policy.snapshot, GatewayLimits(), administrator, loops, audit)
    }

    /// A gateway whose recorded devices need not be there.
    init(_ policy: SitePolicy, replay: Recording, _ order: ReplayScript.Order) throws {
        certificates = try TestCertificates()
        agent = try certificates.client(uri: Self.agentURI)
        (gateway, services) = try Self.start(
            certificates, policy.snapshot, GatewayLimits(), nil, Site.loops, audit, replay: (replay, order))
    }

    /// A gateway with other files of trust than an authority's certificate.
    init(trust: (TestCertificates, inout TrustFiles) throws -> Void) throws {
        certificates = try TestCertificates()
        agent = try certificates.client(uri: Self.agentURI, name: "agent")
        var files = TrustFiles(
            certificate: certificates.server.certificate, key: certificates.server.key,
            clientCA: certificates.authority.certificate)
        try trust(certificates, &files)
        (gateway, services) = try Self.start(
            certificates, Self.policy([], []), GatewayLimits(), nil, Site.loops, audit, trust: files)
    }

    deinit {
        gateway.stop()
        gateway.wait()
        audit.expectIntact()
    }

    private static func start(
        _ certificates: TestCertificates, _ policy: PolicySnapshot, _ limits: GatewayLimits,
        _ administrator: Administrator?, _ loops: Int, _ audit: AuditDirectory, trust: TrustFiles? = nil,
        replay: (Recording, ReplayScript.Order)? = nil
    ) throws -> (Gateway, DeviceServices) {
        var configuration = GatewayConfiguration(
            listen: "127.0.0.1:0", certificate: certificates.server.certificate, key: certificates.server.key,
            clientCA: certificates.authority.certificate)
        if let trust { configuration.trust = trust }
        configuration.limits = limits
        configuration.loops = loops
        configuration.audit = AuditSettings(directory: audit.path)
        if let replay { (configuration.replay, configuration.replayOrder) = replay }
        let services = try DeviceServices(policy)
        configuration.processes = services.sockets
        let gateway = try Gateway.start(
            configuration, policy: services.policy, administrator: administrator,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        return (gateway, services)
    }

    private static func policy(_ devices: [String], _ rules: [String]) throws -> PolicySnapshot {
        let text =
            """
            version: 1
            principals:
              agent: {uri: "ringgate://test.example/agent/*"}
              other: {uri: "ringgate://test.example/other"}
            devices:
              "null": {path: /dev/null, profile: "null"}
              random: {path: /dev/random, profile: random}
              private: {path: /dev/zero, profile: "null"}
              absent: {path: /dev/ringgate-absent, profile: "null"}
              notblock: {path: /dev/full, kind: block, profile: "null"}

            """ + devices.map { "  \($0)\n" }.joined()
                + """
                rules:
                  - {id: null, principals: [agent], devices: ["null", absent, notblock], commands: [NULL_URING_CMD]}
                  - {id: entropy, principals: [agent], devices: [random], commands: [RNDGETENTCNT], read: true}
                  - {id: others, principals: [other], devices: [private], commands: [NULL_URING_CMD]}

                """.replacingOccurrences(of: "id: null", with: "id: agents-null")
            + rules.map { "  - \($0)\n" }.joined()
        let loaded = try PolicyLoader.load(
            SourceText(path: "policy.yaml", text: text), profiles: try Self.profiles())
        return loaded.snapshot(revision: Revision.sha256(loaded.revisionInput))
    }

    private static func profiles() throws -> [SourceText] {
        let directory = "\(Tool.repository)/profiles"
        return try FileManager.default.contentsOfDirectory(atPath: directory).filter { $0.hasSuffix(".yaml") }
            .map {
                SourceText(
                    path: "\(directory)/\($0)",
                    text: try String(contentsOfFile: "\(directory)/\($0)", encoding: .utf8))
            }
    }

    /// What its certificates were read from.
    var trust: TrustFiles {
        TrustFiles(
            certificate: certificates.server.certificate, key: certificates.server.key,
            clientCA: certificates.authority.certificate)
    }

    // MARK: Clients

    /// The client library, as users have it.
    func connect() async throws -> RingConnection {
        try await RingConnection.connect(
            host: "127.0.0.1", port: gateway.port, identity: (agent.certificate, agent.key),
            trust: certificates.authority.certificate)
    }

    /// Waits until so many entries of all sessions are in flight: neither answered nor, where answers are kept,
    /// acknowledged. For at most half a minute.
    func reaches(inFlight count: Int) async throws -> Bool { try await reaches(inFlight: count...count) }

    func reaches(inFlight counts: ClosedRange<Int>) async throws -> Bool {
        let deadline = ContinuousClock.now + .seconds(30)
        while ContinuousClock.now < deadline {
            if counts.contains(await status().sessions.reduce(0) { $0 + $1.inFlight }) { return true }
            try await Task.sleep(for: .milliseconds(5))
        }
        return false
    }

    /// Waits until no session is left, for at most half a minute.
    func isDeserted() async throws -> Bool {
        let deadline = ContinuousClock.now + .seconds(30)
        while ContinuousClock.now < deadline {
            if await status().sessions.isEmpty { return true }
            try await Task.sleep(for: .milliseconds(5))
        }
        return false
    }

    private func status() async -> GatewayStatus {
        await withCheckedContinuation { continuation in
            gateway.status { continuation.resume(returning: $0) }
        }
    }

    /// A peer that may send any bytes.
    func raw(
        _ identity: TestCertificates.Pair?, _ manner: RawClient.Manner = .init()
    ) throws -> RawClient {
        try RawClient(
            port: gateway.port, identity: identity, authority: certificates.authority.certificate,
            manner: manner)
    }

    /// A raw peer of the allowed agent that has its welcome.
    func greeted() throws -> RawClient {
        try greeted(agent)
    }

    /// The same for anybody whom the policy recognizes.
    func greeted(_ identity: TestCertificates.Pair) throws -> RawClient {
        let client = try raw(identity)
        _ = try client.greet()
        return client
    }

    /// Has the devices' own processes go by another policy than the gateway, once they look again.
    func adoptInProcesses(_ policy: SitePolicy) { _ = services.adopt(policy.snapshot) }

    /// Ends the process of a device, as far as the gateway can see.
    func endProcess(of device: String) {
        if let end = services.ends[device] { shutdown(end, Int32(SHUT_RDWR)) }
    }

    /// Puts a policy in force; it is when this returns.
    func apply(_ policy: SitePolicy, seenBy identity: TestCertificates.Pair? = nil) throws {
        gateway.apply(services.adopt(policy.snapshot))
        let revision = policy.snapshot.revision
        let isInForce = eventually {
            (try? raw(identity ?? agent).greet().revision) == revision
        }
        guard isInForce else { throw NotInForce(number: policy.number) }
    }
}

/// A policy that was put in force is not.
struct NotInForce: Error {
    let number: UInt8
}

/// Waits until `condition` holds, for at most ten seconds.
func eventually(_ condition: () throws -> Bool) rethrows -> Bool {
    let deadline = Date(timeIntervalSinceNow: 10)
    while try !condition() {
        guard Date() < deadline else { return false }
        usleep(2_000)
    }
    return true
}
