import Logging
import RingEngine
import RingPolicy
import RingProtocol

/// Procedures of the site, run step by step on files of their own. The caller's session may end; the run goes
/// on, so that what it began is also brought to its end.
extension GatewayLoop {
    /// Starts the procedure that an authorized command stands for.
    mutating func start(
        _ entry: Entry, on device: Device, limit: Int, isMetered: Bool, _ session: SessionPointer
    ) throws(Refusal) {
        guard let procedure = device.procedures.first(where: { $0.shape.code == entry.subOpcode }),
            let place = runs.firstIndex(where: { $0 == nil })
        else { throw Refusal(.busy, "\(ProcedureRun.limit) procedures are running; try again") }
        let charge = entry.argument.count
        try session.pointee.state.charge(charge)
        var tag = OperationTag(
            session: session.pointee.place.index, generation: session.pointee.tagGeneration,
            requestID: entry.requestID,
            slot: entry.slot, charge: UInt32(charge))
        do throws(Refusal) {
            tag = try count(tag, limit: limit, isMetered: isMetered, session)
        } catch {
            session.pointee.state.refund(charge)
            throw error
        }
        runs[place] = ProcedureRun(
            procedure: procedure, values: procedure.values(entry.argument), policy: policy,
            purpose: .answering(tag), session: session.pointee.number)
        advance(place)
    }

    /// Starts a procedure that makes a device safe after its last lease, on nobody's behalf.
    mutating func start(_ procedure: Procedure, toRelease device: DeviceTable.Index, at place: Int) {
        putOnRecord(.release) { record in
            record.add("device", procedure.device)
            record.add("procedure", procedure.name)
        }
        runs[place] = ProcedureRun(
            procedure: procedure, values: [], policy: policy, purpose: .releasing(device), session: 0)
        advance(place)
    }

    /// Takes the next step, or closes the run's files when there is none.
    private mutating func advance(_ place: Int) {
        guard let run = runs[place] else { return }
        do throws(Refusal) {
            switch try run.need() {
            case .end: finish(place)
            case .open(let name): try open(name, place)
            case .operation(let file, let operation, let code, let argument, let gives):
                try submit(operation, code, argument, file, gives: gives, place)
            case .time(let nanoseconds):
                timers.add(.procedure(place), at: now + nanoseconds)
                runs[place]?.pending = .time
            }
        } catch {
            fail(place, error)
            finish(place)
        }
    }

    /// `device` is what a file is counted by, when it is to be closed.
    private func tag(_ place: Int, device: DeviceTable.Index = 0) -> OperationTag {
        OperationTag(
            session: ProcedureRun.tagSession, generation: UInt32(place) | ownTagBits, requestID: .none,
            slot: FileSlot(0),
            meters: Counted(device: device).bits)
    }

    private mutating func open(_ name: String, _ place: Int) throws(Refusal) {
        guard let run = runs[place] else { return }
        let authorized = try run.policy.authorizeOpen(name, for: run.procedure)
        let grant = authorized.grant
        let device =
            run.session == 0 ? try enterForNobody(grant.device) : try enter(grant.device, run.session)
        do throws(Refusal) {
            try openFile(authorized, on: device, tag: tag(place), procedure: run.procedure.name)
        } catch {
            left(device, run.session)
            throw error
        }
        runs[place]?.pending = .opening(.init(name: name, grant: grant, device: device))
    }

    private mutating func enterForNobody(_ device: Device) throws(Refusal) -> DeviceTable.Index {
        commons.enter()
        defer { commons.leave() }
        return try devices.enter(device, now: now)
    }

    private mutating func submit(
        _ operation: RingProtocol.Operation, _ code: SubOpcode, _ argument: [UInt8],
        _ file: ProcedureRun.File, gives: ProcedureRun.Promise?, _ place: Int
    ) throws(Refusal) {
        let tag = tag(place)
        let refusal = argument.withUnsafeBytes { bytes -> Refusal? in
            let entry = Entry(
                operation, requestID: .none, subOpcode: code,
                offset: operation == .write ? Entry.currentPosition : 0, argument: WireBytes(bytes))
            do throws(Refusal) {
                let command = try file.grant.authorize(entry, on: file.id, &layout) { _ in nil }
                try submit(
                    command, entry, by: file.grant, tag: tag, procedure: runs[place]?.procedure.name)
                return nil
            } catch {
                return error
            }
        }
        if let refusal { throw refusal }
        if let gives { enterAgain(gives.device, runs[place]?.session ?? 0) }
        runs[place]?.pending = .operation(gives: gives)
    }

