import ArgumentParser
import RingClient
import RingPolicy

struct LeaseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lease", abstract: "Takes devices for a time; shows leases and takes them away.",
        subcommands: [LeaseAcquire.self, LeaseList.self, LeaseRevoke.self])
}

struct LeaseList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Who holds which device, and who waits for it.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    struct Lease: Codable {
        struct Holder: Codable {
            let session: UInt64
            let identity: String
            let lease: UInt64?
            let remaining: UInt64?
        }
        struct Waiter: Codable {
            let session: UInt64
            let identity: String
        }
        let device: String
        let mode: String
        let epoch: UInt64
        let holders: [Holder]
        let waiting: [Waiter]
        let releasing: Bool?
    }
    private struct Request: Encodable {
        let after: String
    }
    private struct Page: ListPage {
        let leases: [Lease]
        let more: Bool?
        var items: [Lease] { leases }
    }
    private struct Leases: Encodable {
        let leases: [Lease]
    }

    func run() async throws {
        var leases: [Lease] = []
        try await connection.withConnection { gateway in
            leases = try await gateway.all(.leaseList, Page.self) { Request(after: $0?.device ?? "") }
        }
        switch output.format {
        case .json: try Output.json(Leases(leases: leases))
        case .text: for lease in leases { print(lease.line) }
        }
    }
}

extension LeaseList.Lease {
    /// Device, mode, epoch, who has it, who waits.
    var line: String {
        let holders = holders.map(\.words).joined(separator: ", ")
        let waiting = waiting.map { "\($0.session) \($0.identity)" }.joined(separator: ", ")
        var words = [device, mode, "epoch \(epoch)", holders.isEmpty ? "free" : "held by \(holders)"]
        if releasing == true { words.append("being released") }
        if !waiting.isEmpty { words.append("waiting: \(waiting)") }
        return words.map(\.printable).joined(separator: "\t")
    }
}

extension LeaseList.Lease.Holder {
    /// For how long, in seconds; a lease without an end lasts while the session has the device open.
    fileprivate var words: String {
        let time = remaining.map { "\($0 / 1000) s left" } ?? "while open"
        return "\(session) \(identity) (\(time))"
    }
}

struct LeaseRevoke: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke",
        abstract: "Takes a device away from those who hold it; their files of it are closed.")
    @OptionGroup var order: DeviceOrder
    func run() async throws { try await order.give(.leaseRevoke) }
}
