import RingProtocol

/// Conditions that must all hold, compiled to flat values: deciding copies and counts nothing.
final class ConditionList: Sendable {
    /// How the value is compared.
    private enum Kind: UInt8 {
        case range
        case mask
        case choice
        case sum
        /// A range of positions inside `[low, high)`.
        case window
        /// Bytes of the block, at most `high`.
        case length
        /// The sum of fields of block `low`.
        case tie
        /// Never holds: the field has no number.
        case nothing
    }

    private struct Test {
        var kind: Kind
        var block: Int32
        var reader = FieldReader.none
        var low: Int128 = 0
        var high: Int128 = 0
        /// Bits that must not be set.
        var forbidden: UInt64 = 0
        /// Places in `choices` or `sums`.
        var first = 0
        var end = 0
    }

    private struct Sum {
        let constant: Int64
        let terms: Range<Int>
    }

    /// In words, for those who ask.
    let conditions: [Condition]
    private let tests: [Test]
    private let choices: [Int128]
    private let sums: [Sum]
    private let terms: [(reader: FieldReader, factor: Int64)]

    init(_ conditions: [Condition]) {
        self.conditions = conditions
        var tests: [Test] = []
        var choices: [Int128] = []
        var sums: [Sum] = []
        var terms: [(reader: FieldReader, factor: Int64)] = []
        func add(_ sum: Linear) {
            let first = terms.count
            terms += sum.terms.compactMap { term in term.field.reader.map { ($0, term.factor) } }
            sums.append(Sum(constant: sum.constant, terms: first..<terms.count))
        }
        for condition in conditions {
            var test = Test(kind: .nothing, block: Int32(condition.block))
            switch condition.subject {
            case .field(let field, let wanted):
                guard let reader = field.reader else { break }
                test.reader = reader
                switch wanted {
                case .equals(let value): (test.kind, test.low, test.high) = (.range, value, value)
                case .range(let range):
                    (test.kind, test.low, test.high) = (.range, range.lowerBound, range.upperBound)
                case .mask(let mask):
                    // Of the field's own bits: above them there is only the sign of a signed field.
                    (test.kind, test.forbidden) = (.mask, ~mask & (.max >> UInt64(64 - field.size * 8)))
                case .oneOf(let values):
                    (test.kind, test.first) = (.choice, choices.count)
                    choices += values
                    test.end = choices.count
                case .sum(let sum):
                    (test.kind, test.first) = (.sum, sums.count)
                    add(sum)
                }
            case .window(let extent, let window):
                (test.kind, test.first) = (.window, sums.count)
                (test.low, test.high) = (Int128(window.lowerBound), Int128(window.upperBound))
                add(extent.start)
                add(extent.length)
            case .length(let most): (test.kind, test.high) = (.length, Int128(most))
            case .tie(let field, let sum, let other):
                guard let reader = field.reader else { break }
                (test.kind, test.reader, test.low, test.first) = (.tie, reader, Int128(other), sums.count)
                add(sum)
            }
            tests.append(test)
        }
        (self.tests, self.choices, self.sums, self.terms) = (tests, choices, sums, terms)
    }

    var isEmpty: Bool { tests.isEmpty }

    /// Whether an argument passes that is one struct and nothing else.
    func hold(in argument: WireBytes) -> Bool {
        for index in tests.indices where !holds(index, argument) { return false }
        return true
    }

    /// Whether every element passes that a condition is about.
    func hold(in argument: WireBytes, _ layout: borrowing Layout) -> Bool {
        for index in tests.indices where firstViolation(index, argument, layout) != nil { return false }
        return true
    }

    /// Whether those on the root pass, whose first byte is the argument's.
    func holdOnRoot(_ argument: WireBytes) -> Bool {
        for index in tests.indices where tests[index].block == 0 && !holds(index, argument) { return false }
        return true
    }

    /// The first condition that does not hold, and what the argument has instead; nil when all hold.
    func violation(in argument: WireBytes, _ layout: borrowing Layout) -> (Condition, has: String)? {
        for index in tests.indices {
            if let has = violation(index, argument, layout) { return (conditions[index], has) }
        }
        return nil
    }

