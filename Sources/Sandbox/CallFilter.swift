import CSandbox
import Glibc

/// The system calls that are left (seccomp(2)): what a program with threads, files, sockets and rings needs to go on, and
/// nothing that begins another program, another process, a privilege, or another view of the system.
enum CallFilter {
    static func install(_ reach: Reach) throws(SandboxError) {
        let code = code(for: reach).instructions
        guard code.count <= BPF_MAXINSNS else {
            throw SandboxError("seccomp: \(reach.ioctls.count) ioctl codes are too many for a filter")
        }
        try SandboxError.check(rg_filter_calls(code, UInt16(code.count)), "seccomp")
    }

    private static var architecture: UInt32 {
        #if arch(x86_64)
            0xc000_003e  // AUDIT_ARCH_X86_64
        #elseif arch(arm64)
            0xc000_00b7  // AUDIT_ARCH_AARCH64
        #else
            0
        #endif
    }

    /// Calls of later kernels are said not to be there, which libraries expect; so are those of x32, whose numbers have
    /// bit 30 set under the same architecture.
    private static let unknown = UInt32(SYS_landlock_restrict_self) + 16

    static func code(for reach: Reach) -> FilterCode {
        var code = FilterCode()
        code.load(FilterCode.Word.architecture)
        var right = FilterCode()
        right.load(FilterCode.Word.call)
        for (call, piece) in looked(reach) { right.through(piece, if: UInt32(call)) }
        // Its flags lie where no filter can see them; without it, threads are made by clone(2).
        right.end(.fail(ENOSYS), if: UInt32(SYS_clone3))
        var late = FilterCode()
        late.end(.fail(ENOSYS))
        right.through(late, ifAtLeast: unknown)
        let rest = FilterCode.oneOf(Calls.plain.map(UInt32.init).sorted()[...], otherwise: .fail(EPERM))
        code.through(right + rest, if: architecture)
        code.end(.kill)
        return code
    }

    /// Calls that are allowed with some arguments only.
    private static func looked(_ reach: Reach) -> [(Int, FilterCode)] {
        [
            (Int(SYS_ioctl), ioctl(reach.ioctls)),
            // Memory that could be run: none is made, so what is run is what was there at the start.
            (Int(SYS_mmap), argument(2, UInt32(PROT_EXEC), oneOf: [0])),
            (Int(SYS_mprotect), argument(2, UInt32(PROT_EXEC), oneOf: [0])),
            // Threads, not processes: CLONE_THREAD.
            (Int(SYS_clone), argument(0, 0x0001_0000, oneOf: [0x0001_0000])),
            (Int(SYS_socket), argument(0, oneOf: [UInt32(AF_INET), UInt32(AF_INET6)])),
            // A thread's name, and that of a mapping (PR_SET_VMA).
            (Int(SYS_prctl), argument(0, oneOf: [UInt32(PR_SET_NAME), UInt32(PR_GET_NAME), 0x5356_4d41])),
            // abort(3), and workers that are interrupted.
            (Int(SYS_tgkill), argument(0, oneOf: [UInt32(getpid())])),
            (Int(SYS_prlimit64), null(2)),
        ]
    }

    private static func ioctl(_ codes: Set<CodeMask>) -> FilterCode {
        var code = FilterCode()
        for family in codes.filter({ $0.mask != .max }).sorted(by: { $0.value < $1.value }) {
            code.load(FilterCode.Word.argument(1))
            code.and(family.mask)
            code.end(.allow, if: family.value)
        }
        return code + argument(1, oneOf: codes.filter { $0.mask == .max }.map(\.value))
    }

    /// Allows a call whose argument, as far as `bits` go, is one of `values`.
    private static func argument(
        _ index: UInt32, _ bits: UInt32 = .max, oneOf values: [UInt32]
    ) -> FilterCode {
        var code = FilterCode()
        code.load(FilterCode.Word.argument(index))
        if bits != .max { code.and(bits) }
        return code + FilterCode.oneOf(values.sorted()[...], otherwise: .fail(EPERM))
    }

    private static func null(_ index: UInt32) -> FilterCode {
        var low = FilterCode()
        low.load(FilterCode.Word.argument(index))
        var high = FilterCode()
        high.load(FilterCode.Word.upperHalf(ofArgument: index))
        low.through(high + FilterCode.oneOf([0], otherwise: .fail(EPERM)), if: 0)
        low.end(.fail(EPERM))
        return low
    }
}
