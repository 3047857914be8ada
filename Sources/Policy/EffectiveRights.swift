import RingProtocol

/// One thing that somebody may do on one file, in words: what comparing policies is about, however their rules are cut.
public struct EffectiveRight: Sendable, Equatable {
    public enum Subject: Sendable, Hashable {
        case open
        case read
        case write
        case command(String)
    }

    /// A file that commands give as DEVICE/PROFILE.
    public let device: String
    public let subject: Subject
    /// The combinations that are allowed, one of which must hold, then what is forbidden all the same. Sorted.
    public let words: [String]
    /// What the command is, so that another command under an old name is noticed.
    public let command: CommandDescription?
}

extension PeerPolicy {
    /// Everything the peer may do.
    public var effectiveRights: [EffectiveRight] {
        list.devices.compactMap { grant(onDevice: $0.name) }.flatMap(\.effectiveRights)
    }

    /// Everything the peer may do, as `describe` tells it.
    public var descriptions: [DeviceDescription] {
        list.devices.compactMap { grant(onDevice: $0.name)?.description }
    }
}

extension Grant {
    var effectiveRights: [EffectiveRight] {
        var rights = [
            EffectiveRight(device: device.name, subject: .open, words: openingWords, command: nil)
        ]
        let transfers: [(EffectiveRight.Subject, [Transfer], String?, Bool)] = [
            (.read, reads, readNever, observesReads), (.write, writes, writeNever, observesWrites),
        ]
        for (subject, transfers, never, isObserved) in transfers {
            var words = Set(transfers.map { $0.rights.words + self.words(ofLimit: $0.limit) })
            if isObserved, never == nil { words.insert("anything, while observed") }
            guard !words.isEmpty else { continue }
            rights.append(.init(device: device.name, subject: subject, words: words.sorted(), command: nil))
        }
        rights += details.map { details in
            EffectiveRight(
                device: device.name, subject: .command(details.shape.name), words: words(of: details),
                command: details.shape.description)
        }
        return rights + handles.flatMap(\.grant.effectiveRights)
    }

    /// What the device is: rights on another node are other rights.
    private var openingWords: [String] {
        // A file that a command gives is what its device is.
        guard !device.name.contains("/") else { return ["profile \(device.profile.name)"] }
        var words = ["\(device.kind) \(device.path)", "\(device.access)", "profile \(device.profile.name)"]
        if device.lease.mode != .none {
            words.append("\(device.lease.mode) lease of at most \(device.lease.longest) ms")
        }
        if let procedure = device.onRelease { words.append("\(procedure) on release") }
        if let console = device.console { words += console.words }
        if let major = device.identity.major { words.append("major \(major)") }
        if let minor = device.identity.minor { words.append("minor \(minor)") }
        words += device.identity.properties.map { "\($0.key)=\($0.value)" }.sorted()
        words += device.limits.words
        if let observation = device.observation { words.append("observed until \(observation.until)") }
        return words
    }

    private func words(of details: Details) -> [String] {
        var words = Set(
            details.alternatives.map { alternative in
                let conditions = alternative.conditions.conditions.map(\.words).joined(separator: " and ")
                return (conditions.isEmpty ? "any argument" : conditions)
                    + self.words(ofLimit: alternative.limit)
            })
        // Whatever else is allowed is allowed by that as well.
        if words.contains("any argument"), details.alternatives.allSatisfy({ $0.limit == 0 }) {
            words = ["any argument"]
        }
        if details.isObserved { words.insert("any argument, while observed") }
        let nevers = Set(
            details.nevers.map { "never " + $0.conditions.conditions.map(\.words).joined(separator: " and ") }
        )
        // Who may call a procedure may do what it does, so other steps are another right.
        let procedure = device.procedures.first { $0.name == details.shape.name }
        return words.sorted() + nevers.sorted() + (procedure.map { ["steps: \($0.words)"] } ?? [])
    }

    private func words(ofLimit index: Int) -> String {
        let words = limits[index].words
        return words.isEmpty ? "" : " (\(words.joined(separator: ", ")))"
    }
}

extension Procedure {
    fileprivate var words: String {
        steps.map { step in
            switch step.action {
            case .command(let name, let values, _):
                let values = values.sorted { $0.key < $1.key }.map { "\($0.key)=\(words($0.value))" }
                return ([name] + values).joined(separator: " ") + " on \(step.file)"
            case .write(let bytes):
                let digits = bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
                return "write \(digits) to \(step.file)"
            case .wait(let value, let unit): return "wait \(words(value)) times \(unit) ms"
            }
        }.joined(separator: ", ")
    }

    private func words(_ value: Value) -> String {
        switch value {
        case .text(let text): text
        case .parameter(let index): parameters.indices.contains(index) ? "$\(parameters[index].name)" : "?"
        }
    }
}

extension UseLimits {
    fileprivate var words: [String] {
        [
            inFlight.map { "at most \($0) in flight" }, rate.map { "at most \($0) a second" },
            timeout.map { "given up after \($0) ms" }, recordsEach ? "each on record" : nil,
        ].compactMap { $0 }
    }
}

extension ConsoleTerms {
    fileprivate var words: [String] {
        ["console of \(scrollback) bytes"] + (log.map { ["logged to \($0)"] } ?? [])
    }
}

extension Principal {
    /// How its members are known.
    public var words: String {
        switch match {
        case .uri(let pattern): "uri \(pattern.text)"
        case .keyHash(let hash): "key " + hash.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        case .commonName(let name, let issuer): "common name \(name) of issuer \(issuer)"
        }
    }

    /// Greater for principals that fewer certificates match, as far as one can tell from the pattern.
    public var specificity: Int {
        switch match {
        case .keyHash: return .max
        case .commonName: return .max - 1
        case .uri(let pattern):
            let wildcards = pattern.segments.filter { $0 == "*" }.count
            let deep = pattern.segments.last == "**" ? 1 : 0
            return pattern.segments.count * 4 - wildcards * 3 - deep * 1000
        }
    }
}

extension URIPattern {
    /// As policies have it.
    public var text: String { segments.joined(separator: "/") }
}

extension PrincipalSet {
    public var sortedNames: [String] { names.sorted() }
}