    /// All that do not hold, with what the argument has instead.
    func violations(in argument: WireBytes, _ layout: borrowing Layout) -> [(Condition, has: String)] {
        var found: [(Condition, has: String)] = []
        for index in tests.indices {
            if let has = violation(index, argument, layout) { found.append((conditions[index], has)) }
        }
        return found
    }

    /// The words of those that an argument of one struct does not meet.
    func failedWords(in argument: WireBytes) -> [String] {
        tests.indices.filter { !holds($0, argument) }.map { conditions[$0].words }
    }

    private func violation(_ index: Int, _ argument: WireBytes, _ layout: borrowing Layout) -> String? {
        guard let (span, base) = firstViolation(index, argument, layout) else { return nil }
        if tests[index].kind == .length { return "\(layout[span].size) bytes" }
        return tests[index].reader.read(argument, at: base).map { "\($0)" } ?? "something else"
    }

    /// The span and position of the first element that does not pass; nil when all do.
    private func firstViolation(
        _ index: Int, _ argument: WireBytes, _ layout: borrowing Layout
    ) -> (span: Int, base: Int)? {
        for place in 0..<layout.count where layout[place].block == tests[index].block {
            let span = layout[place]
            if tests[index].kind == .length {
                if Int128(span.size) > tests[index].high { return (place, -1) }
                continue
            }
            if tests[index].kind == .tie {
                let base = Int(span.argument)
                if base < 0 || !isTied(index, argument, at: base, layout) { return (place, base) }
                continue
            }
            var base = Int(span.argument)
            for _ in 0..<span.count {
                // An element that the client does not send has nothing to test.
                guard base >= 0, holds(index, argument.slice(0, base + Int(span.stride)), at: base) else {
                    return (place, base)
                }
                base += Int(span.stride)
            }
        }
        return nil
    }

    @inline(__always)
    private func holds(_ index: Int, _ argument: WireBytes) -> Bool {
        if tests[index].kind == .length { return Int128(argument.count) <= tests[index].high }
        return holds(index, argument, at: 0)
    }

    /// Whether the element at `base` passes. Total: every value of the full width is decided, sums cannot wrap.
    @inline(__always)
    private func holds(_ index: Int, _ bytes: WireBytes, at base: Int) -> Bool {
        let test = tests[index]
        if test.kind == .window { return isInside(test, bytes, at: base) }
        guard let value = test.reader.read(bytes, at: base) else { return false }
        switch test.kind {
        case .range: return value >= test.low && value <= test.high
        case .mask: return UInt64(truncatingIfNeeded: value) & test.forbidden == 0
        case .choice: return isChoice(value, test)
        case .sum: return sum(test.first, bytes, at: base) == value
        case .window, .length, .tie, .nothing: return false
        }
    }

    /// Whether the field at `base` is the sum of fields of the first element of another block.
    private func isTied(_ index: Int, _ argument: WireBytes, at base: Int, _ layout: borrowing Layout) -> Bool
    {
        let other = tests[index].low
        for place in 0..<layout.count where Int128(layout[place].block) == other {
            let span = layout[place]
            let first = Int(span.argument)
            guard first >= 0,
                let wanted = sum(tests[index].first, argument.slice(0, first + Int(span.stride)), at: first)
            else { return false }
            return tests[index].reader.read(argument, at: base) == wanted
        }
        return false
    }

    private func isChoice(_ value: Int128, _ test: Test) -> Bool {
        for index in test.first..<test.end where choices[index] == value { return true }
        return false
    }

    private func isInside(_ test: Test, _ bytes: WireBytes, at base: Int) -> Bool {
        guard let start = sum(test.first, bytes, at: base), let length = sum(test.first + 1, bytes, at: base),
            length >= 0
        else { return false }
        return start >= test.low && start + length <= test.high
    }

    private func sum(_ index: Int, _ bytes: WireBytes, at base: Int) -> Int128? {
        var total = Int128(sums[index].constant)
        for term in sums[index].terms {
            guard let value = terms[term].reader.read(bytes, at: base) else { return nil }
            total += value * Int128(terms[term].factor)
        }
        return total
    }
}
