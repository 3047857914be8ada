import Foundation
import Glibc
import RingGateway
import RingProtocol
import TestSupport
import Testing

/// Leases as clients have them.
@Suite(.timeLimit(.minutes(5))) struct LeaseTests {
    private func site(_ line: SerialLine, _ terms: String = "lease: {mode: exclusive, ttl: 1h}") throws
        -> Site
    {
        try Site(
            devices: [
                "line: {path: \(line.path), profile: tty, open: read-write, \(terms)}",
                "urandom: {path: /dev/urandom, profile: random, lease: exclusive}",
            ],
            rules: [
                "{id: line, principals: [agent], devices: [line], read: true, write: true}",
                "{id: random, principals: [agent], devices: [urandom], read: true}",
            ])
    }

    private func json(_ completion: RawCompletion) throws -> [String: Any] {
        try JSONSerialization.jsonObject(with: Data(completion.payload)) as? [String: Any] ?? [:]
    }

    private func acquire(_ devices: [String] = ["line"], wait: Int = 0, ttl: Int = 60_000, id: UInt64)
        -> RawEntry
    {
        let names = devices.map { "\"\($0)\"" }.joined(separator: ",")
        return .lease(
            .acquire, #"{"devices":[\#(names)],"mode":"exclusive","wait":\#(wait),"ttl":\#(ttl)}"#, id: id)
    }

    @Test func statusTellsWhoHasADeviceAndHowManyWait() throws {
        let line = try SerialLine()
        let site = try site(line)
        let (first, second) = (try site.greeted(.all), try site.greeted(.all))
        let ask = { (names: String, id: UInt64) in
            RawEntry.lease(.status, #"{"devices":[\#(names)]}"#, id: id)
        }
        try first.submit([ask(#""line","urandom""#, 1)])
        let free = try #require(try json(try first.completions(1)[0])["devices"] as? [[String: Any]])
        #expect(free.map { $0["device"] as? String } == ["line", "urandom"])
        #expect(free.allSatisfy { ($0["holders"] as? [Any])?.isEmpty == true && $0["waiting"] as? Int == 0 })
        try first.submit([acquire(id: 2)])
        _ = try first.completions(1)
        try second.submit([acquire(wait: 60_000, id: 1), ask(#""line""#, 2)])
        let standing = try json(try second.completions(1)[0])["devices"] as? [[String: Any]]
        let holders = try #require(standing?.first?["holders"] as? [[String: Any]])
        #expect(holders.count == 1 && (holders[0]["identity"] as? String)?.hasSuffix("agent/one") == true)
        #expect(standing?.first?["waiting"] as? Int == 1)
        #expect(standing?.first?["mode"] as? String == "exclusive")
        // What one may not open is not told of, nor is anything told with it.
        let many = (0..<17).map { "\"d\($0)\"" }.joined(separator: ",")
        let bad = [#""line","elsewhere""#, "", #""line","line""#, many, "7"]
        try second.submit(bad.enumerated().map { ask($1, UInt64(3 + $0)) })
        let reasons = try second.completions(bad.count).map { $0.refusal?.reason }
        #expect(reasons == [.noRule, .shape, .shape, .shape, .shape])
    }

    @Test func whoHasTheLeaseHasTheDevice() throws {
        let line = try SerialLine()
        let site = try site(line)
        let first = try site.greeted(.all)
        let second = try site.greeted(.all)
        try first.submit([acquire(id: 1)])
        let lease = try json(try first.completions(1)[0])
        #expect(lease["mode"] as? String == "exclusive" && lease["ttl"] as? Int == 60_000)
        try second.submit([.open("line", slot: 0, id: 1), acquire(id: 2)])
        let refused = try second.completions(2)
        #expect(refused.allSatisfy { $0.refusal?.reason == .busy && $0.header.deviceTime > 0 })
        #expect(refused[0].refusal?.text.contains("agent/one") == true)
        try first.submit([.open("line", slot: 0, id: 2).linked(), .write("x", id: 3)])
        #expect(try first.completions(2).map(\.result) == [0, 1])
        let number = try #require(lease["lease"] as? Int)
        try first.submit([.lease(.release, #"{"lease":\#(number)}"#, id: 4)])
        // The file went with the lease.
        #expect(try first.completions(1)[0].result == 0)
        try first.submit([.write("y", id: 5)])
        let late = try first.completions(1)[0].refusal
        #expect(late?.reason == .slotNotOpen && late?.text.contains("released") == true)
        try second.submit([acquire(wait: 10_000, id: 3)])
        #expect(try second.completions(1)[0].result == 0)
    }

    @Test func whoWaitsIsToldItsPlaceAndGetsIt() throws {
        let line = try SerialLine()
        let site = try site(line)
        let (first, second, third) = (
            try site.greeted(.all), try site.greeted(.all), try site.greeted(.all)
        )
        try first.submit([acquire(["line", "urandom"], id: 1)])
        _ = try first.completions(1)
        try second.submit([acquire(["urandom", "line"], wait: 20_000, id: 1).linked(.multishot)])
        let place = try second.completions(1)[0]
        #expect(place.isEvent)
        #expect(try json(place)["position"] as? Int == 1)
        try third.submit([acquire(wait: 20_000, id: 1).linked(.multishot)])
        #expect(try json(try third.completions(1)[0])["position"] as? Int == 2)
        try third.submit([.lease(.status, "{}", id: 2)])
        let status = try json(try third.completions(1)[0])
        #expect((status["waiting"] as? [[String: Any]])?.first?["position"] as? Int == 2)
        // A goodbye ends it; a lost connection would have kept the devices for the grace.
        try first.send(Goodbye.done.encoded())
        let given = try second.completions(1)[0]
        #expect(!given.isEvent && given.id == 1 && given.result == 0)
        #expect(try json(try third.completions(1)[0])["position"] as? Int == 1)
    }

    @Test func aClientThatIsKilledLeavesTheDeviceToTheNext() throws {
        let line = try SerialLine()
        let site = try site(line)
        // Without resume there is no grace.
        let first = try site.greeted([.leases])
        let second = try site.greeted(.all)
        try first.submit([acquire(id: 1), .open("line", slot: 0, id: 2)])
        #expect(try first.completions(2).allSatisfy { $0.result == 0 })
        try second.submit([acquire(wait: 20_000, id: 1)])
        first.vanish()
        let granted = try second.completions(1)[0]
        #expect(granted.result == 0)
        let devices = try json(granted)["devices"] as? [[String: Any]]
        let epoch = try #require(devices?.first?["epoch"] as? UInt64)
        #expect(epoch == 2)
        var stale = RawEntry.open("line", slot: 0, id: 2)
        stale.offset = epoch - 1
        var right = RawEntry.open("line", slot: 0, id: 3)
        right.offset = epoch
        try second.submit([stale, right])
        let opened = try second.completions(2)
        #expect(opened[0].refusal?.reason == .busy && opened[1].result == 0)
    }

    @Test func timeEndsALeaseUnlessItIsRenewed() throws {
        let line = try SerialLine()
        let site = try site(line)
        let first = try site.greeted(.all)
        try first.submit([acquire(ttl: 3_000, id: 1)])
        let number = try #require(try json(try first.completions(1)[0])["lease"] as? Int)
        try first.submit([.open("line", slot: 0, id: 2)])
        _ = try first.completions(1)
        try first.submit([.lease(.renew, #"{"lease":\#(number),"ttl":9000}"#, id: 3)])
        #expect(try json(try first.completions(1)[0])["ttl"] as? Int == 9_000)
        Thread.sleep(forTimeInterval: 3.2)
        try first.submit([.write("x", id: 4)])
        #expect(try first.completions(1)[0].result == 1)
        Thread.sleep(forTimeInterval: 9)
        try first.submit([.write("y", id: 5), .lease(.renew, #"{"lease":\#(number)}"#, id: 6)])
        let late = try first.completions(2)
        #expect(late[0].refusal?.text.contains("its time was over") == true)
        #expect(late[1].refusal?.reason == .shape)
    }

    @Test func aLeaseGoesToAnotherSessionIfThePolicyLetsIt() throws {
        let line = try SerialLine()
        let site = try site(line)
        let first = try site.greeted(.all)
        let second = try site.raw(site.agent)
        let receiver = try second.greet(.all).session
        let stranger = try site.raw(try site.certificates.client(uri: "ringgate://test.example/other"))
        let outsider = try stranger.greet(.all).session
        try first.submit([acquire(id: 1)])
        let number = try #require(try json(try first.completions(1)[0])["lease"] as? Int)
        try first.submit([
            .lease(.transfer, #"{"lease":\#(number),"to":\#(outsider)}"#, id: 2),
            .lease(.transfer, #"{"lease":\#(number),"to":99999}"#, id: 3),
            .lease(.share, #"{"lease":\#(number),"to":\#(receiver)}"#, id: 4),
        ])
        #expect(try first.completions(3).map(\.result) == [-EACCES, -EINVAL, 0])
        try second.submit([.open("line", slot: 0, id: 1)])
        #expect(try second.completions(1)[0].result == 0)
        try first.submit([.lease(.transfer, #"{"lease":\#(number),"to":\#(receiver)}"#, id: 5)])
        #expect(try first.completions(1)[0].result == 0)
        try second.submit([.lease(.status, "", id: 2)])
        let leases = try json(try second.completions(1)[0])["leases"] as? [[String: Any]]
        #expect(leases?.first?["lease"] as? Int == number)
        // Nobody's leases but one's own.
        try first.submit([.lease(.release, #"{"lease":\#(number)}"#, id: 6), .open("line", slot: 0, id: 7)])
        #expect(try first.completions(2).map(\.result) == [-EINVAL, -EBUSY])
    }

    @Test func whatIsNoRequestIsRefused() throws {
        let site = try site(try SerialLine())
        let client = try site.greeted(.all)
        let documents = [
            "", "{}", "[]", #"{"devices":[]}"#, #"{"devices":["line","line"]}"#, #"{"devices":"line"}"#,
            #"{"devices":["line"],"mode":"mine"}"#, #"{"devices":["line"],"wait":3600001}"#,
            #"{"devices":["line"],"ttl":0}"#, #"{"devices":["line"],"more":1}"#,
            #"{"devices":["line"],"ttl":-1}"#, #"{"devices":["line"],"mode":"shared"}"#,
            #"{"devices":["null"]}"#,
        ]
        try client.submit(documents.enumerated().map { .lease(.acquire, $1, id: UInt64($0) + 1) })
        for completion in try client.completions(documents.count) {
            #expect(completion.refusal?.reason == .shape, "\(documents[Int(completion.id) - 1])")
        }
        try client.submit([
            .lease(.acquire, #"{"devices":["private"]}"#, id: 100), RawEntry(.lease, id: 101, code: 9),
            RawEntry(.lease, id: 102, slot: 1, code: 6),
        ])
        let rest = try client.completions(3)
        #expect(rest[0].refusal?.reason == .noRule)
        #expect(rest[1].refusal?.reason == .shape && rest[2].refusal?.reason == .shape)
    }

    @Test func aDeviceIsMadeSafeBeforeTheNextHasIt() throws {
        let line = try SerialLine()
        let site = try Site(
            yaml: """
                version: 1
                principals:
                  agent: {uri: "ringgate://test.example/agent/*"}
                devices:
                  line: {path: \(line.path), profile: tty, open: read-write, lease: exclusive, on-release: safe}
                procedures:
                  safe:
                    device: line
                    summary: Drives the line low.
                    steps: [{on: line, write: "safe"}, {wait: 100ms}, {on: line, write: "!"}]
                rules:
                  - {id: line, principals: [agent], devices: [line], read: true, write: true}
                """)
        let first = try site.greeted([.leases])
        let second = try site.greeted(.all)
        try first.submit([.open("line", slot: 0, id: 1)])
        _ = try first.completions(1)
        try first.submit([.write("on;", id: 2)])
        _ = try first.completions(1)
        try second.submit([acquire(wait: 20_000, id: 1)])
        first.vanish()
        #expect(try second.completions(1)[0].result == 0)
        try second.submit([.open("line", slot: 0, id: 2)])
        _ = try second.completions(1)
        try second.submit([.write(";next", id: 3)])
        _ = try second.completions(1)
        var heard = ""
        while heard.count < 13 { heard += line.hear() }
        #expect(heard == "on;safe!;next")
    }

    @Test func operatorsTakeDevicesAwayAndTellThoseWhoWait() throws {
        let line = try SerialLine()
        var policy = SitePolicy().administered()
        policy.devices.append(SitePolicy.terminal(line.path, lease: .exclusive))
        policy.rules.append(SitePolicy.rule("board", on: "board", [], read: 4_096, write: 4_096))
        let site = try Site(policy)
        let administrator = try AdministratorClient(site)
        let holder = try site.greeted(.all)
        let waiter = try site.greeted(.all)
        try holder.submit([acquire(["board"], id: 1), .open("board", slot: 0, id: 2)])
        #expect(try holder.completions(2).allSatisfy { $0.result == 0 })
        try waiter.submit([acquire(["board"], wait: 20_000, id: 1)])
        #expect(
            eventually {
                let listed = try? administrator.list(.leaseList, "leases")
                return (listed?.first?["waiting"] as? [Any])?.count == 1
            })
        let listed = try administrator.list(.leaseList, "leases")[0]
        #expect(listed["device"] as? String == "board" && listed["mode"] as? String == "exclusive")
        #expect((listed["holders"] as? [[String: Any]])?.count == 1)
        let revoked = try administrator.ask(.leaseRevoke, #"{"device":"board","reason":"it smokes"}"#)
        #expect(revoked.result == 0)
        #expect(try waiter.completions(1)[0].result == 0)
        try holder.submit([.write("x", id: 3)])
        #expect(try holder.completions(1)[0].refusal?.text.contains("it smokes") == true)
        try holder.submit([acquire(["board"], wait: 20_000, id: 4)])
        _ = try administrator.ask(.deviceDisable, #"{"device":"board","reason":"being moved"}"#)
        let told = try holder.completions(1)[0].refusal
        #expect(told?.reason == .unavailable && told?.text.contains("being moved") == true)
    }

    @Test func anotherWayOfHavingADeviceBeginsAnew() throws {
        let line = try SerialLine()
        var policy = SitePolicy()
        policy.devices.append(SitePolicy.terminal(line.path))
        policy.rules.append(SitePolicy.rule("board", on: "board", [], read: 4_096, write: 4_096))
        let site = try Site(policy)
        let clients = [try site.greeted(.all), try site.greeted(.all)]
        for client in clients {
            try client.submit([.open("board", slot: 0, id: 1)])
            #expect(try client.completions(1)[0].result == 0)
        }
        policy.number = 2
        policy.devices[2] = SitePolicy.terminal(line.path, lease: .exclusive)
        try site.apply(policy)
        // Both had it; now it is one's at a time.
        for client in clients {
            try client.submit([.write("x", id: 2)])
            #expect(try client.completions(1)[0].refusal?.reason == .slotNotOpen)
        }
        try clients[0].submit([.open("board", slot: 0, id: 3)])
        #expect(try clients[0].completions(1)[0].result == 0)
        try clients[1].submit([.open("board", slot: 0, id: 3)])
        #expect(try clients[1].completions(1)[0].refusal?.reason == .busy)
    }

    @Test func aRequestThatWaitsIsCancelledOrRunsOut() throws {
        let line = try SerialLine()
        let site = try site(line)
        let first = try site.greeted(.all)
        let second = try site.greeted(.all)
        try first.submit([acquire(id: 1)])
        _ = try first.completions(1)
        try second.submit([acquire(wait: 20_000, id: 1), .cancel(1, id: 2)])
        #expect(try second.completions(2).map(\.result) == [-ECANCELED, 0])
        try second.submit([acquire(wait: 50, id: 3), acquire(wait: 20_000, id: 4).within(50)])
        let over = try second.completions(2)
        #expect(over.first { $0.id == 3 }?.refusal?.reason == .busy)
        #expect(over.first { $0.id == 4 }?.result == -ETIME)
    }
}
