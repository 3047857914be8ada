import RingProtocol
import Testing

@Suite("A traceparent of W3C Trace Context")
struct TraceContextTests {
    private static let trace = "0af7651916cd43dd8448eb211c80319c"
    private static let parent = "b7ad6b7169203331"

    @Test("Is kept as it is", arguments: ["00", "fe"], ["00", "01", "ff"])
    func good(version: String, flags: String) {
        let text = "\(version)-\(Self.trace)-\(Self.parent)-\(flags)"
        #expect(TraceContext(text)?.text == text && text.utf8.count == TraceContext.size)
    }

    @Test(
        "Has one form",
        arguments: [
            "", "00", "00-\(trace)-\(parent)-1", "00-\(trace)-\(parent)-011", "0-\(trace)0-\(parent)-01",
            "00-\(trace)-\(parent)-0g", "00-\(trace)-\(parent)-0A", "ff-\(trace)-\(parent)-01",
            "00_\(trace)_\(parent)_01", "00-\(String(repeating: "0", count: 32))-\(parent)-01",
            "00-\(trace)-\(String(repeating: "0", count: 16))-01", "00-\(trace)-\(parent)-01-x",
        ])
    func bad(text: String) { #expect(TraceContext(text) == nil) }
}
