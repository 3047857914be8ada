/// Which trace the work of a session belongs to: a `traceparent` of W3C Trace Context, such as
/// `00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01`.
///
/// The gateway puts it beside what it tells of the session's entries, and decides nothing by it.
public struct TraceContext: Sendable, Hashable {
    public let text: String

    /// Bytes of a traceparent.
    public static let size = 55

    /// nil when it is none: a version that is not `ff`, the trace's id, the parent's and flags, in lower-case hexadecimal of
    /// 2, 32, 16 and 2 digits with dashes between; neither id is all zeros.
    public init?(_ text: String) {
        let parts = text.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard text.utf8.count == Self.size, parts.map(\.count) == [2, 32, 16, 2],
            parts.allSatisfy({ $0.allSatisfy(Self.isDigit) }), !parts[0].elementsEqual("ff".utf8),
            !parts[1...2].contains(where: { $0.allSatisfy { $0 == UInt8(ascii: "0") } })
        else { return nil }
        self.text = text
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
            || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }
}
