import RingPolicy
import RingProtocol

/// `policy.explain`.
extension Administrator {
    func explain(
        _ request: ExplainRequest, _ context: AdministrationContext
    ) throws(Refusal) -> AdministrationAnswer {
        if let session = request.session, let id = request.request {
            return try explain(session, RequestID(id), request, context)
        }
        guard request.session == nil, request.request == nil, let somebody = request.as?.request else {
            throw Refusal(
                .shape, "give either `session` and `request`, or `as`, `device` and what is to be explained")
        }
        return try explain(try Question(request, context.policy), by: somebody, context)
    }

    /// An entry that was denied or observed: why then, and what would become of it now.
    private func explain(
        _ session: UInt64, _ id: RequestID, _ request: ExplainRequest, _ context: AdministrationContext
    ) throws(Refusal) -> AdministrationAnswer {
        guard request.as == nil, request.device == nil, request.argument == nil, request.command == nil else {
            throw Refusal(.shape, "what `session` and `request` name cannot be changed")
        }
        guard
            let logged = context.requests.requests.last(where: { $0.session == session && $0.requestID == id }
            )
        else {
            throw Refusal(
                .shape,
                "nothing denied or observed is known as \(session):\(id.value); only the last "
                    + "\(RequestLog.limit) are kept, until the gateway ends")
        }
        let explanation = logged.withEntry { entry in
            context.policy.explain(entry, on: logged.device, for: logged.principals, at: context.time)
        }
        var answer = ExplainAnswer(explanation, logged.principals, logged.device)
        answer.recorded = .init(logged)
        if logged.isCut {
            answer.note =
                "the log keeps \(RequestLog.argumentLimit) bytes of an argument, and this one was longer"
        }
        answer.description = context.policy.description(of: explanation.command, on: logged.device)
        return try AdministrationAnswer(answer)
    }

    private func explain(
        _ question: Question, by somebody: Somebody, _ context: AdministrationContext
    ) throws(Refusal) -> AdministrationAnswer {
        let peer = try somebody.resolved(in: context.policy)
        let explanation = question.argument.withUnsafeBytes { bytes in
            context.policy.explain(
                Entry(
                    question.operation, requestID: RequestID(1), subOpcode: question.code,
                    offset: question.offset, argument: WireBytes(bytes)),
                on: question.device, for: peer, at: context.time)
        }
        var answer = ExplainAnswer(explanation, peer, question.device)
        answer.description = context.policy.description(
            of: question.command ?? explanation.command, on: question.device)
        return try AdministrationAnswer(answer)
    }
}

/// An entry nobody has sent.
private struct Question {
    let device: String
    let operation: RingProtocol.Operation
    var code = SubOpcode(0)
    /// As it was named.
    var command: String?
    var argument: [UInt8] = []
    let offset: UInt64

    init(_ request: ExplainRequest, _ policy: PolicySnapshot) throws(Refusal) {
        guard let device = request.device, !device.isEmpty else {
            throw Refusal(.shape, "the request has no `device`")
        }
        self.device = device
        let operations: [String: RingProtocol.Operation] = [
            "command": .command, "read": .read, "write": .write, "sync": .sync, "open": .open,
        ]
        guard let operation = operations[request.operation ?? "command"] else {
            throw Refusal(
                .shape, "`operation` is one of: \(operations.keys.sorted().joined(separator: ", "))")
        }
        self.operation = operation
        let isTransfer = operation == .read || operation == .write
        offset = request.offset ?? (isTransfer ? Entry.currentPosition : 0)
        if let text = request.argument {
            guard let bytes = Self.bytes(text), bytes.count <= Limits.payload else {
                throw Refusal(.shape, "`argument` is no pairs of hexadecimal digits")
            }
            argument = bytes
        }
        if operation == .read { argument = ReadArgument.encode(count: Int(request.count ?? 1)) }
        if operation == .write, argument.isEmpty {
            argument = [UInt8](repeating: 0, count: min(Int(request.count ?? 1), Limits.payload))
        }
        guard operation == .command else { return }
        switch request.command {
        case .code(let number): code = SubOpcode(number)
        case .name(let name):
            guard let shape = policy.command(named: name, on: device) else {
                throw Refusal(.shape, "`\(device)` has no command `\(name)`, or there is no such device")
            }
            command = name
            code = shape.code
        case nil: throw Refusal(.shape, "the request has no `command`")
        }
    }

