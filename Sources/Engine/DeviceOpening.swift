import CLiburing
import Glibc
import RingPolicy

/// Opens devices for an engine: `OpenedDevice.init(opening:)`, or somebody else who may. Called on the device's worker,
/// which may wait; a signal ends the wait.
public typealias DeviceOpener = @Sendable (Device) -> OpenedDevice

/// What came of opening what a policy names, proven to be that.
public struct OpenedDevice: Sendable, Equatable {
    /// Without O_NONBLOCK and with O_CLOEXEC; or a negated errno.
    public let descriptor: Int32
    /// What was found instead of what the policy names, in words; the errno is ENODEV then.
    public let mismatch: String?

    public init(descriptor: Int32, mismatch: String? = nil) {
        self.descriptor = descriptor
        self.mismatch = mismatch
    }

    public init(opening device: Device) {
        let fd = device.kind == .tcp ? Self.connect(device.path) : Self.openNode(device)
        guard fd >= 0 else {
            self.init(descriptor: fd)
            return
        }
        var status = stat()
        guard fstat(fd, &status) == 0, rg_set_blocking(fd) == 0 else {
            self.init(descriptor: -errno)
            close(fd)
            return
        }
        let mismatch = Self.mismatch(device, status)
        if mismatch != nil { close(fd) }
        self.init(descriptor: mismatch == nil ? fd : -ENODEV, mismatch: mismatch)
    }

    /// Looks at what was opened, never at what the path pointed to before.
    private static func mismatch(_ device: Device, _ status: stat) -> String? {
        guard status.st_mode & S_IFMT == OpenFile.mode(device.kind) else {
            return "what lies at the device's path is not the kind of file the policy names"
        }
        return device.identity.isEmpty ? nil : device.identity.mismatch(status)
    }

    /// O_NONBLOCK keeps open(2) itself from waiting for a carrier, O_NOCTTY keeps terminals from adopting the
    /// gateway, O_NOFOLLOW makes the node itself, not a link, what the policy named, unless it named a link of udev's.
    private static func openNode(_ device: Device) -> Int32 {
        let links = device.followsLink ? 0 : O_NOFOLLOW
        return rg_open(
            device.path, OpenFile.flags(device.access) | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | links)
    }

    // MARK: TCP

    /// Connects to `ADDRESS:PORT`, both numbers; an IPv6 address may stand in brackets. A signal ends the wait.
    private static func connect(_ path: String) -> Int32 {
        guard let address = SocketAddress(path) else { return -EINVAL }
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let fd = socket(address.family, type, 0)
        guard fd >= 0 else { return -errno }
        let code = wait(for: fd, address)
        guard code == 0 else {
            close(fd)
            return -code
        }
        var yes: Int32 = 1
        setsockopt(
            fd, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
        return fd
    }

    /// Result: errno or 0.
    private static func wait(for fd: Int32, _ address: SocketAddress) -> Int32 {
        if address.connect(fd) == 0 { return 0 }
        guard errno == EINPROGRESS else { return errno }
        var ready = pollfd(fd: fd, events: Int16(POLLOUT), revents: 0)
        let count = poll(&ready, 1, EngineLimits.connectTimeout)
        guard count != 0 else { return ETIMEDOUT }
        guard count > 0 else { return errno }
        var code: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        guard getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &size) == 0 else { return errno }
        return code
    }
}

/// An address and port as the kernel takes them.
private struct SocketAddress {
    private var v4: sockaddr_in?
    private var v6 = sockaddr_in6()

    var family: Int32 { v4 == nil ? AF_INET6 : AF_INET }

    /// nil unless both parts are numbers.
    init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            return nil
        }
        var host = text[..<colon]
        if host.first == "[", host.last == "]" { host = host.dropFirst().dropLast() }
        var address = in_addr()
        if inet_pton(AF_INET, String(host), &address) == 1 {
            var v4 = sockaddr_in()
            (v4.sin_family, v4.sin_port, v4.sin_addr) = (sa_family_t(AF_INET), port.bigEndian, address)
            self.v4 = v4
            return
        }
        guard inet_pton(AF_INET6, String(host), &v6.sin6_addr) == 1 else { return nil }
        (v6.sin6_family, v6.sin6_port) = (sa_family_t(AF_INET6), port.bigEndian)
    }

    /// connect(2).
    func connect(_ fd: Int32) -> Int32 {
        if let v4 { return Self.connect(fd, v4) }
        return Self.connect(fd, v6)
    }

    private static func connect<Address>(_ fd: Int32, _ address: Address) -> Int32 {
        withUnsafeBytes(of: address) {
            guard let start = $0.baseAddress else { return -1 }
            return Glibc.connect(
                fd, start.assumingMemoryBound(to: sockaddr.self), socklen_t(MemoryLayout<Address>.size))
        }
    }
}
