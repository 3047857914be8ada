/// Scalars read as what belongs in their place. Each reports what is wrong and then gives nil.
extension Value {
    /// A name of the site or of a profile: `[a-z0-9][a-z0-9._-]*`.
    func name(_ what: String, _ report: inout Report) -> String? {
        let isName = { (text: String) in
            text.utf8.count <= FileLimits.name && text.first != "." && text.first != "_" && text.first != "-"
                && text.utf8.allSatisfy { $0.isLowercaseOrDigit || "._-".utf8.contains($0) }
        }
        return word(
            what, &report, isWord: isName,
            hint: "use 1 to \(FileLimits.name) of a-z 0-9 . _ - and start with a letter or digit")
    }

    /// A name of C: a kernel symbol or a structure's field.
    func symbol(_ what: String, _ report: inout Report) -> String? {
        let isSymbol = { (text: String) in
            text.utf8.count <= FileLimits.name && !(text.first?.isNumber ?? true)
                && text.utf8.allSatisfy { $0.isLetterOrDigit || $0 == 95 }
        }
        return word(
            what, &report, isWord: isSymbol, hint: "use 1 to \(FileLimits.name) of A-Z a-z 0-9 _, as in C")
    }

    /// Key or value of a label.
    func label(_ what: String, _ report: inout Report) -> String? {
        let isLabel = { (text: String) in
            text.utf8.count <= FileLimits.label
                && text.utf8.allSatisfy { $0.isLetterOrDigit || "._-".utf8.contains($0) }
        }
        return word(
            what, &report, isWord: isLabel, hint: "use 1 to \(FileLimits.label) of A-Z a-z 0-9 . _ -")
    }

    func word(
        _ what: String, _ report: inout Report, isWord: (String) -> Bool, hint: String
    ) -> String? {
        guard let text, !(isReservedWord && text.isEmpty) else {
            report.add(place, "a \(what) is text, not \(words)", hint)
            return nil
        }
        guard !isReservedWord else {
            report.add(
                place, "\(words) without quotes is not a \(what) in YAML",
                "write \"\(text)\" with quotes if that is the name")
            return nil
        }
        guard !text.isEmpty, isWord(text) else {
            report.add(place, "\(words) is no \(what)", hint)
            return nil
        }
        return text
    }

    /// Text for people or from a certificate, on one line.
    func line(_ what: String, _ report: inout Report, maximum: Int = FileLimits.text) -> String? {
        guard let text, !isReservedWord else {
            report.add(place, "\(what) is text, not \(words)", "write it in quotes")
            return nil
        }
        guard !text.isEmpty, text.utf8.count <= maximum, !text.unicodeScalars.contains(where: \.isControl)
        else {
            report.add(place, "\(what) has 1 to \(maximum) bytes on one line", "write it so")
            return nil
        }
        return text
    }

    /// A plain integer: decimal, `0x` hexadecimal, or decimal with KiB, MiB or GiB.
    func number(_ what: String, in range: ClosedRange<Int128>, _ report: inout Report) -> Int128? {
        guard case .text(let text, let isQuoted) = content, !isReservedWord else {
            report.add(
                place, "\(what) is a number, not \(words)", "write a number such as 512, 0x200 or 4KiB")
            return nil
        }
        guard !isQuoted else {
            report.add(place, "\(what) is a number, not text in quotes", "remove the quotes")
            return nil
        }
        guard let number = Self.integer(text) else {
            report.add(
                place, "\(words) is no number",
                "write decimal without leading zeros, 0x hexadecimal or 4KiB, up to 64 bits")
            return nil
        }
        guard range.contains(number) else {
            report.add(
                place, "\(what) is \(range.lowerBound) to \(range.upperBound), not \(number)",
                "choose a number in that range")
            return nil
        }
        return number
    }

    /// One of a few words.
    func choice<T>(_ what: String, _ choices: KeyValuePairs<String, T>, _ report: inout Report) -> T? {
        let known = choices.map(\.key)
        if case .text(let text, _) = content, let found = choices.first(where: { $0.key == text }) {
            return found.value
        }
        report.add(place, "\(words) is no \(what)", "write one of: \(known.joined(separator: ", "))")
        return nil
    }

    /// The items of a list that has some.
    func items(_ what: String, maximum: Int, _ report: inout Report) -> [Value]? {
        guard case .list(let items) = content else {
            report.add(place, "\(what) is a list, not \(words)", "write [...] or lines that start with `- `")
            return nil
        }
        guard !items.isEmpty else {
            report.add(place, "\(what) is an empty list", "fill it in or remove it")
            return nil
        }
        guard items.count <= maximum else {
            report.add(place, "\(what) has \(items.count) items; at most \(maximum)", "use fewer")
            return nil
        }
        return items
    }

    /// Exactly two numbers, the first not above the second.
    func bounds(_ what: String, in range: ClosedRange<Int128>, _ report: inout Report) -> (Int128, Int128)? {
        guard let items = items(what, maximum: FileLimits.choices, &report) else { return nil }
        guard items.count == 2 else {
            report.add(place, "\(what) has two numbers, not \(items.count)", "write [first, last]")
            return nil
        }
        guard let first = items[0].number(what, in: range, &report),
            let second = items[1].number(what, in: range, &report)
        else { return nil }
        return (first, second)
    }

    static func integer(_ text: String) -> Int128? {
        let isNegative = text.hasPrefix("-")
        let magnitude = isNegative ? text.dropFirst() : text[...]
        guard let first = magnitude.utf8.first, (48...57).contains(first) else { return nil }
        let value = magnitude.hasPrefix("0x") ? hexadecimal(magnitude.dropFirst(2)) : decimal(magnitude)
        return value.map { isNegative ? -$0 : $0 }
    }

    private static func hexadecimal(_ digits: Substring) -> Int128? {
        guard digits.first?.isHexDigit == true, digits.utf8.count <= 16 else { return nil }
        return Int128(digits, radix: 16)
    }

    private static func decimal(_ text: Substring) -> Int128? {
        let units: [(suffix: String, shift: Int128)] = [("KiB", 10), ("MiB", 20), ("GiB", 30)]
        let unit = units.first { text.hasSuffix($0.suffix) }
        let digits = text.dropLast(unit?.suffix.count ?? 0)
        guard digits.utf8.count <= 20, digits == "0" || digits.first != "0",
            digits.utf8.allSatisfy({ (48...57).contains($0) }), let value = Int128(digits)
        else { return nil }
        return value << (unit?.shift ?? 0)
    }
}

extension UInt8 {
    var isLowercaseOrDigit: Bool { (97...122).contains(self) || (48...57).contains(self) }
    var isLetterOrDigit: Bool { isLowercaseOrDigit || (65...90).contains(self) }
}

extension Unicode.Scalar {
    var isControl: Bool { properties.generalCategory == .control }
}
