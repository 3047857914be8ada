import Foundation
import RingDeviceLink
import RingDeviceProcess
import RingEngine
import RingPolicy
import RingProtocol
import TestSupport
import Testing

/// Devices that a process of their own operates: what it decides by itself, and what its end means to others.
@Suite(.timeLimit(.minutes(5))) struct OwnProcessTests {
    private func policy(_ line: SerialLine) -> SitePolicy {
        var policy = SitePolicy()
        policy.devices = [
            SitePolicy.null.with(process: true), SitePolicy.random,
            SitePolicy.terminal(line.path).with(process: true),
        ]
        policy.rules.append(SitePolicy.rule("board", on: "board", [], read: 4_096, write: 4_096))
        return policy
    }

    private func opened(_ site: Site) throws -> RawClient {
        let client = try site.greeted(.all)
        try client.submit([
            .open("null", slot: 0, id: 1), .open("board", slot: 1, id: 2), .open("random", slot: 2, id: 3),
        ])
        #expect(try client.completions(3).allSatisfy { $0.result == 0 })
        return client
    }

    @Test func eachKindOfOperationGoesThrough() throws {
        let line = try SerialLine()
        let site = try Site(policy(line))
        let client = try opened(site)
        try client.submit([
            .command(id: 4), RawEntry(.write, id: 5, slot: 1, offset: .max, argument: Array("out".utf8)),
        ])
        let answers = try client.completions(2).sorted { $0.id < $1.id }
        #expect(answers.map(\.result) == [0, 3] && answers.allSatisfy { $0.flags.engine == .ring })
        #expect(line.heard(3) == "out")
        try client.submit([.read(64, slot: 1, id: 6).within(50)])
        #expect(try client.completions(1)[0].result == -ETIME)
        try client.submit([.read(64, slot: 1, id: 7), .cancel(7, id: 8)])
        #expect(Set(try client.completions(2).map(\.result)) == [-ECANCELED, 0])
        try client.submit([.stream(64, credit: 2, slot: 1, id: 9)])
        line.say("in")
        let event = try client.completions(1)[0]
        #expect(event.isEvent && event.payload == Array("in".utf8))
        try client.submit([.close(slot: 1, id: 10), .close(slot: 0, id: 11)])
        #expect(try client.completions(3).map(\.id).sorted() == [9, 10, 11])
        #expect(eventually { site.gateway.engineCounters.openFiles == 1 })
    }

    /// What a gateway that somebody has taken over might ask for.
    @Test func itsOwnRulesDecideAsWell() throws {
        let line = try SerialLine()
        let site = try Site(policy(line))
        let client = try opened(site)
        let nothing = RawEntry(.command, id: 4, code: SitePolicy.nothing.code.code)
        let another = RawEntry(.command, id: 5, code: SitePolicy.another.code.code)
        try client.submit([nothing, another])
        #expect(try client.completions(2).map(\.result) == [0, 0])
        var narrower = policy(line)
        narrower.rules = [SitePolicy.rule("null", on: "null", [SitePolicy.nothing])]
        site.adoptInProcesses(narrower)
        // It looks at its rules again when something is opened.
        try client.submit([.open("null", slot: 5, id: 6), .open("board", slot: 6, id: 7)])
        let opens = try client.completions(2).sorted { $0.id < $1.id }
        #expect(opens[0].result == 0 && opens[1].refusal?.reason == .noRule)
        var (again, denied) = (nothing, another)
        (again.id, denied.id) = (8, 9)
        try client.submit([again, denied])
        let answers = try client.completions(2).sorted { $0.id < $1.id }
        #expect(answers[0].result == 0)
        #expect(answers[1].refusal?.reason == .noRule && answers[1].flags.contains(.denied))
    }

    @Test func aPolicyIsInForceThereOnceItIsInForce() throws {
        let line = try SerialLine()
        let site = try Site(policy(line))
        let client = try opened(site)
        var narrower = policy(line)
        narrower.number = 2
        narrower.rules[0] = SitePolicy.rule("null", on: "null", [SitePolicy.nothing])
        try site.apply(narrower)
        try client.submit([RawEntry(.command, id: 4, code: SitePolicy.another.code.code)])
        #expect(try client.completions(1)[0].refusal?.reason == .noRule)
        narrower.number = 3
        narrower.rules[0] = SitePolicy.nullRule
        try site.apply(narrower)
        try client.submit([RawEntry(.command, id: 5, code: SitePolicy.another.code.code)])
        #expect(try client.completions(1)[0].result == 0)
    }

    @Test func itsEndAnswersWhatWasUnderWayAndOthersGoOn() throws {
        let line = try SerialLine()
        let site = try Site(policy(line))
        let client = try opened(site)
        // What is answered behind the read has it there.
        try client.submit([
            .read(64, slot: 1, id: 4), RawEntry(.write, id: 5, slot: 1, offset: .max, argument: [65]),
        ])
        #expect(try client.completions(1)[0].id == 5)
        site.endProcess(of: "board")
        let cut = try client.completions(1)[0]
        #expect(cut.result == -EIO && cut.flags.contains(.indeterminate))
        try client.submit([
            .read(64, slot: 1, id: 6), .command(id: 7),
            RawEntry(.command, id: 8, slot: 2, code: SitePolicy.entropy.code.code),
            .cancelAll(slot: 1, id: 9), .close(slot: 1, id: 10), .open("board", slot: 4, id: 11),
        ])
        let answers = try client.completions(6).sorted { $0.id < $1.id }
        #expect(answers[0].refusal?.reason == .unavailable && answers[5].refusal?.reason == .unavailable)
        #expect(answers[1...4].allSatisfy { $0.result == 0 })
        try client.send(Goodbye.done.encoded())
        #expect(eventually { site.gateway.engineCounters.openFiles == 0 })
    }

    /// Anything at all in place of orders: it ends, or refuses, and runs nothing that its rules do not allow.
    @Test(arguments: UInt64(1)...24) func itOutlivesHostileOrders(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let policy = policy(try SerialLine()).snapshot
        let (made, ours, theirs) = DeviceSocket.pair()
        #expect(made == 0)
        Thread.detachNewThread {
            var service = try? DeviceService("null", on: theirs, policy: { policy })
            service?.run()
            close(theirs)
        }
        var bytes: [UInt8] = []
        for _ in 0..<200 { bytes += Self.order(&random) }
        if seed.isMultiple(of: 3) { bytes += (0..<64).map { _ in UInt8.random(in: 0...255, using: &random) } }
        let orders = bytes
        Thread.detachNewThread {
            _ = DeviceSocket.send(orders, to: ours)
            shutdown(ours, Int32(SHUT_WR))
        }
        var answers = DeviceSocket(ours)
        while answers.fill() {
            while let answer = try answers.nextAnswer() {
                guard case .completed(_, let outcome) = answer, case .operation = outcome.kind else {
                    continue
                }
                #expect(outcome.result <= 0, "it was asked for nothing that has a result")
            }
        }
        close(ours)
    }

    /// With a true header, and all else by chance; sometimes one that is good.
    private static func order(_ random: inout SeededRandom) -> [UInt8] {
        var bytes: [UInt8] = []
        let ticket = UInt32.random(in: 0...9, using: &random)
        let file = UInt32.random(in: 0...2, using: &random)
        switch Int.random(in: 0...7, using: &random) {
        case 0...1: DeviceOrder.open(ticket: ticket, by: .principals(["agent"])).append(to: &bytes)
        case 2:
            let code = UInt32.random(in: 0...3, using: &random)
            let entry = DeviceOrder.DeviceEntry(
                file: file, authority: .principals(["agent"]), session: 1, generation: 1,
                waitsForInput: .random(using: &random), isRepeated: .random(using: &random),
                bytes: RawEntry(.command, id: 1, code: code).bytes)
            DeviceOrder.submit(ticket: ticket, entry).append(to: &bytes)
        case 3:
            DeviceOrder.close(ticket: ticket, file: .random(in: 0...UInt32.max, using: &random)).append(
                to: &bytes)
        default:
            let body = (0..<Int.random(in: 0...96, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            bytes = (0..<32).map { _ in UInt8.random(in: 0...255, using: &random) }
            bytes.replaceSubrange(0..<4, with: RawEntry.little(UInt32(body.count)))
            bytes[4] = UInt8.random(in: 1...8, using: &random)
            bytes.replaceSubrange(6..<8, with: [UInt8.random(in: 0...64, using: &random), 0])
            bytes.replaceSubrange(12..<16, with: RawEntry.little(file))
            bytes += body
        }
        return bytes
    }
}

extension RawEntry {
    fileprivate static func little(_ value: UInt32) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }
}
