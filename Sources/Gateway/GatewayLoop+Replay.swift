import Logging
import RingEngine
import RingPolicy
import RingProtocol
import RingRecording

/// Devices that are not there: a recording answers for them (`--replay`). Policy, leases, limits and the audit log are as with
/// real ones; what a device said by itself is read from a console's scrollback that nobody fills but the recording.
struct Replays {
    var scripts: [String: ReplayScript] = [:]
    var order = ReplayScript.Order.strict
    var path = ""
    /// What was asked that a recording does not have: nothing is answered after it.
    var failures: [String: String] = [:]

    init(_ recording: Recording?, _ order: ReplayScript.Order) {
        scripts = recording?.scripts ?? [:]
        path = recording?.path ?? ""
        self.order = order
    }

    func has(_ device: Device) -> Bool { scripts[device.name] != nil }
}

extension GatewayLoop {
    func isReplayed(_ device: Device) -> Bool {
        commons.enter()
        defer { commons.leave() }
        return commons.replays.has(device)
    }

    /// Answers an entry that was decided from the device's recording.
    mutating func replay(
        _ command: consuming AuthorizedCommand, _ entry: Entry, by grant: Grant, _ session: SessionPointer
    ) throws(Refusal) {
        let slot = session.pointee.state.slots[entry.slot]
        // Of a shared console any position is one in what it has said.
        if command.action == .read, entry.offset == Entry.currentPosition || slot.isConsole {
            return try readConsole(entry, slot.device, session)
        }
        guard command.action != .poll, !entry.isStream else {
            throw Refusal(.unsupported, "a replayed device has no polls and no such streams")
        }
        let charge = entry.argument.count + command.replySize
        try session.pointee.state.charge(charge)
        var tag = OperationTag(
            session: session.pointee.place.index, generation: session.pointee.tagGeneration,
            requestID: entry.requestID, slot: entry.slot, charge: UInt32(charge))
        do throws(Refusal) {
            tag = try count(tag, limit: command.limit, isMetered: slot.isMetered, session)
            if command.hasBlocks, let gives = command.extras?.gives {
                tag = try reserve(gives.slot, handle: gives.handle, of: grant, tag, session)
            }
            let size = command.action == .command ? command.replySize : nil
            try answer(entry, tag, replySize: size, on: slot.device, by: grant, session)
        } catch {
            takeBack(tag, entry, session)
            throw error
        }
    }

    private mutating func answer(
        _ entry: Entry, _ tag: OperationTag, replySize: Int?, on index: DeviceTable.Index, by grant: Grant,
        _ session: SessionPointer
    ) throws(Refusal) {
        let commons = commons
        commons.enter()
        defer { commons.leave() }
        let name = devices[index].name
        let order = commons.replays.order
        guard commons.replays.failures[name] == nil,
            let request = ReplayScript.Request(entry),
            let answer = commons.replays.scripts[name]?.answer(request, order)
        else { throw Refusal(.unavailable, commons.replays.failures[name] ?? "a replay has no such entry") }
        switch answer {
        case .differs(let next): throw differs(entry, from: next, on: name, by: grant)
        case .step(let reply, let input):
            try check(reply, of: entry, replySize, name)
            uncount(Counted(bits: tag.meters), session)
            fillGiven(tag, of: entry, reply.result, session)
            reply.payload.withUnsafeBytes { payload in
                complete(
                    CompletionHeader(
                        entry.requestID, result: reply.result, payloadLength: payload.count,
                        deviceTime: reply.nanoseconds, flags: .engine(reply.engine.kind)), payload,
                    charge: Int(tag.charge), session)
            }
            say(input, index)
        }
    }

    /// Clients rely on the sizes of docs/protocol.md, R-24 and R-32; somebody may have edited the file.
    private func check(
        _ reply: ReplayScript.Reply, of entry: Entry, _ replySize: Int?, _ device: String
    ) throws(Refusal) {
        let wanted = reply.result < 0 ? 0 : replySize ?? (entry.operation == .read ? Int(reply.result) : 0)
        guard reply.payload.count == wanted else {
            throw Refusal(
                .unavailable,
                "the recording of \(device) has a reply of \(reply.payload.count) bytes where \(wanted) are due"
            )
        }
    }

