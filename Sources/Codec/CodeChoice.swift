import RingProtocol

/// The codes of a command that has several: the size bits 16 to 29 and the number bits 0 to 7 of ioctl(2) codes.
struct CodeChoice: Sendable {
    let base: SubOpcode
    let sizes: ClosedRange<Int>?
    let step: Int
    let numbers: ClosedRange<Int>?

    /// Under these names a code is chosen, unless the argument's own struct has such a member.
    static let sizeName = "size"
    static let numberName = "number"

    /// nil when the family's description makes no sense.
    init?(_ command: CommandDescription) {
        base = SubOpcode(command.code)
        guard let family = command.codes else {
            (sizes, step, numbers) = (nil, 1, nil)
            return
        }
        step = family.step ?? 1
        guard let sizes = Self.range(family.sizes, 1...0x3fff),
            let numbers = Self.range(family.numbers, 0...0xff), (1...0x3fff).contains(step)
        else { return nil }
        (self.sizes, self.numbers) = (sizes, numbers)
        let varying: UInt32 = (sizes == nil ? 0 : 0x3fff << 16) | (numbers == nil ? 0 : 0xff)
        guard base.code & varying == 0 else { return nil }
        if let sizes, sizes.upperBound > max(command.argumentSize, command.replySize) { return nil }
    }

    /// The outer nil means nonsense, the inner that nothing was said.
    private static func range(_ ends: [Int]?, _ bounds: ClosedRange<Int>) -> ClosedRange<Int>?? {
        guard let ends else { return .some(nil) }
        guard ends.count == 2, ends[0] <= ends[1], bounds.contains(ends[0]), bounds.contains(ends[1]) else {
            return nil
        }
        return ends[0]...ends[1]
    }

    func names(besides root: BlockShape?) -> [String] {
        let names = (sizes == nil ? [] : [Self.sizeName]) + (numbers == nil ? [] : [Self.numberName])
        return names.filter { root?.field($0) == nil }
    }

    func code(size: Int, number: Int) -> SubOpcode {
        SubOpcode(base.code | (sizes == nil ? 0 : UInt32(size) << 16) | (numbers == nil ? 0 : UInt32(number)))
    }

    func choices(of code: SubOpcode) -> [String: String]? {
        let (size, number) = (code.sizeBits, Int(code.code & 0xff))
        guard self.code(size: size, number: number) == code, numbers?.contains(number) ?? true else {
            return nil
        }
        if let sizes, !sizes.contains(size) || (size - sizes.lowerBound) % step != 0 { return nil }
        var choices: [String: String] = [:]
        if sizes != nil { choices[Self.sizeName] = String(size) }
        if numbers != nil { choices[Self.numberName] = String(number) }
        return choices
    }

    /// The size that is asked for.
    func size(_ text: String) throws(FieldError) -> Int {
        guard let sizes else { return 0 }
        let size = try FieldText(Self.sizeName).number(text, in: 0...0x3fff)
        guard sizes.contains(Int(size)), (Int(size) - sizes.lowerBound) % step == 0 else {
            throw .noSuchCode(text, least: sizes.lowerBound, greatest: sizes.upperBound, step: step)
        }
        return Int(size)
    }

    /// The least size that has room for `bytes`; the greatest when none has.
    func size(for bytes: Int) -> Int {
        guard let sizes else { return 0 }
        let last = sizes.upperBound - (sizes.upperBound - sizes.lowerBound) % step
        guard bytes > sizes.lowerBound else { return sizes.lowerBound }
        return min(last, sizes.lowerBound + (bytes - sizes.lowerBound + step - 1) / step * step)
    }

    /// The number asked for; without one, the only one there is.
    func number(_ text: String?) throws(FieldError) -> Int {
        guard let numbers else { return 0 }
        guard let text else {
            guard numbers.count == 1 else {
                throw .missing(Self.numberName, why: "it is \(numbers.lowerBound) to \(numbers.upperBound)")
            }
            return numbers.lowerBound
        }
        let range = Int128(numbers.lowerBound)...Int128(numbers.upperBound)
        return Int(try FieldText(Self.numberName).number(text, in: range))
    }
}

extension SubOpcode {
    /// The size an ioctl's number states: 14 bits from bit 16 on (asm-generic/ioctl.h).
    var sizeBits: Int { Int((code >> 16) & 0x3fff) }
}
