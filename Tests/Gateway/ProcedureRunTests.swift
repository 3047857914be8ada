import RingClient
import RingPolicy
import RingProtocol
import TestSupport
import Testing

/// Procedures run step by step on real devices, for whoever may call them and nothing more.
@Suite struct ProcedureRunTests {
    private typealias Bench = ProcedureBench

    @Test func aProcedureIsCalledByNameAndItsStepsReachTheDevice() async throws {
        let line = try Line()
        let site = try Site(Bench.policy(line, ["press": "\(Bench.size), \(Bench.write("ab"))"]))
        let connection = try await site.connect()
        let commands = try await connection.describe("board").commands
        #expect(commands.map(\.name) == ["press"])
        let command = try #require(commands.first)
        #expect(command.engine == "procedure" && command.effect == "write")
        #expect(command.fields.map(\.name) == ["rows"] && command.summary == "S.")
        let codec = try ArgumentCodec(command)
        let device = try await connection.open("board")
        let reply = try await device.command(codec.encode(["rows": "40"]))
        #expect(reply.result == 0 && reply.engine == .gateway && reply.payload.isEmpty)
        #expect(line.rows == 40)
        #expect(line.heard() == Array("ab".utf8))
        #expect(eventually { site.gateway.engineCounters.openFiles == 1 }, "its own files are closed")
        await connection.close()
    }

    @Test func stepsRunInOrderAndWaitsSeparateThem() async throws {
        let line = try Line()
        let steps =
            "\(Bench.write("a")), {wait: 50ms}, \(Bench.write("b")), {wait: $rows ms}, \(Bench.write("c"))"
        let site = try Site(Bench.policy(line, ["press": steps]))
        let client = try site.boarded()
        let start = ContinuousClock.now
        try client.submit([Bench.entry(50, id: 2)])
        #expect(try client.completions(1)[0].header.result == 0)
        #expect(ContinuousClock.now - start >= .milliseconds(100))
        #expect(line.heard() == Array("abc".utf8))
    }

    @Test func whatIsInsideIsDeniedToTheCaller() throws {
        let line = try Line()
        let site = try Site(Bench.policy(line, ["press": "\(Bench.size), {on: random, use: RNDGETENTCNT}"]))
        let client = try site.boarded()
        try client.submit([
            RawEntry(.command, id: 2, code: 0x5414, argument: [50, 0, 132, 0, 0, 0, 0, 0]),
            RawEntry(.write, id: 3, offset: .max, argument: [1]), .read(1, slot: 0, id: 4),
            .open("random", slot: 1, id: 5),
        ])
        #expect(try client.completions(4).map { $0.refusal?.reason } == [.noRule, .noRule, .noRule, .noRule])
        #expect(line.rows == 0)
        try client.submit([Bench.entry(7, id: 6)])
        #expect(try client.completions(1)[0].header.result == 0)
        #expect(line.rows == 7)
    }

    @Test func parametersOutsideTheirRangeOrRuleAreRefused() throws {
        let line = try Line()
        let site = try Site(Bench.policy(line, ["press": Bench.size]))
        let client = try site.boarded()
        let calls = site.gateway.engineCounters.submittedCalls
        try client.submit([
            Bench.entry(51, id: 2), Bench.entry(0, id: 3), Bench.entry(101, id: 4),
            RawEntry(.command, id: 5, code: Bench.call.code, argument: [5]),
            RawEntry(.command, id: 6, code: Bench.call.code), Bench.entry(5, 1, id: 7),
        ])
        let reasons = try client.completions(6).map { $0.refusal?.reason }
        #expect(reasons == [.constraint, .shape, .shape, .shape, .shape, .noRule])
        #expect(site.gateway.engineCounters.submittedCalls == calls && line.rows == 0)
    }

    @Test func theFirstStepThatFailsEndsItWithItsErrno() throws {
        let line = try Line()
        // A pty has no modem lines.
        let site = try Site(
            Bench.policy(
                line,
                [
                    "lines": "\(Bench.write("a")), {on: board, use: TIOCMGET}, \(Bench.write("b"))",
                    "absent": "\(Bench.write("c")), {on: absent, write: d}, \(Bench.write("e"))",
                ]))
        let client = try site.boarded()
        for (index, errno) in [(0, -25), (1, -2)] {
            try client.submit([Bench.entry(5, index, id: 2 + UInt64(index))])
            let answer = try client.completions(1)[0]
            #expect(answer.header.result == errno && answer.refusal == nil)
            #expect(answer.header.flags.engine == .gateway)
            #expect(eventually { site.gateway.engineCounters.openFiles == 1 })
        }
        #expect(line.heard() == Array("ac".utf8))
    }