    // MARK: What became of it

    /// An operation of a run has come back.
    mutating func ran(_ completion: EngineCompletion) {
        let place = Int(completion.tag.generation & Place.generationMask)
        guard let run = runs[place] else { return }
        switch (run.pending, completion.kind) {
        case (_, .closed):
            runs[place]?.closed += 1
            left(Counted(bits: completion.tag.meters).device, run.session)
            return answerIfClosed(place)
        case (.opening(let promise), .opened(let file)):
            runs[place]?.add(promise.name, promise.kept(file))
            return next(place, completion, isStep: false)
        case (.opening(let promise), _): left(promise.device, run.session)
        case (.operation(let promise?), .gave(let file)):
            runs[place]?.add(promise.name, promise.kept(file))
        case (.operation(let promise?), _): left(promise.device, run.session)
        default: break
        }
        next(place, completion, isStep: true)
    }

    /// A step's wait is over, or was cut short.
    mutating func waited(_ place: Int) {
        guard runs.indices.contains(place), case .time? = runs[place]?.pending else { return }
        runs[place]?.finishStep()
        advance(place)
    }

    private mutating func next(_ place: Int, _ completion: EngineCompletion, isStep: Bool) {
        if let refusal = completion.refusal {
            fail(place, refusal)
        } else {
            runs[place]?.returned(completion.result, isIndeterminate: completion.isIndeterminate)
            if let errno = runs[place]?.errno, errno != 0 { note(place, "failed with \(errno)") }
        }
        if isStep { runs[place]?.finishStep() }
        advance(place)
    }

    private mutating func fail(_ place: Int, _ refusal: Refusal) {
        note(place, refusal.text)
        guard let run = runs[place], !run.isOver else { return }
        runs[place]?.failure = Refusal(refusal.reason, rule: refusal.rule, "\(run.place): \(refusal.text)")
    }

    private func note(_ place: Int, _ text: String) {
        guard let run = runs[place] else { return }
        logger.notice(
            "procedure ends early",
            metadata: ["device": "\(run.procedure.device)", "step": "\(run.place)", "text": "\(text)"])
    }

    // MARK: The end

    /// Closes all files, those opened last first; when they are closed the caller is answered.
    private mutating func finish(_ place: Int) {
        for file in runs[place]?.closeAll() ?? [] { close(file, place) }
        answerIfClosed(place)
    }

    private mutating func close(_ file: ProcedureRun.File, _ place: Int) {
        closeFile(file.id, tag: tag(place, device: file.device))
    }

    private mutating func answerIfClosed(_ place: Int) {
        guard let run = runs[place], run.isClosed else { return }
        runs[place] = nil
        answer(run)
    }

    private mutating func answer(_ run: ProcedureRun) {
        guard case .answering(let caller) = run.purpose else {
            if case .releasing(let device) = run.purpose { released(device) }
            return
        }
        let session = find(caller)
        uncount(Counted(bits: caller.meters), session)
        guard let session, !session.pointee.isOver else {
            return auditLateResult(caller, result: run.errno, isRefused: false)
        }
        session.pointee.state.refund(Int(caller.charge))
        if let failure = run.failure {
            return refuse(caller.requestID, failure, session)
        }
        var flags = CompletionFlags.engine(.gateway)
        if run.isIndeterminate { flags.insert(.indeterminate) }
        complete(
            CompletionHeader(caller.requestID, result: run.errno, flags: flags),
            UnsafeRawBufferPointer(start: nil, count: 0), session)
    }

    /// Ends the runs that use a device, or all of them: what they wait for is cut short or cancelled.
    mutating func endProcedures(on device: DeviceTable.Index, _ refusal: Refusal) {
        tellOthers(.endProcedures(device, refusal))
        endProceduresHere(on: device, refusal)
    }

    /// Those of this loop.
    mutating func endProceduresHere(on device: DeviceTable.Index? = nil, _ refusal: Refusal) {
        for place in runs.indices {
            guard let run = runs[place], device.map(run.uses) ?? true else { continue }
            fail(place, refusal)
            if case .time = run.pending, timers.remove(.procedure(place)) { waited(place) }
            if let file = runs[place]?.closeUnderOperation() { close(file, place) }
        }
    }
}
