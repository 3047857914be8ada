import TestSupport

/// A seccomp filter under which a system call fails, as in a container.
enum Sandbox {
    /// Installs the filter and becomes the program: `errno, call, program, arguments...`. 38 and 22 are
    /// PR_SET_NO_NEW_PRIVS and PR_SET_SECCOMP.
    private static let script = """
        import ctypes, os, struct, sys
        code = struct.pack("HBBI" * 4, 0x20, 0, 0, 0, 0x15, 0, 1, int(sys.argv[2]),
                           0x06, 0, 0, 0x50000 | int(sys.argv[1]), 0x06, 0, 0, 0x7fff0000)
        text = ctypes.create_string_buffer(code)
        class Program(ctypes.Structure):
            _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]
        libc = ctypes.CDLL(None)
        filter = ctypes.byref(Program(4, ctypes.addressof(text)))
        if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, filter, 0, 0):
            sys.exit(99)
        os.execvp(sys.argv[3], sys.argv[3:])
        """

    /// io_uring_setup(2) is 425, landlock_create_ruleset(2) 444, on every architecture.
    static func wrapper(errno: Int32, call: Int = 425) -> Daemon.Wrapper {
        ["python3", "-c", script, "\(errno)", "\(call)"]
    }

    /// Whether such a filter can be had here.
    static var isUsable: Bool { (try? Tool.run(wrapper(errno: 1) + ["true"]).succeeded) ?? false }
}
