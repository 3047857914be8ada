import CLiburing
import Glibc

/// A pty pair in raw mode: the engine opens the slave by its path, the test plays the device at the master.
final class Terminal {
    let master: Int32
    let path: String

    init() throws {
        master = Glibc.open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
        var (unlocked, number) = (Int32(0), UInt32(0))
        guard master >= 0, rg_ioctl_pointer(master, 0x4004_5431, &unlocked) == 0,  // TIOCSPTLCK
            rg_ioctl_pointer(master, 0x8004_5430, &number) == 0  // TIOCGPTN
        else { throw Failed("ptmx") }
        path = "/dev/pts/\(number)"
        let slave = Glibc.open(path, O_RDWR | O_NOCTTY | O_CLOEXEC)
        guard slave >= 0 else { throw Failed("open \(path)") }
        defer { Glibc.close(slave) }
        var settings = termios()
        tcgetattr(slave, &settings)
        cfmakeraw(&settings)
        tcsetattr(slave, TCSANOW, &settings)
    }

    deinit { Glibc.close(master) }

    /// The slave's settings, which a master tells as well.
    var settings: termios {
        var settings = termios()
        tcgetattr(master, &settings)
        return settings
    }

    /// Changes the slave's settings, as the other side may at any time.
    func setSpeed(_ speed: speed_t) {
        var settings = settings
        cfsetspeed(&settings, speed)
        tcsetattr(master, TCSANOW, &settings)
    }

    /// What a descriptor refers to.
    static func path(of fd: Int32) -> String? {
        var target = [CChar](repeating: 0, count: 256)
        guard readlink("/proc/self/fd/\(fd)", &target, 255) > 0 else { return nil }
        return target.withUnsafeBufferPointer { String(cString: $0.baseAddress.unsafelyUnwrapped) }
    }

    /// The device says something.
    func say(_ text: String) {
        _ = text.utf8CString.withUnsafeBytes { Glibc.write(master, $0.baseAddress, text.utf8.count) }
    }

    /// What was written to the device, up to `count` bytes; fewer when nothing comes for ten seconds.
    func hear(_ count: Int) -> [UInt8] {
        var heard: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        var ready = pollfd(fd: master, events: Int16(POLLIN), revents: 0)
        while heard.count < count, poll(&ready, 1, 10_000) == 1 {
            let size = Glibc.read(master, &buffer, min(buffer.count, count - heard.count))
            guard size > 0 else { break }
            heard += buffer[..<size]
        }
        return heard
    }
}

struct Failed: Error {
    let step: String
    let code = errno
    init(_ step: String) { self.step = step }
}

/// Whether `path` can be opened here, for tests that need a device not every machine has.
func canOpen(_ path: String) -> Bool {
    let fd = Glibc.open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)
    guard fd >= 0 else { return false }
    Glibc.close(fd)
    return true
}

/// Descriptors this process has open now.
func descriptors() -> Set<String> {
    guard let directory = opendir("/proc/self/fd") else { return [] }
    defer { closedir(directory) }
    var names: Set<String> = []
    while let entry = readdir(directory) {
        let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        if let number = Int32(name), number != dirfd(directory) { names.insert(name) }
    }
    return names
}

/// What a descriptor of this process refers to, for counting those of one path.
func descriptors(of path: String) -> Int {
    descriptors().count { Int32($0).flatMap(Terminal.path) == path }
}

/// Waits until `condition` holds, for at most ten seconds.
func eventually(_ condition: () -> Bool) -> Bool {
    let deadline = time(nil) + 10
    while !condition() {
        guard time(nil) < deadline else { return false }
        usleep(1_000)
    }
    return true
}

/// A thread that hears what is written to a terminal.
final class Reader {
    private final class Body {
        let terminal: Terminal
        let count: Int
        var heard: [UInt8] = []
        init(_ terminal: Terminal, _ count: Int) { (self.terminal, self.count) = (terminal, count) }
    }

    private let body: Body
    private var thread = pthread_t()

    init(_ terminal: Terminal, count: Int) {
        body = Body(terminal, count)
        pthread_create(
            &thread, nil,
            { context in
                let body = Unmanaged<Body>.fromOpaque(context.unsafelyUnwrapped).takeUnretainedValue()
                body.heard = body.terminal.hear(body.count)
                return nil
            }, Unmanaged.passUnretained(body).toOpaque())
    }

    /// What was heard, once all of it was or nothing more comes.
    func wait() -> [UInt8] {
        pthread_join(thread, nil)
        return body.heard
    }
}
