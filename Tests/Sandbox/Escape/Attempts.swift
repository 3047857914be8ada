import CEscape
import CLiburing
import CSandbox
import Glibc
import RingOpener
import RingPolicy

/// The ways out, and what must go on working.
struct Attempts {
    typealias Attempt = () -> Int

    private let inside: String
    private let outside: String
    private let port: UInt16
    private let socketName: String
    /// Opened before the sandbox is entered, as the gateway's are.
    private let terminal: Int32
    private let opener: Opener

    init(inside: String, outside: String, port: UInt16, socket: String, opener: Opener) {
        self.opener = opener
        (self.inside, self.outside, self.port, socketName) = (inside, outside, port, socket)
        terminal = Glibc.open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
    }

    /// A system call; 0 or the errno.
    private func call(
        _ number: Int32, _ first: Int = 0, _ second: Int = 0, _ third: Int = 0, _ fourth: Int = 0,
        _ fifth: Int = 0
    ) -> Int {
        let result = rg_call(Int(number), first, second, third, fourth, fifth, 0)
        return result < 0 ? -result : 0
    }

    /// A system call whose second argument, or with `first` its first, is a text.
    private func call(_ number: Int32, _ first: Int, text: String, _ third: Int = 0, _ fourth: Int = 0) -> Int
    {
        text.withCString { call(number, first, Int(bitPattern: $0), third, fourth) }
    }

    private static let here = Int(AT_FDCWD)

    var all: [(String, Attempt)] {
        processes + files + privileges + memory + devices + opened + network + rings
    }

    private var processes: [(String, Attempt)] {
        [
            ("execve", { execute(SYS_execve) }),
            ("execveat", { execute(SYS_execveat) }),
            (
                "fork",
                {
                    let child = rg_child(); if child > 0 { waitpid(pid_t(child), nil, 0) };
                    return max(0, -child)
                }
            ),
            ("ptrace the parent", { attach() }),
            ("read the parent's memory", { readParent() }),
            ("signal the parent", { call(SYS_kill, Int(getppid()), 0) }),
            ("pidfd_open the parent", { call(SYS_pidfd_open, Int(getppid())) }),
        ]
    }

    private var files: [(String, Attempt)] {
        [
            ("read a file outside", { open("\(outside)/secret", O_RDONLY) }),
            ("write a file outside", { open("\(outside)/new", O_WRONLY | O_CREAT) }),
            (
                "truncate a file outside",
                { "\(outside)/other".withCString { call(SYS_truncate, Int(bitPattern: $0)) } }
            ),
            ("list a folder outside", { open(outside, O_RDONLY | O_DIRECTORY) }),
            ("remove a file outside", { call(SYS_unlinkat, Self.here, text: "\(outside)/third") }),
            ("rename a file to the outside", { rename() }),
            (
                "link to the outside",
                {
                    "\(outside)/secret".withCString {
                        call(SYS_symlinkat, Int(bitPattern: $0), Self.here, address("\(inside)/link"))
                    }
                }
            ),
            ("read the parent's environment", { open("/proc/\(getppid())/environ", O_RDONLY) }),
            (
                "make a device node",
                { call(SYS_mknodat, Self.here, text: "\(inside)/node", 0o020_600, 0x103) }
            ),
            ("change the root", { "/".withCString { call(SYS_chroot, Int(bitPattern: $0)) } }),
            ("mount", { mount() }),
        ]
    }

    private var privileges: [(String, Attempt)] {
        [
            ("get capabilities back", { capabilities() }),
            // CLONE_NEWUSER
            ("a user namespace", { call(SYS_unshare, 0x1000_0000) }),
            ("another's namespace", { call(SYS_setns, -1) == Int(EBADF) ? 0 : Int(EPERM) }),
            ("load a BPF program", { call(SYS_bpf, 0, 0, 0) == Int(EPERM) ? Int(EPERM) : 0 }),
            (
                "count events of the processor",
                { call(SYS_perf_event_open, 0, 0, -1, -1) == Int(EFAULT) ? 0 : Int(EPERM) }
            ),
            ("ask for a key", { call(SYS_keyctl, 0, -3, 1) }),
            ("take faults over", { call(SYS_userfaultfd, 0) }),
            ("the personality", { call(SYS_personality, 0xffff_ffff) }),
        ]
    }

    /// For the end, because the folders are another's then.
    var last: [(String, Attempt)] { [("become another user", { call(SYS_setresuid, 65534, 65534, -1) })] }

