import Foundation
import RingGateway
import RingPolicy
import RingProtocol
import RingRecording
import TestSupport
import Testing

/// Devices that a recording answers for: nothing of them is on this machine.
@Suite(.timeLimit(.minutes(5))) struct ReplayTests {
    private static let terminal = Device(
        name: "board", path: "/dev/ringgate-absent", kind: .character, access: .readWrite,
        profile: Profile(name: "tty", summary: "", commands: [SitePolicy.entropy]))

    private func site(
        _ lines: [String], _ order: ReplayScript.Order = .strict, policy: SitePolicy? = nil
    ) throws -> Site {
        var usual = SitePolicy()
        usual.devices.append(Self.terminal)
        usual.rules.append(
            SitePolicy.rule("board", on: "board", [SitePolicy.entropy], read: 4_096, write: 4_096))
        let text = ([#"{"recording":"ringgate","version":1}"#] + lines).joined(separator: "\n")
        return try Site(policy ?? usual, replay: Recording("r.jsonl", Array(text.utf8)), order)
    }

    private func opened(_ site: Site) throws -> RawClient {
        let client = try site.greeted(.all)
        try client.submit([.open("board", slot: 0, id: 1)])
        #expect(try client.completions(1)[0].result == 0)
        return client
    }

    private func write(_ text: String, id: UInt64) -> RawEntry {
        RawEntry(.write, id: id, offset: .max, argument: Array(text.utf8))
    }

    private static let conversation = [
        #"{"device":"board","input":"3e"}"#,
        #"{"device":"board","operation":"write","argument":"6162","result":2}"#,
        #"{"device":"board","input":"6f6b"}"#,
        #"{"device":"board","operation":"command","code":2147766784,"argument":"","result":0,"reply":"10000000","engine":"call","nanoseconds":700}"#,
    ]

    @Test func aConversationIsHeldAgain() throws {
        let site = try site(Self.conversation)
        let client = try opened(site)
        try client.submit([.read(64, slot: 0, id: 2, offset: .max)])
        #expect(try client.completions(1)[0].payload == Array(">".utf8))
        // A read that waits, and what it waits for.
        try client.submit([.read(64, slot: 0, id: 3, offset: .max), write("ab", id: 4)])
        let answers = try client.completions(2)
        #expect(answers.first { $0.id == 3 }?.payload == Array("ok".utf8))
        #expect(answers.first { $0.id == 4 }?.result == 2)
        try client.submit([RawEntry(.command, id: 5, slot: 0, code: SitePolicy.entropy.code.code)])
        let answer = try client.completions(1)[0]
        #expect(answer.payload == [16, 0, 0, 0])
        #expect(answer.flags.engine == .call && answer.header.deviceTime == 700)
        try client.submit([.close(slot: 0, id: 6)])
        #expect(try client.completions(1)[0].result == 0)
        #expect(site.gateway.engineCounters.openFiles == 0)
    }

    @Test func aStreamHearsIt() throws {
        let site = try site(Self.conversation)
        let client = try opened(site)
        try client.submit([.stream(64, credit: 8, slot: 0, id: 2)])
        #expect(try client.completions(1)[0].payload == Array(">".utf8))
        try client.submit([write("ab", id: 3)])
        #expect(try client.completions(2).first { $0.id == 2 }?.payload == Array("ok".utf8))
        try client.submit([.cancel(2, id: 4)])
        #expect(try client.completions(2).map(\.result) == [-ECANCELED, 0])
    }

    @Test func theFirstDifferenceIsToldInWords() throws {
        let site = try site(Self.conversation)
        let client = try opened(site)
        try client.submit([write("ac", id: 2)])
        let refusal = try client.completions(1)[0].refusal
        #expect(refusal?.reason == .unavailable)
        #expect(
            refusal?.text
                == "the replay of board differs: r.jsonl:3 has write(2 bytes \"ab\"), this is write(2 bytes \"ac\")"
        )
        try client.submit([write("ab", id: 3)])
        #expect(try client.completions(1)[0].refusal?.text == refusal?.text, "nothing is right after it")
    }

    @Test func aReplyOfTheWrongSizeIsNotHandedOn() throws {
        let site = try site([
            #"{"device":"board","operation":"command","code":2147766784,"argument":"","result":0,"reply":"10"}"#
        ])
        let client = try opened(site)
        try client.submit([RawEntry(.command, id: 2, slot: 0, code: SitePolicy.entropy.code.code)])
        #expect(
            try client.completions(1)[0].refusal?.text
                == "the recording of board has a reply of 1 bytes where 4 are due")
    }

    @Test func thePolicyHoldsAllTheSame() throws {
        let site = try site(Self.conversation)
        let client = try opened(site)
        try client.submit([RawEntry(.command, id: 2, slot: 0, code: 0x5412, argument: [65])])
        #expect(try client.completions(1)[0].refusal?.rule == "never/TIOCSTI")
        try client.submit([.poll(.readable, slot: 0, id: 3)])
        #expect(try client.completions(1)[0].refusal?.reason == .unsupported)
        try client.submit([.open("null", slot: 1, id: 4), RawEntry(.command, id: 5, slot: 0)])
        _ = try client.completions(2)
        try client.submit([RawEntry(.command, id: 6, slot: 1)])
        #expect(try client.completions(1)[0].flags.engine == .ring, "what is not recorded is real")
    }

    @Test func whatTellsNothingOfOrderIsAnsweredInAny() throws {
        let site = try site(Self.conversation, .any)
        let client = try opened(site)
        let command = SitePolicy.entropy.code.code
        for id in 2..<5 as Range<UInt64> {
            try client.submit([RawEntry(.command, id: id, slot: 0, code: command)])
            #expect(try client.completions(1)[0].result == 0)
        }
        try client.submit([write("x", id: 9)])
        #expect(try client.completions(1)[0].refusal?.text.contains("nothing in r.jsonl is like") == true)
        try client.submit([write("ab", id: 10)])
        #expect(try client.completions(1)[0].result == 2)
    }

    @Test func filesThatCommandsGaveAreReplayedToo() throws {
        let lines = [
            #"{"device":"kvm","operation":"command","code":44545,"offset":1,"argument":"","result":1}"#,
            #"{"device":"kvm","operation":"command","code":44547,"argument":"0000000000000000","result":1}"#,
        ]
        let site = try site(lines, policy: Kvm.policy())
        let client = try site.greeted()
        try client.submit([.open("kvm", slot: 0, id: 1)])
        _ = try client.completions(1)
        try client.submit([RawEntry(.command, id: 2, slot: 0, code: 0xae01, offset: 1)])
        #expect(try client.completions(1)[0].header.result == 1)
        try client.submit([RawEntry(.command, id: 3, slot: 1, code: 0xae03, argument: Kvm.zero)])
        #expect(try client.completions(1)[0].header.result == 1)
        try client.submit([.close(slot: 0, id: 4)])
        #expect(try client.completions(1)[0].header.result == 0)
        try client.submit([RawEntry(.command, id: 5, slot: 1, code: 0xae03, argument: Kvm.zero)])
        #expect(try client.completions(1)[0].refusal?.reason == .slotNotOpen)
    }
}
