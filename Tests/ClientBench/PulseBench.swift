import Foundation
import Glibc
import RingClient
import TestSupport

/// How wide a pulse is that a chain makes (write high, wait 10 ms, write low), seen at the device's end, with and without
/// a slow network between client and gateway: the delay is the gateway's, so both must look the same.
enum PulseBench {
    static let width = Duration.milliseconds(10)
    static let pulses = 100

    static func run() async throws {
        print("pulse width in microseconds over 10,000, \(pulses) pulses; Linux \(BenchGateway.kernel), pty")
        print("network delay    least      p50      p99     most")
        // Alternating, so that a busy machine is busy for both.
        var widths: [Int: [Double]] = [0: [], 50: []]
        for _ in 0..<4 {
            for delay in widths.keys.sorted() {
                widths[delay]? += try await measure(delay: .milliseconds(delay), count: pulses / 4)
            }
        }
        for (delay, all) in widths.sorted(by: { $0.key < $1.key }) {
            let sorted = all.sorted()
            let values = [0, sorted.count / 2, sorted.count * 99 / 100, sorted.count - 1].map { sorted[$0] }
            let columns = values.map { String(format: "%9.0f", $0) }.joined()
            print(String(format: "%10d ms ", delay) + columns)
        }
    }

    /// Microseconds that each pulse is longer than it should be.
    private static func measure(delay: Duration, count: Int) async throws -> [Double] {
        let line = try SerialLine()
        let bench = try await BenchGateway(path: line.path, delay: delay)
        var batch = Batch()
        batch.chain { chain in
            chain.write(bench.device, [1])
            chain.delay(width)
            chain.write(bench.device, [0])
        }
        async let edges = line.edges(2 * count)
        for _ in 0..<count {
            for reply in try await bench.connection.submit(batch) { try reply.checked("pulse") }
        }
        let times = await edges
        await bench.stop()
        return stride(from: 0, to: times.count - 1, by: 2).map {
            Double(times[$0 + 1] - times[$0]) / 1_000 - 10_000
        }
    }
}

extension SerialLine {
    /// CLOCK_MONOTONIC of the next `count` bytes, in nanoseconds, on a thread of its own.
    func edges(_ count: Int) async -> [UInt64] {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread { [self] in
                var times: [UInt64] = []
                var byte: UInt8 = 0
                while times.count < count, read(master, &byte, 1) == 1 {
                    var time = timespec()
                    clock_gettime(CLOCK_MONOTONIC, &time)
                    times.append(UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec))
                }
                continuation.resume(returning: times)
            }
        }
    }
}
