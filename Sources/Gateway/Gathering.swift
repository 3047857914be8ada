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
    }

    /// What one loop knows.
    struct Part: Sendable {
        let sessions: [SessionReport]
        /// Sessions by the devices they have open.
        let users: [String: Set<UInt64>]
        let lanes: [String: LaneState]
    }

    let question: Question
    /// The entry to answer.
    let tag: OperationTag
    private let count: Int
    private let lock = ThreadLock()
    private var collected: [Part] = []

    /// Of as many loops.
    init(_ question: Question, _ tag: OperationTag, of count: Int) {
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
    mutating func gather(_ question: Gathering.Question, _ tag: OperationTag) {
        let gathering = Gathering(question, tag, of: commons.loops)
        tellOthers(.report(gathering))
        report(to: gathering)
    }

    mutating func report(to gathering: Gathering) {
        let part: Gathering.Part
        switch gathering.question {
        case .sessions:
            var sessions: [SessionReport] = []
            forEachSession { _, session in sessions.append(SessionReport(session)) }
            part = Gathering.Part(sessions: sessions, users: [:], lanes: [:])
        case .devices:
            part = Gathering.Part(sessions: [], users: usersOfDevices(), lanes: engine.laneStates)
        }
        guard gathering.add(part) else { return }
        let home = gathering.tag.loop
        if home == number {
            gathered(gathering)
        } else {
            commons.mailboxes[Int(home)].post(.gathered(gathering))
        }
    }

    mutating func gathered(_ gathering: Gathering) {
        let document =
            switch gathering.question {
            case .sessions(let after): listSessions(after: after, gathering.parts)
            case .devices(let after): listDevices(after: after, gathering.parts)
            }
        give(AdministrationAnswer(document: document), gathering.tag)
    }
}
