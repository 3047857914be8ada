import Foundation
import RingPolicy
import RingProtocol
import TestSupport
import Testing

/// Sessions, policy, leases, order and turns against clocks, networks and devices that do what a seed says (T11).
@Suite struct GatewaySimulationTests {
    /// Seeds of a run; others by `RINGGATE_SIMULATION=FIRST:COUNT`, one by `FIRST:1`.
    private static let seeds: Range<UInt64> = {
        let words = (ProcessInfo.processInfo.environment["RINGGATE_SIMULATION"] ?? "").split(separator: ":")
        guard words.count == 2, let first = UInt64(words[0]), let count = UInt64(words[1]) else {
            return 1..<2_001
        }
        return first..<first + count
    }()

    private static func rights() throws -> PeerPolicy {
        let allowed = CommandShape(name: "ALLOWED", code: SubOpcode(1), transport: .ring, effect: .read)
        let other = CommandShape(name: "OTHER", code: SubOpcode(2), transport: .ring, effect: .read)
        let devices = (1...2).map { number in
            Device(
                name: "device\(number)", path: "/dev/null\(number)", kind: .character, access: .readOnly,
                profile: Profile(name: "null", summary: "", commands: [allowed, other]),
                lease: LeaseTerms(number == 2 ? .exclusive : .none))
        }
        let rights = FileRights(commands: [FileRights.Command(allowed)])
        let snapshot = PolicySnapshot(
            revision: [UInt8](repeating: 0, count: 32),
            principals: [Principal(name: "agent", match: .keyHash([1]))], devices: devices,
            rules: [
                Rule(
                    id: "all", principals: ["agent"],
                    rights: Dictionary(uniqueKeysWithValues: devices.map { ($0.name, rights) }))
            ], profiles: [])
        let peer = try snapshot.recognize(
            PeerIdentity(uris: [], keyHash: [1], commonName: nil, issuer: ""))
        return snapshot.policy(for: peer, at: 0)
    }

    @Test func noSeedBreaksAnInvariant() throws {
        let rights = try Self.rights()
        var (answered, unknown) = (0, 0)
        for seed in Self.seeds {
            var simulation = Simulation(rights, seed: seed)
            let violations = simulation.run()
            #expect(violations.isEmpty, "RINGGATE_SIMULATION=\(seed):1 shows it: \(violations.prefix(3))")
            guard violations.isEmpty else { return }
            answered += simulation.answered
            unknown += simulation.unknown
        }
        // It was about something.
        #expect(answered > 10 * Self.seeds.count && unknown < answered)
    }
}

/// One gateway and a few clients.
private struct Simulation: ~Copyable {
    private var clock = VirtualClock()
    private var network: VirtualNetwork<[UInt8]>
    private var gateway: SimulatedGateway
    private var clients: [SimulatedClient]
    private var owners: [VirtualNetwork<[UInt8]>.Link: SimulatedGateway.Session] = [:]
    private var random: SeededRandom
    private var restarts: Int

    init(_ rights: PeerPolicy, seed: UInt64) {
        random = SeededRandom(seed: seed)
        var manner = VirtualNetwork<[UInt8]>.Manner()
        manner.loss = random.number(0...4)
        network = VirtualNetwork(manner, random: random.split())
        gateway = SimulatedGateway(rights, seed: random.next())
        clients = []
        restarts = random.happens(20) ? 1 : 0
        for _ in 0..<random.number(1...4) {
            clients.append(SimulatedClient(requests: random.number(5...60), random: random.split()))
        }
    }

    var answered: Int { clients.reduce(0) { $0 + $1.answered } }
    var unknown: Int { clients.reduce(0) { $0 + $1.unknown } }

    mutating func run() -> [String] {
        var steps = 0
        while clock.advance(
            to: ([network.next, gateway.next] + clients.map(\.next)).compactMap(\.self).min())
        {
            steps += 1
            guard steps < 20_000 else { return ["it does not end"] }
            step()
            if clients.allSatisfy(\.isDone) { break }
        }
        var violations = gateway.violations + clients.flatMap(\.violations)
        for client in clients where client.asked != client.answered + client.unknown {
            violations.append("\(client.asked) asked, \(client.answered) answered, \(client.unknown) unknown")
        }
        if gateway.runs.values.contains(where: { $0 > 1 }) { violations.append("something was run twice") }
        return violations
    }

    private mutating func step() {
        while let (link, end, arrival) = network.takeDue(clock.now) {
            if end == .client { hearAsClient(link, arrival) } else { hearAsGateway(link, arrival) }
        }
        if restarts > 0, random.happens(1) {
            restarts -= 1
            gateway.restart()
            for link in owners.keys { network.cut(link, now: clock.now) }
            owners = [:]
        }
        gateway.advance(to: clock.now)
        for index in clients.indices { clients[index].act(&network, now: clock.now) }
        for (link, frame) in gateway.takeOutput() {
            network.send(frame, from: .gateway, on: link, now: clock.now)
        }
    }

    private mutating func hearAsClient(
        _ link: VirtualNetwork<[UInt8]>.Link, _ arrival: VirtualNetwork<[UInt8]>.Arrival
    ) {
        for index in clients.indices where clients[index].link == link {
            switch arrival {
            case .message(let bytes): clients[index].hear(bytes, on: link, &network, now: clock.now)
            case .end, .lost: clients[index].lost(link, now: clock.now)
            }
        }
    }

    private mutating func hearAsGateway(
        _ link: VirtualNetwork<[UInt8]>.Link, _ arrival: VirtualNetwork<[UInt8]>.Arrival
    ) {
        switch arrival {
        case .message(let bytes):
            if let session = owners[link] {
                guard session.link == link else { return }
                if !gateway.receive(bytes, session, now: clock.now) {
                    network.end(link, from: .gateway, now: clock.now)
                }
            } else {
                greet(bytes, link)
            }
        case .end, .lost:
            if let session = owners.removeValue(forKey: link) { gateway.lost(session, link, now: clock.now) }
        }
    }

    private mutating func greet(_ bytes: [UInt8], _ link: VirtualNetwork<[UInt8]>.Link) {
        let hello = bytes.withUnsafeBytes { raw in
            try? Frame.decode(WireBytes(raw), payloadLimit: Limits.greetingPayload).map {
                try Hello.decode($0.payload)
            }
        }
        guard let hello = hello ?? nil, let (session, frames) = gateway.greet(hello, link, now: clock.now)
        else {
            return
        }
        owners[link] = session
        for frame in frames { network.send(frame, from: .gateway, on: link, now: clock.now) }
    }
}
