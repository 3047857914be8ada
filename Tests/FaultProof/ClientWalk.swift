#if DEBUG
    import Foundation
    import RingProtocol
    import TestSupport

    /// One client's way through everything that touches a device: rings, workers, transfers, a chain, a stream, a cancel.
    struct ClientWalk {
        /// Seconds without an answer after which it counts as lost.
        static let patience = 5
        private let line: SerialLine
        private var pending: Set<UInt64> = []
        private var began = ContinuousClock.now
        private(set) var isCut = false
        private(set) var flaws: [String] = []
        /// Answers that are errors.
        private(set) var refused: [String] = []

        init(_ line: SerialLine) { self.line = line }

        mutating func go(_ client: RawClient) throws {
            // What an earlier walk has written or not read.
            tcflush(line.master, TCIOFLUSH)
            try client.greet([.links, .cancel, .streams, .poll])
            try exchange(
                client,
                [
                    .open("null", slot: 0, id: 1), .open("line", slot: 1, id: 2),
                    .open("disk", slot: 2, id: 3), RawEntry(.describe, id: 4, argument: Array("line".utf8)),
                ])
            line.say("hello")
            try exchange(
                client,
                (10..<14).map { RawEntry(.command, id: $0, slot: 0) } + [
                    // TIOCGWINSZ, TIOCSWINSZ
                    RawEntry(
                        .command, id: 14, slot: 1, code: 0x5413),
                    RawEntry(.command, id: 15, slot: 1, code: 0x5414, argument: [24, 0, 80, 0, 0, 0, 0, 0]),
                    .read(5, slot: 1, id: 16),
                    .read(512, slot: 2, id: 17, offset: 0),
                    RawEntry(.write, id: 18, slot: 2, offset: 0, argument: Array(repeating: 9, count: 64)),
                    RawEntry(.sync, id: 19, slot: 2),
                ])
            // More at once than a queue has room for that is made to overflow.
            try exchange(client, (50..<114).map { RawEntry(.command, id: $0, slot: 0) })
            try exchange(
                client,
                RawEntry.chain([
                    RawEntry(.command, id: 120, slot: 0), .pause(1_000_000, id: 121),
                    RawEntry(.write, id: 122, slot: 1, offset: .max, argument: [65]),
                ]) + [.poll(.writable, slot: 1, id: 123)])
            // A stream ends by its cancel; a read for which there is nothing as well.
            try begin(client, .stream(16, credit: 2, slot: 1, id: 130))
            try exchange(client, [.cancel(130, id: 131), .cancelAll(slot: 1, id: 132)])
            try exchange(client, (0..<3).map { RawEntry(.close, id: 140 + $0, slot: UInt16($0)) })
        }

        /// Sends entries and takes answers until each has had its last.
        private mutating func exchange(_ client: RawClient, _ entries: [RawEntry]) throws {
            pending.formUnion(entries.map(\.id))
            began = .now
            try client.submit(entries)
            while !pending.isEmpty { _ = try takesEvent(client) }
        }

        /// Begins a stream on the line, and waits for its first event or its end.
        private mutating func begin(_ client: RawClient, _ stream: RawEntry) throws {
            pending.insert(stream.id)
            began = .now
            try client.submit([stream])
            line.say("event")
            while pending.contains(stream.id) {
                if try takesEvent(client) { return }
            }
        }

        /// Takes one answer; whether it is one of several.
        private mutating func takesEvent(_ client: RawClient) throws -> Bool {
            guard let answer = try client.completions(1).first, !answer.isEvent else { return true }
            if pending.remove(answer.id) == nil {
                flaws.append("entry \(answer.id) was answered twice")
            } else if answer.result < 0, ![130, 131, 132].contains(answer.id) {
                refused.append("entry \(answer.id): \(answer.result) \(answer.text)")
            }
            return false
        }

        /// The client could not go on.
        mutating func end(_ reason: String) {
            guard ContinuousClock.now - began < .seconds(Self.patience) else {
                flaws.append("lost: no answer to \(pending.sorted()) (\(reason))")
                return
            }
            isCut = true
        }
    }
#endif
