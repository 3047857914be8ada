import Foundation
import Glibc
import RingGateway
import RingPolicy
import RingProtocol
import TestSupport
import Testing

/// One console for many.
@Suite(.timeLimit(.minutes(5))) struct ConsoleTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func site(_ line: SerialLine, scrollback: Int = 4_096, log: String? = nil) throws -> Site {
        try Site(policy(line, console: ConsoleTerms(scrollback: scrollback, log: log)))
    }

    private func policy(_ line: SerialLine, console: ConsoleTerms?) -> SitePolicy {
        var policy = SitePolicy()
        policy.devices.append(
            Device(
                name: "board", path: line.path, kind: .character, access: .readWrite,
                profile: Profile(name: "tty", summary: "", commands: []), lease: LeaseTerms(.exclusive),
                console: console))
        policy.rules.append(SitePolicy.rule("board", on: "board", [], read: 4_096, write: 4_096))
        return policy
    }

    private func opened(_ site: Site) throws -> RawClient {
        let client = try site.greeted(.all)
        try client.submit([.open("board", slot: 0, id: 1)])
        #expect(try client.completions(1)[0].result == 0)
        return client
    }

    /// A client that looks on; what is said from now on it hears.
    private func follow(_ client: RawClient, _ size: UInt32, credit: UInt32) throws {
        // What comes behind the stream is answered once it has begun.
        try client.submit([.stream(size, credit: credit, slot: 0, id: 2), .nop(3)])
        #expect(try client.completions(1)[0].id == 3)
    }

    private func hear(_ count: Int, _ client: RawClient) throws -> String {
        var text = ""
        while text.utf8.count < count {
            text += String(decoding: try client.completions(1)[0].payload, as: UTF8.self)
        }
        return text
    }

    @Test func allWhoLookOnSeeTheSame() throws {
        let line = try SerialLine()
        let site = try site(line)
        let (first, second) = (try opened(site), try opened(site))
        for client in [first, second] { try follow(client, 100, credit: 50) }
        line.say("login: ")
        #expect(try hear(7, first) == "login: ")
        #expect(try hear(7, second) == "login: ")
        // Who comes later looks back.
        let third = try opened(site)
        try third.submit([.read(100, slot: 0, id: 2, offset: 0), .read(3, slot: 0, id: 3, offset: 2)])
        let back = try third.completions(2)
        #expect(back.first { $0.id == 2 }?.payload == Array("login: ".utf8))
        #expect(back.first { $0.id == 3 }?.payload == Array("gin".utf8))
        try first.submit([.cancel(2, id: 4)])
        #expect(try first.completions(2).map(\.result) == [-ECANCELED, 0])
        try second.submit([.close(slot: 0, id: 4)])
        #expect(try second.completions(2).map(\.id) == [2, 4])
    }

    @Test func oneWritesAtATime() throws {
        let line = try SerialLine()
        let site = try site(line)
        let (first, second) = (try opened(site), try opened(site))
        try first.submit([.write("root", id: 2)])
        #expect(try first.completions(1)[0].result == 4)
        #expect(line.hear() == "root")
        try second.submit([.write("rm", id: 2)])
        #expect(try second.completions(1)[0].refusal?.reason == .busy)
        try first.submit([.close(slot: 0, id: 3)])
        _ = try first.completions(1)
        try second.submit([.write("ls", id: 3)])
        #expect(try second.completions(1)[0].result == 2)
    }

    @Test func whoIsTooSlowIsToldWhatItMissed() throws {
        let line = try SerialLine()
        let site = try site(line)
        let (client, other) = (try opened(site), try opened(site))
        try follow(client, 64, credit: 1)
        try follow(other, 4_096, credit: 1_000)
        line.say("start")
        #expect(try hear(5, client) == "start")
        for _ in 0..<100 {
            line.say(String(repeating: "x", count: 100))
            Thread.sleep(forTimeInterval: 0.002)
        }
        // Then all of it has been said.
        #expect(try hear(10_005, other).utf8.count == 10_005)
        try client.submit([.credit(10, stream: 2, id: 4)])
        let answers = try client.completions(3)
        #expect(answers[0].id == 4)
        let lost = try #require(answers.compactMap(\.lost).first)
        #expect(lost == 10_000 - 4_096)
    }

    @Test func itIsLoggedWhileNobodyLooks() throws {
        let line = try SerialLine()
        let log = "\(directory.path)/board.log"
        let site = try site(line, log: log)
        line.say("kernel panic")
        #expect(eventually { (try? String(contentsOfFile: log, encoding: .utf8)) == "kernel panic" })
        withExtendedLifetime(site) {}
    }

    @Test func theGatewayOutlivesABoardThatIsUnplugged() throws {
        let site: Site
        let client: RawClient
        do {
            let line = try SerialLine()
            site = try self.site(line)
            client = try opened(site)
            try follow(client, 64, credit: 10)
            line.say("start")
            #expect(try hear(5, client) == "start")
        }
        #expect(eventually { site.gateway.engineCounters.openFiles == 0 })
        try client.submit([.nop(4)])
        #expect(eventually { (try? client.completions(1)[0].id) == 4 })
        withExtendedLifetime(site) {}
    }

    @Test func theGatewayOutlivesItsConsole() throws {
        let line = try SerialLine()
        let site = try site(line)
        let client = try opened(site)
        try follow(client, 64, credit: 10)
        var without = policy(line, console: nil)
        without.number = 2
        try site.apply(without)
        let ending = try client.completions(1)[0]
        #expect(ending.id == 2 && ending.result == -ECANCELED)
        try client.submit([.nop(4)])
        #expect(try client.completions(1)[0].id == 4)
    }

    @Test func aConsoleThatIsChangedWhileItOpensIsOpenOnce() throws {
        let line = try SerialLine()
        let site = try site(line)
        for number in 2...40 as ClosedRange<UInt8> {
            var changed = policy(line, console: ConsoleTerms(scrollback: 4_096 + Int(number)))
            changed.number = number
            site.gateway.apply(changed.snapshot)
        }
        var last = policy(line, console: ConsoleTerms(scrollback: 8_192))
        last.number = 41
        try site.apply(last)
        let client = try opened(site)
        try follow(client, 64, credit: 10)
        // The client's and the console's; what else was on its way to be opened has come and gone.
        #expect(eventually { site.gateway.engineCounters.openFiles == 2 })
        line.say("one")
        #expect(try hear(3, client) == "one")
        #expect(site.gateway.engineCounters.openFiles == 2)
    }

    @Test func drainingEndsAConsoleInOrder() throws {
        let line = try SerialLine()
        let site = try site(line)
        let client = try opened(site)
        try follow(client, 64, credit: 10)
        site.gateway.drain()
        let ending = try client.completions(1)[0]
        #expect(ending.id == 2 && ending.refusal?.reason == .slotNotOpen)
        site.gateway.wait()
        #expect(site.gateway.engineCounters.openFiles == 0)
    }

    @Test func withoutTheRightNobodyLooksOn() throws {
        let line = try SerialLine()
        var policy = SitePolicy()
        policy.devices.append(
            Device(
                name: "board", path: line.path, kind: .character, access: .readWrite,
                profile: Profile(name: "tty", summary: "", commands: []), console: ConsoleTerms()))
        policy.rules.append(SitePolicy.rule("board", on: "board", [], write: 4_096))
        let site = try Site(policy)
        let client = try opened(site)
        try client.submit([.read(10, slot: 0, id: 2, offset: 0), .stream(10, credit: 1, slot: 0, id: 3)])
        #expect(try client.completions(2).allSatisfy { $0.result == -EACCES })
        withExtendedLifetime(site) {}
    }
}
