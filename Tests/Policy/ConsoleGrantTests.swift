import RingProtocol
import Testing

@testable import RingPolicy

/// What the gateway itself may do on a console.
@Suite("Consoles") struct ConsoleGrantTests {
    private func device(_ console: ConsoleTerms?) -> Device {
        Device(
            name: "board", path: "/dev/ttyS0", kind: .character, access: .readWrite,
            profile: Profile(name: "tty", summary: "", commands: []), console: console)
    }

    @Test("It is opened for reading, and for nothing else")
    func reading() throws {
        let console = device(ConsoleTerms())
        let snapshot = PolicySnapshot(
            revision: [UInt8](repeating: 0, count: 32), principals: [], devices: [console], rules: [])
        guard let authorized = snapshot.authorizeConsole(of: console) else {
            Issue.record("no console")
            return
        }
        let grant = authorized.grant
        #expect(grant.description.read != nil && grant.description.write == nil)
        if case .some = snapshot.authorizeConsole(of: device(nil)) { Issue.record("nobody wanted one") }
    }
}
