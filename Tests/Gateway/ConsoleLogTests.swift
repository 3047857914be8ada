import Foundation
import RingEngine
import Synchronization
import TestSupport
import Testing

@testable import RingGateway

/// A console's log on real files.
@Suite struct ConsoleLogTests {
    private final class Reports: Sendable {
        private let states = Mutex<[ConsoleLog.State]>([])
        var all: [ConsoleLog.State] { states.withLock { $0 } }
        func add(_ state: ConsoleLog.State) { states.withLock { $0.append(state) } }
    }

    private let directory: TemporaryDirectory
    private let reports = Reports()
    private static let second: UInt64 = 1_000_000_000

    init() throws { directory = try TemporaryDirectory() }

    private var path: String { "\(directory.path)/console.log" }

    private func log(
        _ path: String? = nil, capacity: Int = GatewayLimits.consoleLogQueue, recheck: UInt64 = 0
    ) throws -> ConsoleLog {
        try ConsoleLog(path: path ?? self.path, capacity: capacity, recheck: recheck) { [reports] in
            reports.add($0)
        }
    }

    private func append(_ log: ConsoleLog, _ text: String) {
        Array(text.utf8).withUnsafeBytes { log.append($0) }
    }

    private func text(_ path: String? = nil) -> String? {
        try? String(contentsOfFile: path ?? self.path, encoding: .utf8)
    }

    /// Whether it comes true within 10 s.
    private func comes(_ condition: () -> Bool) -> Bool {
        let deadline = KernelClock.monotonic() + 10 * Self.second
        while !condition() {
            guard KernelClock.monotonic() < deadline else { return false }
            usleep(1_000)
        }
        return true
    }

    // MARK: Writing

    @Test func appendsToWhatIsThere() throws {
        try "before\n".write(toFile: path, atomically: true, encoding: .utf8)
        let log = try log()
        append(log, "one\n")
        #expect(comes { text() == "before\none\n" }, "without being stopped")
        append(log, "two\n")
        append(log, "")
        #expect(log.stop(within: 10 * Self.second))
        #expect(text() == "before\none\ntwo\n" && reports.all.isEmpty)
        append(log, "late")
        #expect(log.stop(within: 10 * Self.second), "a second time")
        #expect(text() == "before\none\ntwo\n")
    }

    @Test func makesAFileThatOthersCannotRead() throws {
        let log = try log()
        append(log, "x")
        #expect(log.stop(within: 10 * Self.second))
        var status = stat()
        #expect(stat(path, &status) == 0 && status.st_mode & 0o137 == 0 && status.st_mode & 0o600 == 0o600)
    }

    @Test func makesNoFileWithoutBytes() throws {
        #expect(try log().stop(within: 10 * Self.second))
        #expect(text() == nil && reports.all.isEmpty)
    }

    @Test func writesWhatItHasWhenNobodyStopsIt() throws {
        append(try log(), "last words")
        #expect(comes { text() == "last words" })
    }

    @Test func keepsMuchInOrder() throws {
        let log = try log()
        var expected = ""
        for line in 0..<20_000 {
            append(log, "line \(line)\n")
            expected += "line \(line)\n"
        }
        #expect(log.stop(within: 20 * Self.second))
        #expect(text() == expected)
    }

    // MARK: Rotation

    @Test func followsARotation() throws {
        let log = try log()
        append(log, "one\n")
        #expect(comes { text() == "one\n" })
        #expect(rename(path, path + ".1") == 0)
        append(log, "two\n")
        #expect(log.stop(within: 10 * Self.second))
        #expect(text(path + ".1") == "one\n" && text() == "two\n" && reports.all.isEmpty)
    }

    @Test func looksNoMoreOftenThanItMay() throws {
        var file = ConsoleLogFile(path: path, recheck: 100)
        func write(_ text: String, _ now: UInt64) {
            file.write(.init(bytes: Array(text.utf8), dropped: 0, isLast: false), now: now)
        }
        write("a", 1_000)
        #expect(rename(path, path + ".1") == 0)
        write("b", 1_099)
        write("c", 1_100)
        #expect(text(path + ".1") == "ab" && text() == "c")
    }

    // MARK: Failures

    @Test func whatFindsNoRoomIsNotedInItsPlace() {
        let queue = ConsoleLogQueue(capacity: 4)
        for part in ["abc", "def", "g"] { Array(part.utf8).withUnsafeBytes { queue.append($0) } }
        var batch = ConsoleLogQueue.Batch(bytes: [], dropped: 0, isLast: false)
        queue.take(reusing: &batch)
        #expect(batch.bytes == Array("abcd".utf8) && batch.dropped == 3 && !batch.isLast)
        var file = ConsoleLogFile(path: path, recheck: 0)
        file.write(batch, now: 0)
        Array("hi".utf8).withUnsafeBytes { queue.append($0) }
        queue.stop()
        queue.take(reusing: &batch)
        #expect(batch.bytes == Array("hi".utf8) && batch.dropped == 0 && batch.isLast)
        file.write(batch, now: 1)
        #expect(text() == "abcd\n[ringgate: 3 bytes are missing here]\nhi" && file.isComplete)
    }

    @Test(.enabled(if: access("/dev/full", W_OK) == 0, "there is no /dev/full"))
    func aFullDiskIsReportedOnce() throws {
        let log = try log("/dev/full")
        append(log, "one")
        #expect(comes { !reports.all.isEmpty })
        append(log, "two")
        append(log, "three")
        #expect(!log.stop(within: 10 * Self.second))
        #expect(reports.all == [.failing(call: "write", errno: ENOSPC)])
    }

    @Test func goesOnWhenThePathCanBeOpenedAgain() throws {
        let place = "\(directory.path)/later"
        let log = try log("\(place)/console.log")
        append(log, "lost")
        #expect(comes { !reports.all.isEmpty })
        #expect(mkdir(place, 0o700) == 0)
        append(log, "kept")
        #expect(log.stop(within: 10 * Self.second))
        #expect(text("\(place)/console.log") == "\n[ringgate: 4 bytes are missing here]\nkept")
        #expect(reports.all == [.failing(call: "open", errno: ENOENT), .writing])
    }

    @Test func followsNoLink() throws {
        let target = "\(directory.path)/target"
        #expect(symlink(target, path) == 0)
        let log = try log()
        append(log, "x")
        #expect(!log.stop(within: 10 * Self.second))
        #expect(reports.all == [.failing(call: "open", errno: ELOOP)] && text(target) == nil)
    }

    @Test func aPipeThatNobodyReadsDoesNotHoldIt() throws {
        #expect(mkfifo(path, 0o600) == 0)
        let log = try log()
        append(log, "x")
        #expect(!log.stop(within: 10 * Self.second))
        #expect(reports.all == [.failing(call: "open", errno: ENXIO)])
    }

    @Test func stoppingDoesNotWaitLongerThanItMay() throws {
        let gate = ThreadLock()
        let log = try ConsoleLog(path: "\(directory.path)/none/x", recheck: 0) { _ in gate.locked {} }
        let start = KernelClock.monotonic()
        // Its thread waits for the lock to report that there is no such directory.
        let isDone = gate.locked {
            append(log, "x")
            return log.stop(within: Self.second / 20)
        }
        let taken = KernelClock.monotonic() - start
        #expect(!isDone && taken >= Self.second / 20 && taken < 10 * Self.second)
    }
}
