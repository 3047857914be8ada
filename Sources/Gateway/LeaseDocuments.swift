#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What lease entries are answered with: section "Leases" of docs/protocol.md.
enum LeaseDocument {
    struct Device: Encodable {
        let device: String
        let epoch: UInt64
    }
    struct Lease: Encodable {
        let lease: UInt64
        let mode: String
        /// Milliseconds left.
        let ttl: UInt64
        let devices: [Device]
    }
    struct Implicit: Encodable {
        let mode: String
        let devices: [Device]
    }
    struct Renewed: Encodable {
        let lease: UInt64
        let ttl: UInt64
    }
    struct Waiting: Encodable {
        let request: UInt64
        let devices: [String]
        let mode: String
        let position: Int
    }
    struct Status: Encodable {
        let leases: [Lease]
        let waiting: [Waiting]
        /// Of the devices that were asked about; absent when none were.
        let devices: [Standing]?
    }
    /// Who has a device, and whether it can be had.
    struct Standing: Encodable {
        let device: String
        let mode: String
        let state: String
        let reason: String?
        let holders: [Person]
        let waiting: Int
    }
    struct Person: Encodable {
        let session: UInt64
        let identity: String
    }
    struct Position: Encodable {
        let position: Int
        let ahead: [Person]
    }

    static func mode(isExclusive: Bool) -> String { isExclusive ? "exclusive" : "shared" }

    static func json(_ value: some Encodable) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(value)).map { Array($0) } ?? []
    }
}

/// Leases on one device as administration sees them.
struct DeviceLeases: Encodable {
    struct Holder: Encodable {
        let session: UInt64
        let identity: String
        let lease: UInt64?
        /// Milliseconds.
        let remaining: UInt64?
    }
    let device: String
    let mode: String
    let epoch: UInt64
    let holders: [Holder]
    let waiting: [LeaseDocument.Person]
    let releasing: Bool?
}
