import Foundation
import RingProtocol
import RingRecording
import Synchronization

/// Writes what devices are asked and answer to a file that a gateway can replay (docs/recording.md). Each step goes to its end
/// with one write(2), so that several programs of one test may record into the same file.
final class Recorder: Sendable {
    private let descriptor: Int32
    /// The file takes no more: what is half written is its end.
    private let isFull = Atomic(false)

    /// Goes on with a file, or begins one that is empty or not there.
    init(_ path: String) throws(RingError) {
        descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw .notSent(.connectionLost("\(path): cannot be written: \(String(cString: strerror(errno)))"))
        }
        if lseek(descriptor, 0, SEEK_END) == 0 { write(RecordingHead()) }
    }

    deinit { close(descriptor) }

    /// Entries that were answered, with their replies. What the gateway itself refused no device has seen.
    func note(_ batch: Batch, _ replies: [Reply]) {
        batch.bytes.withUnsafeBytes { bytes in
            var run = EntryRun(proven: WireBytes(bytes), count: replies.count)
            for reply in replies {
                guard let entry = run.next() else { return }
                guard !reply.flags.contains(.refused), let device = Self.device(entry.slot, batch) else {
                    continue
                }
                note(entry, reply, device)
            }
        }
    }

    /// An event of a stream.
    func note(_ payload: WireBytes, of batch: Batch) {
        batch.bytes.withUnsafeBytes { bytes in
            var run = EntryRun(proven: WireBytes(bytes), count: 1)
            guard let entry = run.next(), entry.operation == .read,
                let device = Self.device(entry.slot, batch)
            else { return }
            input(payload.array, device)
        }
    }

    private func note(_ entry: Entry, _ reply: Reply, _ device: String) {
        var step = RecordedStep(device: device)
        switch entry.operation {
        case .read where entry.isStream: return
        case .read where entry.offset == Entry.currentPosition: return input(reply.payload, device)
        case .read:
            step.operation = "read"
            step.count = ReadArgument.decode(entry)?.count
        case .command:
            step.operation = "command"
            step.code = entry.subOpcode.code
            step.argument = RecordedBytes.text(entry.argument.array)
        case .write:
            step.operation = "write"
            step.argument = RecordedBytes.text(entry.argument.array)
        case .sync: step.operation = "sync"
        default: return
        }
        if entry.offset != 0 || entry.operation == .write || entry.operation == .read,
            entry.offset != Entry.currentPosition
        {
            step.offset = entry.offset
        }
        step.result = reply.result
        if reply.engine != .gateway { step.engine = "\(reply.engine)" }
        if reply.deviceTime > 0 { step.nanoseconds = reply.deviceTime }
        if !reply.payload.isEmpty { step.reply = RecordedBytes.text(reply.payload) }
        write(step)
    }

    private func input(_ bytes: [UInt8], _ device: String) {
        guard !bytes.isEmpty else { return }
        var step = RecordedStep(device: device)
        step.input = RecordedBytes.text(bytes)
        write(step)
    }

    /// A file that a command gave is its device's; the gateway itself is none.
    private static func device(_ slot: FileSlot, _ batch: Batch) -> String? {
        guard var device = batch.devices.first(where: { $0.slot == slot }) else { return nil }
        while let owner = device.owner { device = owner }
        return device.name.hasPrefix("@") ? nil : device.name
    }

    private func write(_ line: some Encodable) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let json = try? encoder.encode(line), !isFull.load(ordering: .relaxed) else { return }
        let bytes = Array(json) + [UInt8(ascii: "\n")]
        // There is nobody to tell of a full disk in the middle of an answer; the replay names what is missing.
        let written = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        if written < bytes.count { isFull.store(true, ordering: .relaxed) }
    }
}
