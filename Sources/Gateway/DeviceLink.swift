import Glibc
import Logging
import RingDeviceLink
import RingEngine
import RingPolicy
import RingProtocol
import Synchronization

/// A device that has a process of its own, as the loops see it: one more of them, with a mailbox and a number behind theirs.
///
/// One thread sends what is in the mailbox, another hands what comes back to the loops that asked. When the process has ended,
/// each operation is answered all the same: what was under way as one whose effect is unknown.
final class DeviceLink: Sendable {
    let device: String
    let number: UInt8
    let mailbox: Mailbox
    let counters = EngineCounters()
    private let socket: Int32
    private let loops: [Mailbox]
    private let logger: Logger
    private let state = Mutex(State())

    private struct State {
        var waiting: [UInt32: Waiting] = [:]
        var lastTicket: UInt32 = 0
        var isOver = false
        var lane: LaneState?

        /// A ticket that nobody has; never 0.
        mutating func take(_ who: Waiting) -> UInt32 {
            repeat { lastTicket &+= 1 } while lastTicket == 0 || waiting[lastTicket] != nil
            waiting[lastTicket] = who
            return lastTicket
        }
    }

    /// Who waits for an answer.
    private enum Waiting: Sendable {
        case open(OperationTag)
        /// Whether it has many answers, and the events that were dropped since the last one.
        case operation(OperationTag, isRepeated: Bool, lost: UInt64)
        case close(OperationTag?)
        case cancel(OperationTag, CancelOrder)
        case adoption(Countdown)
        case reset(OperationTag)
    }

    init(
        _ device: String, _ number: UInt8, _ socket: Int32, loops: [Mailbox], _ logger: Logger
    ) throws(EngineError) {
        self.device = device
        self.number = number
        self.socket = socket
        self.loops = loops
        self.logger = logger
        mailbox = Mailbox(wake: try WakeSignal())
    }

    deinit { close(socket) }

    /// Both threads go on until the process has ended, and the mailbox has been told to stop.
    func start() throws(EngineError) {
        try DetachedThread.spawn { self.send() }
        try DetachedThread.spawn { self.receive() }
    }

    /// What the device's worker was doing when it was last looked at; nil while it has none.
    var lane: (String, LaneState)? { state.withLock(\.lane).map { (device, $0) } }

    // MARK: To the process

    private func send() {
        var messages: [UInt8] = []
        while true {
            mailbox.wake.wait()
            for order in mailbox.take() {
                if case .stop = order {
                    end(isWanted: true)
                    shutdown(socket, Int32(SHUT_WR))
                    return
                }
                add(order, to: &messages)
            }
            if !messages.isEmpty { _ = DeviceSocket.send(messages, to: socket) }
            messages.removeAll(keepingCapacity: true)
        }
    }

    private func add(_ order: Mailbox.Order, to messages: inout [UInt8]) {
        switch order {
        case .open(let handed):
            guard let authority = handed.authority else { return refuse(handed.tag, .notOpened) }
            counters.beganOpen()
            ask(.open(handed.tag), &messages) { .open(ticket: $0, by: authority) }
        case .submit(let handed):
            guard let authority = handed.authority else { return refuse(handed.tag, .operation) }
            ask(.operation(handed.tag, isRepeated: handed.isRepeated, lost: 0), &messages) {
                .submit(ticket: $0, .init(handed, authority))
            }
        case .close(let file, let tag): ask(.close(tag), &messages) { .close(ticket: $0, file: file.index) }
        case .cancel(let order):
            guard let tag = order.tag else {
                return DeviceOrder.cancel(ticket: 0, order).append(to: &messages)
            }
            ask(.cancel(tag, order), &messages) { .cancel(ticket: $0, order) }
        case .adopt(_, let countdown): ask(.adoption(countdown), &messages) { .adopt(ticket: $0) }
        case .resetLane(_, let tag): ask(.reset(tag), &messages) { .resetLane(ticket: $0) }
        default: break
        }
    }

    /// Asks the process, or answers in its stead when it has ended.
    private func ask(
        _ who: Waiting, _ messages: inout [UInt8], _ order: (UInt32) -> DeviceOrder
    ) {
        let ticket = state.withLock { $0.isOver ? nil : $0.take(who) }
        guard let ticket else { return answerWithoutIt(who, wasAsked: false) }
        order(ticket).append(to: &messages)
    }

    private func refuse(_ tag: OperationTag, _ kind: EngineCompletion.Kind) {
        let refusal = Refusal(.unsupported, "the gateway does nothing of its own in a device's process")
        deliver(tag, kind, .init(kind, refusal: refusal))
    }

    // MARK: From the process

    private func receive() {
        var incoming = DeviceSocket(socket)
        do throws(DeviceLinkError) {
            while incoming.fill() {
                while let answer = try incoming.nextAnswer() { take(answer) }
            }
        } catch {
            logger.error(
                "the process of a device has sent what is no answer", metadata: ["device": "\(device)"])
        }
        end(isWanted: false)
    }