    private var memory: [(String, Attempt)] {
        [
            ("memory to write and run", { map(PROT_READ | PROT_WRITE | PROT_EXEC) }),
            (
                "memory made runnable",
                {
                    let page = mmap(nil, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                    return call(SYS_mprotect, Int(bitPattern: page), 4096, Int(PROT_READ | PROT_EXEC))
                }
            ),
        ]
    }

    private var devices: [(String, Attempt)] {
        [
            // TCGETS, TIOCSTI
            ("an ioctl that no profile has", { ioctl(0x5401) }),
            ("an ioctl that types for the user", { ioctl(0x5412) }),
            ("open a device", { open("/dev/null", O_RDWR) }),
            (
                "open a device through a ring",
                {
                    address("/dev/null") { path in
                        submit { io_uring_prep_openat($0, AT_FDCWD, path, O_RDWR, 0) }
                    }
                }
            ),
        ]
    }

    static let none = Profile(name: "none", summary: "", commands: [])
    static let apart = Device(
        name: "apart", path: "/dev/null", kind: .character, access: .readWrite, profile: none,
        hasOwnProcess: true)

    /// What the process that opens devices is not talked into.
    private var opened: [(String, Attempt)] {
        [
            ("a device that no policy names", { ask("zero", "/dev/zero") }),
            ("a path as a device's name", { ask("/dev/zero", "/dev/zero") }),
            ("a longer name", { ask(String(repeating: "null", count: 1_000), "/dev/null") }),
            ("another path under a device's name", { askForAnother() }),
            ("a device that has a process of its own", { ask("apart", "/dev/null") }),
            ("a descriptor for what is no request", { garble() == 0 ? Int(EPERM) : 0 }),
        ]
    }

    private var network: [(String, Attempt)] {
        [
            ("connect to another port", { connect() }),
            ("listen on another port", { listen() }),
            ("an abstract socket", { connectLocally() }),
            ("a netlink socket", { call(SYS_socket, Int(AF_NETLINK), Int(SOCK_RAW.rawValue), 0) }),
        ]
    }

    /// What a ring of its own does not get around.
    private var rings: [(String, Attempt)] {
        [
            (
                "read a file outside through a ring",
                {
                    address("\(outside)/secret") { path in
                        submit { io_uring_prep_openat($0, AT_FDCWD, path, O_RDONLY, 0) }
                    }
                }
            ),
            (
                "remove a file outside through a ring",
                {
                    address("\(outside)/fourth") { path in
                        submit { io_uring_prep_unlinkat($0, AT_FDCWD, path, 0) }
                    }
                }
            ),
        ]
    }

    /// What the gateway does all the time.
    var uses: [(String, Attempt)] {
        [
            ("a file inside", { open("\(inside)/mine", O_RDWR | O_CREAT) }),
            ("a device of the policy", { ask("null", "/dev/null") }),
            // TIOCGWINSZ
            ("an ioctl of a profile", { ioctl(0x5413) }),
            ("a thread", { thread() }),
            ("a ring", { submit { io_uring_prep_nop($0) } }),
        ]
    }

    private func ask(_ name: String, _ path: String) -> Int {
        let descriptor = opener.open(Self.device(name, path)).descriptor
        if descriptor >= 0 { close(descriptor) }
        return max(0, -Int(descriptor))
    }

    private static func device(_ name: String, _ path: String) -> Device {
        Device(name: name, path: path, kind: .character, access: .readWrite, profile: none)
    }

    /// It opens what the policy says, or nothing.
    private func askForAnother() -> Int {
        let descriptor = opener.open(Self.device("null", "/dev/zero")).descriptor
        guard descriptor >= 0 else { return Int(EIO) }
        defer { close(descriptor) }
        var byte: UInt8 = 0
        // /dev/null has an end.
        return read(descriptor, &byte, 1) == 0 ? Int(EPERM) : 0
    }

    /// Messages that are no requests, on every socket that may be the opener's; how many descriptors come back.
    private func garble() -> Int {
        var given = 0
        for socket in Int32(3)..<64 {
            var (type, size) = (Int32(0), socklen_t(4))
            guard getsockopt(socket, SOL_SOCKET, SO_TYPE, &type, &size) == 0,
                type == Int32(SOCK_SEQPACKET.rawValue)
            else { continue }
            let long = [UInt8](repeating: 0xff, count: 4_000)
            for count in [1, 3, 4, 1_024, 1_025, 4_000] {
                for with in [-1, terminal, socket] {
                    _ = rg_send(socket, long, count, with, Int32(MSG_DONTWAIT))
                }
            }
            var answer: Int32 = -1
            var byte: UInt8 = 0
            while recv(socket, &byte, 1, Int32(MSG_DONTWAIT | MSG_PEEK)) >= 0 {
                if rg_receive(socket, &byte, 1, &answer) < 0 { break }
                if answer >= 0 { given += 1 }
            }
        }
        return given
    }

    private func address(_ text: String) -> Int { Int(bitPattern: strdup(text)) }
    private func address(_ text: String, _ body: (UnsafePointer<CChar>) -> Int) -> Int {
        text.withCString(body)
    }

    private func open(_ path: String, _ flags: Int32) -> Int {
        let file = path.withCString {
            rg_call(Int(SYS_openat), Self.here, Int(bitPattern: $0), Int(flags), 0o600, 0, 0)
        }
        if file >= 0 { close(Int32(file)) }
        return max(0, -file)
    }

    /// A program that is not there, so that the attempt would go no further: found missing, it was let through.
    private func execute(_ number: Int32) -> Int {
        let path = address("/dev/null/program")
        var arguments: [Int] = [path, 0]
        let error = arguments.withUnsafeMutableBytes { list in
            let list = Int(bitPattern: list.baseAddress)
            return number == SYS_execve
                ? call(number, path, list, list + 8) : call(number, Self.here, path, list, list + 8)
        }
        return error == Int(ENOTDIR) ? 0 : error
    }

    private func attach() -> Int {
        // PTRACE_SEIZE and PTRACE_DETACH, which leave it running.
        let error = call(SYS_ptrace, 0x4206, Int(getppid()))
        if error == 0 { _ = call(SYS_ptrace, 17, Int(getppid())) }
        return error
    }

    private func readParent() -> Int {
        var byte: UInt8 = 0
        return withUnsafeMutablePointer(to: &byte) { byte in
            var pair = [Int(bitPattern: byte), 1]
            return pair.withUnsafeMutableBytes {
                let list = Int(bitPattern: $0.baseAddress)
                // The same address, where the parent's stack may not be: not to be there is to have been looked at.
                let error = call(SYS_process_vm_readv, Int(getppid()), list, 1, list, 1)
                return error == Int(EFAULT) ? 0 : error
            }
        }
    }

    private func rename() -> Int {
        _ = open("\(inside)/moving", O_RDWR | O_CREAT)
        return "\(inside)/moving".withCString {
            call(SYS_renameat2, Self.here, Int(bitPattern: $0), Self.here, address("\(outside)/moved"))
        }
    }

    private func mount() -> Int {
        let none = address("none"), place = address(inside), kind = address("tmpfs")
        let error = call(SYS_mount, none, place, kind)
        if error == 0 { _ = call(SYS_umount2, place, 2) }
        return error
    }

    private func capabilities() -> Int {
        // linux/capability.h: version 3, this thread; the first word of each set: effective, permitted, inheritable.
        var header: [UInt32] = [0x2008_0522, 0]
        var data: [UInt32] = [1, 1, 0, 0, 0, 0]
        return header.withUnsafeMutableBytes { header in
            data.withUnsafeMutableBytes {
                call(SYS_capset, Int(bitPattern: header.baseAddress), Int(bitPattern: $0.baseAddress))
            }
        }
    }

    private func map(_ protection: Int32) -> Int {
        mmap(nil, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? Int(errno) : 0
    }

    private func ioctl(_ code: Int) -> Int {
        var block = [UInt8](repeating: 0, count: 64)
        return block.withUnsafeMutableBytes {
            call(SYS_ioctl, Int(terminal), code, Int(bitPattern: $0.baseAddress))
        }
    }

    private func thread() -> Int {
        var thread = pthread_t()
        let error = pthread_create(&thread, nil, { _ in nil }, nil)
        if error == 0 { pthread_join(thread, nil) }
        return Int(error)
    }

    // MARK: Sockets and rings

    private func connect() -> Int {
        withSocket(AF_INET) { socket in withAddress(port) { Glibc.connect(socket, $0, $1) } }
    }

    /// One that is free: the one behind is asked for, so that it is no port that was allowed.
    private func listen() -> Int {
        withSocket(AF_INET) { socket in
            var option: Int32 = 1
            setsockopt(socket, SOL_SOCKET, SO_REUSEPORT, &option, 4)
            return withAddress(port == 65_535 ? port - 1 : port + 1) { Glibc.bind(socket, $0, $1) }
        }
    }

    private func connectLocally() -> Int {
        // The sandbox gives no local sockets at all, so a filter of calls alone would do; both are asked.
        withSocket(AF_UNIX) { socket in
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0[1...].copyBytes(from: socketName.utf8) }
            let size = socklen_t(2 + 1 + socketName.utf8.count)
            return withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.connect(socket, $0, size) }
            }
        }
    }

    private func withSocket(_ family: Int32, _ body: (Int32) -> Int32) -> Int {
        let socket = socket(family, Int32(SOCK_STREAM.rawValue), 0)
        guard socket >= 0 else { return Int(errno) }
        defer { close(socket) }
        return body(socket) == 0 ? 0 : Int(errno)
    }

    private func withAddress(_ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    /// One entry on a ring of its own; what it came to, a descriptor being 0.
    private func submit(_ prepare: (UnsafeMutablePointer<io_uring_sqe>) -> Void) -> Int {
        var ring = io_uring()
        let made = io_uring_queue_init(4, &ring, 0)
        guard made == 0 else { return Int(-made) }
        defer { io_uring_queue_exit(&ring) }
        guard let entry = io_uring_get_sqe(&ring) else { return Int(ENOSPC) }
        prepare(entry)
        io_uring_submit(&ring)
        var completion: UnsafeMutablePointer<io_uring_cqe>?
        guard io_uring_wait_cqe(&ring, &completion) == 0, let result = completion?.pointee.res else {
            return Int(EIO)
        }
        return result < 0 ? Int(-result) : 0
    }
}
