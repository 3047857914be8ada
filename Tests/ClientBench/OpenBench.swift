import RingClient

extension LoadBench {
    /// Opens and closes the device, one after the other, on one connection. One line of JSON with the load generator's names;
    /// a command there is an open with its close.
    func runOpens() async throws {
        let connection = try await RingConnection.connect(connection)
        let clock = ContinuousClock()
        let begin = clock.now + Self.warmUp
        let end = begin + duration
        var times: [Double] = []
        while true {
            let sent = clock.now
            guard sent < end else { break }
            let device = try await connection.open("null")
            try await device.close()
            if sent >= begin { times.append((clock.now - sent) / .microseconds(1)) }
        }
        await connection.close()
        times.sort()
        guard !times.isEmpty else { throw BenchError.nothingAnswered }
        print(
            "{\"connections\": 1, \"depth\": 1, \"commands\": \(times.count), "
                + "\"commands_per_second\": \(Double(times.count) / (duration / .seconds(1))), "
                + "\"p50_us\": \(times[times.count / 2]), \"p99_us\": \(times[times.count * 99 / 100])}")
    }
}