    private func take(_ answer: DeviceAnswer) {
        switch answer {
        case .completed(let ticket, let outcome): completed(ticket, outcome)
        case .adopted(let ticket):
            if case .adoption(let countdown)? = finish(ticket) { countdown.arrive() }
        case .reset(let ticket, let isReset):
            guard case .reset(let tag)? = finish(ticket) else { return }
            if isReset { counters.beganReset() }
            answerReset(isReset, tag)
        case .lane(let lane): state.withLock { $0.lane = lane }
        }
    }

    private func finish(_ ticket: UInt32) -> Waiting? {
        state.withLock { $0.waiting.removeValue(forKey: ticket) }
    }

    /// An answer that does not suit what was asked is none: the process may be anybody's by now.
    private func completed(_ ticket: UInt32, _ outcome: DeviceAnswer.Outcome) {
        guard !outcome.hasMore else { return event(ticket, outcome) }
        switch (finish(ticket), outcome.kind) {
        case (.open(let tag), .opened(let file)):
            deliver(tag, .opened(OpenFileID(file.index, loop: number)), outcome)
        case (.open(let tag), _): failed(tag, outcome)
        case (.operation(let tag, _, let lost), _):
            counters.ran(outcome.engine)
            deliver(tag, .operation, outcome, lost: lost)
        case (.close(let tag), _): closed(tag)
        case (.cancel(let tag, _), _): deliver(tag, .cancelled, outcome)
        case (.adoption(let countdown), _): countdown.arrive()
        case (.reset(let tag), _): answerReset(false, tag)
        case (nil, _): break
        }
    }

    private func failed(_ tag: OperationTag, _ outcome: DeviceAnswer.Outcome) {
        counters.lostFile()
        deliver(tag, .notOpened, outcome)
    }

    private func closed(_ tag: OperationTag?) {
        counters.lostFile()
        if let tag { deliver(tag, .closed, .init(.closed)) }
    }

    /// One of many answers. What a loop does not take is dropped and counted.
    private func event(_ ticket: UInt32, _ outcome: DeviceAnswer.Outcome) {
        let waiting = state.withLock { state -> (OperationTag, UInt64)? in
            guard case .operation(let tag, isRepeated: true, let lost)? = state.waiting[ticket] else {
                return nil
            }
            let isTaken = (loop(tag)?.backlog ?? 0) <= GatewayLimits.handedEvents
            state.waiting[ticket] = .operation(tag, isRepeated: true, lost: isTaken ? 0 : lost + 1)
            return isTaken ? (tag, lost) : nil
        }
        counters.ran(outcome.engine)
        if let (tag, lost) = waiting { deliver(tag, .operation, outcome, lost: lost) }
    }

    private func loop(_ tag: OperationTag) -> Mailbox? {
        loops.indices.contains(Int(tag.loop)) ? loops[Int(tag.loop)] : nil
    }

    private func deliver(
        _ tag: OperationTag, _ kind: EngineCompletion.Kind, _ outcome: DeviceAnswer.Outcome, lost: UInt64 = 0
    ) {
        loop(tag)?.post(.completed(HandedCompletion(outcome, tag, kind, from: number, lost: lost)))
    }

    private func answerReset(_ isReset: Bool, _ tag: OperationTag) {
        loop(tag)?.post(.give(.afterReset(of: device, isReset), tag))
    }

    // MARK: The end

    /// The process is no more, or will be asked nothing more because the gateway has ended.
    private func end(isWanted: Bool) {
        let waiting = state.withLock { state -> [Waiting]? in
            guard !state.isOver else { return nil }
            state.isOver = true
            state.lane = nil
            defer { state.waiting = [:] }
            return Array(state.waiting.values)
        }
        guard let waiting else { return }
        for who in waiting { answerWithoutIt(who, wasAsked: true) }
        guard !isWanted else { return }
        shutdown(socket, Int32(SHUT_RDWR))
        logger.critical(
            "the process of a device has ended; restart the gateway to use it again",
            metadata: ["device": "\(device)"])
    }

    /// `wasAsked` says whether the process may have done it.
    private func answerWithoutIt(_ who: Waiting, wasAsked: Bool) {
        let refusal = Refusal(.unavailable, "the process of `\(device)` has ended")
        switch who {
        case .open(let tag): failed(tag, .init(.notOpened, refusal: refusal))
        case .operation(let tag, _, let lost) where wasAsked:
            deliver(tag, .operation, .init(.operation, result: -EIO, isIndeterminate: true), lost: lost)
        case .operation(let tag, _, _): deliver(tag, .operation, .init(.operation, refusal: refusal))
        case .close(let tag): closed(tag)
        case .cancel(let tag, let order):
            var result = order.alreadyEnded
            if case .request = order.target { result = -ENOENT }
            deliver(tag, .cancelled, .init(.cancelled, result: result))
        case .adoption(let countdown): countdown.arrive()
        case .reset(let tag): answerReset(false, tag)
        }
    }
}

extension DeviceOrder.DeviceEntry {
    fileprivate init(_ handed: HandedEntry, _ authority: Authority) {
        self.init(
            file: handed.file.index, authority: authority, session: handed.tag.session,
            generation: handed.tag.generation, waitsForInput: handed.waitsForInput,
            isRepeated: handed.isRepeated, bytes: handed.bytes)
    }
}
