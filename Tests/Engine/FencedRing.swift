import CLiburing
import Glibc
import Testing

@testable import RingEngine
@testable import RingGateway

/// The gateway's fences, and one operation of each that works on `/dev/null` or a socket behind it.
enum Wall: String, CaseIterable, CustomTestStringConvertible {
    case device
    case wide
    case network

    var fence: RingFence {
        switch self {
        case .device: DeviceRing.fence
        case .wide: DeviceRing.wideFence
        case .network: NetworkRing.fence
        }
    }

    /// An operation inside the fence that comes back at once with 0 on slot 0.
    var harmless: UInt8 {
        switch self {
        case .device, .wide: RG_OP_URING_CMD
        case .network: RG_OP_SHUTDOWN
        }
    }

    /// Operations of the fence that go to a file, and not to the clock or to other operations.
    var onFiles: [UInt8] { fence.operations.filter { $0 != RG_OP_TIMEOUT && $0 != RG_OP_ASYNC_CANCEL } }

    var testDescription: String { rawValue }
}

/// A ring behind one of the gateway's fences, to try to get out of.
struct FencedRing: ~Copyable {
    static let files: UInt32 = 8
    let ring: Ring
    /// What lies in slot 0: `/dev/null`, or a connected socket on the network ring.
    let file: Int32
    private let other: Int32

    init(_ wall: Wall, isEnabled: Bool = true) throws {
        let ring = try Ring(entries: 16, completions: 64, wide: wall == .wide)
        try ring.registerFiles(capacity: Self.files)
        let pair =
            try wall == .network ? Self.socketPair() : (Glibc.open("/dev/null", O_RDWR | O_CLOEXEC), -1)
        guard ring.setFile(pair.0, at: 0) == 0 else { throw Failed("FILES_UPDATE2") }
        if isEnabled { try ring.enable(wall.fence) }
        (file, other) = pair
        self.ring = ring
    }

    static func socketPair() throws -> (Int32, Int32) {
        var pair: (Int32, Int32) = (-1, -1)
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let made = withUnsafeMutableBytes(of: &pair) {
            socketpair(AF_UNIX, type, 0, $0.bindMemory(to: Int32.self).baseAddress)
        }
        guard made == 0 else { throw Failed("socketpair") }
        return pair
    }

    deinit {
        Glibc.close(file)
        if other >= 0 { Glibc.close(other) }
    }

    /// Submits one entry, an `opcode` on slot `file`, after `change` has spoilt it; what the kernel says to
    /// it.
    func result(
        _ opcode: UInt8, file: Int32 = 0, _ change: (UnsafeMutablePointer<io_uring_sqe>) -> Void = { _ in }
    ) throws -> Int32 {
        guard let sqe = ring.entry(userData: 1) else { throw Failed("no entry") }
        sqe.pointee.opcode = opcode
        sqe.pointee.fd = file
        change(sqe)
        return try take()
    }

    /// Submits what is prepared and takes the one completion.
    func take() throws -> Int32 {
        ring.submitAndWait()
        guard ring.ready == 1 else { throw Failed("\(ring.ready) completions") }
        let result = ring.completion(0).pointee.res
        ring.advance(1)
        return result
    }
}
