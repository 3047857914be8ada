/// What a `ChaosProxy` does to one connection. Both directions are independent; the empty plan only forwards.
public struct ChaosPlan: Sendable {
    /// How a connection is ended towards both of its peers.
    public enum Ending: Sendable {
        /// RST: reads and writes fail with ECONNRESET. What was forwarded before it is delivered first.
        case reset
        /// FIN: the end of the stream, in order. What the peers still send is thrown away.
        case finish
    }

    /// Ends the connection once exactly so many bytes of a direction were delivered, counted over the connection.
    public struct Cut: Sendable {
        public var after: UInt64
        public var ending: Ending

        public init(after: UInt64, _ ending: Ending = .reset) {
            self.after = after
            self.ending = ending
        }
    }

    /// One direction.
    public struct Flow: Sendable {
        public var cut: Cut?
        /// Between taking a byte and sending it on. The order is kept when it changes.
        public var delay: Duration = .zero
        /// Most bytes of a TCP segment; each is sent when the one before has left the socket.
        public var segment: Int?
        /// Bytes a second, in pieces of a hundredth of a second or one byte.
        public var rate: Int?
        /// Takes nothing and sends nothing, so that the sender meets back pressure.
        public var isStalled = false

        public init() {}
    }

    public var toServer = Flow()
    public var toClient = Flow()

    public init(_ change: (inout ChaosPlan) -> Void = { _ in }) { change(&self) }
}

/// What has become of one connection.
public struct ChaosRecord: Sendable {
    /// Sent on, as the socket took it.
    public struct Count: Sendable {
        public var bytes: UInt64 = 0
        /// Calls of send(2): TCP segments, where the plan bounds them.
        public var segments: UInt64 = 0
    }

    public enum Fate: Sendable, Equatable {
        case open
        /// Ended by the plan or by `cut`.
        case cut
        /// Both peers have ended their streams, or one has reset the connection, or the server refused it.
        case ended
    }

    public var toServer = Count()
    public var toClient = Count()
    public var fate = Fate.open
}

extension Duration {
    /// Whole nanoseconds; 0 for a negative duration, the greatest number for one that does not fit.
    var nanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let (product, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? .max : product &+ UInt64(attoseconds / 1_000_000_000)
    }
}
