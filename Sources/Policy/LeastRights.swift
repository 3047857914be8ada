import RingProtocol

/// Gathers what entries need on one kind of file, and tells the least rights that allow all of them.
///
/// Whatever the entries cannot be trusted to mean is left out: destructive commands, commands of the gateway, arguments
/// without their command's shape.
public struct LeastRights: Sendable {
    /// Why an entry is left out.
    public struct Exclusion: Error, Equatable, Sendable {
        public let text: String

        public init(_ text: String) { self.text = text }
    }
    /// Distinct values of a field that are listed one by one; more become a range.
    static let listedValues = 8
    /// Conditions a policy file takes in one rule.
    public static let maximumConditions = 64
    /// Elements that all conditions on one command may have to look at.
    static let maximumEvaluations = 4096

    public let profile: Profile
    private var values: [String: [String: Set<Int128>]] = [:]
    private var read = Transfers()
    private var write = Transfers()

    public init(_ profile: Profile) { self.profile = profile }

    /// Takes one more entry into account.
    public mutating func add(_ entry: Entry) throws(Exclusion) {
        switch entry.operation {
        case .command: try addCommand(entry)
        case .read:
            guard let count = ReadArgument.decode(entry)?.count, count > 0, count <= Limits.payload else {
                throw Exclusion("the read has no proper length")
            }
            try read.add(count, at: entry.offset)
        case .write: try addWrite(of: entry.argument.count, at: entry.offset)
        default: throw Exclusion("it needs no right of its own; allow what it goes with")
        }
    }

    /// A write of `count` bytes, whatever they are.
    public mutating func addWrite(of count: Int, at offset: UInt64) throws(Exclusion) {
        guard count > 0, count <= Limits.payload else {
            throw Exclusion("the write has no proper length")
        }
        try write.add(count, at: offset)
    }

    private mutating func addCommand(_ entry: Entry) throws(Exclusion) {
        guard let shape = profile.commands(entry.subOpcode).first(where: { $0.isMeant(by: entry) }) else {
            throw Exclusion("profile `\(profile.name)` describes no such command")
        }
        guard shape.transport != .gateway else { throw Exclusion("administration is given by hand") }
        guard shape.effect != .destructive, !shape.isGuarded else {
            throw Exclusion("\(shape.name) destroys; allow it by hand if it must be")
        }
        var layout = Layout()
        do throws(Refusal) {
            try layout.lay(shape, code: entry.subOpcode, entry.argument)
            try shape.plan.prove(entry.argument, layout)
        } catch {
            throw Exclusion(error.text)
        }
        var seen = values[shape.name] ?? [:]
        for (index, block) in shape.blocks.enumerated() {
            shape.collect(block, index, entry, layout, &seen)
        }
        values[shape.name] = seen
    }

    /// The commands, in the order of the profile.
    public var commands: [FileRights.Command] {
        profile.commands.compactMap { shape in
            guard let seen = values[shape.name] else { return nil }
            var conditions: [Condition] = []
            var evaluations = 0
            for (index, block) in shape.blocks.enumerated() where block.alwaysComesFromClient {
                let elements = shape.maximumElements(of: index)
                for (field, test) in shape.tests(on: block, seen)
                where conditions.count < Self.maximumConditions {
                    guard evaluations + elements <= Self.maximumEvaluations else { break }
                    evaluations += elements
                    conditions.append(Condition(field, test, in: block, index: index))
                }
            }
            return FileRights.Command(shape, where: conditions)
        }
    }

    public var readRights: TransferRights? { read.rights }
    public var writeRights: TransferRights? { write.rights }
    public var isEmpty: Bool { values.isEmpty && readRights == nil && writeRights == nil }
}

extension LeastRights {
    /// What reads, or writes, have needed.
    private struct Transfers: Sendable {
        private var longest = 0
        private var window: Range<UInt64>?
        private var usesOwnPosition = false

        mutating func add(_ count: Int, at offset: UInt64) throws(Exclusion) {
            if offset == Entry.currentPosition {
                usesOwnPosition = true
            } else {
                let (end, overflow) = offset.addingReportingOverflow(UInt64(count))
                guard !overflow else { throw Exclusion("it ends beyond every file") }
                window = min(window?.lowerBound ?? offset, offset)..<max(window?.upperBound ?? end, end)
            }
            longest = max(longest, count)
        }

        /// The length is rounded up to a power of two, so that the next run need not have the same lengths.
        var rights: TransferRights? {
            guard longest > 0 else { return nil }
            var length = 1
            while length < longest { length *= 2 }
            return TransferRights(maxLength: length, window: usesOwnPosition ? nil : window)
        }
    }
}

extension CommandShape {
    /// Adds the values that the argument's elements have in the fields of `block`.
    fileprivate func collect(
        _ block: Block, _ index: Int, _ entry: Entry, _ layout: borrowing Layout,
        _ seen: inout [String: Set<Int128>]
    ) {
        for field in block.fields {
            guard let reader = field.reader else { continue }
            var values: Set<Int128> = []
            for place in 0..<layout.count where layout[place].block == index && layout[place].argument >= 0 {
                let span = layout[place]
                for element in 0..<Int(span.count) {
                    let base = Int(span.argument) + element * Int(span.stride)
                    if let value = reader.read(entry.argument, at: base) { values.insert(value) }
                }
            }
            seen[block.path(of: field.name), default: []].formUnion(values)
        }
    }

    /// A test for each field of `block` that is worth it, from all values seen.
    fileprivate func tests(
        on block: Block, _ seen: [String: Set<Int128>]
    ) -> [(field: Field, test: Condition.Test)] {
        block.fields.filter(\.isWorthTesting).compactMap { field in
            guard let values = seen[block.path(of: field.name)]?.sorted(), let least = values.first,
                let greatest = values.last
            else { return nil }
            if values.count == 1 { return (field, .equals(least)) }
            return (
                field, values.count <= LeastRights.listedValues ? .oneOf(values) : .range(least...greatest)
            )
        }
    }
}

extension Field {
    /// Whether a value seen says more than the profile itself: not for slots, which are the client's to choose, nor
    /// for what the profile ties to one value.
    fileprivate var isWorthTesting: Bool {
        guard reader != nil, descriptor == nil else { return false }
        return !checks.contains { check in
            switch check {
            case .equals, .sum: true
            case .oneOf, .range, .mask: false
            }
        }
    }
}

extension Block {
    /// Whether every argument has it, so that a policy may test it.
    fileprivate var alwaysComesFromClient: Bool {
        if case .fixed(let direction) = direction { direction.isFromClient } else { false }
    }
}

extension Condition {
    /// A condition in the terms of policy files.
    public enum Term: Sendable, Equatable {
        case value(Test)
        case window(Range<UInt64>)
        case maxLength(Int)
    }

    /// nil for those that only a profile can state.
    public var term: Term? {
        switch subject {
        case .field(_, .sum), .tie: nil
        case .field(_, let test): .value(test)
        case .window(_, let window): .window(window)
        case .length(let length): .maxLength(length)
        }
    }
}
