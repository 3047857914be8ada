/// ALPN name of this protocol (RFC 7301).
public let applicationProtocol = "ringgate/1"

/// The client's first frame: `min_version u16 @0, max_version u16 @2, reserved u32 @4, features u64 @8`, and
/// when it wants a session back its `Resumption` @16.
public struct Hello: Equatable, Sendable {
    public let versions: ClosedRange<UInt16>
    public let features: Features
    public let resumption: Resumption?
    public static let size = 16

    /// With a `resumption`, `features` must hold `resume`.
    public init(
        versions: ClosedRange<UInt16> = Welcome.version...Welcome.version, features: Features = [],
        resumption: Resumption? = nil
    ) {
        self.versions = versions
        self.features = features
        self.resumption = resumption
    }

    public static func decode(_ payload: WireBytes) throws(WireError) -> Hello {
        let longest = size + Resumption.size
        guard payload.count == size || payload.count == longest else {
            throw WireError(
                .malformed, rule: 6, "hello of \(payload.count) bytes, not \(size) or \(longest)")
        }
        let low = payload.load(UInt16.self, at: 0)
        let high = payload.load(UInt16.self, at: 2)
        guard low <= high else {
            throw WireError(.malformed, rule: 6, "least version \(low) above greatest \(high)")
        }
        guard payload.load(UInt32.self, at: 4) == 0 else {
            throw WireError(.reserved, rule: 6, "reserved field of the hello is not zero")
        }
        let features = Features(rawValue: payload.load(UInt64.self, at: 8))
        guard payload.count == longest else { return Hello(versions: low...high, features: features) }
        guard features.contains(.resume) else {
            throw WireError(.malformed, rule: 6, "hello with a session but without the feature resume")
        }
        return Hello(
            versions: low...high, features: features, resumption: Resumption(payload, at: size))
    }

    /// The whole frame.
    public func encoded() -> [UInt8] {
        let length = Self.size + (resumption == nil ? 0 : Resumption.size)
        return Frame.encoded(.hello, payloadLength: length) { payload in
            payload.storeWire(versions.lowerBound, at: 0)
            payload.storeWire(versions.upperBound, at: 2)
            payload.storeWire(features.rawValue, at: 8)
            resumption?.encode(into: payload, at: Self.size)
        }
    }
}

/// The gateway's answer to a hello: what was negotiated, the limits, both clocks and the policy's revision.
///
/// Layout: `version u16 @0, slots u16 @2, frame_limit u32 @4, features u64 @8, epoch u64 @16, session u64 @24,
/// monotonic_ns u64 @32, realtime_ns u64 @40, in_flight u32 @48, payload_limit u32 @52,
/// payload_in_flight u32 @56, entries u16 @60, chain u16 @62, revision [32] @64`, and when `resume` was
/// granted `token [16] @96, last_request_id u64 @112, grace_ms u32 @120, resumption u32 @124`.
public struct Welcome: Equatable, Sendable {
    public var version = Self.version
    public var slots = UInt16(Limits.slots)
    /// Largest payload of a frame the gateway takes.
    public var frameLimit = UInt32(Limits.framePayload)
    public var features: Features = []
    /// Random number of this run of the gateway: another value means it was restarted.
    public var epoch: UInt64 = 0
    /// Number of this session in this epoch.
    public var session: UInt64 = 0
    /// CLOCK_MONOTONIC and CLOCK_REALTIME of the gateway, nanoseconds, read together.
    public var monotonic: UInt64 = 0
    public var realtime: UInt64 = 0
    public var inFlight = UInt32(Limits.inFlight)
    /// Largest argument or reply of one entry.
    public var payloadLimit = UInt32(Limits.payload)
    public var payloadInFlight = UInt32(Limits.payloadInFlight)
    public var entriesPerFrame = UInt16(Limits.entriesPerFrame)
    public var chain = UInt16(Limits.chain)
    /// SHA-256 over the policy and profiles in force; always 32 bytes.
    public var revision: [UInt8] = Array(repeating: 0, count: 32)
    // What follows is sent only when `features` holds `resume`.
    public var token = SessionToken(0, 0)
    /// The greatest request id accepted in this session; 0 in a new one.
    public var lastRequestID = RequestID(0)
    /// How long the session outlives a lost connection, in milliseconds.
    public var grace: UInt32 = 0
    public var resumption = Resumption.fresh

