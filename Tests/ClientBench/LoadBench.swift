import RingClient
import RingProtocol

/// The same load as the C load generator's, by way of RingClient, on a gateway that runs elsewhere: `connections`, each with
/// two batches of half of `depth` under way. One line of JSON with the load generator's names.
struct LoadBench {
    static let warmUp = Duration.milliseconds(300)
    let connection: ConnectionConfiguration
    private let connections: Int
    private let depth: Int
    /// Whether tasks are on their connection's executor.
    private let isOnLoop: Bool
    let duration: Duration

    /// `words` are pairs: --port, --cert, --key, --ca, --connections, --depth, --seconds and their values, and possibly
    /// `--executor connection`.
    init?(_ words: some Collection<String>) {
        var values: [String: String] = [:]
        var rest = words.makeIterator()
        while let name = rest.next() { values[name] = rest.next() }
        guard let port = values["--port"].flatMap({ Int($0) }), let chain = values["--cert"],
            let key = values["--key"], let roots = values["--ca"],
            let connections = values["--connections"].flatMap({ Int($0) }),
            let depth = values["--depth"].flatMap({ Int($0) }),
            let seconds = values["--seconds"].flatMap({ Double($0) }),
            ["connection", nil].contains(values["--executor"])
        else { return nil }
        connection = ConnectionConfiguration(
            host: "127.0.0.1", port: port, certificateChain: chain, privateKey: key, trustRoots: roots)
        self.connections = connections
        self.depth = depth
        isOnLoop = values["--executor"] == "connection"
        duration = .seconds(seconds)
    }

    func run() async throws {
        var devices: [RemoteDevice] = []
        for _ in 0..<connections {
            devices.append(try await RingConnection.connect(connection).open("null"))
        }
        let clock = ContinuousClock()
        let begin = clock.now + Self.warmUp
        let end = begin + duration
        let sizes = depth == 1 ? [1] : [depth / 2, depth - depth / 2]
        let times = try await withThrowingTaskGroup(of: [Double].self) { group in
            for device in devices {
                for size in sizes {
                    group.addTask(executorPreference: isOnLoop ? device.connection.executor : nil) {
                        try await Self.load(device, batch: size, from: begin, until: end)
                    }
                }
            }
            return try await group.reduce(into: [Double]()) { $0 += $1 }
        }.sorted()
        for device in devices { await device.connection.close() }
        guard !times.isEmpty else { throw BenchError.nothingAnswered }
        // A batch of depth / 2 counts for each of its commands.
        let commands = times.count * depth / sizes.count
        print(
            "{\"connections\": \(connections), \"depth\": \(depth), \"commands\": \(commands), "
                + "\"commands_per_second\": \(Double(commands) / (duration / .seconds(1))), "
                + "\"p50_us\": \(times[times.count / 2]), \"p99_us\": \(times[times.count * 99 / 100])}")
    }

    /// Microseconds of each batch that was answered in the time that counts.
    private static func load(
        _ device: RemoteDevice, batch size: Int, from begin: ContinuousClock.Instant,
        until end: ContinuousClock.Instant
    ) async throws -> [Double] {
        var batch = Batch(entries: size)
        for _ in 0..<size { batch.command(device, SubOpcode(0)) }
        var times: [Double] = []
        while true {
            let sent = ContinuousClock.now
            guard sent < end else { return times }
            for reply in try await device.connection.submit(batch) { try reply.checked("load") }
            let answered = ContinuousClock.now
            if answered >= begin, answered < end { times.append((answered - sent) / .microseconds(1)) }
        }
    }
}

enum BenchError: Error { case nothingAnswered }
