import CSandbox
import Glibc

/// What only the start has needed: reading policies and settings is most of the program, serving a small part of it.
enum StartMemory {
    /// Lets go of the pages of the program's own code. They are unchanged, so the kernel maps those that are run again from its
    /// cache (madvise(2), MADV_DONTNEED on a file's private mapping).
    static func forget() {
        let table = UnsafePointer<Elf64_Phdr>(bitPattern: getauxval(UInt(AT_PHDR)))
        let headers = UnsafeBufferPointer(start: table, count: Int(getauxval(UInt(AT_PHNUM))))
        guard let own = headers.first(where: { $0.p_type == PT_PHDR }) else { return }
        // Where the program was put, which is not where it was linked to be.
        let base = UInt(bitPattern: table) &- UInt(own.p_vaddr)
        let page = UInt(sysconf(Int32(_SC_PAGESIZE)))
        for header in headers where header.p_type == PT_LOAD && header.p_flags & UInt32(PF_X) != 0 {
            let start = (base &+ UInt(header.p_vaddr)) / page * page
            let end = base &+ UInt(header.p_vaddr) &+ UInt(header.p_memsz)
            madvise(UnsafeMutableRawPointer(bitPattern: start), Int(end - start), MADV_DONTNEED)
        }
    }
}
