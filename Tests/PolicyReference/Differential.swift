import RingPolicy
import RingProtocol

/// The policy against the reference on random shapes, conditions and arguments.
public struct Differential: ~Copyable {
    public private(set) var cases = 0
    public private(set) var allowed = 0
    /// Those of them that were allowed the short way as well.
    public private(set) var plain = 0
    public private(set) var shapes = 0
    /// What they disagreed on, in words.
    public private(set) var mismatches: [String] = []
    private var layout = Layout()

    public init() {}

    /// Runs `count` cases. The same seed gives the same ones.
    public mutating func run(_ count: Int, seed: UInt64) {
        var random = RandomSource(seed: seed)
        while cases < count, mismatches.count < 10 {
            guard let subject = RandomShape(&random), let grant = Self.grant(subject) else { continue }
            shapes += 1
            for _ in 0..<10 where cases < count {
                compare(subject, grant, RandomArgument.make(subject, &random))
            }
        }
    }

    /// Runs one case: the shape that `seed` makes, with this argument.
    public mutating func run(_ seed: UInt64, _ argument: [UInt8]) {
        var random = RandomSource(seed: seed)
        guard let subject = RandomShape(&random), let grant = Self.grant(subject) else { return }
        compare(subject, grant, argument)
        compare(subject, grant, RandomArgument.make(subject, &random))
    }

    private mutating func compare(_ subject: RandomShape, _ grant: Grant, _ argument: [UInt8]) {
        cases += 1
        let expected = Reference.decide(subject.shape, subject.code, argument, subject.alternatives)
        var text = ""
        let actual = argument.withUnsafeBytes { bytes -> Reference.Verdict in
            let entry = Entry(
                .command, requestID: RequestID(1), subOpcode: subject.code, argument: WireBytes(bytes))
            do throws(Refusal) {
                let command = try grant.authorize(entry, on: OpenFileID(0), &layout) { _ in nil }
                let isMutating = command.isMutating
                guard isMutating == (subject.shape.effect != .read) else {
                    mismatches.append("\(subject.shape.effect), but isMutating is \(isMutating)")
                    return .denied
                }
                return .allowed(replySize: command.replySize)
            } catch {
                text = error.text
                return .denied
            }
        }
        if case .allowed = actual { allowed += 1 }
        if let short = Self.decidePlain(subject, grant, argument) {
            plain += 1
            if short != expected {
                mismatches.append("\(subject.shape.blocks)\n\(argument)\nthe short way \(short)")
            }
        }
        if actual != expected {
            mismatches.append(
                "\(subject.shape.blocks)\n\(argument)\npolicy \(actual) \(text), reference \(expected)")
        }
    }

    /// What the short way says; nil when it leaves the case to `authorize`. It is not for what changes something, which
    /// is put on record on the long way.
    private static func decidePlain(
        _ subject: RandomShape, _ grant: Grant, _ argument: [UInt8]
    ) -> Reference.Verdict? {
        argument.withUnsafeBytes { bytes in
            let entry = Entry(
                .command, requestID: RequestID(1), subOpcode: subject.code, argument: WireBytes(bytes))
            guard let command = grant.authorizePlain(entry, on: OpenFileID(0)) else { return nil }
            let isMutating = command.isMutating || subject.shape.effect != .read
            return isMutating ? .denied : .allowed(replySize: command.replySize)
        }
    }

    private static func grant(_ subject: RandomShape) -> Grant? {
        let profile = Profile(name: "random", summary: "", commands: [subject.shape])
        let device = Device(name: "board", path: "/x", kind: .character, access: .readOnly, profile: profile)
        let rule = Rule(
            id: "rule", principals: ["agent"],
            rights: ["board": FileRights(commands: subject.compiled.map { .init(subject.shape, where: $0) })])
        let snapshot = PolicySnapshot(
            revision: [UInt8](repeating: 0, count: 32), principals: [], devices: [device], rules: [rule])
        return snapshot.policy(for: PrincipalSet(names: ["agent"]), at: 0).grant(onDevice: "board")
    }
}
