import Foundation
import Glibc
import RingGateway
import RingPolicy
import RingProtocol
import TestSupport
import Testing

/// Devices that come and go, and those who watch.
@Suite(.timeLimit(.minutes(5))) struct WatchTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func watch(_ client: RawClient, credit: UInt32 = 100, id: UInt64) throws {
        var entry = RawEntry(
            .list, id: id, argument: [0, 0, 0, 0] + withUnsafeBytes(of: credit) { Array($0) })
        entry.flags = EntryFlags.multishot.rawValue
        try client.submit([entry])
    }

    /// The next change, as device and word.
    private func news(_ client: RawClient) throws -> String {
        let event = try client.completions(1)[0]
        guard event.isEvent, event.lost == nil else { return "\(event.result) \(event.lost ?? 0)" }
        let json = try JSONSerialization.jsonObject(with: Data(event.payload)) as? [String: Any]
        return "\(json?["device"] ?? "") \(json?["change"] ?? "")"
    }

    /// The answer to an entry; news before it are passed over.
    private func answer(_ id: UInt64, _ client: RawClient) throws -> RawCompletion {
        while true {
            let completion = try client.completions(1)[0]
            if completion.id == id { return completion }
        }
    }

    @Test func aPlugIsPulledAndPutInAgain() throws {
        let (line, other) = (try SerialLine(), try SerialLine())
        let link = "\(directory.path)/serial"
        #expect(symlink(line.path, link) == 0)
        var policy = SitePolicy()
        policy.devices.append(
            Device(
                name: "line", path: link, followsLink: true, kind: .character, access: .readWrite,
                profile: Profile(name: "tty", summary: "", commands: []), lease: LeaseTerms(.exclusive)))
        policy.rules.append(SitePolicy.rule("line", on: "line", [], read: 4_096, write: 4_096))
        let site = try Site(policy)
        let client = try site.greeted(.all)
        try watch(client, id: 1)
        try client.submit([.open("line", slot: 0, id: 2)])
        #expect(try news(client) == "line leased")
        let opened = try client.completions(1)[0]
        #expect(opened.id == 2 && opened.result == 0)
        unlink(link)
        let change = try news(client)
        #expect(change == "line vanished")
        try client.submit([.write("x", id: 3)])
        let refusal = try answer(3, client).refusal
        #expect(refusal?.reason == .slotNotOpen && refusal?.text.contains("went away") == true)
        try client.submit([.open("line", slot: 1, id: 4)])
        #expect(try answer(4, client).result == -ENOENT)
        #expect(symlink(other.path, link) == 0)
        var word = try news(client)
        while word != "line appeared" { word = try news(client) }
        try client.submit([.open("line", slot: 0, id: 5)])
        #expect(try answer(5, client).result == 0)
        try client.submit([.write("hello", id: 7)])
        #expect(other.hear() == "hello")
    }

    @Test func anotherPolicyTellsWhatItChanges() throws {
        var policy = SitePolicy()
        let site = try Site(policy)
        let client = try site.greeted(.all)
        try watch(client, credit: 1, id: 1)
        // Another loop may learn of the policy before it has read the watch, were that not answered for.
        try client.submit([.nop(2)])
        #expect(try client.completions(1)[0].id == 2)
        policy.number = 2
        policy.rules.removeAll { $0.id == "random" }
        try site.apply(policy)
        #expect(try news(client) == "random withdrawn")
        // Without credit it is counted, and told when there is some.
        policy.number = 3
        policy.rules.append(SitePolicy.randomRule)
        try site.apply(policy)
        try client.submit([.credit(5, stream: 1, id: 3)])
        let answers = try client.completions(2)
        #expect(answers[0].id == 3 && answers[1].lost == 1)
        try client.submit([.cancel(1, id: 4)])
        #expect(try client.completions(2).map(\.result) == [-ECANCELED, 0])
    }
}
