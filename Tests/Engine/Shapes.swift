import RingPolicy
import RingProtocol

/// Commands of devices that every Linux machine has. Numbers are those of asm-generic/ioctls.h,
/// linux/random.h and linux/vt.h.
enum Shapes {
    static let null = CommandShape(name: "NULL", code: SubOpcode(0), transport: .ring, effect: .read)
    static let nullArea = CommandShape(
        name: "NULL_AREA", code: SubOpcode(1), transport: .ring, effect: .read, placement: .sqeCommand,
        size: 16)
    static let wideNull = CommandShape(
        name: "WIDE", code: SubOpcode(2), transport: .wideRing, effect: .read, placement: .sqeCommand,
        size: 80, fields: [Field(name: "bytes", type: .bytes(80), offset: 0)])

    static let getWindow = CommandShape(
        name: "TIOCGWINSZ", code: SubOpcode(0x5413), transport: .call, effect: .read, placement: .pointer,
        direction: .output, size: 8)
    static let setWindow = CommandShape(
        name: "TIOCSWINSZ", code: SubOpcode(0x5414), transport: .call, effect: .write, placement: .pointer,
        size: 8, fields: [Field(name: "window", type: .bytes(8), offset: 0)])
    static let flush = CommandShape(
        name: "TCFLSH", code: SubOpcode(0x540b), transport: .call, effect: .write, placement: .value, size: 8,
        fields: [Field(name: "queue", type: .unsigned(bytes: 8), offset: 0)])
    static let modem = CommandShape(
        name: "TIOCMGET", code: SubOpcode(0x5415), transport: .call, effect: .read, placement: .pointer,
        direction: .output, size: 4)
    /// TCGETS writes 36 bytes; this shape says 8.
    static let shortSettings = CommandShape(
        name: "TCGETS", code: SubOpcode(0x5401), transport: .call, effect: .read, placement: .pointer,
        direction: .output, size: 8)
    static let exclusive = CommandShape(
        name: "TIOCEXCL", code: SubOpcode(0x540c), transport: .call, effect: .write)
    static let entropy = CommandShape(
        name: "RNDGETENTCNT", code: SubOpcode(0x8004_5200), transport: .call, effect: .read,
        placement: .pointer, direction: .output, size: 4)
    static let waitActive = CommandShape(
        name: "VT_WAITACTIVE", code: SubOpcode(0x5607), transport: .call, effect: .read, placement: .value,
        size: 8, fields: [Field(name: "number", type: .unsigned(bytes: 8), offset: 0)])

    static func device(
        _ path: String, _ commands: CommandShape..., name: String = "device", kind: NodeKind = .character,
        access: FileAccess = .readWrite, identity: DeviceIdentity = DeviceIdentity(), timeout: UInt32? = nil,
        releases: [ReleaseAction] = []
    ) -> Device {
        Device(
            name: name, path: path, kind: kind, access: access,
            profile: Profile(name: "test", summary: "", commands: commands, releases: releases),
            identity: identity, limits: UseLimits(timeout: timeout))
    }

    /// `value` as the argument block of a command by value.
    static func value(_ value: UInt64) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }
}