    /// The slot that a command fills.
    private mutating func fillGiven(
        _ tag: OperationTag, of entry: Entry, _ result: Int32, _ session: SessionPointer
    ) {
        guard tag.slot != entry.slot else { return }
        if result >= 0 {
            _ = session.pointee.state.slots.fill(tag.slot, .replay)
        } else {
            session.pointee.state.slots.free(tag.slot)
            left(Counted(bits: tag.meters).device, session.pointee.number)
        }
    }

    /// The device has said something by itself.
    mutating func say(_ bytes: [UInt8], _ index: DeviceTable.Index) {
        guard !bytes.isEmpty else { return }
        commons.enter()
        defer { commons.leave() }
        bytes.withUnsafeBytes { consoles[index]?.hub.append($0) }
        pump(index)
        pumpElsewhere(index)
    }

    /// What the device says before anything is asked of it, to who opens it first.
    mutating func greet(_ index: DeviceTable.Index) {
        let commons = commons
        commons.enter()
        defer { commons.leave() }
        let name = devices[index].name
        let bytes = commons.replays.scripts[name]?.takeGreeting() ?? []
        say(bytes, index)
    }

    // MARK: Words

    /// Under the order that was recorded nothing is right any more after the first difference.
    private func differs(
        _ entry: Entry, from next: ReplayScript.Step?, on device: String, by grant: Grant
    ) -> Refusal {
        let commons = commons
        let asked = Self.words(entry, grant)
        var text = "the replay of \(device) differs: "
        if commons.replays.order == .any {
            text += "nothing in \(commons.replays.path) is like \(asked)"
        } else if let next {
            let recorded = next.request.argument.withUnsafeBytes {
                Self.words(next.request.entry(like: entry, WireBytes($0)), grant)
            }
            text += "\(commons.replays.path):\(next.line) has \(recorded), this is \(asked)"
        } else {
            text += "\(commons.replays.path) has nothing more, this is \(asked)"
        }
        if commons.replays.order == .strict { commons.replays.failures[device] = text }
        logger.error("\(text)")
        return Refusal(.unavailable, text)
    }

    private static func words(_ entry: Entry, _ grant: Grant) -> String {
        let described = grant.describe(entry)
        let code = entry.operation == .command ? "\(entry.subOpcode)" : entry.operation.map { "\($0)" } ?? ""
        let values = described.values.map { "\($0.name)=\($0.value)" }
        let bytes = entry.operation == .write ? [Self.words(ofWritten: entry.argument)] : []
        let place = entry.operation == .read || entry.operation == .write, offset = entry.offset
        let at = place && offset != Entry.currentPosition ? ["at \(offset)"] : []
        return (described.command ?? code) + "(" + (values + bytes + at).joined(separator: ", ") + ")"
    }

    /// The bytes themselves: who may write them knows them, and it is they that differ.
    private static func words(ofWritten bytes: WireBytes) -> String {
        let shown = bytes.array.prefix(40)
        let text = String(decoding: shown, as: UTF8.self)
        let isText = shown.allSatisfy { (0x20..<0x7f).contains($0) }
        let words = isText ? "\"\(text)\"" : RecordedBytes.text(shown)
        return "\(bytes.count) bytes \(words)" + (shown.count < bytes.count ? "..." : "")
    }

    /// How much of the recording was asked for.
    func reportReplays() {
        guard number == 0 else { return }
        commons.enter()
        defer { commons.leave() }
        for (device, script) in commons.replays.scripts.sorted(by: { $0.key < $1.key }) {
            let (used, all) = script.progress
            logger.notice("replay of \(device): \(used) of \(all) steps were asked for")
        }
    }
}

extension ReplayScript.Reply.Engine {
    fileprivate var kind: EngineKind {
        switch self {
        case .gateway: .gateway
        case .ring: .ring
        case .call: .call
        }
    }
}

extension ReplayScript.Request {
    /// nil for what no recording has.
    fileprivate init?(_ entry: Entry) {
        let operation: ReplayScript.Operation
        switch entry.operation {
        case .command: operation = .command
        case .write: operation = .write
        case .read: operation = .read
        case .sync: operation = .sync
        default: return nil
        }
        self.init(
            operation, code: entry.subOpcode.code, offset: entry.offset, argument: entry.argument.array)
    }

    fileprivate func entry(like other: Entry, _ argument: WireBytes) -> Entry {
        let operations: [ReplayScript.Operation: Operation] = [
            .command: .command, .write: .write, .read: .read, .sync: .sync,
        ]
        return Entry(
            operations[operation] ?? .nop, requestID: other.requestID, slot: other.slot,
            subOpcode: SubOpcode(code), offset: offset, argument: argument)
    }
}
