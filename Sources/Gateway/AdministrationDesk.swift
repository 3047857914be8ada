import RingAdministration
import RingEngine
import RingPolicy
import RingProtocol

/// Where requests wait for the administrator. It gets one at a time, with the policy that is in force then,
/// so that no two changes of policy are made from the same one.
struct AdministrationDesk: Sendable {
    enum Task: Sendable {
        case command(GatewayCommand, document: [UInt8])
        case reload
    }
    struct Request: Sendable {
        let task: Task
        /// Who asks, as logs have it.
        let identity: String
        /// What their certificate says; nil when nobody asked over the network.
        let peer: PeerIdentity?
        /// The entry to answer; nil when nobody asked over the network.
        let tag: OperationTag?
    }
    struct Outcome: Sendable {
        let request: Request
        let answer: AdministrationAnswer
        /// For the log, when nobody gets the answer.
        let text: String
        var isFailure = false
    }

    private let worker: AdministrationWorker?
    private var waiting: [Request] = []
    private var isBusy = false

    /// Requests that may wait.
    static let capacity = 64

    init(_ administrator: Administrator?, _ mailbox: Mailbox) throws(EngineError) {
        worker = try administrator.map { (administrator) throws(EngineError) in
            try AdministrationWorker(administrator, mailbox)
        }
    }

    /// Takes a request over; its outcome comes through the mailbox.
    mutating func add(_ request: Request) throws(Refusal) {
        guard worker != nil else {
            throw Refusal(.unsupported, "this gateway was started without an administrator of policies")
        }
        guard waiting.count < Self.capacity else {
            throw Refusal(.busy, "\(Self.capacity) requests wait for the administrator; try again")
        }
        waiting.append(request)
    }

    var isReloadWaiting: Bool {
        waiting.contains { if case .reload = $0.task { true } else { false } }
    }

    /// The request the administrator can begin with now.
    mutating func next() -> Request? {
        guard !isBusy, !waiting.isEmpty else { return nil }
        isBusy = true
        return waiting.removeFirst()
    }

    func begin(_ request: Request, _ context: AdministrationContext) { worker?.begin(request, context) }

    /// The administrator has nothing to do.
    mutating func finished() { isBusy = false }

    /// Lets the thread end when it has answered what it has begun.
    func stop() { worker?.stop() }
}

/// The administrator's thread.
///
/// `@unchecked Sendable` is sound because every stored variable is touched only while `lock` is held.
final class AdministrationWorker: @unchecked Sendable {
    private typealias Job = (request: AdministrationDesk.Request, context: AdministrationContext)

    private let lock = ThreadLock()
    private let administrator: Administrator
    private let mailbox: Mailbox
    private var job: Job?
    private var isStopping = false

    init(_ administrator: Administrator, _ mailbox: Mailbox) throws(EngineError) {
        self.administrator = administrator
        self.mailbox = mailbox
        try DetachedThread.spawn { self.run() }
    }

    func begin(_ request: AdministrationDesk.Request, _ context: AdministrationContext) {
        lock.locked {
            job = (request, context)
            lock.signal()
        }
    }

    func stop() {
        lock.locked {
            isStopping = true
            lock.signal()
        }
    }

    private func run() {
        while let job = takeJob() { mailbox.post(.administered(outcome(of: job))) }
    }

    private func takeJob() -> Job? {
        lock.locked {
            while job == nil && !isStopping { lock.wait() }
            defer { job = nil }
            return job
        }
    }

    private func outcome(of job: Job) -> AdministrationDesk.Outcome {
        switch job.request.task {
        case .command(let command, let document):
            let answer = administrator.answer(command, document, job.context)
            return .init(request: job.request, answer: answer, text: "")
        case .reload:
            let outcome = administrator.reload(job.context)
            return .init(
                request: job.request, answer: AdministrationAnswer(newPolicy: outcome.newPolicy),
                text: outcome.text, isFailure: outcome.isFailure)
        }
    }
}
