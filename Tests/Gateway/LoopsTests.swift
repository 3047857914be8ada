import Glibc
import RingEngine
import RingGateway
import RingPolicy
import RingProtocol
import TestSupport
import Testing

/// Several loops: sessions and devices are dealt out to them, and no client can tell.
@Suite(.timeLimit(.minutes(5))) struct LoopsTests {
    private static let loops = 3

    private func site(_ lines: [SerialLine] = []) throws -> Site {
        try Site(
            devices: lines.enumerated().map {
                "line\($0): {path: \($1.path), profile: tty, open: read-write, lease: exclusive}"
            },
            rules: lines.indices.map {
                "{id: line\($0), principals: [agent], devices: [line\($0)], read: true, write: true}"
            }, loops: Self.loops)
    }

    private func clients(_ site: Site) throws -> [(client: RawClient, welcome: Welcome)] {
        try (0..<Self.loops).map { _ in
            let client = try site.raw(site.agent)
            return (client, try client.greet(.all))
        }
    }

    @Test func sessionsAreDealtOutAndReachAllDevices() throws {
        let site = try site()
        let clients = try clients(site)
        #expect(Set(clients.map { $0.welcome.session % UInt64(Self.loops) }).count == Self.loops)
        #expect(Set(clients.map(\.welcome.epoch)).count == 1)
        for (client, _) in clients {
            try client.submit([
                .open("null", slot: 0, id: 1), .open("random", slot: 1, id: 2),
                .open("absent", slot: 2, id: 3),
            ])
            let opened = try client.completions(3).sorted { $0.id < $1.id }
            #expect(opened.map(\.result) == [0, 0, -ENOENT])
            try client.submit((0..<500).map { .command(id: 10 + $0) })
            #expect(try client.completions(500).map(\.result).allSatisfy { $0 == 0 })
            try client.submit([.command(0x8004_5200, slot: 1, id: 600)])
            #expect(try client.completions(1)[0].payload.count == 4)
            try client.submit([.command(0x1234, slot: 1, id: 601)])
            #expect(try client.completions(1)[0].refusal?.reason == .noRule)
        }
        #expect(eventually { site.gateway.engineCounters.openFiles == 2 * Self.loops })
        for (client, _) in clients { try client.send(Goodbye.done.encoded()) }
        #expect(eventually { site.gateway.engineCounters.openFiles == 0 && site.gateway.counters.open == 0 })
    }

    @Test func aClientComesBackToItsSessionWhereverThatIs() throws {
        let site = try site()
        for (client, welcome) in try clients(site) {
            try client.submit([.open("null", slot: 0, id: 1), .nop(2)])
            _ = try client.completions(2)
            client.vanish()
            let again = try site.raw(site.agent)
            let resumed = try again.greet(
                .all,
                resumption: Hello.Resumption(
                    epoch: welcome.epoch, session: welcome.session, token: welcome.token, received: 1))
            #expect(resumed.resumption == .resumed && resumed.session == welcome.session)
            _ = try again.completions(1)
            try again.submit([.command(id: 3)])
            #expect(try again.completions(1)[0].result == 0)
        }
    }

    /// What follows the hello in the same segment goes with the connection.
    @Test func entriesMayFollowTheHelloAtOnce() throws {
        let site = try site()
        for _ in 0..<Self.loops {
            let client = try site.raw(site.agent)
            try client.send(
                Hello(features: .all).encoded()
                    + RawEntry.frame([.open("null", slot: 0, id: 1).linked(), .command(id: 2)]))
            #expect(try client.frame()?.type == .welcome)
            #expect(try client.completions(2).map(\.result) == [0, 0])
        }
    }

    @Test func cancelsAndDeadlinesFindWhatRunsElsewhere() throws {
        let lines = try (0..<Self.loops).map { _ in try SerialLine() }
        let site = try site(lines)
        let client = try site.greeted(.all)
        let slots = lines.indices.map(UInt16.init)
        try client.submit(slots.map { .open("line\($0)", slot: $0, id: UInt64($0) + 1) })
        _ = try client.completions(lines.count)
        try client.submit(slots.map { .read(5, slot: $0, id: 10 + UInt64($0)) })
        for slot in slots {
            try client.submit([.cancel(10 + UInt64(slot), id: 20 + UInt64(slot))])
            let ended = try client.completions(2)
            #expect(ended.map(\.id) == [10 + UInt64(slot), 20 + UInt64(slot)])
            #expect(ended.map(\.result) == [-ECANCELED, 0])
        }
        try client.submit([.cancel(11, id: 30)])
        #expect(try client.completions(1)[0].result == -ENOENT)
        try client.submit(slots.map { .read(5, slot: $0, id: 40 + UInt64($0)) } + [.cancelAll(id: 50)])
        let all = try client.completions(lines.count + 1)
        #expect(all.first { $0.id == 50 }?.result == Int32(lines.count))
        #expect(all.filter { $0.id != 50 }.allSatisfy { $0.result == -ECANCELED })
        try client.submit(slots.map { .read(5, slot: $0, id: 60 + UInt64($0)).within(200) })
        #expect(try client.completions(lines.count).allSatisfy { $0.result == -ETIME })
    }

    @Test func aChainGoesFromLoopToLoopInOrder() throws {
        let lines = try (0..<Self.loops).map { _ in try SerialLine() }
        let site = try site(lines)
        let client = try site.greeted(.all)
        var id: UInt64 = 0
        var chain: [RawEntry] = []
        for round in 0..<4 {
            for slot in lines.indices.map(UInt16.init) {
                id += 1
                chain.append(
                    round == 0
                        ? .open("line\(slot)", slot: slot, id: id) : .write("\(round)", slot: slot, id: id))
            }
        }
        try client.submit(RawEntry.chain(chain))
        #expect(try client.completions(chain.count).map(\.id) == chain.map(\.id))
        for line in lines { #expect(line.heard(3) == "123") }
    }

    @Test func aLeaseSpansDevicesOfSeveralLoops() throws {
        let lines = try (0..<Self.loops).map { _ in try SerialLine() }
        let site = try site(lines)
        let all = #"{"devices":["line0","line1","line2"],"wait":20000}"#
        let clients = try clients(site).map(\.client)
        var holder: RawClient?
        for client in clients {
            try client.submit([.lease(.acquire, all, id: 1)])
            // The end of the holder's session gives the devices to who waits, wherever that is.
            try holder?.send(Goodbye.done.encoded())
            let lease = try client.completions(1)[0]
            #expect(lease.result == 0, "\(lease.text)")
            try client.submit([.open("line1", slot: 1, id: 2).linked(), .write("x", slot: 1, id: 3)])
            #expect(try client.completions(2).map(\.result) == [0, 1])
            holder = client
        }
        #expect(lines[1].heard(clients.count) == "xxx")
    }

    @Test func administrationSeesAndReachesAll() throws {
        let site = try Site(SitePolicy().administered(), loops: Self.loops)
        let clients = try (0..<Self.loops).map { _ in
            let client = try site.raw(site.agent)
            return (client, try client.greet().session)
        }
        for (client, _) in clients {
            try client.submit([.open("null", slot: 0, id: 1)])
            _ = try client.completions(1)
        }
        let admin = try AdministratorClient(site)
        let listed = try admin.list(.sessionList, "sessions").compactMap { $0["session"] as? Int }
        #expect(Set(clients.map { Int($0.1) }).isSubset(of: listed) && listed == listed.sorted())
        let device = try #require(
            try admin.list(.deviceList, "devices").first { $0["name"] as? String == "null" })
        #expect(device["sessions"] as? [Int] == clients.map { Int($0.1) }.sorted())
        #expect(device["lane"] != nil)
        let lane = try admin.ask(.deviceResetLane, #"{"device": "null"}"#)
        #expect(lane.refusal == nil)
        for (client, session) in clients {
            let killed = try admin.ask(.sessionKill, #"{"session": \#(session), "reason": "for the test"}"#)
            #expect(killed.refusal == nil)
            #expect(try client.ending()?.code == .revoked)
        }
        #expect(eventually { site.gateway.engineCounters.openFiles == 0 })
    }

    @Test func aPolicyHoldsInAllLoopsWhenItsRightsAreGone() throws {
        let site = try Site(SitePolicy(), loops: Self.loops)
        let clients = try (0..<Self.loops).map { _ in try site.greeted() }
        for client in clients {
            try client.submit([.open("null", slot: 0, id: 1)])
            _ = try client.completions(1)
        }
        var next = SitePolicy()
        next.number = 2
        next.rules.removeAll()
        site.gateway.apply(next.snapshot)
        #expect(eventually { site.gateway.engineCounters.openFiles == 0 })
        for client in clients {
            try client.submit([.command(id: 2)])
            #expect(try client.completions(1)[0].refusal?.text.contains("policy changed") == true)
        }
    }

    @Test func drainingAnswersWhatWasAccepted() throws {
        let lines = try (0..<Self.loops).map { _ in try SerialLine() }
        let site = try site(lines)
        let clients = try clients(site).map(\.client)
        for (index, client) in clients.enumerated() {
            try client.submit([
                .open("line\((index + 1) % Self.loops)", slot: 0, id: 1).linked(), .read(5, slot: 0, id: 2),
            ])
            _ = try client.completions(1)
        }
        site.gateway.drain()
        for line in lines { line.say("late") }
        for client in clients {
            var read: RawCompletion?
            while read == nil, let frame = try client.frame() {
                if frame.type == .complete { read = try RawCompletion.all(frame.payload, frame.count).first }
            }
            #expect(read?.text == "late")
        }
        site.gateway.wait()
    }
}
