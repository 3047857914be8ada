import RingAdministration
import RingEngine
import RingPolicy
import RingProtocol

/// A question of administration that every loop answers for its own sessions and devices.
///
/// `@unchecked Sendable` is sound because `parts` is touched only while `lock` is held.
final class Gathering: @unchecked Sendable {
    enum Question: Sendable {
        case sessions(after: UInt64)
        case devices(after: String)
        /// For the gateway's owner.
        case all(@Sendable (GatewayStatus) -> Void)
    }

    /// What one loop knows.
    struct Part: Sendable {
        let sessions: [SessionReport]
        /// Sessions by the devices they have open.
        let users: [String: Set<UInt64>]
        let lanes: [String: LaneState]
    }

    let question: Question
    /// The entry to answer; nil when the gateway's owner has asked.
    let tag: OperationTag?
    private let count: Int
    private let lock = ThreadLock()
    private var collected: [Part] = []

    /// Of as many loops.
    init(_ question: Question, _ tag: OperationTag?, of count: Int) {
        self.question = question
        self.tag = tag
        self.count = count
    }

    /// True for the last of them.
    func add(_ part: Part) -> Bool {
        lock.locked {
            collected.append(part)
            return collected.count == count
        }
    }

    var parts: [Part] { lock.locked { collected } }
}

extension GatewayLoop {
    /// Asks all loops; whoever answers last lets this one know.
    mutating func gather(_ question: Gathering.Question, _ tag: OperationTag?) {
        let gathering = Gathering(question, tag, of: commons.loops)
        tellOthers(.report(gathering))
        report(to: gathering)
    }

    mutating func report(to gathering: Gathering) {
        let part =
            switch gathering.question {
            case .sessions: Gathering.Part(sessions: sessionReports(), users: [:], lanes: [:])
            case .devices: Gathering.Part(sessions: [], users: usersOfDevices(), lanes: laneStates)
            case .all: Gathering.Part(sessions: sessionReports(), users: usersOfDevices(), lanes: laneStates)
            }
        guard gathering.add(part) else { return }
        let home = gathering.tag?.loop ?? 0
        if home == number {
            gathered(gathering)
        } else {
            commons.mailboxes[Int(home)].post(.gathered(gathering))
        }
    }

    /// Of this loop's devices; the first loop's has those with a process of their own as well.
    private var laneStates: [String: LaneState] {
        guard number == 0 else { return engine.laneStates }
        return engine.laneStates.merging(commons.links.compactMap(\.lane)) { $1 }
    }

    private mutating func sessionReports() -> [SessionReport] {
        var sessions: [SessionReport] = []
        forEachSession { _, session in sessions.append(SessionReport(session)) }
        return sessions
    }

    mutating func gathered(_ gathering: Gathering) {
        let document: [UInt8]
        switch gathering.question {
        case .sessions(let after): document = listSessions(after: after, gathering.parts)
        case .devices(let after): document = listDevices(after: after, gathering.parts)
        case .all(let deliver): return deliver(status(gathering.parts))
        }
        if let tag = gathering.tag { give(AdministrationAnswer(document: document), tag) }
    }
}
