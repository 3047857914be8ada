import RingProtocol
import TestSupport
import Testing

@testable import RingGateway

/// The hub against a model that keeps every byte and looks at every reader.
@Suite struct ConsoleHubModelTests {
    private struct Model {
        struct Reader {
            var position: Int
            var credit: Int
            let size: Int
            let isSingle: Bool
            var isHeld = false
        }

        let capacity: Int
        var all: [UInt8] = []
        var readers: [ConsoleHub.Key: Reader] = [:]

        var oldest: Int { max(0, all.count - capacity) }

        func isReady(_ key: ConsoleHub.Key) -> Bool {
            readers[key].map { !$0.isHeld && $0.credit > 0 && $0.position < all.count } ?? false
        }

        mutating func take(_ key: ConsoleHub.Key) -> (lost: Int, bytes: [UInt8])? {
            guard isReady(key), var reader = readers[key] else { return nil }
            let from = max(reader.position, oldest)
            let bytes = Array(all[from..<min(from + reader.size, all.count)])
            let lost = from - reader.position
            reader.position = from + bytes.count
            reader.credit -= 1
            readers[key] = reader.isSingle ? nil : reader
            return (lost, bytes)
        }
    }

    private struct Run {
        var random: SeededRandom
        var hub: ConsoleHub
        var model: Model
        var request: UInt64 = 0

        init(seed: UInt64) {
            random = SeededRandom(seed: seed)
            let capacity = random.number(1...64)
            hub = ConsoleHub(scrollback: capacity, mostReaders: 8)
            model = Model(capacity: capacity)
        }

        mutating func step() throws {
            let key = random.pick(model.readers.keys.sorted { $0.request < $1.request })
            switch random.number(0...9) {
            case 0...2: append()
            case 3: try begin()
            case 4: if let key { grant(key) }
            case 5: if let key { hold(key) }
            case 6: end(key)
            default: takeInTurn()
            }
            if let key { take(key) }
            #expect(hub.firstReady.map(model.isReady) ?? true)
            #expect((hub.firstReady == nil) == !model.readers.keys.contains(where: model.isReady))
            #expect(hub.newest == UInt64(model.all.count) && hub.oldest == UInt64(model.oldest))
            #expect(Set(hub.keys) == Set(model.readers.keys))
        }

        private mutating func append() {
            let count = random.number(0...random.number(0...150))
            let bytes = (0..<count).map { _ in random.number(0...UInt8.max) }
            model.all += bytes
            bytes.withUnsafeBytes { hub.append($0) }
        }

        private mutating func begin() throws {
            request += 1
            let key = ConsoleHub.Key(session: random.number(1...3), request: RequestID(request))
            let starts = [model.oldest, model.all.count, random.number(0...model.all.count)]
            let choice = random.number(0...2)
            let start = [.oldest, .newest, ConsoleHub.Start.position(UInt64(starts[2]))][choice]
            let reader = Model.Reader(
                position: starts[choice], credit: random.number(1...4), size: random.number(1...40),
                isSingle: random.happens(30))
            let attempt = Result { () throws(Refusal) in
                if reader.isSingle {
                    try hub.beginSingle(key, at: start, size: reader.size)
                } else {
                    try hub.begin(key, at: start, eventSize: reader.size, credit: UInt32(reader.credit))
                }
            }
            guard model.readers.count < 8 else {
                #expect(throws: Refusal.self) { try attempt.get() }
                return
            }
            try attempt.get()
            model.readers[key] = reader
        }

        private mutating func grant(_ key: ConsoleHub.Key) {
            let credit = random.number(0...3)
            let isStream = model.readers[key]?.isSingle == false
            if isStream { model.readers[key]?.credit += credit }
            let granted = hub.grant(key, credit: UInt32(credit))
            #expect(granted == isStream)
        }

        private mutating func hold(_ key: ConsoleHub.Key) {
            let isHeld = random.happens(50)
            model.readers[key]?.isHeld = isHeld
            hub.setHeld(key, isHeld)
        }

        private mutating func end(_ key: ConsoleHub.Key?) {
            if random.happens(10) {
                let session = random.number(UInt64(1)...3)
                model.readers = model.readers.filter { $0.key.session != session }
                hub.end(session: session)
            } else if let key {
                model.readers[key] = nil
                let ended = hub.end(key)
                #expect(ended)
            }
        }

        private mutating func take(_ key: ConsoleHub.Key) {
            let expected = model.take(key)
            let event = hub.take(key)
            #expect(event.map { Int($0.lost) } == expected?.lost)
            #expect(event.map { hub.withBytes(of: $0) { Array($0) + Array($1) } } == expected?.bytes)
            #expect(event?.isLast ?? false == (event != nil && model.readers[key] == nil))
            #expect(hub.isCaughtUp(key) == model.readers[key].map { $0.position == model.all.count })
        }

        private mutating func takeInTurn() {
            for _ in 0..<random.number(0...5) {
                guard let key = hub.firstReady else { return }
                take(key)
            }
        }
    }

    @Test(arguments: 1...40)
    func agreesWithTheModel(seed: UInt64) throws {
        var run = Run(seed: seed)
        for _ in 0..<1_000 { try run.step() }
    }
}