    /// The one version this code speaks.
    public static let version: UInt16 = 1
    public static let size = 96
    /// With what `resume` adds.
    public static let resumableSize = 128

    public init() {}

    private var size: Int { features.contains(.resume) ? Self.resumableSize : Self.size }

    public static func decode(_ payload: WireBytes) throws(WireError) -> Welcome {
        guard payload.count >= size else {
            throw WireError(.malformed, rule: 8, "welcome of \(payload.count) bytes, not \(size)")
        }
        var welcome = Welcome()
        welcome.version = payload.load(UInt16.self, at: 0)
        welcome.slots = payload.load(UInt16.self, at: 2)
        welcome.frameLimit = payload.load(UInt32.self, at: 4)
        welcome.features = Features(rawValue: payload.load(UInt64.self, at: 8))
        welcome.epoch = payload.load(UInt64.self, at: 16)
        welcome.session = payload.load(UInt64.self, at: 24)
        welcome.monotonic = payload.load(UInt64.self, at: 32)
        welcome.realtime = payload.load(UInt64.self, at: 40)
        welcome.inFlight = payload.load(UInt32.self, at: 48)
        welcome.payloadLimit = payload.load(UInt32.self, at: 52)
        welcome.payloadInFlight = payload.load(UInt32.self, at: 56)
        welcome.entriesPerFrame = payload.load(UInt16.self, at: 60)
        welcome.chain = payload.load(UInt16.self, at: 62)
        welcome.revision = payload.slice(64, 32).array
        guard payload.count == welcome.size else {
            throw WireError(.malformed, rule: 8, "welcome of \(payload.count) bytes, not \(welcome.size)")
        }
        guard welcome.features.contains(.resume) else { return welcome }
        guard let resumption = Resumption(rawValue: payload.load(UInt32.self, at: 124)) else {
            throw WireError(.malformed, rule: 8, "welcome of unknown resumption")
        }
        welcome.token = SessionToken(payload, at: 96)
        welcome.lastRequestID = RequestID(payload.load(UInt64.self, at: 112))
        welcome.grace = payload.load(UInt32.self, at: 120)
        welcome.resumption = resumption
        return welcome
    }

    /// The whole frame.
    public func encoded() -> [UInt8] {
        precondition(revision.count == 32, "a revision is a SHA-256")
        return Frame.encoded(.welcome, payloadLength: size) { payload in
            payload.storeWire(version, at: 0)
            payload.storeWire(slots, at: 2)
            payload.storeWire(frameLimit, at: 4)
            payload.storeWire(features.rawValue, at: 8)
            payload.storeWire(epoch, at: 16)
            payload.storeWire(session, at: 24)
            payload.storeWire(monotonic, at: 32)
            payload.storeWire(realtime, at: 40)
            payload.storeWire(inFlight, at: 48)
            payload.storeWire(payloadLimit, at: 52)
            payload.storeWire(payloadInFlight, at: 56)
            payload.storeWire(entriesPerFrame, at: 60)
            payload.storeWire(chain, at: 62)
            revision.withUnsafeBytes { payload.storeWirePadded($0, at: 64) }
            guard features.contains(.resume) else { return }
            token.encode(into: payload, at: 96)
            payload.storeWire(lastRequestID.value, at: 112)
            payload.storeWire(grace, at: 120)
            payload.storeWire(resumption.rawValue, at: 124)
        }
    }
}