    private static func bytes(_ text: String) -> [UInt8]? {
        let digits = text.utf8.compactMap { Character(Unicode.Scalar($0)).hexDigitValue }
        guard digits.count == text.utf8.count, digits.count.isMultiple(of: 2) else { return nil }
        return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }
}

extension PolicySnapshot {
    fileprivate func description(of command: String?, on device: String) -> CommandDescription? {
        command.flatMap { self.command(named: $0, on: device)?.description }
    }
}

/// The answer of docs/administration.md.
private struct ExplainAnswer: Encodable {
    struct Failing: Encodable {
        let field: String
        let needs: String
        let has: String
    }
    struct Nearest: Encodable {
        let rule: String
        let failing: [Failing]
    }
    struct Other: Encodable {
        let rule: String
        let principals: [String]
    }
    struct Recorded: Encodable {
        let time: UInt64
        let identity: String
        let operation: String
        let code: UInt32
        let offset: UInt64
        let argumentLength: Int
        let verdict: String
        let reason: String?
        let rule: String?
        let text: String?

        init(_ logged: LoggedRequest) {
            time = logged.time
            identity = logged.identity
            operation = "\(logged.operation)"
            code = logged.code.code
            offset = logged.offset
            argumentLength = logged.argumentLength
            verdict = logged.refusal == nil ? "observed" : "denied"
            reason = logged.refusal.map { "\($0.reason)" }
            rule = logged.refusal?.rule
            text = logged.refusal?.text
        }
    }

    let verdict: String
    let reason: String?
    let rule: String
    let text: String
    let principals: [String]
    let device: String
    let command: String?
    let nearest: Nearest?
    let others: [Other]?
    /// What would have to be different, a sentence each.
    let wouldNeed: [String]
    var recorded: Recorded?
    var note: String?
    var description: CommandDescription?

    init(_ explanation: Explanation, _ peer: PrincipalSet, _ device: String) {
        verdict = explanation.verdict.rawValue
        reason = explanation.reason.map { "\($0)" }
        rule = explanation.rule
        text = explanation.text
        principals = peer.sortedNames
        self.device = device
        command = explanation.command
        nearest = explanation.nearest.map { nearest in
            Nearest(
                rule: nearest.rule,
                failing: nearest.failing.map { Failing(field: $0.field, needs: $0.needs, has: $0.has) })
        }
        others =
            explanation.others.isEmpty
            ? nil : explanation.others.map { Other(rule: $0.rule, principals: $0.principals) }
        wouldNeed = explanation.needs
    }
}

extension Explanation {
    fileprivate var needs: [String] {
        var needs: [String] = []
        if let nearest, !nearest.failing.isEmpty {
            let failing = nearest.failing.map { "\($0.needs) (it has \($0.has))" }
            needs.append("rule \(nearest.rule) allows it with \(failing.joined(separator: " and "))")
        }
        needs += others.map { other in
            "rule \(other.rule) allows it to principals \(other.principals.joined(separator: ", ")), which they are not"
        }
        guard verdict == .denied, needs.isEmpty else { return needs }
        switch reason {
        case .never: return ["nothing allows it while \(rule) forbids it"]
        case .shape: return ["no rule matters: the request does not have the shape of what it names"]
        case .noRule: return ["a new rule; ringctl policy suggest writes one from what was denied"]
        default: return []
        }
    }
}
