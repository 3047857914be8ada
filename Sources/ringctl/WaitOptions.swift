import ArgumentParser
import RingClient

/// Does it until the time is over, if there is one.
func within(_ seconds: Double?, _ body: @escaping @Sendable () async throws -> Void) async throws {
    guard let seconds else { return try await body() }
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await body() }
        group.addTask { try await Task.sleep(for: .seconds(seconds)) }
        defer { group.cancelAll() }
        try await group.next()
    }
}

/// Waiting for a device that somebody else has.
struct WaitOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "If somebody else has the device, wait in the queue for a lease on it for so long.",
            valueName: "seconds"))
    var wait: Double?

    func validate() throws {
        if let wait, !(wait > 0 && wait <= 3_600) {
            throw ValidationError("--wait must be above 0, at most 3600")
        }
    }

    /// The lease, which lasts as long as it is kept; nil when nobody asked to wait, or we have one.
    func lease(_ device: String, _ gateway: RingConnection) async throws -> Lease? {
        guard let wait else { return nil }
        // What runs below `lease acquire` has its share already.
        let held = try await gateway.leaseStatus().leases.flatMap(\.devices)
        guard !held.contains(where: { $0.device == device }) else { return nil }
        return try await gateway.acquire([device], wait: .seconds(wait)) { $0.tell([device]) }
    }
}

extension LeasePosition {
    /// Says on standard error where a request for these devices stands.
    func tell(_ devices: [String]) {
        let names = devices.joined(separator: ", ")
        let ahead = ahead.map { "session \($0.session) (\($0.identity))" }.joined(separator: ", ")
        Output.standardError("waiting for \(names), place \(position), behind \(ahead)".printable + "\n")
    }
}