    // MARK: Endings

    @Test func aProcedureOutlivesItsCaller() throws {
        let line = try Line()
        let site = try Site(
            Bench.policy(
                line, lease: "exclusive",
                ["press": "\(Bench.size), \(Bench.write("a")), \(Bench.write("b"))"]))
        let client = try site.boarded()
        line.pause()
        try client.submit([Bench.entry(9, id: 2)])
        #expect(eventually { line.rows == 9 })
        client.vanish()
        #expect(eventually { site.gateway.counters.open == 0 && site.gateway.engineCounters.openFiles == 1 })
        // It has the exclusive device until it is done.
        let next = try site.greeted()
        try next.submit([.open("board", slot: 0, id: 1)])
        #expect(try next.completions(1)[0].refusal?.reason == .busy)
        line.resume()
        #expect(line.hears("ab"))
        #expect(eventually { site.gateway.engineCounters.openFiles == 0 })
        try next.submit([.open("board", slot: 0, id: 2)])
        #expect(try next.completions(1)[0].header.result == 0)
    }

    @Test func anExclusiveDeviceIsNotClosedToItsOwnersProcedures() throws {
        let line = try Line()
        let site = try Site(Bench.policy(line, lease: "exclusive", ["press": Bench.size]))
        let client = try site.boarded()
        try client.submit([Bench.entry(9, id: 2)])
        #expect(try client.completions(1)[0].header.result == 0)
        let other = try site.greeted()
        try other.submit([.open("board", slot: 0, id: 1)])
        #expect(try other.completions(1)[0].refusal?.reason == .busy)
        try client.submit([RawEntry(.close, id: 3)])
        #expect(try client.completions(1)[0].header.result == 0)
        try other.submit([.open("board", slot: 0, id: 2)])
        #expect(try other.completions(1)[0].header.result == 0)
    }

    private func expectDisabled(_ answer: RawCompletion, step: Int) {
        #expect(answer.refusal?.reason == .unavailable)
        #expect(answer.refusal?.text == "step \(step) of press: `board` is disabled: smoke")
    }

    @Test func disablingADeviceCutsAWaitShortAndLeavesNothingBehind() throws {
        let line = try Line()
        let site = try Site(
            Bench.policy(
                line,
                [
                    "press": "\(Bench.size), {wait: 60min}, \(Bench.write("a"))",
                    "pause": "{wait: 100ms}, \(Bench.size)",
                ]))
        let client = try site.boarded()
        let admin = try AdministratorClient(site)
        for turn in 0..<3 {
            let rows = UInt16(9 + turn), id = 10 * UInt64(turn + 1)
            try client.submit([Bench.entry(rows, id: id)])
            #expect(eventually { line.rows == rows })
            #expect(try admin.ask(.deviceDisable, Bench.disable).refusal == nil)
            expectDisabled(try client.completions(1)[0], step: 2)
            #expect(eventually { site.gateway.engineCounters.openFiles == 0 })
            #expect(try admin.ask(.deviceEnable, "{\"device\": \"board\"}").refusal == nil)
            // The next one at its place waits as long as it should.
            try client.submit([.open("board", slot: 0, id: id + 1)])
            #expect(try client.completions(1)[0].header.result == 0)
            let start = ContinuousClock.now
            try client.submit([Bench.entry(rows + 20, 1, id: id + 2)])
            #expect(try client.completions(1)[0].header.result == 0)
            #expect(ContinuousClock.now - start >= .milliseconds(100) && line.rows == rows + 20)
        }
        #expect(line.heard().isEmpty)
    }

    @Test func disablingADeviceCancelsTheStepThatWaitsForIt() throws {
        let line = try Line()
        let site = try Site(Bench.policy(line, ["press": "\(Bench.size), \(Bench.write("abc"))"]))
        let client = try site.boarded()
        let admin = try AdministratorClient(site)
        line.pause()
        try client.submit([Bench.entry(9, id: 2)])
        #expect(eventually { line.rows == 9 })
        #expect(try admin.ask(.deviceDisable, Bench.disable).refusal == nil)
        expectDisabled(try client.completions(1)[0], step: 2)
        #expect(line.heard().isEmpty)
        #expect(eventually { site.gateway.engineCounters.openFiles == 0 })
    }

    @Test func aDeviceThatIsDisabledBeforeItsStepIsRefused() throws {
        let line = try Line()
        let site = try Site(Bench.policy(line, ["press": "{on: random, use: RNDGETENTCNT}, \(Bench.size)"]))
        let client = try site.boarded()
        let admin = try AdministratorClient(site)
        #expect(try admin.ask(.deviceDisable, #"{"device": "random", "reason": "smoke"}"#).refusal == nil)
        try client.submit([Bench.entry(9, id: 2)])
        let refusal = try client.completions(1)[0].refusal
        #expect(refusal?.text == "step 1 of press: `random` is disabled: smoke")
        #expect(line.rows == 0)
        #expect(eventually { site.gateway.engineCounters.openFiles == 1 })
    }

