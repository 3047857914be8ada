/// Values as people write them. `path` names the field in errors.
struct FieldText {
    let path: String

    init(_ path: String) { self.path = path }

    /// A number, one of the field's names, or names of bits and numbers joined by `|`.
    func value(_ text: String, of field: FieldShape) throws(FieldError) -> Int128 {
        guard !field.flags.isEmpty else {
            if let value = field.values[text] { return try inRange(Int128(value), text, field.range) }
            return try number(text, in: field.range, orNames: field.values.keys.sorted())
        }
        var sum: UInt64 = 0
        for part in text.split(separator: "|", omittingEmptySubsequences: false).map(String.init) {
            if let bits = field.flags[part] {
                sum |= bits
            } else {
                let range = 0...max(field.range.upperBound, 0)
                sum |= UInt64(
                    truncatingIfNeeded: try number(part, in: range, orNames: field.flags.keys.sorted()))
            }
        }
        return try inRange(Int128(sum), text, field.range)
    }

    /// Decimal, or hexadecimal behind `0x`, with or without a minus sign.
    func number(
        _ text: String, in range: ClosedRange<Int128>, orNames names: [String] = []
    ) throws(FieldError) -> Int128 {
        let isNegative = text.hasPrefix("-")
        let magnitude = isNegative ? text.dropFirst() : text[...]
        let isHex = magnitude.hasPrefix("0x") || magnitude.hasPrefix("0X")
        let digits = isHex ? magnitude.dropFirst(2) : magnitude
        guard !digits.isEmpty, digits.allSatisfy({ $0.isASCII && (isHex ? $0.isHexDigit : $0.isNumber) })
        else {
            throw names.isEmpty
                ? .notANumber(field: path, text: text) : .unknownName(field: path, text: text, known: names)
        }
        // More digits than 128 bits have are out of every range too.
        let value = Int128((isNegative ? "-" : "") + digits, radix: isHex ? 16 : 10) ?? Int128.max
        return try inRange(value, text, range)
    }

    private func inRange(
        _ value: Int128, _ text: String, _ range: ClosedRange<Int128>
    ) throws(FieldError) -> Int128 {
        guard range.contains(value) else {
            throw .outOfRange(
                field: path, text: text, least: String(range.lowerBound), greatest: String(range.upperBound))
        }
        return value
    }

    /// `hex:0102`, `text:hello`, or hexadecimal digits alone.
    func bytes(_ text: String) throws(FieldError) -> [UInt8] {
        if text.hasPrefix("text:") { return Array(text.utf8.dropFirst(5)) }
        let digits = text.hasPrefix("hex:") ? String(text.dropFirst(4)) : text
        guard let bytes = Hex.bytes(digits) else { throw .notHex(field: path, text: text) }
        return bytes
    }

    /// Characters as they are, or as for bytes when `text:` or `hex:` stands in front.
    func characters(_ text: String) throws(FieldError) -> [UInt8] {
        guard text.hasPrefix("hex:") || text.hasPrefix("text:") else { return Array(text.utf8) }
        return try bytes(text)
    }
}
