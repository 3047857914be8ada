/// The members of a line that tell what it is. Enough for the records that the log itself makes; for what is in the others,
/// read them as JSON.
///
/// A member cannot be forged by what somebody calls himself: a quote inside a string always has a backslash before it.
struct AuditMembers {
    let kind: AuditRecord.Kind
    private let line: ArraySlice<UInt8>

    /// nil for a line that is no record of a known kind.
    init?(_ line: ArraySlice<UInt8>) {
        self.line = line
        guard let text = Self.text("type", in: line), let kind = AuditRecord.Kind(rawValue: text) else {
            return nil
        }
        self.kind = kind
    }

    func text(_ name: String) -> String? { Self.text(name, in: line) }

    /// nil when there is no such member, or it is no string or one with escapes.
    private static func text(_ name: String, in line: ArraySlice<UInt8>) -> String? {
        let mark = Array(",\"\(name)\":\"".utf8)
        var start = line.startIndex
        while start + mark.count <= line.endIndex {
            if line[start] == mark[0], line[start...].starts(with: mark) {
                let value = line[(start + mark.count)...].prefix {
                    $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\")
                }
                guard value.endIndex < line.endIndex, line[value.endIndex] == UInt8(ascii: "\"") else {
                    return nil
                }
                return String(decoding: value, as: UTF8.self)
            }
            start += 1
        }
        return nil
    }
}
