import RingPolicy

/// What the gateway asks for: a device's name, and all that opening it depends on as the policy in force has it. The opener does
/// not act on these; it compares them with what the policy file says, so that a file that was changed and not put in force yet
/// has nobody get another device under rules that were made for this one.
enum OpenerRequest {
    /// Bytes of the longest request that is read: a path of 4,096 and udev's properties.
    static let limit = 16 << 10

    static func bytes(for device: Device) -> [UInt8] {
        let identity = device.identity
        let numbers = [identity.major, identity.minor].map { $0.map(String.init) ?? "" }
        let properties = identity.properties.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        let words =
            [device.name, "\(device.kind)", "\(device.access)", "\(device.followsLink)", device.path]
            + numbers
            + properties
        return Array(words.joined(separator: separator).utf8)
    }

    /// The device's name in a request.
    static func name(in bytes: some Sequence<UInt8>) -> String {
        String(decoding: bytes.prefix { $0 != separator.utf8.first }, as: UTF8.self)
    }

    /// No name has it.
    private static let separator = "\n"
}
