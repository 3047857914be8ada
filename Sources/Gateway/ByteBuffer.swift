/// Growable bytes with a read end and a write end, in memory of their own. The one owner frees it.
struct ByteBuffer: ~Copyable {
    private var memory: UnsafeMutableRawPointer?
    private var capacity = 0
    private var start = 0
    private var end = 0

    init() {}

    deinit { memory?.deallocate() }

    var count: Int { end - start }
    var isEmpty: Bool { end == start }

    /// The bytes between the ends.
    var bytes: UnsafeRawBufferPointer {
        guard let memory else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        return UnsafeRawBufferPointer(start: memory + start, count: count)
    }

    /// The same, for changing what is already written.
    var mutableBytes: UnsafeMutableRawBufferPointer {
        guard let memory else { return UnsafeMutableRawBufferPointer(start: nil, count: 0) }
        return UnsafeMutableRawBufferPointer(start: memory + start, count: count)
    }

    /// At least `size` bytes behind the write end; `commit` makes them part of the buffer.
    @inline(__always)
    mutating func space(_ size: Int) -> UnsafeMutableRawBufferPointer {
        if capacity - end < size { makeRoom(size) }
        return UnsafeMutableRawBufferPointer(start: memory.unsafelyUnwrapped + end, count: capacity - end)
    }

    @inline(__always)
    mutating func commit(_ size: Int) {
        precondition(size >= 0 && size <= capacity - end, "more bytes than there was room for")
        end += size
    }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress, bytes.count > 0 else { return }
        space(bytes.count).baseAddress.unsafelyUnwrapped.copyMemory(from: source, byteCount: bytes.count)
        commit(bytes.count)
    }

    /// Drops bytes from the read end. Empty buffers start over, and give back what is more than `keeping`.
    @inline(__always)
    mutating func consume(_ size: Int, keeping: Int = GatewayLimits.idleCapacity) {
        precondition(size >= 0 && size <= count, "more bytes than there are")
        start += size
        guard start == end else { return }
        start = 0
        end = 0
        if capacity > keeping { release() }
    }

    private mutating func release() {
        memory?.deallocate()
        memory = nil
        capacity = 0
    }

    private mutating func makeRoom(_ size: Int) {
        var target = max(capacity, 1024)
        while target - count < size { target *= 2 }
        let fresh = UnsafeMutableRawPointer.allocate(byteCount: target, alignment: 16)
        if let memory {
            fresh.copyMemory(from: memory + start, byteCount: count)
            memory.deallocate()
        }
        memory = fresh
        end = count
        start = 0
        capacity = target
    }
}
