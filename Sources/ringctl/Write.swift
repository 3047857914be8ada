import ArgumentParser
import RingClient
import RingProtocol

struct Write: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Writes to a device: TEXT, or standard input to its end.",
        discussion: "More bytes than one write may carry are written piece by piece.")

    @OptionGroup var connection: ConnectionOptions
    @Option(help: "Byte position; the device's own position unless given.")
    var offset: UInt64?
    @Argument var device: String
    @Argument(help: "Written as it is, without a line end.")
    var text: String?

    func run() async throws {
        try await connection.withConnection { gateway in
            let length = try await gateway.describe(device).writeLength
            let opened = try await gateway.open(device)
            var target = Position(offset)
            if let text { return try await write(Array(text.utf8), to: opened, at: &target, by: length) }
            let input = StandardInput()
            while true {
                switch await input.next(atMost: length) {
                case .bytes(let bytes): try await write(bytes, to: opened, at: &target, by: length)
                case .idle: continue
                case .end: return
                }
            }
        }
    }

    private func write(
        _ bytes: [UInt8], to device: RemoteDevice, at target: inout Position, by length: Int
    ) async throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = try await device.write(Array(rest.prefix(length)), offset: target.offset)
            guard (1...rest.count).contains(count) else {
                throw RingError.connectionLost("the device took \(count) of \(rest.count) bytes")
            }
            rest = rest.dropFirst(count)
            target.advance(by: count)
        }
    }
}

/// Where the next piece goes: a byte position that moves on, or always the device's own.
private struct Position {
    private(set) var offset: UInt64

    init(_ offset: UInt64?) { self.offset = offset ?? Entry.currentPosition }

    mutating func advance(by count: Int) {
        if offset != Entry.currentPosition { offset &+= UInt64(count) }
    }
}
