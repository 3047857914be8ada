import Foundation
import RingGateway
import RingPolicy
import RingProtocol
import TestSupport
import Testing

/// What `trace.read` tells of entries, and of which it does not.
@Suite(.timeLimit(.minutes(5))) struct TraceTests {
    private static let context = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    private let site: Site

    init() throws {
        var policy = SitePolicy()
        policy.devices.append(
            Device(
                name: "absent", path: "/dev/ringgate-absent", kind: .character, access: .readOnly,
                profile: Profile(name: "null", summary: "", commands: [SitePolicy.nothing])))
        policy.rules.append(SitePolicy.rule("absent", on: "absent", [SitePolicy.nothing]))
        site = try Site(policy.administered())
    }

    /// Takes until so many are there.
    private func told(
        _ admin: AdministratorClient, _ count: Int, _ document: String = "{}"
    ) throws -> [[String: Any]] {
        var entries: [[String: Any]] = []
        _ = eventually {
            entries += (try? admin.list(.traceRead, "entries", document)) ?? []
            return entries.count >= count
        }
        return entries
    }

    private func opened(_ device: String = "null") throws -> RawClient {
        let client = try site.greeted()
        try client.submit([.open(device, slot: 0, id: 1)])
        #expect(try client.completions(1)[0].header.result == 0)
        return client
    }

    @Test func entriesAreToldWithNamesResultsAndWhoDecided() throws {
        let admin = try AdministratorClient(site)
        #expect(try admin.list(.traceRead, "entries").isEmpty)
        let client = try opened()
        try client.submit([RawEntry(.command, id: 2, slot: 0)])
        _ = try client.completions(1)
        try client.submit([RawEntry(.command, id: 3, slot: 0, code: 0x5412, argument: [65])])
        _ = try client.completions(1)
        try client.submit([.close(slot: 0, id: 4)])
        _ = try client.completions(1)
        let entries = try told(admin, 4)
        try #require(entries.count == 4)
        #expect(entries.map { $0["operation"] as? String } == ["open", "command", "command", "close"])
        #expect(entries.allSatisfy { $0["device"] as? String == "null" })
        #expect(entries.allSatisfy { $0["identity"] as? String == Site.agentURI })
        #expect(entries[1]["command"] as? String == "NOTHING" && entries[1]["result"] as? Int == 0)
        #expect(entries[1]["verdict"] == nil && entries[1]["nanoseconds"] as? Int ?? 0 > 0)
        #expect(entries[2]["verdict"] as? String == "denied" && entries[2]["result"] as? Int == -13)
        #expect(entries[2]["decidedBy"] as? String == "never/TIOCSTI")
        #expect(entries[2]["bytes"] as? Int == 1, "bytes are counted, not shown")
    }

    @Test func aFilterLetsThroughWhatItNames() throws {
        let admin = try AdministratorClient(site)
        let filter = #"{"device": "random", "principal": "agent"}"#
        #expect(try admin.list(.traceRead, "entries", filter).isEmpty)
        let client = try opened()
        try client.submit([.open("random", slot: 1, id: 2), RawEntry(.nop, id: 3)])
        _ = try client.completions(2)
        let entries = try told(admin, 1, filter)
        #expect(entries.map { $0["device"] as? String } == ["random"])
        for (document, text) in [
            (#"{"device": "nothing"}"#, "the policy has no such device"),
            (#"{"principal": "nobody"}"#, "the policy has no such principal"),
            (#"{"devices": "null"}"#, "the document may have only: device, principal"),
        ] {
            let refusal = try admin.ask(.traceRead, document).refusal
            #expect(refusal?.reason == .shape && refusal?.text == text)
        }
    }

    @Test func thoseWhoLookAreNotLookedAt() throws {
        let first = try AdministratorClient(site), second = try AdministratorClient(site)
        for _ in 0..<3 {
            #expect(try first.list(.traceRead, "entries").isEmpty)
            _ = try second.list(.traceRead, "entries")
        }
        #expect(try first.list(.traceRead, "entries").isEmpty, "not even each other")
        _ = try AdministratorClient(site).ask(.sessionList)
        let entries = try told(first, 2)
        #expect(entries.map { $0["device"] as? String } == ["@gateway", "@gateway"])
    }

    @Test func onlySoManyLookAtOnce() throws {
        let admins = try (0..<4).map { _ in try AdministratorClient(site) }
        for admin in admins { #expect(try admin.ask(.traceRead).refusal == nil) }
        #expect(try AdministratorClient(site).ask(.traceRead).refusal?.reason == .busy)
        #expect(try admins[3].ask(.traceRead).refusal == nil)
    }

    @Test func whatIsTooMuchIsCounted() throws {
        let admin = try AdministratorClient(site)
        _ = try admin.ask(.traceRead)
        let client = try opened()
        // About 400 bytes each.
        let rounds = 10, each = 500
        for round in 0..<rounds {
            let first = UInt64(2 + round * each)
            try client.submit((0..<each).map { RawEntry(.command, id: first + UInt64($0), slot: 0) })
            _ = try client.completions(each)
        }
        var seen = 0, lost = 0
        var hasMore = true
        while hasMore {
            let payload = Data(try admin.ask(.traceRead).payload)
            let page = try #require(try JSONSerialization.jsonObject(with: payload) as? [String: Any])
            seen += (page["entries"] as? [Any])?.count ?? 0
            lost += page["lost"] as? Int ?? 0
            hasMore = page["more"] as? Bool ?? false
        }
        #expect(seen > 100 && lost > 0 && seen + lost == 1 + rounds * each)
    }

    @Test func chainsStreamsAndWhatAChainSkipsAreTold() throws {
        let admin = try AdministratorClient(site)
        _ = try admin.ask(.traceRead)
        let client = try site.raw(site.agent)
        _ = try client.greet([.links, .skipSuccess, .streams])
        try client.submit([
            .nop(1).linked([.link, .skipSuccess]), .open("absent", slot: 0, id: 2).linked(), .nop(3),
        ])
        _ = try client.completions(2)
        let entries = try told(admin, 3)
        #expect(entries.map { $0["request"] as? Int } == [1, 2, 3])
        #expect(entries.map { $0["result"] as? Int } == [0, -2, -125])
    }

    @Test func aContextStandsBesideWhatIsToldAndRecorded() throws {
        let admin = try AdministratorClient(site)
        _ = try admin.ask(.traceRead)
        let client = try site.raw(site.agent)
        _ = try client.greet(.traceContext)
        let bad = [
            "", "01", Self.context.uppercased(), Self.context + "0", Self.context.replacing("-", with: "_"),
            "ff" + Self.context.dropFirst(2), "00-\(String(repeating: "0", count: 32))-b7ad6b7169203331-01",
        ]
        for (index, text) in bad.enumerated() {
            try client.submit([RawEntry(.context, id: UInt64(index + 1), argument: Array(text.utf8))])
            #expect(try client.completions(1)[0].refusal?.reason == (text.isEmpty ? nil : .shape), "\(text)")
        }
        try client.submit([RawEntry(.context, id: 20, argument: Array(Self.context.utf8))])
        try client.submit([.open("null", slot: 0, id: 21)])
        _ = try client.completions(2)
        try client.submit([RawEntry(.context, id: 22)])
        try client.submit([.close(slot: 0, id: 23)])
        _ = try client.completions(2)
        let entries = try told(admin, bad.count + 4).filter { $0["device"] != nil }
        #expect(entries.map { $0["traceparent"] as? String } == [Self.context, nil])
        let open = site.audit.awaited("open", 2).first { $0.text("device") == "null" }
        #expect(open?.text("traceparent") == Self.context)
    }

    @Test func aContextNeedsItsFeature() throws {
        let client = try site.greeted()
        try client.submit([RawEntry(.context, id: 1)])
        #expect(try client.completions(1)[0].refusal?.reason == .unsupported)
    }
}
