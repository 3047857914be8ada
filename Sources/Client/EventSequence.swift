import RingProtocol

/// The events of a stream, in order. Reading one gives the gateway leave to send another; who stops reading stops the
/// stream. Leaving the loop ends it.
public struct EventSequence: AsyncSequence, Sendable {
    public typealias Element = RemoteEvent

    private let events: AsyncThrowingStream<RemoteEvent, any Error>
    private let link: SessionLink
    private let ticket: Ticket
    private let credit: Int

    /// Starts the stream that `entry` asks for.
    init(_ entry: Batch, credit: Int, _ operation: String, _ link: SessionLink) {
        let ticket = Ticket()
        let (events, continuation) = AsyncThrowingStream.makeStream(
            of: RemoteEvent.self, throwing: (any Error).self)
        continuation.onTermination = { reason in
            if case .cancelled = reason { link.perform { $0.cancelStream(ticket) } }
        }
        let sink = EventSink(continuation, operation)
        link.perform { $0.begin(entry, sink, credit: credit, ticket) }
        (self.events, self.link, self.ticket, self.credit) = (events, link, ticket, credit)
    }

    public func makeAsyncIterator() -> Iterator {
        Iterator(
            events: events.makeAsyncIterator(), link: link, ticket: ticket, window: Swift.max(credit / 2, 1))
    }

    public struct Iterator: AsyncIteratorProtocol {
        fileprivate var events: AsyncThrowingStream<RemoteEvent, any Error>.Iterator
        fileprivate let link: SessionLink
        fileprivate let ticket: Ticket
        fileprivate let window: Int
        private var taken = 0

        fileprivate init(
            events: AsyncThrowingStream<RemoteEvent, any Error>.Iterator, link: SessionLink, ticket: Ticket,
            window: Int
        ) {
            (self.events, self.link, self.ticket, self.window) = (events, link, ticket, window)
        }

        /// nil at the end of the file, or when the stream was cancelled.
        public mutating func next() async throws -> RemoteEvent? {
            let event = try await events.next()
            if case .event? = event {
                taken += 1
                if taken >= window {
                    let (ticket, count) = (ticket, taken)
                    link.perform { $0.grant(ticket, count) }
                    taken = 0
                }
            }
            return event
        }
    }
}

extension RemoteDevice {
    /// Bytes as they come, in events of at most `maxBytes` bytes, of which the gateway sends at most `credit` before
    /// some were read here. Goes on over a lost connection. Throws as ``read(count:offset:)`` does.
    public func events(maxBytes: Int = 4_096, credit: Int = 64) -> EventSequence {
        var batch = Batch(entries: 1)
        batch.stream(self, maxBytes: maxBytes, credit: credit)
        return EventSequence(batch, credit: credit, "read on \(name)", link)
    }

    /// Tells each time something of `events` has come about; the event's result is what holds.
    public func readiness(_ events: PollEvents, credit: Int = 64) -> EventSequence {
        var batch = Batch(entries: 1)
        batch.readiness(self, events, credit: credit)
        return EventSequence(batch, credit: credit, "poll on \(name)", link)
    }
}

extension RingConnection {
    /// Tells each change of the devices this client may open: nodes that come and go, leases, policies. The event's bytes
    /// are JSON; see ``DeviceNews``.
    public func watch(credit: Int = 64) -> EventSequence {
        var batch = Batch(entries: 1)
        withUnsafeBytes(of: UInt64(UInt32(clamping: credit)).littleEndian << 32) {
            batch.append(.list, flags: .multishot, argument: $0, reply: credit * Limits.documentEvent)
        }
        return EventSequence(batch, credit: credit, "list", link)
    }
}

/// What a watch tells of one device.
public struct DeviceNews: Codable, Sendable, Equatable {
    public let device: String
    /// `appeared`, `vanished`, `allowed`, `withdrawn`, `leased`, `freed`, `disabled`, `enabled`, or a word of a later
    /// release.
    public let change: String
    /// Who leased it.
    public let session: UInt64?
    public let identity: String?
}

extension Batch {
    fileprivate mutating func stream(_ device: RemoteDevice, maxBytes: Int, credit: Int) {
        keep(device)
        ReadArgument.encode(count: maxBytes, credit: credit).withUnsafeBytes {
            append(
                .read, slot: device.slot, offset: Entry.currentPosition, flags: .multishot, argument: $0,
                reply: credit * (maxBytes + Limits.eventOverhead))
        }
    }

    fileprivate mutating func readiness(_ device: RemoteDevice, _ events: PollEvents, credit: Int) {
        keep(device)
        StreamArgument.encode(credit: credit).withUnsafeBytes {
            append(
                .poll, slot: device.slot, subOpcode: SubOpcode(events.rawValue), flags: .multishot,
                argument: $0, reply: credit * Limits.eventOverhead)
        }
    }
}
