import RingProtocol
import Testing

extension [UInt8] {
    /// Calls `body` with these bytes as a frame holds them.
    func wire<Result>(_ body: (WireBytes) throws -> Result) rethrows -> Result {
        try withUnsafeBytes { try body(WireBytes($0)) }
    }

    init(hex: String) {
        let digits = hex.compactMap(\.hexDigitValue).map(UInt8.init)
        self = stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }

    /// Little-endian.
    mutating func store(_ value: some FixedWidthInteger & BitwiseCopyable, at offset: Int) {
        withUnsafeMutableBytes { $0.storeWire(value, at: offset) }
    }
}

extension EntryFlags {
    /// Those a client may set once every feature is granted.
    static let all = allowed(by: Features(rawValue: .max))
}

extension SessionToken {
    /// As it lies on the wire.
    var hex: String {
        var bytes = [UInt8](repeating: 0, count: SessionToken.size)
        bytes.store(first, at: 0)
        bytes.store(second, at: 8)
        return bytes.hex
    }
}

/// What a rule of docs/protocol.md says when it is broken.
struct Broken: Equatable {
    let code: SessionErrorCode
    let rule: UInt16
    let entry: UInt32?

    init(_ code: SessionErrorCode, _ rule: UInt16, entry: UInt32? = nil) {
        self.code = code
        self.rule = rule
        self.entry = entry
    }

    init(_ error: WireError) { self.init(error.code, error.rule, entry: error.entry) }
}

/// The rule `body` breaks, or nil.
func broken(_ body: () throws -> Void) throws -> Broken? {
    do {
        try body()
        return nil
    } catch let error as WireError {
        #expect(!error.text.isEmpty)
        return Broken(error)
    }
}

/// A frame of entries, as a client writes it.
func submission(_ entries: [Entry]) -> [UInt8] {
    let length = entries.reduce(0) { $0 + $1.size }
    return Frame.encoded(.submit, payloadLength: length, count: entries.count) { payload in
        var position = 0
        for entry in entries {
            entry.encode(
                into: UnsafeMutableRawBufferPointer(rebasing: payload[position..<position + entry.size]))
            position += entry.size
        }
    }
}

/// A frame of completions, as the gateway writes it.
func completions(_ completions: [(header: CompletionHeader, payload: [UInt8])]) -> [UInt8] {
    let length = completions.reduce(0) { $0 + $1.header.size }
    return Frame.encoded(.complete, payloadLength: length, count: completions.count) { payload in
        var position = 0
        for (header, bytes) in completions {
            header.encode(into: UnsafeMutableRawBufferPointer(rebasing: payload[position...]))
            bytes.withUnsafeBytes { payload.storeWirePadded($0, at: position + Limits.completionHeader) }
            position += header.size
        }
    }
}

/// Decodes everything a frame holds, as its receiver does.
func decodeWhole(
    _ bytes: WireBytes, limit: Int = Limits.framePayload, allowed: EntryFlags = [],
    after: RequestID = RequestID(0)
) throws {
    guard let frame = try Frame.decode(bytes, payloadLimit: limit) else { return }
    switch frame.header.type {
    case .hello: _ = try Hello.decode(frame.payload)
    case .welcome: _ = try Welcome.decode(frame.payload)
    case .submit:
        var submission = try Submission(frame, allowed: allowed, after: after)
        while let entry = submission.next() { look(entry) }
    case .complete:
        var batch = CompletionBatch(frame)
        while let completion = try batch.next() {
            let flags = completion.header.flags
            if flags.contains(.refused) { _ = try Refusal.decode(completion.payload) }
            if flags.contains(.gap) { _ = try Gap.decode(completion.payload) }
        }
    case .error: _ = try SessionError.decode(frame.payload)
    case .goodbye: _ = try Goodbye.decode(frame.payload)
    case .acknowledge: _ = try Acknowledge.decode(frame.payload)
    }
}

/// Reads everything an entry can mean, whatever its operation is.
private func look(_ entry: Entry) {
    _ = (ReadArgument.decode(entry)?.eventCharge, StreamArgument.decode(entry), CreditGrant.decode(entry))
    _ = (entry.delay, entry.cancelScope, entry.leaseVerb, entry.pollEvents, entry.flagsFit, entry.timeoutFits)
}
