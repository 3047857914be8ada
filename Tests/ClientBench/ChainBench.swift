import RingClient

/// 32 commands as one chain and as 32 calls, each awaited before the next, over networks of several round-trip times.
/// One line of JSON for each time; all figures are milliseconds.
enum ChainBench {
    static let elements = 32

    static func run(roundTrips: [Int], rounds: Int) async throws {
        for roundTrip in roundTrips {
            let bench = try await BenchGateway(path: "/dev/null", delay: .microseconds(roundTrip * 500))
            var batch = Batch()
            batch.chain { chain in for _ in 0..<elements { chain.write(bench.device, [1]) } }
            var chains: [Double] = []
            var calls: [Double] = []
            // The first of each pays for what is made on first use.
            for round in 0...rounds {
                let chain = try await milliseconds {
                    for reply in try await bench.connection.submit(batch) { try reply.checked("chain") }
                }
                let call = try await milliseconds {
                    for _ in 0..<elements { try await bench.device.write([1]) }
                }
                if round > 0 {
                    chains.append(chain)
                    calls.append(call)
                }
            }
            await bench.stop()
            print(
                "{\"rtt_ms\": \(roundTrip), \"elements\": \(elements), \"chain_ms\": \(chains), "
                    + "\"calls_ms\": \(calls)}")
        }
    }

    private static func milliseconds(_ body: () async throws -> Void) async rethrows -> Double {
        let time = try await ContinuousClock().measure(body)
        return time / .milliseconds(1)
    }
}
