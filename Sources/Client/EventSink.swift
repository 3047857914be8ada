import RingProtocol

/// Where a stream's events go on their way to who reads them.
final class EventSink: Sendable {
    private let continuation: AsyncThrowingStream<RemoteEvent, any Error>.Continuation
    private let operation: String

    init(_ continuation: AsyncThrowingStream<RemoteEvent, any Error>.Continuation, _ operation: String) {
        self.continuation = continuation
        self.operation = operation
    }

    func take(_ header: CompletionHeader, _ payload: WireBytes) {
        if header.flags.contains(.gap) {
            continuation.yield(.gap(lost: (try? Gap.decode(payload))?.lost ?? 0))
        } else {
            continuation.yield(
                .event(
                    RemoteEvent.Event(
                        result: header.result, bytes: payload.array, time: header.deviceTime)))
        }
    }

    /// The stream's last completion: its end, or why it ended.
    func end(_ reply: Reply?) {
        guard let reply, let failure = reply.failure(of: operation) else { return continuation.finish() }
        if case .errno(let errno, _) = failure, errno.isCancellation { return continuation.finish() }
        continuation.finish(throwing: failure)
    }

    func fail(_ error: any Error) { continuation.finish(throwing: error) }
}

/// What a stream tells.
public enum RemoteEvent: Sendable, Equatable {
    public struct Event: Sendable, Equatable {
        /// What the kernel returned: bytes read, or the events that hold.
        public let result: Int32
        /// Bytes read, or a document.
        public let bytes: [UInt8]
        /// When the gateway found it: the low 48 bits of its CLOCK_MONOTONIC, in nanoseconds.
        public let time: UInt64
    }

    case event(Event)
    /// So many events, of a console bytes, were dropped here because nobody took them.
    case gap(lost: UInt64)
}
