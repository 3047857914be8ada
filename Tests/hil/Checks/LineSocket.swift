import Foundation

/// A stream socket of QEMU's, spoken to line by line.
final class LineSocket {
    private let socket: CInt
    private var pending: [UInt8] = []

    /// Waits up to `limit` seconds for the socket to be there.
    init(_ path: String, limit: Double = 10) throws {
        let deadline = Date(timeIntervalSinceNow: limit)
        while true {
            let made = Glibc.socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            guard made >= 0 else { throw LabFailure("socket: errno \(errno)") }
            if Self.connect(made, path) {
                socket = made
                return
            }
            Glibc.close(made)
            guard Date() < deadline else { throw LabFailure("nobody listens on \(path)") }
            usleep(20_000)
        }
    }

    deinit { Glibc.close(socket) }

    private static func connect(_ socket: CInt, _ path: String) -> Bool {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        precondition(bytes.count < MemoryLayout.size(ofValue: address.sun_path), "the path is too long")
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
    }

    func send(_ text: String) throws {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes {
                Glibc.send(socket, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw LabFailure("the machine has gone: errno \(errno)") }
            bytes = bytes.dropFirst(count)
        }
    }

    /// The next line, without what ends it. Throws when none has come within `limit` seconds.
    func line(limit: Double) throws -> String {
        let deadline = Date(timeIntervalSinceNow: limit)
        while true {
            if let end = pending.firstIndex(of: UInt8(ascii: "\n")) {
                let line = String(decoding: pending[..<end], as: UTF8.self)
                pending.removeSubrange(...end)
                return line.hasSuffix("\r") ? String(line.dropLast()) : line
            }
            pending += try receive(until: deadline)
        }
    }

    /// Whatever comes next.
    func receive(until deadline: Date) throws -> [UInt8] {
        var ready = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        let milliseconds = max(0, min(deadline.timeIntervalSinceNow * 1000, 600_000))
        guard poll(&ready, 1, CInt(milliseconds)) > 0 else { throw LabFailure("no answer in time") }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = recv(socket, &bytes, bytes.count, 0)
        guard count > 0 else { throw LabFailure("the machine has closed the connection") }
        return Array(bytes.prefix(count))
    }
}

/// What went wrong, in words.
struct LabFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
