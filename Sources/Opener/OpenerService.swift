import CSandbox
import Glibc
import RingEngine
import RingPolicy
import RingSandbox
import Synchronization

/// The opener's own side. Whatever it is sent may come from a gateway that somebody has taken over.
struct OpenerService {
    private let socket: Int32
    private let device: (String) -> Device?
    private let running = Running()

    /// Opens under way, each on a thread of its own: one for each worker of the gateway's, those left behind among them.
    private static let opens = EngineLimits.lanes + EngineLimits.leftBehind

    init(_ socket: Int32, _ device: @escaping (String) -> Device?) {
        self.socket = socket
        self.device = device
    }

    /// Until the gateway is gone.
    func run(in reach: Reach) -> Never {
        rg_keep_only(socket)
        rg_name_process("ringgate-opener")
        do throws(SandboxError) { _ = try Sandbox.enter(reach) } catch {
            let text = "ringgated: the sandbox of the process that opens devices cannot be put up: \(error)\n"
            write(STDERR_FILENO, text, text.utf8.count)
            _exit(8)
        }
        var bytes = [UInt8](repeating: 0, count: OpenerRequest.limit)
        while true {
            var answerTo: Int32 = -1
            let count = rg_receive(socket, &bytes, bytes.count, &answerTo)
            guard count > 0 || count == -EINTR || count == -EMSGSIZE else { _exit(0) }
            guard answerTo >= 0 else { continue }
            if count > 0 {
                answer(bytes[..<Int(count)], to: answerTo)
            } else {
                close(answerTo)
            }
        }
    }

    private func answer(_ request: ArraySlice<UInt8>, to socket: Int32) {
        // What a process of its own has is not the gateway's to have.
        guard let device = device(OpenerRequest.name(in: request)), !device.hasOwnProcess,
            OpenerRequest.bytes(for: device).elementsEqual(request)
        else {
            return refuse(
                ENODEV, "the policy file says otherwise of the device; reload it or put it back", to: socket)
        }
        guard running.count.add(1, ordering: .relaxed).oldValue < Self.opens else {
            running.count.subtract(1, ordering: .relaxed)
            return refuse(EBUSY, to: socket)
        }
        let running = running
        do throws(EngineError) {
            try DetachedThread.spawn {
                OpenerAnswer.send(OpenedDevice(opening: device), to: socket)
                close(socket)
                running.count.subtract(1, ordering: .relaxed)
            }
        } catch {
            running.count.subtract(1, ordering: .relaxed)
            refuse(EAGAIN, to: socket)
        }
    }

    private func refuse(_ errno: Int32, _ text: String? = nil, to socket: Int32) {
        OpenerAnswer.send(OpenedDevice(descriptor: -errno, mismatch: text), to: socket)
        close(socket)
    }

    private final class Running: Sendable {
        let count = Atomic(0)
    }
}
