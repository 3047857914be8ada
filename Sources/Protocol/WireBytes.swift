/// Borrowed bytes of a frame with little-endian loads that are bounds-checked in release builds.
///
/// The one place of this module that touches memory unsafely. Sound because every access is checked against
/// `count` before the pointer is formed, and because whoever makes one (the receive path of the gateway or
/// the client) keeps the memory alive and unwritten until the frame has been handled.
@frozen
public struct WireBytes {
    @usableFromInline let base: UnsafeRawPointer
    public let count: Int

    /// `bytes` must stay alive and unwritten while this value and all values cut from it are in use.
    @inlinable
    public init(_ bytes: UnsafeRawBufferPointer) {
        base = bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 1).unsafelyUnwrapped
        count = bytes.count
    }

    /// No bytes.
    @inlinable
    public init() {
        self.init(UnsafeRawBufferPointer(start: nil, count: 0))
    }

    /// The integer stored little-endian at `offset`. Traps when it does not lie inside.
    @inlinable @inline(__always)
    public func load<T: FixedWidthInteger & BitwiseCopyable>(_ type: T.Type, at offset: Int) -> T {
        precondition(offset >= 0 && offset <= count - MemoryLayout<T>.size, "load outside the bytes")
        return T(littleEndian: base.loadUnaligned(fromByteOffset: offset, as: T.self))
    }

    /// The bytes in `range`, without a copy. Traps when it does not lie inside.
    @inlinable @inline(__always)
    public func slice(_ offset: Int, _ length: Int) -> WireBytes {
        precondition(
            offset >= 0 && length >= 0 && offset <= count && length <= count - offset,
            "slice outside the bytes")
        return WireBytes(UnsafeRawBufferPointer(start: base + offset, count: length))
    }

    /// Whether every byte from `offset` to the end is zero.
    @inlinable @inline(__always)
    public func isZero(from offset: Int) -> Bool {
        var index = offset
        while index < count {
            if load(UInt8.self, at: index) != 0 { return false }
            index += 1
        }
        return true
    }

    /// A copy of the bytes.
    public var array: [UInt8] { Array(pointer) }

    /// The bytes as UTF-8 text, or nil when they are not valid UTF-8.
    public var text: String? { String(validating: pointer, as: UTF8.self) }

    /// The memory itself, for handing to the kernel or copying out.
    @inlinable
    public var pointer: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }
}

extension UnsafeMutableRawBufferPointer {
    /// Stores `value` little-endian at `offset`. Traps when it does not lie inside.
    @inlinable @inline(__always)
    public func storeWire<T: FixedWidthInteger & BitwiseCopyable>(_ value: T, at offset: Int) {
        precondition(offset >= 0 && offset <= count - MemoryLayout<T>.size, "store outside the buffer")
        baseAddress.unsafelyUnwrapped.storeBytes(of: value.littleEndian, toByteOffset: offset, as: T.self)
    }

    /// Copies `bytes` to `offset` and zeroes the padding behind them. Traps when they do not fit.
    @inlinable @inline(__always)
    public func storeWirePadded(_ bytes: UnsafeRawBufferPointer, at offset: Int) {
        let padded = Limits.padded(bytes.count)
        precondition(offset >= 0 && offset <= count && padded <= count - offset, "copy outside the buffer")
        guard let source = bytes.baseAddress, bytes.count > 0 else { return }
        let target = baseAddress.unsafelyUnwrapped + offset
        target.copyMemory(from: source, byteCount: bytes.count)
        (target + bytes.count).initializeMemory(as: UInt8.self, repeating: 0, count: padded - bytes.count)
    }
}
