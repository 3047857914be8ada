import NIOCore
import NIOSSL

/// The name a gateway's certificate must carry (docs/protocol.md, R-1).
///
/// NIOSSL's own check also takes a certificate that carries the *address* connected to where a DNS name was asked for,
/// and a common name: then whoever steers DNS could put one gateway of a farm in another's place.
enum ServerName: Sendable, Equatable {
    case dns(String)
    /// 4 or 16 bytes in network order.
    case address([UInt8])

    init(_ text: String) {
        if let address = try? SocketAddress(ipAddress: text, port: 0), let bytes = Self.bytes(of: address) {
            self = .address(bytes)
        } else {
            self = .dns(text.lowercased())
        }
    }

    /// What SNI may say; addresses never go there.
    var hostname: String? {
        if case .dns(let name) = self { name } else { nil }
    }

    /// A DNS name matches only a dNSName, an address only an iPAddress of the subject alternative name.
    func matches(_ certificate: NIOSSLCertificate) -> Bool {
        certificate._subjectAlternativeNames().contains { name in
            switch (self, name.nameType) {
            case (.dns(let wanted), .dnsName): Self.matches(wanted, Array(name.contents))
            case (.address(let wanted), .ipAddress): Array(name.contents) == wanted
            default: false
            }
        }
    }

    /// Compared without regard to case; `*` may stand for the whole first label (RFC 6125, 6.4.3).
    static func matches(_ wanted: String, _ contents: [UInt8]) -> Bool {
        guard let pattern = String(validating: contents, as: UTF8.self)?.lowercased() else { return false }
        if pattern == wanted { return !pattern.contains("*") }
        guard pattern.hasPrefix("*."), let dot = wanted.firstIndex(of: "."), dot > wanted.startIndex else {
            return false
        }
        return wanted[dot...] == pattern.dropFirst()
    }

    private static func bytes(of address: SocketAddress) -> [UInt8]? {
        switch address {
        case .v4(let address): withUnsafeBytes(of: address.address.sin_addr) { Array($0) }
        case .v6(let address): withUnsafeBytes(of: address.address.sin6_addr) { Array($0) }
        case .unixDomainSocket: nil
        }
    }
}
