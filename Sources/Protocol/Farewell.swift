/// The gateway's last frame before it closes a session for cause: `code u16 @0, rule u16 @2, entry u32 @4`
/// (all ones when no single entry is to blame), then a sentence for people in UTF-8 to the end of the frame.
public struct SessionError: Error, Equatable, Sendable {
    public let code: SessionErrorCode
    /// Number of the broken rule in docs/protocol.md, 0 when none applies.
    public let rule: UInt16
    public let entry: UInt32?
    public let text: String
    static let header = 8

    public init(_ code: SessionErrorCode, rule: UInt16 = 0, entry: UInt32? = nil, _ text: String) {
        self.code = code
        self.rule = rule
        self.entry = entry
        self.text = text
    }

    public init(_ error: WireError) {
        self.init(error.code, rule: error.rule, entry: error.entry, error.text)
    }

    public static func decode(_ payload: WireBytes) throws(WireError) -> SessionError {
        guard payload.count >= header, payload.count <= header + Limits.text,
            let code = SessionErrorCode(rawValue: payload.load(UInt16.self, at: 0)),
            let text = payload.slice(header, payload.count - header).text
        else { throw WireError(.malformed, rule: 27, "error frame of wrong length, code or text") }
        let entry = payload.load(UInt32.self, at: 4)
        return SessionError(
            code, rule: payload.load(UInt16.self, at: 2), entry: entry == .max ? nil : entry, text)
    }

    /// The whole frame.
    public func encoded() -> [UInt8] {
        let text = Array(Refusal.cut(self.text).utf8)
        return Frame.encoded(.error, payloadLength: Self.header + text.count) { payload in
            payload.storeWire(code.rawValue, at: 0)
            payload.storeWire(rule, at: 2)
            payload.storeWire(entry ?? .max, at: 4)
            for (index, byte) in text.enumerated() { payload.storeWire(byte, at: Self.header + index) }
        }
    }
}

/// An orderly end, from either side: `reason u16 @0, reserved [6]`.
public enum Goodbye: UInt16, Sendable, CaseIterable {
    /// The sender has nothing more to ask or to answer.
    case done = 0
    /// The gateway is stopping: what was accepted is answered, nothing new is taken.
    case draining = 1

    public static let size = 8

    public static func decode(_ payload: WireBytes) throws(WireError) -> Goodbye {
        guard payload.count == size, let reason = Goodbye(rawValue: payload.load(UInt16.self, at: 0)),
            payload.isZero(from: 2)
        else { throw WireError(.malformed, rule: 28, "goodbye of wrong length, reason or reserved bytes") }
        return reason
    }

    /// The whole frame.
    public func encoded() -> [UInt8] {
        Frame.encoded(.goodbye, payloadLength: Self.size) { $0.storeWire(rawValue, at: 0) }
    }
}

extension Frame {
    /// A zeroed frame of `type` whose payload `fill` completes. For control frames, off the hot path.
    public static func encoded(
        _ type: FrameType, payloadLength: Int, count: Int = 0, fill: (UnsafeMutableRawBufferPointer) -> Void
    ) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Limits.frameHeader + payloadLength)
        bytes.withUnsafeMutableBytes { buffer in
            FrameHeader(length: payloadLength, type: type, count: count).encode(into: buffer)
            fill(UnsafeMutableRawBufferPointer(rebasing: buffer[Limits.frameHeader...]))
        }
        return bytes
    }
}
