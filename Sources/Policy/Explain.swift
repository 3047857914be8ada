import RingProtocol

extension Grant {
    /// What `authorize` decides on `entry`, and why. A slot that the command takes is assumed to be there.
    public func explain(_ entry: Entry) -> Explanation {
        var layout = Layout()
        let meant = meant(by: entry, &layout)
        var explanation: Explanation
        do throws(Refusal) {
            let isObserved = try isObserved(entry, meant)
            explanation =
                isObserved ? observed : .allowed(by: rule(allowing: entry, meant, layout), "a rule allows it")
        } catch {
            explanation = .denied(error)
            if error.reason == .constraint || error.reason == .noRule {
                explanation.nearest = nearest(entry, meant, layout)
            }
        }
        if entry.operation == .command {
            let described = device.commands(entry.subOpcode).first { $0.isMeant(by: entry) }
            explanation.command = meant?.shape.name ?? described?.name
        }
        return explanation
    }

    private var observed: Explanation {
        Explanation(
            verdict: .observed, reason: nil, rule: "",
            text: "no rule allows it; it runs because `\(device.name)` is observed")
    }

    /// The decision itself is `authorize`'s, so that an explanation cannot say anything else.
    private func isObserved(_ entry: Entry, _ meant: Details?) throws(Refusal) -> Bool {
        let taken = meant?.shape.fields.compactMap { field in
            if case .takes(let profile) = field.descriptor { profile } else { nil }
        }
        var layout = Layout()
        let command = try authorize(entry, on: OpenFileID(0), &layout) { _ in
            taken?.first.map { HeldSlot(file: OpenFileID(0), profile: $0) }
        }
        return command.isObserved
    }

    /// The granted command that the entry means, laid out; nil when there is none, or its argument does not fit.
    func meant(by entry: Entry, _ layout: inout Layout) -> Details? {
        guard entry.operation == .command else { return nil }
        let place = find(entry.subOpcode)
        var index = place >= 0 ? commands[place].details : -1
        while index >= 0 {
            let shape = details[index].shape
            if shape.transport == .gateway || shape.lays(entry, &layout) { return details[index] }
            index = details[index].next
        }
        return nil
    }

    func rule(allowing entry: Entry, _ meant: Details?, _ layout: borrowing Layout) -> String {
        switch entry.operation {
        case .command:
            guard let meant else { return "" }
            for alternative in meant.alternatives
            where alternative.conditions.hold(in: entry.argument, layout) {
                return alternative.rule
            }
            // Commands of the gateway have no conditions and are not laid out.
            return meant.alternatives.first { $0.conditions.isEmpty }?.rule ?? ""
        case .read: return reads.first { $0.rights.failing(entry).isEmpty }?.rule ?? ""
        case .write: return writes.first { $0.rights.failing(entry).isEmpty }?.rule ?? ""
        case .sync: return writes.first?.rule ?? ""
        default: return ""
        }
    }

    /// The rule with the fewest conditions that do not hold.
    private func nearest(
        _ entry: Entry, _ meant: Details?, _ layout: borrowing Layout
    ) -> Explanation.Nearest? {
        var candidates: [Explanation.Nearest] = []
        switch entry.operation {
        case .command:
            for alternative in meant?.alternatives ?? [] {
                let failing = Self.failing(alternative.conditions, entry, layout)
                candidates.append(.init(rule: alternative.rule, failing: failing))
            }
        case .read: candidates = reads.map { .init(rule: $0.rule, failing: $0.rights.failing(entry)) }
        case .write: candidates = writes.map { .init(rule: $0.rule, failing: $0.rights.failing(entry)) }
        default: break
        }
        return candidates.min { $0.failing.count < $1.failing.count }
    }

    private static func failing(
        _ conditions: ConditionList, _ entry: Entry, _ layout: borrowing Layout
    ) -> [Explanation.Failing] {
        conditions.violations(in: entry.argument, layout).map { condition, has in
            .init(field: condition.path, needs: condition.words, has: has)
        }
    }
}

extension CommandShape {
    /// Lays the entry out if it means this command and its argument fits.
    func lays(_ entry: Entry, _ layout: inout Layout) -> Bool {
        guard couldBeMeant(by: entry) else { return false }
        do throws(Refusal) { try layout.lay(self, code: entry.subOpcode, entry.argument) } catch {
            return false
        }
        return plan.selectors.hold(in: entry.argument, layout)
    }
}

extension TransferRights {
    /// Bounds that a read or write does not keep.
    fileprivate func failing(_ entry: Entry) -> [Explanation.Failing] {
        let count =
            entry.operation == .read ? ReadArgument.decode(entry)?.count ?? 0 : entry.argument.count
        var failing: [Explanation.Failing] = []
        if count > maxLength {
            failing.append(.init(field: "length", needs: "at most \(maxLength) bytes", has: "\(count) bytes"))
        }
        if let window, !allows(offset: entry.offset, count: min(count, maxLength)) {
            let own = entry.offset == Entry.currentPosition
            failing.append(
                .init(
                    field: "offset", needs: "positions [\(window.lowerBound), \(window.upperBound))",
                    has: own ? "the file's own position" : "\(entry.offset)"))
        }
        return failing
    }
}
