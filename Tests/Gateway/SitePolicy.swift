import Foundation
import RingPolicy
import RingProtocol

/// A policy made of values, to be changed and put in force while a gateway runs.
struct SitePolicy {
    /// Tells policies apart.
    var number: UInt8 = 1
    var principals = ["agent": "ringgate://test.example/agent/*", "other": "ringgate://test.example/other"]
    var devices: [Device] = [Self.null, Self.random]
    var rules: [Rule] = [Self.nullRule, Self.randomRule]
    var profiles: [Profile] = []

    var snapshot: PolicySnapshot {
        PolicySnapshot(
            revision: [UInt8](repeating: number, count: 32),
            principals: principals.compactMap { name, uri in
                URIPattern(uri).map { Principal(name: name, match: .uri($0)) }
            }, devices: devices, rules: rules, profiles: profiles)
    }

    // MARK: Devices that are always there

    /// A ring command that does nothing, under two codes: /dev/null takes every one.
    static let nothing = CommandShape(name: "NOTHING", code: SubOpcode(0), transport: .ring, effect: .read)
    static let another = CommandShape(name: "ANOTHER", code: SubOpcode(1), transport: .ring, effect: .read)
    static let entropy = CommandShape(
        name: "RNDGETENTCNT", code: SubOpcode(0x8004_5200), transport: .call, effect: .read,
        placement: .pointer,
        direction: .output, size: 4, fields: [Field(name: "bits", type: .signed(bytes: 4), offset: 0)])

    static let null = Device(
        name: "null", path: "/dev/null", kind: .character, access: .readOnly,
        profile: Profile(name: "null", summary: "", commands: [nothing, another]))
    static let random = Device(
        name: "random", path: "/dev/random", kind: .character, access: .readOnly,
        profile: Profile(name: "random", summary: "", commands: [entropy]))

    static let nullRule = rule("null", on: "null", [nothing, another])
    static let randomRule = rule("random", on: "random", [entropy], read: 4096)

    static func rule(
        _ id: String, for principal: String = "agent", on device: String, _ shapes: [CommandShape],
        read: Int? = nil, write: Int? = nil, limits: UseLimits = UseLimits(),
        handles: [String: FileRights] = [:]
    ) -> Rule {
        let rights = FileRights(
            commands: shapes.map { FileRights.Command($0) }, read: read.map { TransferRights(maxLength: $0) },
            write: write.map { TransferRights(maxLength: $0) }, handles: handles)
        return Rule(id: id, principals: [principal], rights: [device: rights], limits: limits)
    }

    // MARK: A terminal whose reads wait

    static func terminal(
        _ path: String, lease: LeaseTerms.Mode = .none, limits: UseLimits = UseLimits()
    ) -> Device {
        Device(
            name: "board", path: path, kind: .character, access: .readWrite,
            profile: Profile(name: "tty", summary: "", commands: []), lease: LeaseTerms(lease), limits: limits
        )
    }

    // MARK: Administration

    static let administratorURI = "ringgate://test.example/admin"

    /// This policy with an `admin` who may do everything on the gateway itself.
    func administered() -> SitePolicy {
        var policy = self
        policy.principals["admin"] = Self.administratorURI
        policy.devices.append(GatewayProfile.device)
        policy.rules.append(
            Self.rule(
                "admin", for: "admin", on: GatewayProfile.deviceName, GatewayProfile.profile.commands))
        return policy
    }
}
