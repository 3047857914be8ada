import RingPolicy

/// Whether some value passes tests. Says no only when it is sure.
enum Satisfiable {
    /// Whether the field can have a value that passes all of `tests`.
    static func holds(_ field: Field, _ tests: [Condition.Test]) -> Bool {
        guard let range = field.range else { return false }
        let choices = tests.lazy.compactMap { test -> [Int128]? in
            switch test {
            case .equals(let value): [value]
            case .oneOf(let values): values
            case .range, .mask, .sum: nil
            }
        }
        if let choices = choices.first {
            return choices.contains { value in
                range.contains(value) && tests.allSatisfy { passes(value, $0, bits: field.size * 8) }
            }
        }
        var (low, high) = (range.lowerBound, range.upperBound)
        var mask = UInt64.max
        for test in tests {
            switch test {
            case .range(let bounds): (low, high) = (max(low, bounds.lowerBound), min(high, bounds.upperBound))
            case .mask(let bits): mask &= bits
            case .equals, .oneOf, .sum: break
            }
        }
        guard low <= high else { return false }
        if low <= 0, high >= 0 { return true }
        // Negative numbers have the bits of the number above them by the field's width.
        let shift = high < 0 ? Int128(1) << Int128(field.size * 8) : 0
        return least(of: Int128(mask), from: low + shift) <= high + shift
    }

    /// Whether the extent can lie inside `window`, whatever ties its fields.
    static func holds(_ extent: Extent, within window: Range<UInt64>) -> Bool {
        let start = bounds(extent.start), length = bounds(extent.length)
        let first = max(start.lowerBound, Int128(window.lowerBound))
        guard first <= start.upperBound, length.upperBound >= 0 else { return false }
        return first + max(0, length.lowerBound) <= Int128(window.upperBound)
    }

    private static func passes(_ value: Int128, _ test: Condition.Test, bits: Int) -> Bool {
        switch test {
        case .equals(let wanted): value == wanted
        case .oneOf(let values): values.contains(value)
        case .range(let range): range.contains(value)
        case .mask(let mask):
            UInt64(truncatingIfNeeded: value) & ~mask & (.max >> UInt64(64 - bits)) == 0
        case .sum: true
        }
    }

    /// The least number without bits outside `mask` that is `first` or more; beyond all numbers when there
    /// is none.
    private static func least(of mask: Int128, from first: Int128) -> Int128 {
        if first & ~mask == 0 { return first }
        // Above the highest bit that does not fit, some bit of the mask that is not set has to be.
        let misfit = 127 - (first & ~mask).leadingZeroBitCount
        for bit in (misfit + 1)..<65 {
            let value = Int128(1) << Int128(bit)
            guard mask & value != 0, first & value == 0 else { continue }
            return (first & ~(value - 1)) | value
        }
        return .max
    }

    private static func bounds(_ sum: Linear) -> ClosedRange<Int128> {
        var (low, high) = (Int128(sum.constant), Int128(sum.constant))
        for term in sum.terms {
            guard let range = term.field.range else { continue }
            let ends = [range.lowerBound * Int128(term.factor), range.upperBound * Int128(term.factor)]
            low += min(ends[0], ends[1])
            high += max(ends[0], ends[1])
        }
        return low...high
    }
}
