import Glibc
import RingFault

/// Places in memory that each end at an inaccessible page: a driver that touches more than the profile says
/// gets EFAULT instead of the gateway's heap.
struct GuardedPlaces: ~Copyable {
    private let mapping: UnsafeMutableRawPointer?
    private let usable: Int
    private let stride: Int
    let count: Int

    /// None.
    init() { (mapping, usable, stride, count) = (nil, 0, 0, 0) }

    /// `count` places of at most `size` bytes; touched, and so paid for, only when used.
    init(count: Int, size: Int) throws(EngineError) {
        if let code = Fault.guardedMemory.strikes { throw .failed(call: "mmap", errno: code) }
        let usable = Pages.rounded(size)
        let stride = usable + Pages.size
        guard
            let memory = mmap(
                nil, count * stride, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            memory != MAP_FAILED
        else { throw .failed(call: "mmap", errno: errno) }
        for index in 0..<count {
            guard mprotect(memory + index * stride + usable, Pages.size, PROT_NONE) == 0 else {
                let code = errno
                munmap(memory, count * stride)
                throw .failed(call: "mprotect", errno: code)
            }
        }
        (mapping, self.usable, self.stride, self.count) = (memory, usable, stride, count)
    }

    deinit { if let mapping { munmap(mapping, count * stride) } }

    /// `size` bytes of the place whose last one is the last before its guard page.
    @inline(__always)
    func place(_ index: Int, _ size: Int) -> UnsafeMutableRawBufferPointer {
        precondition(index >= 0 && index < count && size >= 0 && size <= usable, "no such place")
        return UnsafeMutableRawBufferPointer(
            start: mapping.unsafelyUnwrapped + (index * stride + usable - size), count: size)
    }

    /// Gives the memory of all places back; they read as zeros afterwards.
    func forget() { if let mapping { madvise(mapping, count * stride, MADV_DONTNEED) } }
}
