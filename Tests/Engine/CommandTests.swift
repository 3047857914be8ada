import CLiburing
import Glibc
import RingPolicy
import RingProtocol
import Testing

@testable import RingEngine

/// Authorized commands on devices that exist.
@Suite struct CommandTests {
    @Test func ringCommandsRunOnTheRing() throws {
        var bench = try Bench([Shapes.device("/dev/null", Shapes.null, Shapes.nullArea)])
        let file = try bench.open("device")
        for argument in [[], [UInt8](repeating: 0, count: 16)] {
            let outcome = try bench.command(argument.isEmpty ? 0 : 1, file, argument)
            #expect(outcome.result == 0 && outcome.kind == .operation && outcome.engine == .ring)
            #expect(outcome.payload.isEmpty && !outcome.isIndeterminate && outcome.refusal == nil)
        }
        bench.turn()
        #expect(bench.engine.counters.submittedRingEntries == 2)
    }

    @Test func wideCommandsRunOnTheWideRingBesideNarrowOnes() throws {
        var bench = try Bench([Shapes.device("/dev/null", Shapes.wideNull, Shapes.null)])
        let file = try bench.open("device")
        let wide = try bench.command(2, file, [UInt8](repeating: 7, count: 80))
        #expect(wide.result == 0 && wide.engine == .ring)
        #expect(try bench.command(0, file).result == 0)
    }

    @Test func moreCommandsThanARingHoldsAllComeBack() throws {
        var bench = try Bench([Shapes.device("/dev/null", Shapes.wideNull, Shapes.null)])
        let file = try bench.open("device")
        let block = [UInt8](repeating: 0, count: 80)
        var ids: [UInt64] = []
        for number in 0..<4_000 {
            ids.append(
                try bench.start(.command, file, code: number % 2 == 0 ? 0 : 2, number % 2 == 0 ? [] : block))
        }
        for id in ids { #expect(try bench.outcome(of: id).result == 0) }
        #expect(bench.engine.inFlight == 0)
    }

    @Test func driversWithoutCommandsSaySo() throws {
        var bench = try Bench([Shapes.device("/dev/zero", Shapes.null)])
        let file = try bench.open("device")
        #expect(try bench.command(0, file).result == -EOPNOTSUPP)
    }

    @Test func callsReachATerminalAndItsAnswerComesBack() throws {
        let terminal = try Terminal()
        var bench = try Bench([Shapes.device(terminal.path, Shapes.getWindow, Shapes.setWindow)])
        let file = try bench.open("device")
        let window: [UInt8] = [40, 0, 132, 0, 1, 2, 3, 4]
        let set = try bench.command(0x5414, file, window)
        #expect(set.result == 0 && set.engine == .call && set.payload.isEmpty)
        let get = try bench.command(0x5413, file)
        #expect(get.result == 0 && get.engine == .call && get.payload == window)
        #expect(bench.engine.counters.submittedCalls == 2)
    }

    @Test func aNumberTravelsAsANumber() throws {
        let terminal = try Terminal()
        var bench = try Bench([Shapes.device(terminal.path, Shapes.flush)])
        let file = try bench.open("device")
        for queue in UInt64(0)...2 {
            #expect(try bench.command(0x540b, file, Shapes.value(queue)).result == 0)
        }
        #expect(try bench.command(0x540b, file, Shapes.value(3)).result == -EINVAL)
        // All 64 bits count: the low half alone would be a valid queue.
        #expect(try bench.command(0x540b, file, Shapes.value(1 << 32)).result == -EINVAL)
    }

    @Test func commandsWithoutArgumentRun() throws {
        let terminal = try Terminal()
        var bench = try Bench([Shapes.device(terminal.path, Shapes.exclusive)])
        let file = try bench.open("device")
        #expect(try bench.command(0x540c, file).result == 0)
    }

    @Test func aCallReturnsWhatTheKernelWrote() throws {
        var bench = try Bench([Shapes.device("/dev/random", Shapes.entropy)])
        let file = try bench.open("device")
        let outcome = try bench.command(0x8004_5200, file)
        #expect(outcome.result == 0 && outcome.payload.count == 4)
        #expect(outcome.payload.withUnsafeBytes { $0.loadUnaligned(as: UInt32.self) } > 0)
    }

    @Test func errnoPassesThroughWithoutAPayload() throws {
        let terminal = try Terminal()
        var bench = try Bench([Shapes.device(terminal.path, Shapes.modem)])
        let file = try bench.open("device")
        let outcome = try bench.command(0x5415, file)
        #expect(outcome.result == -ENOTTY && outcome.engine == .call)
        #expect(outcome.payload.isEmpty && outcome.refusal == nil)
    }

    @Test func aDriverThatWritesMoreThanTheProfileSaysGetsAFault() throws {
        let terminal = try Terminal()
        var bench = try Bench([Shapes.device(terminal.path, Shapes.shortSettings, Shapes.getWindow)])
        let file = try bench.open("device")
        let outcome = try bench.command(0x5401, file)
        #expect(outcome.result == -EFAULT && outcome.payload.isEmpty)
        #expect(try bench.command(0x5413, file).result == 0, "the worker goes on")
    }
}
