/// Names a session together with its number: 128 random bits that only its client and the gateway know.
@frozen
public struct SessionToken: Equatable, Sendable {
    public let first: UInt64
    public let second: UInt64
    public static let size = 16

    public init(_ first: UInt64, _ second: UInt64) {
        self.first = first
        self.second = second
    }

    /// The token at `offset`. Traps when it does not lie inside.
    init(_ bytes: WireBytes, at offset: Int) {
        self.init(bytes.load(UInt64.self, at: offset), bytes.load(UInt64.self, at: offset + 8))
    }

    func encode(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) {
        buffer.storeWire(first, at: offset)
        buffer.storeWire(second, at: offset + 8)
    }

    /// Looks at all bits whatever they are, so that its duration says nothing about where two tokens differ.
    public static func == (left: Self, right: Self) -> Bool {
        (left.first ^ right.first) | (left.second ^ right.second) == 0
    }
}

extension Hello {
    /// The session a client wants back: `epoch u64, session u64, token [16], received u64`.
    public struct Resumption: Equatable, Sendable {
        /// Epoch and number of that session, from its welcome.
        public let epoch: UInt64
        public let session: UInt64
        public let token: SessionToken
        /// Completions, events included, received in that session over all its connections.
        public let received: UInt64
        public static let size = 40

        public init(epoch: UInt64, session: UInt64, token: SessionToken, received: UInt64) {
            self.epoch = epoch
            self.session = session
            self.token = token
            self.received = received
        }

        init(_ bytes: WireBytes, at offset: Int) {
            self.init(
                epoch: bytes.load(UInt64.self, at: offset), session: bytes.load(UInt64.self, at: offset + 8),
                token: SessionToken(bytes, at: offset + 16),
                received: bytes.load(UInt64.self, at: offset + 32))
        }

        func encode(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) {
            buffer.storeWire(epoch, at: offset)
            buffer.storeWire(session, at: offset + 8)
            token.encode(into: buffer, at: offset + 16)
            buffer.storeWire(received, at: offset + 32)
        }
    }
}

extension Welcome {
    /// What became of the session the hello asked for. The raw value is the number on the wire.
    public enum Resumption: UInt32, Sendable, CaseIterable {
        /// None was asked for: this session is new.
        case fresh = 0
        /// It goes on: completion number `received` + 1 comes next.
        case resumed = 1
        /// It is gone, and what was unanswered in it has an unknown outcome: this session is new.
        case lost = 2
    }
}

/// How many completions, events included, the client has received in the session: `received u64 @0`.
/// Only with feature `resume`.
public struct Acknowledge: Equatable, Sendable {
    public let received: UInt64
    public static let size = 8

    public init(received: UInt64) { self.received = received }

    public static func decode(_ payload: WireBytes) throws(WireError) -> Acknowledge {
        guard payload.count == size else {
            throw WireError(.malformed, rule: 36, "acknowledge of \(payload.count) bytes, not \(size)")
        }
        return Acknowledge(received: payload.load(UInt64.self, at: 0))
    }

    /// The whole frame.
    public func encoded() -> [UInt8] {
        Frame.encoded(.acknowledge, payloadLength: Self.size) { $0.storeWire(received, at: 0) }
    }
}
