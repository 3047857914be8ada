import Glibc
import RingCodec
import RingEngine
import RingPolicy
import RingProtocol

/// A procedure that is being run: a plain value, which the loop asks what to do next and tells what became of
/// it.
struct ProcedureRun {
    /// A file of its own, closed with the run.
    struct File {
        let id: OpenFileID
        let grant: Grant
        let device: DeviceTable.Index
        /// Its close has begun already, to cancel what ran on it.
        var isClosing = false
    }
    /// A file that is on its way.
    struct Promise {
        let name: String
        let grant: Grant
        let device: DeviceTable.Index

        func kept(_ id: OpenFileID) -> File { File(id: id, grant: grant, device: device) }
    }
    /// What the run waits for.
    enum Pending {
        case nothing
        case opening(Promise)
        case operation(gives: Promise?)
        case time
        /// Its files, all of which are being closed.
        case closing
    }
    /// What the next step takes.
    enum Need {
        /// Its file has to be opened first.
        case open(String)
        case operation(File, Operation, SubOpcode, [UInt8], gives: Promise?)
        case time(nanoseconds: UInt64)
        /// There is no next step.
        case end
    }

    let procedure: Procedure
    /// Of the parameters.
    let values: [Int128]
    /// The policy that admitted it; in force for all its steps.
    let policy: PolicySnapshot
    /// What it is for.
    enum Purpose {
        /// A client's command, answered at the end.
        case answering(OperationTag)
        /// Making a device safe after its last lease.
        case releasing(DeviceTable.Index)
    }
    let purpose: Purpose
    /// Number of the caller's session, 0 for nobody's: a device that it has leased is not closed to its own
    /// procedures, and stays the session's until the run has ended.
    let session: UInt64
    private(set) var files: [String: File] = [:]
    /// Names of the files in the order of opening.
    private(set) var opened: [String] = []
    var pending = Pending.nothing
    private(set) var step = 0
    /// Why it ends early.
    var failure: Refusal?
    /// What a step returned, when that is why.
    var errno: Int32 = 0
    /// Whether the device may have done that step all the same.
    var isIndeterminate = false
    /// Files that are closed.
    var closed = 0

    /// In place of a session's number in the tags of its operations.
    static let tagSession = UInt32.max - 1
    /// Runs at once.
    static let limit = 64

    var isClosed: Bool { if case .closing = pending { closed == opened.count } else { false } }
    var isOver: Bool { failure != nil || errno != 0 || step >= procedure.steps.count }

    /// Decides what the next step takes; a step that cannot be built ends the run.
    func need() throws(Refusal) -> Need {
        guard !isOver else { return .end }
        let next = procedure.steps[step]
        if case .wait(let value, let unit) = next.action {
            let milliseconds = (UInt64(value.text(values)) ?? 0) * unit
            return .time(nanoseconds: min(milliseconds, Procedure.maximumWait) * 1_000_000)
        }
        guard let file = files[next.file] else { return .open(next.file) }
        switch next.action {
        case .write(let bytes): return .operation(file, .write, SubOpcode(0), bytes, gives: nil)
        case .command(let name, let given, let gives):
            let command = try encode(name, given, file.grant)
            let promised = try promise(gives, by: name, file)
            return .operation(file, .command, command.code, command.argument, gives: promised)
        case .wait: return .end
        }
    }

    private func promise(
        _ name: String?, by command: String, _ giver: File
    ) throws(Refusal) -> Promise? {
        guard let name else { return nil }
        let profile = giver.grant.device.profile.command(named: command)?.givenProfile
        guard let handle = giver.grant.handles.first(where: { $0.profile == profile }) else {
            throw Refusal(.noRule, "what \(command) gives is never allowed")
        }
        return Promise(name: name, grant: handle.grant, device: giver.device)
    }

    private func encode(
        _ name: String, _ given: [String: Procedure.Value], _ grant: Grant
    ) throws(Refusal) -> EncodedCommand {
        guard let description = grant.description.commands.first(where: { $0.name == name }) else {
            throw Refusal(.noRule, "\(name) is never allowed")
        }
        do throws(FieldError) {
            return try ArgumentCodec(description).encode(given.mapValues { $0.text(values) })
        } catch {
            throw Refusal(.shape, error.description)
        }
    }

    // MARK: What became of it

    /// What a step has returned; less than all written is a failure too.
    mutating func returned(_ result: Int32, isIndeterminate: Bool) {
        if result < 0 {
            errno = result
        } else if case .operation = pending, case .write(let bytes) = procedure.steps[step].action,
            result < bytes.count
        {
            errno = -EIO
        }
        self.isIndeterminate = errno != 0 && isIndeterminate
    }

    /// The pending step is done.
    mutating func finishStep() {
        pending = .nothing
        if !isOver { step += 1 }
    }

    mutating func add(_ name: String, _ file: File) {
        files[name] = file
        opened.append(name)
    }

    /// Files that nobody has begun to close, in the order of closing; all are being closed from now on.
    mutating func closeAll() -> [File] {
        pending = .closing
        return opened.reversed().compactMap { close($0) }
    }

    /// The file that the pending operation is on, to be closed under it; nil when there is none, or it is being
    /// closed.
    mutating func closeUnderOperation() -> File? {
        guard case .operation = pending else { return nil }
        return close(procedure.steps[step].file)
    }

    private mutating func close(_ name: String) -> File? {
        guard let file = files[name], !file.isClosing else { return nil }
        files[name]?.isClosing = true
        return file
    }

    /// Whether it uses a device, or is about to.
    func uses(_ device: DeviceTable.Index) -> Bool {
        if case .opening(let promise) = pending, promise.device == device { return true }
        return files.values.contains { $0.device == device }
    }

    /// The step as people count them, for texts.
    var place: String { "step \(step + 1) of \(procedure.name)" }
}
