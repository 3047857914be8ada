import Glibc
import RingPolicy
import RingProtocol
import Testing

@testable import RingEngine

/// Commands that are taken over together, and answered together.
@Suite struct RowTests {
    /// What a completion of the wire says, as far as a row differs in it.
    private struct Answer: Equatable {
        let id: UInt64
        let result: Int32
    }

    /// What is done, up to the first that does not belong to it, in pieces of no more than `most`.
    private func take(
        _ bench: inout Bench, session: UInt32 = 0, charge: UInt32 = 0, most: Int = 64
    ) throws -> [Answer] {
        let tag = OperationTag(
            session: session, generation: 0, requestID: RequestID(0), slot: FileSlot(9), charge: charge)
        var answers: [Answer] = []
        let space = UnsafeMutableRawBufferPointer.allocate(
            byteCount: most * Limits.completionHeader, alignment: 8)
        defer { space.deallocate() }
        while true {
            let count = bench.engine.takePlain(like: tag, into: space)
            guard count > 0 else { return answers }
            for index in 0..<count {
                let header = UnsafeRawBufferPointer(space)[(index * Limits.completionHeader)...]
                answers.append(
                    Answer(
                        id: header.load(as: UInt64.self),
                        result: header.load(fromByteOffset: 8, as: Int32.self)))
                #expect(header.load(fromByteOffset: 12, as: UInt32.self) == 0, "no payload")
            }
        }
    }

    private func submit(_ bench: inout Bench) {
        bench.engine.beginTurn(now: KernelClock.monotonic())
        bench.engine.flush()
    }

    @Test func eachOfARowIsAnsweredOnce() throws {
        var bench = try Bench([Shapes.device("/dev/null", Shapes.null)])
        let file = try bench.open("device")
        // More than the queue of entries takes at once, and, over the rounds, more than that of completions has places.
        for round in 0..<8 as Range<UInt64> {
            let ids = (round * 3_000 + 1)...(round * 3_000 + 3_000)
            for part in 0..<3 as Range<UInt64> {
                let row = try bench.startRow(file, ids.dropFirst(Int(part) * 1_000).prefix(1_000))
                #expect(row.left.isEmpty)
            }
            #expect(bench.engine.inFlight == 3_000)
            submit(&bench)
            let answers = try take(&bench, most: 7)
            #expect(answers == ids.map { Answer(id: $0, result: 0) })
            #expect(bench.engine.inFlight == 0)
        }
        #expect(bench.engine.counters.submittedRingEntries == 24_000)
        #expect(try bench.close(file).kind == .closed)
    }

    @Test func anAnswerOfAnotherKindEndsTheRow() throws {
        var bench = try Bench([
            Shapes.device("/dev/null", Shapes.null), Shapes.device("/dev/zero", Shapes.null, name: "zero"),
        ])
        let file = try bench.open("device")
        let zero = try bench.open("zero")
        _ = try bench.startRow(file, 1...3)
        _ = try bench.startRow(file, 4...4, session: 1)
        _ = try bench.startRow(file, 5...5, charge: 8)
        _ = try bench.startRow(zero, 6...7)
        // Nobody is to be told.
        _ = try bench.startRow(zero, 8...8, upTo: 0)
        submit(&bench)
        let early = try take(&bench, session: 1)
        #expect(early.isEmpty)
        let first = try take(&bench)
        #expect(first.map(\.id) == [1, 2, 3])
        let nothing = try take(&bench)
        #expect(nothing.isEmpty)
        let second = try take(&bench, session: 1)
        #expect(second.map(\.id) == [4])
        let third = try take(&bench, charge: 8)
        #expect(third.map(\.id) == [5])
        // Another file's may follow, but not in the same piece.
        let others = try take(&bench)
        #expect(others == [6, 7].map { Answer(id: $0, result: -EOPNOTSUPP) })
        #expect(bench.engine.inFlight == 0)
    }

    @Test func whatIsNoPlainCompletionIsLeftWhereItIs() throws {
        var bench = try Bench([Shapes.device("/dev/null", Shapes.null)])
        let file = try bench.open("device")
        _ = try bench.startRow(file, 101...102)
        let read = try bench.startRead(file, count: 1)
        submit(&bench)
        let plain = try take(&bench)
        #expect(plain.map(\.id) == [101, 102])
        let nothing = try take(&bench)
        #expect(nothing.isEmpty)
        #expect(try bench.outcome(of: read).result == 0)
    }

    @Test func aRowThatIsRefusedHasBegunUpToThere() throws {
        var bench = try Bench([Shapes.device("/dev/null", Shapes.null)])
        let file = try bench.open("device")
        let most = UInt64(EngineLimits.operations)
        var next: UInt64 = 1
        while next < most - 100 {
            _ = try bench.startRow(file, next..<next + 1_000, upTo: Int(most - 100 - next + 1))
            next += 1_000
        }
        let before = bench.engine.inFlight
        #expect(before == Int(most) - 100)
        let (left, refusal) = try bench.startRow(file, 50_001...50_150)
        #expect(refusal == .busy && left == Array(50_101...50_150))
        #expect(bench.engine.inFlight == Int(most))
        submit(&bench)
        let answers = try take(&bench).map(\.id)
        #expect(answers.count == Int(most) && Set(answers).count == answers.count)
        #expect(answers.last == 50_100 && bench.engine.inFlight == 0)
    }

    @Test func nothingBeginsOnAFileThatIsBeingClosed() throws {
        var bench = try Bench([Shapes.device("/dev/null", Shapes.null)])
        let file = try bench.open("device")
        _ = try bench.startRow(file, 101...102)
        let close = bench.startClose(file)
        let (left, refusal) = try bench.startRow(file, 103...104)
        #expect(left == [103, 104] && refusal == .slotNotOpen)
        submit(&bench)
        // The close waits for what runs, and what runs then is not plain any more.
        let nothing = try take(&bench)
        #expect(nothing.isEmpty)
        #expect(try bench.outcome(of: close).kind == .closed)
        #expect(bench.engine.inFlight == 0 && bench.engine.openFiles == 0)
    }

    @Test func aRowOfCallsGoesToTheWorker() throws {
        let terminal = try Terminal()
        var bench = try Bench([Shapes.device(terminal.path, Shapes.getWindow)])
        let file = try bench.open("device")
        let row = try bench.startRow(file, code: 0x5413, 101...104, upTo: 3)
        #expect(row.left == [104])
        for id in 101...103 as ClosedRange<UInt64> {
            let outcome = try bench.outcome(of: id)
            #expect(outcome.result == 0 && outcome.engine == .call && outcome.payload.count == 8)
        }
        #expect(bench.engine.inFlight == 0)
    }
}
