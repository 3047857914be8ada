import CSandbox
import Glibc
import RingDeviceLink
import RingPolicy
import RingSandbox

/// A device's own process: a fork of the gateway from before its first thread, which opens that device and runs what is asked
/// of it, after it has decided by its own copy of the rules. It keeps the capabilities that those commands need and the
/// gateway does not, and is shut in so that it reaches its device and nothing else.
///
/// A call that does not come back, or a driver that takes its caller down with it, costs this process and not the gateway.
public struct DeviceProcess: Sendable {
    /// Its number.
    public let process: pid_t
    /// The gateway's end of the connection (``DeviceSocket``). The process ends when it is closed.
    public let socket: Int32

    /// Starts it. `policy` is called there, on one thread, and tells what is in force by the policy file.
    ///
    /// Must be called while the process has one thread: others would not be in the new one, with whatever they hold.
    public static func start(
        for device: String, in reach: Reach, policy: @escaping () -> PolicySnapshot
    ) throws(SandboxError) -> DeviceProcess {
        guard Sandbox.threads == 1 else { throw SandboxError("the process has more than one thread already") }
        let (made, ours, theirs) = DeviceSocket.pair()
        try SandboxError.check(made, "socketpair")
        let process = rg_fork()
        guard process != 0 else { serve(device, on: theirs, in: reach, policy) }
        close(theirs)
        guard process > 0 else {
            close(ours)
            throw SandboxError("fork", process)
        }
        return DeviceProcess(process: process, socket: ours)
    }

    private static func serve(
        _ device: String, on socket: Int32, in reach: Reach, _ policy: @escaping () -> PolicySnapshot
    ) -> Never {
        rg_keep_only(socket)
        rg_name_process("ringgate-device")
        do {
            _ = try Sandbox.enter(reach)
            var service = try DeviceService(device, on: socket, policy: policy)
            service.run()
            _exit(0)
        } catch {
            let text = "ringgated: the process of device `\(device)` cannot be set up: \(error)\n"
            write(STDERR_FILENO, text, text.utf8.count)
            _exit(8)
        }
    }
}
