/// Scalars that are points of time or truth values.
extension Value {
    /// Seconds since 1970 of a time in UTC such as `2026-12-31T23:59:59Z` (RFC 3339).
    func time(_ what: String, _ report: inout Report) -> UInt64? {
        if let text, let seconds = Self.seconds(text) { return seconds }
        report.add(place, "\(words) is no \(what)", "write a time in UTC such as 2026-12-31T23:59:59Z")
        return nil
    }

    /// `true` or `false`, in these spellings only.
    func flag(_ what: String, _ report: inout Report) -> Bool? {
        if case .text(let text, isQuoted: false) = content, text == "true" || text == "false" {
            return text == "true"
        }
        report.add(place, "\(what) is `true` or `false`, not \(words)", "write one of them, without quotes")
        return nil
    }

    private static func seconds(_ text: String) -> UInt64? {
        let parts = text.split(separator: "T", omittingEmptySubsequences: false)
        guard text.utf8.count == 20, parts.count == 2, text.hasSuffix("Z"),
            let date = numbers(parts[0], separator: "-", widths: [4, 2, 2]),
            let time = numbers(parts[1].dropLast(), separator: ":", widths: [2, 2, 2]),
            let days = days(year: date[0], month: date[1], day: date[2]), time[0] < 24, time[1] < 60,
            time[2] < 60
        else { return nil }
        return days * 86_400 + time[0] * 3600 + time[1] * 60 + time[2]
    }

    private static func numbers(_ text: Substring, separator: Character, widths: [Int]) -> [UInt64]? {
        let parts = text.split(separator: separator, omittingEmptySubsequences: false)
        guard parts.count == widths.count else { return nil }
        let numbers = zip(parts, widths).compactMap { digits($0, $1...$1) }
        return numbers.count == widths.count ? numbers : nil
    }

    private static func digits(_ text: Substring, _ widths: ClosedRange<Int>) -> UInt64? {
        guard widths.contains(text.utf8.count), text.utf8.allSatisfy({ (48...57).contains($0) }) else {
            return nil
        }
        return UInt64(text)
    }

    /// Days from 1970-01-01 to a date of the Gregorian calendar; nil when there is no such date.
    private static func days(year: UInt64, month: UInt64, day: UInt64) -> UInt64? {
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let lengths: [UInt64] = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        guard year >= 1970, (1...12).contains(month), day >= 1, day <= lengths[Int(month) - 1] else {
            return nil
        }
        let before = year - 1
        let leapDays = before / 4 - before / 100 + before / 400 - (1969 / 4 - 1969 / 100 + 1969 / 400)
        return (year - 1970) * 365 + leapDays + lengths.prefix(Int(month) - 1).reduce(0, +) + day - 1
    }
}
