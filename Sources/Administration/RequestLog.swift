import RingPolicy
import RingProtocol

/// An entry that was denied, or that ran only because its device is observed.
public struct LoggedRequest: Sendable {
    /// Seconds since 1970.
    public let time: UInt64
    public let session: UInt64
    public let requestID: RequestID
    public let identity: String
    public let principals: PrincipalSet
    /// As the slot or the open named it; a handle as DEVICE/PROFILE.
    public let device: String
    public let operation: Operation
    public let code: SubOpcode
    public let offset: UInt64
    /// At most `RequestLog.argumentLimit` bytes of it.
    public let argument: [UInt8]
    /// Bytes it had.
    public let argumentLength: Int
    /// Why it was denied; nil when it ran under observation.
    public let refusal: Refusal?

    public init(
        time: UInt64, session: UInt64, requestID: RequestID, identity: String, principals: PrincipalSet,
        device: String, operation: Operation, code: SubOpcode, offset: UInt64, argument: [UInt8],
        argumentLength: Int? = nil, refusal: Refusal?
    ) {
        self.time = time
        self.session = session
        self.requestID = requestID
        self.identity = identity
        self.principals = principals
        self.device = device
        self.operation = operation
        self.code = code
        self.offset = offset
        self.argument = Array(argument.prefix(RequestLog.argumentLimit))
        self.argumentLength = argumentLength ?? argument.count
        self.refusal = refusal
    }

    /// Whether bytes are missing that a decision may need. Those of a write never are.
    var isCut: Bool { operation != .write && argument.count < argumentLength }

    /// Hands the entry, as it was asked for, to `body`. The bytes of a long write are zeros where the log has none.
    func withEntry<Result>(_ body: (Entry) -> Result) -> Result {
        let missing = max(0, min(argumentLength, Limits.payload) - argument.count)
        let bytes = argument + [UInt8](repeating: 0, count: operation == .write ? missing : 0)
        return bytes.withUnsafeBytes { bytes in
            body(
                Entry(
                    operation, requestID: requestID, subOpcode: code, offset: offset,
                    argument: WireBytes(bytes)))
        }
    }
}

/// The latest of what was denied or observed. Bounded; the oldest make room.
public struct RequestLog: Sendable {
    /// Requests kept.
    public static let limit = 4096
    /// Bytes kept of an argument.
    public static let argumentLimit = 1024

    public private(set) var requests: [LoggedRequest] = []

    public init() {}

    public mutating func add(_ request: LoggedRequest) {
        if requests.count == Self.limit { requests.removeFirst(Self.limit / 4) }
        requests.append(request)
    }
}
