import RingEngine
import RingPolicy
import RingProtocol

/// On whose behalf something is asked for. The device's process looks up by itself what they may do.
public enum Authority: Sendable, Hashable {
    /// A client's principals.
    case principals(Set<String>)
    /// A procedure of the site, whose steps may do what they are.
    case procedure(String)

    fileprivate var text: String {
        switch self {
        case .principals(let names): (["by"] + names.sorted()).joined(separator: "\n")
        case .procedure(let name): "procedure\n\(name)"
        }
    }

    fileprivate init?(_ text: String) {
        // No name has a line end.
        let words = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        switch words.first {
        case "by": self = .principals(Set(words.dropFirst()))
        case "procedure" where words.count == 2: self = .procedure(words[1])
        default: return nil
        }
    }
}

/// What the gateway asks of a device's own process. The ticket comes back with the answers; 0 where nobody waits for one.
public enum DeviceOrder: Sendable {
    case open(ticket: UInt32, by: Authority)
    case submit(ticket: UInt32, DeviceEntry)
    case close(ticket: UInt32, file: UInt32)
    case cancel(ticket: UInt32, CancelOrder)
    /// A new worker in place of one that is stuck.
    case resetLane(ticket: UInt32)
    /// The policy file has been put in force anew: read it.
    case adopt(ticket: UInt32)

    /// One operation on an open file.
    public struct DeviceEntry: Sendable {
        public let file: UInt32
        public let authority: Authority
        /// Whose it is: what a later cancel names.
        public let session: UInt32
        public let generation: UInt32
        public let waitsForInput: Bool
        public let isRepeated: Bool
        /// As it came from the client.
        public let bytes: [UInt8]

        public init(
            file: UInt32, authority: Authority, session: UInt32, generation: UInt32, waitsForInput: Bool,
            isRepeated: Bool, bytes: [UInt8]
        ) {
            self.file = file
            self.authority = authority
            self.session = session
            self.generation = generation
            self.waitsForInput = waitsForInput
            self.isRepeated = isRepeated
            self.bytes = bytes
        }

        /// Lends the entry, whose argument lives as long as the call; nil when the bytes are no entry.
        public func withEntry<Result>(_ body: (Entry) -> Result) -> Result? {
            bytes.withUnsafeBytes { bytes -> Result? in
                let wire = WireBytes(bytes)
                guard wire.count >= Limits.entryHeader else { return nil }
                let length = Int(wire.load(UInt32.self, at: 28))
                guard length <= Limits.payload, wire.count == Limits.entryHeader + Limits.padded(length)
                else { return nil }
                var run = EntryRun(proven: wire, count: 1)
                return run.next().map(body)
            }
        }
    }

    private enum Kind: UInt8 {
        case open = 1
        case submit
        case close
        case cancelRequest
        case cancelFile
        case cancelSession
        case resetLane
        case adopt
    }

    private enum Flag {
        static let waitsForInput: UInt8 = 1
        static let isRepeated: UInt8 = 2
        static let isExpiry: UInt8 = 4
    }

    /// Writes the message behind `bytes`.
    public func append(to bytes: inout [UInt8]) { message.append(to: &bytes) }

    private var message: DeviceMessage {
        switch self {
        case .open(let ticket, let authority):
            var message = DeviceMessage(kind: Kind.open.rawValue, ticket: ticket)
            message.add(authority.text)
            return message
        case .submit(let ticket, let entry):
            var message = DeviceMessage(kind: Kind.submit.rawValue, ticket: ticket)
            message.add(entry.authority.text)
            message.flags =
                (entry.waitsForInput ? Flag.waitsForInput : 0) | (entry.isRepeated ? Flag.isRepeated : 0)
            (message.file, message.first, message.second) = (entry.file, entry.session, entry.generation)
            message.body += entry.bytes
            return message
        case .close(let ticket, let file):
            var message = DeviceMessage(kind: Kind.close.rawValue, ticket: ticket)
            message.file = file
            return message
        case .cancel(let ticket, let order): return Self.message(ticket, order)
        case .resetLane(let ticket): return DeviceMessage(kind: Kind.resetLane.rawValue, ticket: ticket)
        case .adopt(let ticket): return DeviceMessage(kind: Kind.adopt.rawValue, ticket: ticket)
        }
    }

    private static func message(_ ticket: UInt32, _ order: CancelOrder) -> DeviceMessage {
        var message = DeviceMessage(kind: Kind.cancelSession.rawValue, ticket: ticket)
        switch order.target {
        case .request(let id):
            message.kind = Kind.cancelRequest.rawValue
            message.number = id.value
        case .file(let file):
            message.kind = Kind.cancelFile.rawValue
            message.file = file.index
            message.number = UInt64(max(0, order.alreadyEnded))
        case .session: message.number = UInt64(max(0, order.alreadyEnded))
        }
        message.flags = order.isExpiry ? Flag.isExpiry : 0
        (message.first, message.second) = (order.session, order.generation)
        return message
    }

    /// nil for what is no order.
    init?(_ message: DeviceMessage) {
        guard let kind = Kind(rawValue: message.kind), message.names <= message.body.count else { return nil }
        switch kind {
        case .open:
            guard let authority = message.authority else { return nil }
            self = .open(ticket: message.ticket, by: authority)
        case .submit:
            guard let authority = message.authority else { return nil }
            self = .submit(
                ticket: message.ticket,
                DeviceEntry(
                    file: message.file, authority: authority, session: message.first,
                    generation: message.second, waitsForInput: message.flags & Flag.waitsForInput != 0,
                    isRepeated: message.flags & Flag.isRepeated != 0,
                    bytes: Array(message.body.dropFirst(Int(message.names)))))
        case .close: self = .close(ticket: message.ticket, file: message.file)
        case .cancelRequest: self = Self.cancel(.request(RequestID(message.number)), message)
        case .cancelFile: self = Self.cancel(.file(OpenFileID(message.file)), message)
        case .cancelSession: self = Self.cancel(.session, message)
        case .resetLane: self = .resetLane(ticket: message.ticket)
        case .adopt: self = .adopt(ticket: message.ticket)
        }
    }

    private static func cancel(_ target: CancelOrder.Target, _ message: DeviceMessage) -> DeviceOrder {
        let tag = OperationTag(
            session: message.first, generation: message.second, requestID: RequestID(message.number),
            slot: FileSlot(0), charge: message.ticket)
        return .cancel(
            ticket: message.ticket,
            CancelOrder(
                session: message.first, generation: message.second, target,
                isExpiry: message.flags & Flag.isExpiry != 0, tag: message.ticket == 0 ? nil : tag,
                alreadyEnded: Int32(clamping: message.number)))
    }
}

extension DeviceMessage {
    fileprivate mutating func add(_ names: String) {
        let bytes = names.utf8.prefix(Self.namesLimit)
        self.names = UInt16(bytes.count)
        body += bytes
    }

    fileprivate var authority: Authority? {
        Authority(String(decoding: body.prefix(Int(names)), as: UTF8.self))
    }
}
