/// The client's name for one entry: strictly increasing within a session, never 0.
@frozen
public struct RequestID: Hashable, Comparable, Sendable {
    public let value: UInt64
    @inlinable public init(_ value: UInt64) { self.value = value }
    @inlinable public static func < (left: Self, right: Self) -> Bool { left.value < right.value }
    /// No entry: what it ends up in is answered to nobody. Clients cannot use the number.
    @inlinable public static var none: RequestID { RequestID(0) }
}

/// An index into the session's table of open files, chosen by the client: 0 ..< the welcome's `slots`.
@frozen
public struct FileSlot: Hashable, Sendable {
    public let index: UInt16
    @inlinable public init(_ index: UInt16) { self.index = index }
}

/// The 32-bit code of a device command: an ioctl request number or a URING_CMD `cmd_op`, compared in full.
@frozen
public struct SubOpcode: Hashable, Comparable, Sendable {
    public let code: UInt32
    @inlinable public init(_ code: UInt32) { self.code = code }
    @inlinable public static func < (left: Self, right: Self) -> Bool { left.code < right.code }
}

extension SubOpcode: CustomStringConvertible {
    public var description: String { "0x" + String(code, radix: 16) }
}
