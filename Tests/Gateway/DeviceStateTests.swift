import RingLab
import RingPolicy
import RingProtocol
import TestSupport
import Testing

/// Operators take devices out of use and back, and clients hear why.
@Suite struct DeviceStateTests {
    private func state(_ admin: AdministratorClient, of device: String) throws -> [String: Any] {
        try #require(try admin.list(.deviceList, "devices").first { $0["name"] as? String == device })
    }

    private func lane(_ admin: AdministratorClient, of device: String) throws -> [String: Any]? {
        try state(admin, of: device)["lane"] as? [String: Any]
    }

    private static let disable = "{\"device\": \"null\", \"reason\": \"fixture is being rewired\"}"

    @Test func aDisabledDeviceIsClosedAndRefusedWithTheReason() throws {
        let site = try Site(SitePolicy().administered())
        let client = try site.greeted()
        try client.submit([.open("null", slot: 0, id: 1), .open("random", slot: 1, id: 2)])
        _ = try client.completions(2)
        let admin = try AdministratorClient(site)
        #expect(try admin.ask(.deviceDisable, Self.disable).refusal == nil)
        try client.submit([
            RawEntry(.command, id: 3, slot: 0), .open("null", slot: 2, id: 4),
            RawEntry(.command, id: 5, slot: 1, code: 0x8004_5200),
        ])
        for completion in try client.completions(3) where completion.header.requestID.value != 5 {
            #expect(completion.refusal?.reason == .unavailable)
            #expect(completion.header.result == -16)
            #expect(completion.refusal?.text == "`null` is disabled: fixture is being rewired")
        }
        #expect(eventually { site.gateway.engineCounters.openFiles == 1 })
        let report = try state(admin, of: "null")
        #expect(report["state"] as? String == "disabled")
        #expect(report["reason"] as? String == "fixture is being rewired")
        #expect(report["by"] as? String == SitePolicy.administratorURI)
        #expect((report["since"] as? Int ?? 0) > 1_700_000_000)
        // It lasts whatever policy comes, until somebody says otherwise.
        var next = SitePolicy().administered()
        next.number = 2
        try site.apply(next)
        try client.submit([.open("null", slot: 0, id: 6)])
        #expect(try client.completions(1)[0].refusal?.reason == .unavailable)
        #expect(try admin.ask(.deviceEnable, "{\"device\": \"null\"}").refusal == nil)
        try client.submit([.open("null", slot: 0, id: 7)])
        #expect(try client.completions(1)[0].header.result == 0)
        #expect(try state(admin, of: "null")["state"] as? String == "enabled")
    }

    @Test func disablingCancelsWhatWaits() async throws {
        let board = try Board()
        var policy = SitePolicy().administered()
        policy.devices.append(SitePolicy.terminal(board.path))
        policy.rules.append(SitePolicy.rule("board", on: "board", [], read: 4096))
        let site = try Site(policy)
        let client = try site.greeted()
        try client.submit([.open("board", slot: 0, id: 1)])
        _ = try client.completions(1)
        try client.submit((0..<16).map { .read(4096, slot: 0, id: 10 + $0) })
        // One or two may have what the board says at its start.
        #expect(try await site.reaches(inFlight: 14...16))
        let admin = try AdministratorClient(site)
        #expect(try admin.ask(.deviceDisable, "{\"device\": \"board\", \"reason\": \"stop\"}").refusal == nil)
        let answers = try client.completions(16)
        #expect(answers.filter { $0.header.result == -125 }.count >= 14)
        #expect(eventually { site.gateway.engineCounters.openFiles == 0 })
    }

    @Test func aDrainingDeviceGoesOnForThoseWhoHaveIt() throws {
        let site = try Site(SitePolicy().administered())
        let client = try site.raw(site.agent)
        let number = try client.greet().session
        try client.submit([.open("null", slot: 0, id: 1)])
        _ = try client.completions(1)
        let admin = try AdministratorClient(site)
        #expect(try admin.ask(.deviceDrain, Self.disable).refusal == nil)
        try client.submit([RawEntry(.command, id: 2, slot: 0), .open("null", slot: 1, id: 3)])
        let answers = try client.completions(2)
        #expect(answers.contains { $0.header.requestID.value == 2 && $0.header.result == 0 })
        let refusal = answers.compactMap(\.refusal).first
        #expect(refusal?.reason == .unavailable)
        #expect(refusal?.text == "`null` takes no new opens: fixture is being rewired")
        let report = try state(admin, of: "null")
        #expect(report["state"] as? String == "draining")
        #expect(report["sessions"] as? [Int] == [Int(number)])
        // What a device's own process says of its worker comes behind its answers.
        #expect(try eventually { try lane(admin, of: "null")?["operations"] as? Int == 0 })
        #expect(try lane(admin, of: "null")?["isStuck"] as? Bool == false)
        #expect(try state(admin, of: "random")["lane"] == nil, "nobody has opened it")
        #expect(try admin.ask(.deviceResetLane, "{\"device\": \"null\"}").refusal == nil)
        try client.submit([RawEntry(.command, id: 4, slot: 0)])
        #expect(try client.completions(1)[0].header.result == 0)
        #expect(try admin.ask(.deviceResetLane, "{\"device\": \"random\"}").refusal?.reason == .busy)
    }

    @Test func handlesGoWithTheirDevice() throws {
        guard Kvm.isThere else { return }
        let site = try Site(Kvm.policy().administered())
        let client = try site.greeted()
        try client.submit([.open("kvm", slot: 0, id: 1)])
        _ = try client.completions(1)
        try client.submit([RawEntry(.command, id: 2, slot: 0, code: 0xae01, offset: 1)])
        _ = try client.completions(1)
        let admin = try AdministratorClient(site)
        #expect(try admin.ask(.deviceDisable, "{\"device\": \"kvm\", \"reason\": \"stop\"}").refusal == nil)
        try client.submit([RawEntry(.command, id: 3, slot: 1, code: 0xae03, argument: Kvm.zero)])
        #expect(try client.completions(1)[0].refusal?.reason == .unavailable)
        #expect(eventually { site.gateway.engineCounters.openFiles == 0 })
    }
}
