/// Certificates that are not let in, whatever their authority and its revocation lists say.
public struct DenyList: Sendable, Equatable {
    /// Why, by serial number: lower hexadecimal digits, two a byte, without zero bytes in front.
    private let serials: [String: String]
    /// Why, by the SHA-256 of the public key (of the SubjectPublicKeyInfo in DER).
    private let keys: [[UInt8]: String]

    public init(serials: [String: String] = [:], keys: [[UInt8]: String] = [:]) {
        self.serials = serials
        self.keys = keys
    }

    public var count: Int { serials.count + keys.count }

    /// Why a certificate is not let in; nil when it is not on the list.
    public func reason(serial: String, keyHash: [UInt8]) -> String? {
        serials[Self.canonical(serial)] ?? keys[keyHash]
    }

    /// A serial number as it is compared; zero bytes in front mean nothing.
    public static func canonical(_ serial: String) -> String {
        var digits = Substring(serial.lowercased())
        if !digits.count.isMultiple(of: 2) { digits = "0" + digits }
        while digits.hasPrefix("00"), digits.count > 2 { digits = digits.dropFirst(2) }
        return String(digits)
    }
}