    @Test func atMost64RunAtATime() throws {
        let line = try Line()
        let site = try Site(
            Bench.policy(line, ["press": "\(Bench.size), {wait: 60min}", "size": Bench.size]))
        let client = try site.boarded()
        let admin = try AdministratorClient(site)
        try client.submit((0..<65).map { Bench.entry(9, id: 10 + $0) })
        let busy = try client.completions(1)[0]
        #expect(busy.header.requestID.value == 74 && busy.refusal?.reason == .busy)
        #expect(busy.refusal?.text == "64 procedures are running; try again")
        #expect(eventually { site.gateway.engineCounters.openFiles == 65 && line.rows == 9 })
        #expect(try admin.ask(.deviceDisable, Bench.disable).refusal == nil)
        for answer in try client.completions(64) { #expect(answer.refusal?.reason == .unavailable) }
        #expect(eventually { site.gateway.engineCounters.openFiles == 0 })
        #expect(try admin.ask(.deviceEnable, "{\"device\": \"board\"}").refusal == nil)
        try client.submit([.open("board", slot: 0, id: 99)])
        #expect(try client.completions(1)[0].header.result == 0)
        try client.submit((0..<64).map { Bench.entry(8, 1, id: 100 + $0) })
        for answer in try client.completions(64) { #expect(answer.header.result == 0) }
    }

    @Test func theGatewaysStopEndsProcedures() throws {
        let line = try Line()
        let site = try Site(Bench.policy(line, ["press": "\(Bench.size), {wait: 60min}"]))
        let client = try site.boarded()
        try client.submit([Bench.entry(9, id: 2)])
        #expect(eventually { line.rows == 9 })
        let start = ContinuousClock.now
        site.gateway.stop()
        site.gateway.wait()
        #expect(ContinuousClock.now - start < .seconds(3), "the wait is not waited for")
    }
}

/// Steps that give files to later steps.
@Suite(.enabled(if: Kvm.isThere, "needs /dev/kvm"))
struct ProcedureHandleTests {
    private func policy(processors: [String]) -> SitePolicy {
        let id = Field(name: "id", type: .unsigned(bytes: 8), offset: 0, checks: [.range(0...9)])
        let give = { (name: String) in
            Procedure.Step(on: "vm", .command("KVM_CREATE_VCPU", values: ["id": .parameter(0)], gives: name))
        }
        let state = processors.map {
            Procedure.Step(on: $0, .command("KVM_GET_MP_STATE", values: [:], gives: nil))
        }
        let vcpu = FileRights(commands: [.init(Kvm.state)])
        let boot = Procedure(
            name: "boot", device: "kvm", index: 0, summary: "", effect: .write, parameters: [id],
            steps: [.init(on: "kvm", .command("KVM_CREATE_VM", values: [:], gives: "vm"))]
                + processors.map(give) + state,
            rights: [
                "kvm": FileRights(
                    commands: [.init(Kvm.createMachine)],
                    handles: [
                        "kvm-vm": FileRights(
                            commands: [.init(Kvm.createProcessor)], handles: ["kvm-vcpu": vcpu])
                    ])
            ])
        var policy = SitePolicy()
        policy.devices.append(Kvm.device.with([boot]))
        policy.profiles = [Kvm.machine, Kvm.processor]
        policy.rules.append(SitePolicy.rule("boot", on: "kvm", [boot.shape]))
        return policy
    }

    private func boot(_ site: Site) throws -> RawCompletion {
        let client = try site.greeted()
        try client.submit([.open("kvm", slot: 0, id: 1)])
        #expect(try client.completions(1)[0].header.result == 0)
        try client.submit([
            RawEntry(.command, id: 2, code: Procedure.code(0).code, argument: [3, 0, 0, 0, 0, 0, 0, 0])
        ])
        let answer = try client.completions(1)[0]
        #expect(eventually { site.gateway.engineCounters.openFiles == 1 })
        return answer
    }

    @Test func filesThatStepsGiveServeLaterStepsAndAreClosedWithTheRun() throws {
        #expect(try boot(try Site(policy(processors: ["cpu"]))).header.result == 0)
    }

    @Test func aStepThatGivesNoFileAfterAllEndsTheRun() throws {
        // The machine has a processor 3 already.
        #expect(try boot(try Site(policy(processors: ["cpu", "twin"]))).header.result == -17)
    }
}
