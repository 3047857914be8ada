import RingPolicy
import RingPolicyFile
import RingProtocol
import Synchronization

/// What the loop knows when somebody asks for administration, as values: the administrator runs on a thread of its
/// own.
public struct AdministrationContext: Sendable {
    /// In force now.
    public let policy: PolicySnapshot
    /// Who asks, as logs have it.
    public let identity: String
    /// Who asks, as the policy sees it; nil leaves only what `identity` tells.
    public let peer: PeerIdentity?
    /// What was denied or observed lately.
    public let requests: RequestLog
    /// Seconds since 1970.
    public let time: UInt64

    public init(
        policy: PolicySnapshot, identity: String, peer: PeerIdentity? = nil, requests: RequestLog,
        time: UInt64
    ) {
        self.policy = policy
        self.identity = identity
        self.peer = peer
        self.requests = requests
        self.time = time
    }
}

/// What administration has to say.
public struct AdministrationAnswer: Sendable {
    /// nil when there is a document.
    public let refusal: Refusal?
    /// JSON.
    public let document: [UInt8]
    /// To be put in force by the loop before the answer is given.
    public let newPolicy: PolicySnapshot?

    public init(refusal: Refusal? = nil, document: [UInt8] = [], newPolicy: PolicySnapshot? = nil) {
        self.refusal = refusal
        self.document = document
        self.newPolicy = newPolicy
    }
}

/// Why there is no policy to start with.
public enum AdministrationError: Error, CustomStringConvertible {
    case policy(PolicyErrors)
    /// The directory of revisions cannot be used.
    case state(String)

    public var description: String {
        switch self {
        case .policy(let errors): errors.description
        case .state(let text): text
        }
    }
}

/// Reads, compares, keeps and explains policies. Everything that costs time or touches files happens here and not on
/// the loop's thread.
public final class Administrator: Sendable {
    /// Where policies come from and are kept.
    public struct Files: Sendable {
        /// The policy in force after a start: read at start and on SIGHUP, replaced by `policy.apply`.
        public var policy: String
        public var profiles: String
        /// Directory of earlier revisions; nil for none: then nothing can be applied remotely.
        public var state: String?

        public init(policy: String, profiles: String, state: String? = nil) {
            self.policy = policy
            self.profiles = profiles
            self.state = state
        }
    }

    /// The policy that was put in force last.
    struct Current: Sendable {
        var text: [UInt8]
        var snapshot: PolicySnapshot
        var time: UInt64
        var by: String
        var number: Int?
    }

    /// Who acts when nobody connected does.
    static let host = "the gateway's host"

    public let files: Files
    /// SHA-256.
    private let hash: @Sendable ([UInt8]) -> [UInt8]
    let current = Mutex<Current?>(nil)
    private let reach = Mutex<Reach?>(nil)

    /// What a policy asks of the host that this process cannot do any more, and what to do about it.
    public typealias Reach = @Sendable (PolicySnapshot) -> [(message: String, hint: String)]

    public init(_ files: Files, hash: @escaping @Sendable ([UInt8]) -> [UInt8]) {
        self.files = files
        self.hash = hash
    }

    /// From now on policies that `reach` finds fault with are refused.
    public func hold(to reach: @escaping Reach) { self.reach.withLock { $0 = reach } }

    var store: PolicyStore? { files.state.map(PolicyStore.init) }

    /// Answers one of the `policy.` commands. Called from one thread at a time.
    public func answer(
        _ command: GatewayCommand, _ document: [UInt8], _ context: AdministrationContext
    ) -> AdministrationAnswer {
        do throws(Refusal) {
            switch command {
            case .policyShow: return try show(try .decode(document), context)
            case .policyEffective: return try effective(try .decode(document), context)
            case .policyPlan: return try plan(try .decode(document), context)
            case .policyApply: return try apply(try .decode(document), context)
            case .policyRollback: return try rollback(try .decode(document), context)
            case .policyHistory: return try history(try .decode(document), context)
            case .policyExplain: return try explain(try .decode(document), context)
            case .policySuggest: return try suggest(try .decode(document), context)
            case .sessionList, .sessionKill, .deviceList, .deviceDisable, .deviceDrain, .deviceEnable,
                .deviceResetLane, .leaseList, .leaseRevoke, .traceRead:
                throw Refusal(.unsupported, "\(command.name) is answered by the loop itself")
            }
        } catch {
            return AdministrationAnswer(refusal: error)
        }
    }

    // MARK: Reading policies

    /// A policy's text with what it means.
    struct Compiled: Sendable {
        let text: [UInt8]
        let snapshot: PolicySnapshot
    }

    /// Reads the policy file, for `start` or only to see that it is good.
    public func load() throws(PolicyErrors) -> PolicySnapshot {
        let loaded = try loadFile()
        current.withLock {
            $0 = Current(text: loaded.text, snapshot: loaded.snapshot, time: 0, by: Self.host, number: nil)
        }
        return loaded.snapshot
    }

    func loadFile() throws(PolicyErrors) -> Compiled {
        try compile(try SourceText.read(files.policy))
    }

    func compile(_ source: SourceText) throws(PolicyErrors) -> Compiled {
        let loaded = try PolicyLoader.load(source, profiles: files.profiles)
        let snapshot = loaded.snapshot(revision: hash(loaded.revisionInput))
        let flaws = reach.withLock { $0 }?(snapshot) ?? []
        guard flaws.isEmpty else { throw PolicyErrors(in: source.path, flaws) }
        return Compiled(text: source.bytes, snapshot: snapshot)
    }
}

extension PolicySnapshot {
    /// The revision in lower-case hexadecimal.
    var revisionText: String { revision.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() }
}
