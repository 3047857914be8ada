import RingAdministration
import RingPolicy
import RingProtocol
import Testing

struct RequestLogTests {
    @Test func theOldestMakeRoom() {
        var log = RequestLog()
        for id in 1...UInt64(RequestLog.limit + 1) {
            log.add(
                LoggedRequest(
                    time: 0, session: 1, requestID: RequestID(id), identity: "a",
                    principals: PrincipalSet(names: ["agent"]), device: "board", operation: .command,
                    code: SubOpcode(1), offset: 0, argument: [], refusal: nil))
        }
        #expect(log.requests.count <= RequestLog.limit)
        #expect(log.requests.last?.requestID == RequestID(UInt64(RequestLog.limit + 1)))
    }
}
