import Glibc
import RingPolicy

/// Memory for one ioctl(2) argument that ends at an inaccessible page: a driver that touches more than the
/// profile says gets EFAULT instead of the gateway's heap.
struct GuardedBlock: ~Copyable {
    private let mapping: UnsafeMutableRawPointer
    private let usable: Int
    private let total: Int

    init() throws(EngineError) {
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        usable = (CommandShape.maximumSize + page - 1) / page * page
        total = usable + page
        guard let memory = mmap(nil, total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            memory != MAP_FAILED
        else { throw .failed(call: "mmap", errno: errno) }
        guard mprotect(memory + usable, page, PROT_NONE) == 0 else {
            munmap(memory, total)
            throw .failed(call: "mprotect", errno: errno)
        }
        mapping = memory
    }

    deinit { munmap(mapping, total) }

    /// `size` bytes whose last one is the last before the guard page.
    func place(_ size: Int) -> UnsafeMutableRawBufferPointer {
        precondition(size >= 0 && size <= usable, "block larger than any profile may describe")
        return UnsafeMutableRawBufferPointer(start: mapping + (usable - size), count: size)
    }
}
