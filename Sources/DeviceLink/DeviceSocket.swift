import Glibc

/// One end of the connection between the gateway and a device's own process, and what has come there.
///
/// Each direction belongs to one thread at a time.
public struct DeviceSocket {
    public let descriptor: Int32
    private var inbox = DeviceInbox()
    private static let chunk = 64 << 10
    private var buffer = [UInt8](repeating: 0, count: chunk)

    public init(_ descriptor: Int32) { self.descriptor = descriptor }

    /// Two ends of one connection, or a negated errno (socketpair(2)).
    public static func pair() -> (result: Int32, Int32, Int32) {
        var ends: [Int32] = [-1, -1]
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let made = socketpair(AF_UNIX, kind, 0, &ends)
        return (made < 0 ? -errno : 0, ends[0], ends[1])
    }

    /// Takes what is there, waiting for some. False when no more will come.
    public mutating func fill() -> Bool {
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count > 0 {
                buffer.withUnsafeBytes { inbox.add(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
                return true
            }
            guard count < 0, errno == EINTR else { return false }
        }
    }

    /// The next order that has come whole.
    public mutating func nextOrder() throws(DeviceLinkError) -> DeviceOrder? {
        guard let message = try inbox.next() else { return nil }
        guard let order = DeviceOrder(message) else { throw DeviceLinkError() }
        return order
    }

    /// The next answer that has come whole.
    public mutating func nextAnswer() throws(DeviceLinkError) -> DeviceAnswer? {
        guard let message = try inbox.next() else { return nil }
        guard let answer = DeviceAnswer(message) else { throw DeviceLinkError() }
        return answer
    }

    /// Sends all of `bytes`, waiting as long as that takes. False when nobody will read them.
    public static func send(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        bytes.withUnsafeBytes { bytes in
            var sent = 0
            while sent < bytes.count {
                let rest = UnsafeRawBufferPointer(rebasing: bytes[sent...])
                let count = Glibc.send(descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return false }
                sent += count
            }
            return true
        }
    }
}
