import RingProtocol
import TestSupport

/// A client that asks for things at random and keeps books by docs/protocol.md alone: what it sent, what was answered,
/// what it may send again.
struct SimulatedClient {
    typealias Network = VirtualNetwork<[UInt8]>

    private enum Phase {
        case idle(until: UInt64)
        case greeting(Network.Link)
        case open(Network.Link)
    }

    private var phase = Phase.idle(until: 0)
    private var random: SeededRandom
    private var welcome: Welcome?
    private var nextID: UInt64 = 1
    private var unanswered: Set<UInt64> = []
    private var frames: [[(id: UInt64, entry: [UInt8])]] = []
    private var received: UInt64 = 0
    private(set) var asked = 0
    private(set) var answered = 0
    private(set) var unknown = 0
    private(set) var violations: [String] = []
    private var remaining: Int
    private var sendAt: UInt64 = 0

    init(requests: Int, random: SeededRandom) {
        remaining = requests
        self.random = random
    }

    var link: Network.Link? {
        switch phase {
        case .idle: nil
        case .greeting(let link), .open(let link): link
        }
    }

    var isDone: Bool { remaining <= 0 && unanswered.isEmpty }

    var next: UInt64? {
        switch phase {
        case .idle(let until): isDone ? nil : until
        case .greeting: nil
        case .open: remaining > 0 ? sendAt : nil
        }
    }

    // MARK: What it does

    mutating func act(_ network: inout Network, now: UInt64) {
        switch phase {
        case .idle(let until):
            guard now >= until, !isDone else { return }
            let link = network.connect()
            phase = .greeting(link)
            var resumption: Hello.Resumption?
            if let welcome {
                resumption = Hello.Resumption(
                    epoch: welcome.epoch, session: welcome.session, token: welcome.token, received: received)
            }
            let hello = Hello(features: [.links, .cancel, .leases, .resume], resumption: resumption)
            network.send(hello.encoded(), from: .client, on: link, now: now)
        case .greeting: return
        case .open(let link):
            guard now >= sendAt, remaining > 0, unanswered.count < 200 else { return }
            sendAt = now + random.number(1_000...3_000_000)
            network.send(Acknowledge(received: received).encoded(), from: .client, on: link, now: now)
            send(makeFrame(), on: link, &network, now: now)
        }
    }

    private mutating func makeFrame() -> [(id: UInt64, entry: [UInt8])] {
        var entries: [(id: UInt64, entry: [UInt8])] = []
        let count = random.number(1...6)
        let isChain = count > 1 && random.happens(50)
        for index in 0..<count {
            var entry = makeEntry(nextID)
            if isChain, index < count - 1 {
                entry.flags |= (random.happens(70) ? EntryFlags.link : .hardlink).rawValue
            }
            if random.happens(5) { entry.flags |= EntryFlags.drain.rawValue }
            entries.append((nextID, entry.bytes))
            nextID += UInt64(random.number(1...3))
        }
        remaining -= count
        asked += count
        return entries
    }

    private mutating func makeEntry(_ id: UInt64) -> RawEntry {
        switch random.number(0...19) {
        case 0...7: RawEntry(.command, id: id, slot: 1, code: 1)
        case 8...11: RawEntry(.command, id: id, slot: 2, code: 1)
        case 12: RawEntry(.command, id: id, slot: 1, code: 2)  // No rule allows it.
        case 13: RawEntry(.nop, id: id)
        case 14, 15: RawEntry(.timeout, id: id, offset: random.number(1...2_000_000))
        case 16, 17: RawEntry(.lease, id: id, code: LeaseVerb.acquire.rawValue)
        case 18: RawEntry(.lease, id: id, code: LeaseVerb.release.rawValue)
        default: RawEntry(.cancel, id: id, offset: random.number(1...id))
        }
    }

    private mutating func send(
        _ entries: [(id: UInt64, entry: [UInt8])], on link: Network.Link, _ network: inout Network,
        now: UInt64
    ) {
        frames.append(entries)
        unanswered.formUnion(entries.map(\.id))
        network.send(Self.frame(entries), from: .client, on: link, now: now)
    }

    private static func frame(_ entries: [(id: UInt64, entry: [UInt8])]) -> [UInt8] {
        let payload = entries.flatMap(\.entry)
        return Frame.encoded(.submit, payloadLength: payload.count, count: entries.count) {
            $0.copyBytes(from: payload)
        }
    }

    // MARK: What it hears

    mutating func lost(_ lostLink: Network.Link, now: UInt64) {
        guard link == lostLink else { return }
        phase = .idle(until: now + random.number(1_000...1_000_000_000))
    }

    mutating func hear(_ bytes: [UInt8], on heardLink: Network.Link, _ network: inout Network, now: UInt64) {
        guard link == heardLink else { return }
        bytes.withUnsafeBytes { raw in
            do throws(WireError) {
                guard let frame = try Frame.decode(WireBytes(raw), payloadLimit: Limits.framePayload) else {
                    violations.append("half a frame")
                    return
                }
                switch frame.header.type {
                case .welcome: begin(try Welcome.decode(frame.payload), heardLink, &network, now)
                case .complete:
                    var batch = CompletionBatch(frame)
                    while let (header, _) = try batch.next() { take(header) }
                default: violations.append("a frame of type \(frame.header.type)")
                }
            } catch {
                violations.append(error.text)
            }
        }
    }

    private mutating func begin(
        _ answer: Welcome, _ link: Network.Link, _ network: inout Network, _ now: UInt64
    ) {
        phase = .open(link)
        defer { welcome = answer }
        switch answer.resumption {
        case .fresh: if welcome != nil { violations.append("a fresh session that was not asked for") }
        case .lost:
            unknown += unanswered.count
            unanswered = []
            frames = []
            received = 0
        case .resumed:
            let last = answer.lastRequestID.value
            let again = frames.filter { ($0.first?.id ?? 0) > last }
            for entries in again {
                guard entries.allSatisfy({ unanswered.contains($0.id) }) else {
                    violations.append("an entry above \(last) was answered")
                    continue
                }
                network.send(Self.frame(entries), from: .client, on: link, now: now)
            }
        }
    }

    private mutating func take(_ header: CompletionHeader) {
        received += 1
        guard unanswered.remove(header.requestID.value) != nil else {
            violations.append("request \(header.requestID.value) was answered twice, or never asked")
            return
        }
        answered += 1
    }
}
