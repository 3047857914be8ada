import Dispatch
import Foundation
import RingClient

/// A terminal of this machine behind a link, for programs that know serial lines and not us.
final class LinkedTerminal: Sendable {
    let link: String
    /// `/dev/pts/N`
    let path: String
    /// What the programs at the link write.
    let input: StandardInput
    private let master: Int32
    /// Kept open: without it the master would end whenever a program closes the link.
    private let slave: Int32
    private let queue = DispatchQueue(label: "linked-terminal")

    /// TIOCSPTLCK and TIOCGPTN (ioctl_tty(2)).
    private static let setLock: UInt = 0x4004_5431
    private static let getNumber: UInt = 0x8004_5430

    init(link: String) throws {
        master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK)
        var (locked, number): (CInt, CUnsignedInt) = (0, 0)
        guard master >= 0, ioctl(master, Self.setLock, &locked) == 0,
            ioctl(master, Self.getNumber, &number) == 0
        else {
            throw UsageFailure(description: "no terminal can be made: \(String(cString: strerror(errno)))")
        }
        path = "/dev/pts/\(number)"
        slave = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC)
        var settings = termios()
        tcgetattr(slave, &settings)
        cfmakeraw(&settings)
        tcsetattr(slave, TCSANOW, &settings)
        input = StandardInput(descriptor: master)
        self.link = link
        // What a console that was killed has left is no use to anybody.
        let target = try? FileManager.default.destinationOfSymbolicLink(atPath: link)
        if let target, target.hasPrefix("/dev/pts/") { unlink(link) }
        guard symlink(path, link) == 0 else {
            throw UsageFailure(description: "--pty \(link): \(String(cString: strerror(errno)))")
        }
    }

    deinit {
        // Another one may have taken its place.
        if (try? FileManager.default.destinationOfSymbolicLink(atPath: link)) == path { unlink(link) }
        close(slave)
        close(master)
    }

    /// Hands bytes to the programs at the link; waits for them to be read, as a device would.
    func put(_ bytes: [UInt8]) async throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            try Task.checkCancellation()
            let piece = Array(rest)
            rest = rest.dropFirst(
                await withCheckedContinuation { continuation in
                    queue.async { continuation.resume(returning: self.write(piece)) }
                })
        }
    }

    /// How many it took, within 0.2 s.
    private func write(_ bytes: [UInt8]) -> Int {
        var descriptor = pollfd(fd: master, events: Int16(POLLOUT), revents: 0)
        guard poll(&descriptor, 1, 200) > 0 else { return 0 }
        return max(0, Foundation.write(master, bytes, bytes.count))
    }
}
