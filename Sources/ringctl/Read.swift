import ArgumentParser
import RingClient
import RingProtocol

struct Read: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Reads once from a device, to standard output; with --length as often as it takes.",
        discussion: "Waits until there is something to read. Fewer bytes than asked for may come.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var waiting: WaitOptions
    @Option(help: "Bytes to ask for; unless given, what one read may take, at most 4096.")
    var count: Int?
    @Option(
        help: ArgumentHelp(
            "Read so much (512, 64MiB), or to the end if that comes first; many reads are under way at once.",
            valueName: "bytes"))
    var length: ByteCount?
    @Option(help: "Byte position; the device's own position unless given.")
    var offset: UInt64?
    @Option(help: ArgumentHelp("Give up after this time.", valueName: "seconds"))
    var timeout: Double?
    @Argument var device: String

    func validate() throws {
        if let count, !(1...Limits.payload).contains(count) {
            throw ValidationError("--count must be 1 to \(Limits.payload)")
        }
        guard length == nil || (count == nil && timeout == nil) else {
            throw ValidationError("--length goes with neither --count nor --timeout")
        }
        if let timeout, !(timeout > 0 && timeout <= 86400) {
            throw ValidationError("--timeout must be above 0, at most 86400")
        }
    }

    func run() async throws {
        try await connection.withConnection { gateway in
            if let length { return try await copy(length.bytes, from: gateway) }
            let count = if let count { count } else { try await gateway.describe(device).readLength }
            let lease = try await waiting.lease(device, gateway)
            let opened = try await gateway.open(device)
            try Output.bytes(
                await opened.read(
                    count: count, offset: offset ?? Entry.currentPosition,
                    timeout: timeout.map { .seconds($0) }))
            _ = lease
        }
    }

    /// Reads by position, several at a time. What is read at the device's own position comes one after the other.
    private func copy(_ length: UInt64, from gateway: RingConnection) async throws {
        let size = try await gateway.describe(device).pieceLength
        let lease = try await waiting.lease(device, gateway)
        let opened = try await gateway.open(device)
        var progress = Progress(of: length)
        defer { progress.end() }
        var done: UInt64 = 0
        while done < length {
            var batch = Batch()
            var wanted: [Int] = []
            var ahead = done
            while ahead < length, wanted.count < (offset == nil ? 1 : Self.readsAtOnce) {
                let piece = Int(min(UInt64(size), length - ahead))
                batch.read(opened, count: piece, offset: offset.map { $0 &+ ahead } ?? Entry.currentPosition)
                wanted.append(piece)
                ahead += UInt64(piece)
            }
            for (piece, reply) in zip(wanted, try await gateway.submit(batch)) {
                let bytes = try reply.checked("read \(device)").payload
                guard !bytes.isEmpty else { return }
                try Output.bytes(bytes)
                done += UInt64(bytes.count)
                progress.add(bytes.count)
                // What came behind a short read began too far on: it is read again.
                if bytes.count < piece { break }
            }
        }
        _ = lease
    }

    private static let readsAtOnce = 8
}

extension DeviceDescription {
    /// A read no longer than allowed. When reading is not allowed the gateway shall say so, with its rule.
    var readLength: Int { max(1, min(read?.maxLength ?? 4096, 4096)) }
    /// Of many reads; eight of them stay within what may be unanswered.
    var pieceLength: Int { max(1, min(read?.maxLength ?? 4096, 262_144)) }
    /// The same for writes, which come in larger pieces.
    var writeLength: Int { max(1, min(write?.maxLength ?? 65536, 65536)) }
}
