import RingProtocol
import Testing

@Suite("Limits")
struct LimitsTests {
    @Test("The limits fit each other")
    func relations() {
        #expect(Limits.framePayload >= Limits.entryHeader + Limits.padded(Limits.payload))
        #expect(Limits.framePayload >= Limits.completionHeader + Limits.padded(Limits.payload))
        #expect(Limits.framePayload >= Limits.entriesPerFrame * Limits.entryHeader)
        #expect(Limits.framePayload >= Limits.entriesPerFrame * Limits.completionHeader)
        #expect(Limits.greetingPayload >= Hello.size && Limits.greetingPayload < Limits.framePayload)
        #expect(Limits.inFlight >= Limits.entriesPerFrame, "a full frame can be accepted")
        #expect(Limits.payloadInFlight >= 2 * Limits.payload, "a longest argument and reply can be in flight")
        #expect(Limits.chain <= Limits.entriesPerFrame)
        #expect(Limits.greetingPayload >= Hello.size + Hello.Resumption.size)
        #expect(Limits.eventOverhead >= Limits.completionHeader, "an event's charge covers its completion")
        #expect(
            Limits.eventOverhead + Limits.payload <= Limits.payloadInFlight, "a longest event can be sent")
        #expect(
            Limits.documentEvent * Limits.credit <= Limits.payloadInFlight, "a greatest credit can be granted"
        )
        #expect(Limits.text * 2 + 8 <= Limits.payload, "a refusal fits a payload")
    }

    @Test("The limits fit the fields that carry them")
    func widths() {
        #expect(UInt16(exactly: Limits.entriesPerFrame) != nil && UInt16(exactly: Limits.slots) != nil)
        #expect(UInt16(exactly: Limits.chain) != nil && UInt16(exactly: Limits.text) != nil)
        #expect(UInt32(exactly: Limits.framePayload) != nil && UInt32(exactly: Limits.payloadInFlight) != nil)
    }

    @Test("Headers keep the alignment, and padding reaches the next multiple of eight")
    func alignment() {
        #expect(Limits.entryHeader % Limits.alignment == 0 && Limits.completionHeader % Limits.alignment == 0)
        for length in 0...64 {
            let padded = Limits.padded(length)
            #expect(padded % 8 == 0 && padded >= length && padded < length + 8)
        }
    }
}
