import CLiburing
import Glibc
import RingEngine

/// The buffers the kernel picks from for received bytes, shared by all connections of a loop
/// (IORING_REGISTER_PBUF_RING). A connection without traffic holds none.
struct ReceiveBuffers: ~Copyable {
    static let group: UInt16 = 0
    private let ring: UnsafeMutablePointer<io_uring_buf_ring>
    private let ringSize: Int
    private let memory: UnsafeMutableRawPointer

    init(_ owner: borrowing Ring) throws(EngineError) {
        let ringSize = GatewayLimits.receiveBuffers * MemoryLayout<io_uring_buf>.stride
        guard let mapping = mmap(nil, ringSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            mapping != MAP_FAILED
        else { throw .failed(call: "mmap", errno: errno) }
        var registration = io_uring_buf_reg()
        registration.ring_addr = UInt64(UInt(bitPattern: mapping))
        registration.ring_entries = UInt32(GatewayLimits.receiveBuffers)
        registration.bgid = Self.group
        do throws(EngineError) {
            try owner.registerBuffers(&registration)
        } catch {
            munmap(mapping, ringSize)
            throw error
        }
        self.ringSize = ringSize
        ring = mapping.assumingMemoryBound(to: io_uring_buf_ring.self)
        memory = .allocate(
            byteCount: GatewayLimits.receiveBuffers * GatewayLimits.receiveBufferSize, alignment: 4096)
        io_uring_buf_ring_init(ring)
        for buffer in 0..<UInt16(GatewayLimits.receiveBuffers) { provide(buffer) }
    }

    /// By then the loop has ended and every connection was cut: the kernel has no receive left that could use
    /// them.
    deinit {
        munmap(ring, ringSize)
        memory.deallocate()
    }

    func provide(_ buffer: UInt16) {
        let size = GatewayLimits.receiveBufferSize
        io_uring_buf_ring_add(
            ring, memory + Int(buffer) * size, UInt32(size), buffer,
            io_uring_buf_ring_mask(UInt32(GatewayLimits.receiveBuffers)), 0)
        io_uring_buf_ring_advance(ring, 1)
    }

    /// What the kernel wrote. Both numbers are the kernel's; they are checked all the same.
    func bytes(of buffer: UInt16, count: Int) -> UnsafeRawBufferPointer {
        precondition(Int(buffer) < GatewayLimits.receiveBuffers && count <= GatewayLimits.receiveBufferSize)
        return UnsafeRawBufferPointer(
            start: memory + Int(buffer) * GatewayLimits.receiveBufferSize, count: count)
    }
}
