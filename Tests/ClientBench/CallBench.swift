import RingClient

/// What the Swift client costs: single calls, each awaited before the next, and batches of 256 with four under way.
/// One line of JSON; client and gateway share the machine.
enum CallBench {
    static let batchSize = 256

    static func run(duration: Duration) async throws {
        let bench = try await BenchGateway(path: "/dev/null")
        let clock = ContinuousClock()
        var times: [Double] = []
        let callsEnd = clock.now + duration
        while clock.now < callsEnd {
            let time = try await clock.measure { _ = try await bench.device.write([1]) }
            times.append(time / .microseconds(1))
        }
        times.sort()
        let batch = filled(for: bench.device)
        let start = clock.now
        let end = start + duration
        let batches = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    var count = 0
                    while ContinuousClock().now < end {
                        _ = try await bench.connection.submit(batch)
                        count += 1
                    }
                    return count
                }
            }
            return try await group.reduce(0, +)
        }
        let seconds = (clock.now - start) / .seconds(1)
        await bench.stop()
        print(
            "{\"call_p50_us\": \(times[times.count / 2]), \"call_p99_us\": \(times[times.count * 99 / 100]), "
                + "\"batch\": \(batchSize), "
                + "\"batched_commands_per_second\": \(Double(batches * batchSize) / seconds)}")
    }

    private static func filled(for device: RemoteDevice) -> Batch {
        var batch = Batch()
        for _ in 0..<batchSize { batch.write(device, [1]) }
        return batch
    }
}
