import CSandbox
import Glibc
import RingEngine

/// What the opener says: 0 or a negated errno, then what was found instead of the device, in words.
enum OpenerAnswer {
    private static let text = 1_024

    /// Sends it and closes the descriptor, which is another's then. Waits for nobody.
    static func send(_ opened: OpenedDevice, to socket: Int32) {
        var bytes = withUnsafeBytes(of: min(0, opened.descriptor).littleEndian, Array.init)
        bytes += (opened.mismatch ?? "").utf8.prefix(text)
        _ = rg_send(socket, bytes, bytes.count, opened.descriptor, Int32(MSG_DONTWAIT))
        if opened.descriptor >= 0 { close(opened.descriptor) }
    }

    /// Waits for it. EIO when there will be none, EINTR after a signal.
    static func receive(from socket: Int32) -> OpenedDevice {
        var bytes = [UInt8](repeating: 0, count: MemoryLayout<Int32>.size + text)
        var descriptor: Int32 = -1
        let count = rg_receive(socket, &bytes, bytes.count, &descriptor)
        guard count >= MemoryLayout<Int32>.size else {
            return OpenedDevice(descriptor: count < 0 ? count : -EIO)
        }
        let code = bytes.withUnsafeBytes { Int32(littleEndian: $0.load(as: Int32.self)) }
        guard code < 0 else { return OpenedDevice(descriptor: descriptor >= 0 ? descriptor : -EIO) }
        let words = bytes[MemoryLayout<Int32>.size..<Int(count)]
        return OpenedDevice(
            descriptor: code, mismatch: words.isEmpty ? nil : String(decoding: words, as: UTF8.self))
    }
}
