import Glibc
import RingPolicy
import RingProtocol
import Testing

@testable import RingEngine

/// A device is left as its profile says, whoever or whatever closes it.
@Suite struct ReleaseTests {
    /// TCGETS and TCSETS with the kernel's struct termios.
    private static let restore = ReleaseAction.restore(
        get: SubOpcode(0x5401), set: SubOpcode(0x5402), size: 36)
    private static let set = CommandShape(
        name: "TCSETS", code: SubOpcode(0x5402), transport: .call, effect: .write, placement: .pointer,
        size: 36,
        fields: [Field(name: "settings", type: .bytes(36), offset: 0)])
    private static let get = CommandShape(
        name: "TCGETS", code: SubOpcode(0x5401), transport: .call, effect: .read, placement: .pointer,
        direction: .output, size: 36)

    private static func bench(_ terminal: Terminal, _ releases: [ReleaseAction]) throws -> Bench {
        try Bench([Shapes.device(terminal.path, get, set, releases: releases)])
    }

    /// Another speed and echo.
    private static func spoil(_ bench: inout Bench, _ file: OpenFileID) throws {
        var settings = try bench.command(0x5401, file).payload
        settings.put(settings.number(at: 12, UInt32.self) | UInt32(ECHO), at: 12)
        #expect(try bench.command(0x5402, file, settings).result == 0)
    }

    private static func hasEcho(_ terminal: Terminal) -> Bool {
        terminal.settings.c_lflag & UInt32(ECHO) != 0
    }

    @Test func whatWasFoundIsRestored() throws {
        let terminal = try Terminal()
        var bench = try Self.bench(terminal, [Self.restore])
        let file = try bench.open("device")
        try Self.spoil(&bench, file)
        #expect(Self.hasEcho(terminal))
        #expect(try bench.close(file).kind == .closed)
        #expect(!Self.hasEcho(terminal) && bench.engine.counters.failedReleaseActions == 0)
    }

    @Test func withoutItNothingIs() throws {
        let terminal = try Terminal()
        var bench = try Self.bench(terminal, [])
        let file = try bench.open("device")
        try Self.spoil(&bench, file)
        #expect(try bench.close(file).kind == .closed)
        #expect(Self.hasEcho(terminal))
    }

    @Test func itRunsWhenNobodyIsThereAnyMore() throws {
        let terminal = try Terminal()
        var bench = try Self.bench(terminal, [Self.restore, .write(Array("V".utf8))])
        let file = try bench.open("device")
        try Self.spoil(&bench, file)
        let read = try bench.startRead(file, count: 10)
        bench.engine.close(file, tag: nil)
        #expect(try bench.outcome(of: read).result == -ECANCELED)
        #expect(try bench.outcome(of: 0).kind == .closed)
        #expect(!Self.hasEcho(terminal) && terminal.hear(1) == Array("V".utf8))
    }

    @Test func itRunsWhenTheEngineGoes() throws {
        let terminal = try Terminal()
        do {
            var bench = try Self.bench(terminal, [Self.restore])
            let file = try bench.open("device")
            try Self.spoil(&bench, file)
        }
        #expect(!Self.hasEcho(terminal) && descriptors(of: terminal.path) == 0)
    }

    @Test func actionsRunInOrderAndOneThatFailsStopsNoOther() throws {
        let terminal = try Terminal()
        let unknown = SubOpcode(0x7777)
        var bench = try Self.bench(
            terminal,
            [
                .write(Array("a".utf8)), .call(unknown, 1), .restore(get: unknown, set: unknown, size: 8),
                .restore(get: SubOpcode(0x5401), set: SubOpcode(0x5402), size: 8), .write(Array("b".utf8)),
                // TCXONC, TCION: sends START.
                .call(SubOpcode(0x540a), 3), .write(Array("c".utf8)),
            ])
        let file = try bench.open("device")
        #expect(try bench.close(file).kind == .closed)
        let heard = terminal.hear(4)
        #expect(heard.filter { $0 >= UInt8(ascii: "a") } == Array("abc".utf8))
        #expect(bench.engine.counters.failedReleaseActions == 3)
    }
}
