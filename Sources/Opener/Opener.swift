import CSandbox
import Glibc
import RingEngine
import RingPolicy
import RingSandbox

/// The process that opens devices for the gateway, which then can do without the right to: a fork of it from before its
/// first thread, shut in so that it reaches the devices and nothing else.
///
/// A request is a message that names a device, with one end of a socket pair of its own, on which the answer comes: how it
/// went, and the descriptor (unix(7), SCM_RIGHTS). So a device whose open(2) does not come back keeps no other one waiting,
/// and who gives up waiting leaves nothing behind: what arrives where nobody listens is closed by the kernel. What is opened,
/// and how, is not the gateway's to say (``OpenerRequest``).
public final class Opener: Sendable {
    /// Its number.
    public let process: pid_t
    private let socket: Int32

    private init(_ socket: Int32, _ process: pid_t) {
        self.socket = socket
        self.process = process
    }

    /// It ends when nobody can ask any more.
    deinit { close(socket) }

    /// Starts it. `device` is called there, on one thread, and tells what a name stands for.
    ///
    /// Must be called while the process has one thread: others would not be in the new one, with whatever they hold.
    public static func start(
        in reach: Reach, device: @escaping (String) -> Device?
    ) throws(SandboxError) -> Opener {
        guard Sandbox.threads == 1 else { throw SandboxError("the process has more than one thread already") }
        var ends: [Int32] = [-1, -1]
        try SandboxError.check(rg_socket_pair(&ends), "socketpair")
        let process = rg_fork()
        guard process != 0 else { OpenerService(ends[1], device).run(in: reach) }
        close(ends[1])
        guard process > 0 else {
            close(ends[0])
            throw SandboxError("fork", process)
        }
        return Opener(ends[0], process)
    }

    /// For ``DeviceOpener``. ENODEV when the policy file says otherwise of the device, EIO when the process is gone, EBUSY when
    /// too many opens of it do not come back.
    public func open(_ device: Device) -> OpenedDevice {
        var ends: [Int32] = [-1, -1]
        let made = rg_socket_pair(&ends)
        guard made == 0 else { return OpenedDevice(descriptor: made) }
        defer { close(ends[0]) }
        let request = OpenerRequest.bytes(for: device)
        let sent = rg_send(socket, request, request.count, ends[1], 0)
        close(ends[1])
        guard sent == 0 else { return OpenedDevice(descriptor: sent == -EPIPE ? -EIO : sent) }
        return OpenerAnswer.receive(from: ends[0])
    }

    /// Blocks until the process has ended.
    public func waitForEnd() {
        while !isOver(within: -1) {}
    }

    public var hasEnded: Bool { isOver(within: 0) }

    private func isOver(within milliseconds: Int32) -> Bool {
        var state = pollfd(fd: socket, events: 0, revents: 0)
        poll(&state, 1, milliseconds)
        return state.revents & Int16(POLLHUP | POLLERR) != 0
    }
}
