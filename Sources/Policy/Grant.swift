import RingProtocol

/// A command as a grant's table holds it: everything the hot path needs, in one flat value.
struct GrantedCommand {
    let code: SubOpcode
    let transport: Transport
    let placement: Placement
    /// Whether any argument of the right size is allowed.
    let isUnconditional: Bool
    let argumentSize: Int
    let replySize: Int
    let blockSize: Int
    /// Index of the command's details, for checks that are not one compare.
    let details: Int
}

/// What one peer may do on one device, resolved when the device is opened: the decision for a command is then
/// an index and a compare. Immutable.
public final class Grant: Sendable {
    struct Alternative: Sendable {
        let rule: String
        let conditions: [Condition]
    }
    struct Details: Sendable {
        let shape: CommandShape
        let gaps: [Range<Int>]
        let alternatives: [Alternative]
    }
    struct Transfer: Sendable {
        let rule: String
        let rights: TransferRights
    }

    public let device: Device
    let table: [GrantedCommand?]
    let details: [Details]
    let reads: [Transfer]
    let writes: [Transfer]

    /// Unites what `rules` allow on `device`; nil when they allow nothing.
    init?(_ device: Device, rules: [Rule]) {
        let rules = rules.filter { $0.commands[device.name] != nil }
        guard !rules.isEmpty else { return nil }
        self.device = device
        reads = rules.compactMap { rule in rule.read.map { Transfer(rule: rule.id, rights: $0) } }
        writes = rules.compactMap { rule in rule.write.map { Transfer(rule: rule.id, rights: $0) } }
        details = device.profile.commands.compactMap { shape in
            let alternatives = rules.flatMap { rule in
                (rule.commands[device.name] ?? []).filter { $0.shape.code == shape.code }
                    .map { Alternative(rule: rule.id, conditions: $0.conditions) }
            }
            return alternatives.isEmpty
                ? nil : Details(shape: shape, gaps: shape.gaps, alternatives: alternatives)
        }
        table = Self.hashed(details)
    }

    /// Open addressing over a power of two at most half full, so that a look-up always ends.
    private static func hashed(_ details: [Details]) -> [GrantedCommand?] {
        var size = 4
        while size < details.count * 2 { size *= 2 }
        var table = [GrantedCommand?](repeating: nil, count: size)
        for (index, detail) in details.enumerated() {
            let shape = detail.shape
            let free = detail.gaps.isEmpty || shape.argumentSize == 0
            var position = home(of: shape.code, in: size)
            while table[position] != nil { position = (position + 1) & (size - 1) }
            table[position] = GrantedCommand(
                code: shape.code, transport: shape.transport, placement: shape.placement,
                isUnconditional: free && detail.alternatives.contains { $0.conditions.isEmpty },
                argumentSize: shape.argumentSize, replySize: shape.replySize, blockSize: shape.size,
                details: index)
        }
        return table
    }

    @inline(__always)
    private static func home(of code: SubOpcode, in size: Int) -> Int {
        Int(truncatingIfNeeded: (code.code &* 0x9E37_79B1) >> 8) & (size - 1)
    }

    /// The granted command with exactly this code.
    @inline(__always)
    func find(_ code: SubOpcode) -> GrantedCommand? {
        var position = Self.home(of: code, in: table.count)
        while let candidate = table[position] {
            if candidate.code == code { return candidate }
            position = (position + 1) & (table.count - 1)
        }
        return nil
    }
}
