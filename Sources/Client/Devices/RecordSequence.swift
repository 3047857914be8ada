import RingProtocol

/// Records of one size that are read from a device, in order. Leaving the loop ends it.
public struct RecordSequence<Record: Sendable>: AsyncSequence, Sendable {
    private let events: EventSequence
    private let size: Int
    private let decode: @Sendable (WireBytes) -> Record

    /// `size` is in bytes. At most `credit` records come before some were taken here.
    init(
        _ file: RemoteDevice, size: Int, credit: Int = 64,
        _ decode: @escaping @Sendable (WireBytes) -> Record
    ) {
        events = file.events(maxBytes: size, credit: credit)
        self.size = size
        self.decode = decode
    }

    public func makeAsyncIterator() -> Iterator {
        Iterator(events: events.makeAsyncIterator(), size: size, decode: decode)
    }

    public struct Iterator: AsyncIteratorProtocol {
        fileprivate var events: EventSequence.Iterator
        fileprivate let size: Int
        fileprivate let decode: @Sendable (WireBytes) -> Record

        /// nil at the end of the device.
        ///
        /// Throws as ``RemoteDevice/read(count:offset:timeout:)``, and `.outcomeUnknown` when records were lost on the way.
        public mutating func next() async throws -> Record? {
            guard let event = try await events.next() else { return nil }
            switch event {
            case .gap(let lost):
                throw RingError.outcomeUnknown(
                    "\(lost) records were lost, because they were not taken in time")
            case .event(let event):
                guard event.bytes.count == size else {
                    let text = "a record of \(event.bytes.count) bytes, not \(size)"
                    throw RingError.protocolViolation(WireError(.malformed, rule: 0, text))
                }
                return event.bytes.withUnsafeBytes { decode(WireBytes($0)) }
            }
        }
    }
}
