import RingPolicy

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Where a device is found: a node, a link that udev keeps, or an address.
struct DevicePlace {
    /// What two devices cannot have in common.
    enum Identity: Hashable {
        case path(String)
        case address([UInt8], port: Int)
        case node(NodeKind, major: UInt32, minor: UInt32)

        /// The device number that must lie at the path; nil when it is not given in full.
        init?(_ identity: DeviceIdentity, _ kind: NodeKind) {
            guard let major = identity.major, let minor = identity.minor else { return nil }
            self = .node(kind, major: major, minor: minor)
        }
    }

    let path: String
    let identity: Identity
    let location: Location
    let isLink: Bool

    /// Exactly one of the keys that say where.
    static func read(
        _ map: inout MapReader, _ value: Value, _ what: String, _ kind: NodeKind?, _ report: inout Report
    ) -> Self? {
        let path = map.optional("path")
        let link = map.optional("udev")
        let address = map.optional("address")
        switch (path, link, address) {
        case (let path?, nil, nil) where kind != .tcp: return readPath(path, &report)
        case (nil, let link?, nil) where kind != .tcp && kind != .regular: return readLink(link, &report)
        case (nil, nil, let address?) where kind == .tcp || kind == nil: return readAddress(address, &report)
        case (let other?, nil, nil), (nil, let other?, nil), (nil, nil, let other?):
            report.add(
                other.place, "\(what) is found another way by its kind",
                "write `path` or `udev` for a node, `path` for a regular file, `address` for `kind: tcp`")
        default:
            report.add(
                value.place, "\(what) is found in exactly one way",
                "write either `path`, or `udev`, or `address` with `kind: tcp`")
        }
        return nil
    }

    private static func readPath(_ value: Value, _ report: inout Report) -> Self? {
        guard let path = absolutePath(value, &report) else { return nil }
        return Self(path: path, identity: .path(path), location: value.place, isLink: false)
    }

    /// A path has one spelling here, so that two devices cannot be one file unnoticed.
    static func absolutePath(_ value: Value, _ report: inout Report) -> String? {
        guard let path = value.line("path", &report, maximum: FileLimits.path) else { return nil }
        guard path.hasPrefix("/") else {
            report.add(value.place, "path \(value.words) is not absolute", "start it with /")
            return nil
        }
        guard !hasOddParts(path.dropFirst()) else {
            report.add(
                value.place, "path \(value.words) has `..`, `.`, `//` or ends in `/`",
                "write the path without them")
            return nil
        }
        return path
    }

    /// A link such as `serial/by-id/usb-FTDI_FT232R_A50285BI-if00-port0`, below /dev.
    private static func readLink(_ value: Value, _ report: inout Report) -> Self? {
        guard let link = value.line("udev", &report) else { return nil }
        let parts = link.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[1].hasPrefix("by-"), !hasOddParts(link[...]) else {
            report.add(
                value.place, "\(value.words) is no link of udev",
                "write it below /dev, such as serial/by-id/NAME or disk/by-path/NAME")
            return nil
        }
        let path = "/dev/\(link)"
        return Self(path: path, identity: .path(path), location: value.place, isLink: true)
    }

    private static func hasOddParts(_ path: Substring) -> Bool {
        path.split(separator: "/", omittingEmptySubsequences: false).contains {
            ["", ".", ".."].contains($0)
        }
    }

    /// Numeric, so that no name server decides which device is meant.
    private static func readAddress(_ value: Value, _ report: inout Report) -> Self? {
        guard let text = value.line("address", &report, maximum: FileLimits.name) else { return nil }
        if let colon = text.lastIndex(of: ":"), let host = bytes(host: text[..<colon]),
            let port = port(text[text.index(after: colon)...])
        {
            return Self(
                path: text, identity: .address(host, port: port), location: value.place, isLink: false)
        }
        report.add(
            value.place, "\(value.words) is no address",
            "write it in numbers, in quotes: \"192.0.2.7:5025\" or \"[2001:db8::7]:5025\"")
        return nil
    }

    private static func port(_ text: Substring) -> Int? {
        guard text.utf8.allSatisfy({ (48...57).contains($0) }), text.first != "0", let port = Int(text),
            (1...65_535).contains(port)
        else { return nil }
        return port
    }

    /// The 16 bytes of an IPv6 address, or of an IPv4 address as IPv6 maps it (RFC 4291, 2.5.5.2).
    private static func bytes(host: Substring) -> [UInt8]? {
        var address = [UInt8](repeating: 0, count: 16)
        guard host.hasPrefix("[") else {
            let isAddress = address.withUnsafeMutableBytes { buffer in
                inet_pton(AF_INET, String(host), buffer.baseAddress) == 1
            }
            return isAddress ? [UInt8](repeating: 0, count: 10) + [0xff, 0xff] + address.prefix(4) : nil
        }
        guard host.hasSuffix("]") else { return nil }
        let isAddress = address.withUnsafeMutableBytes { buffer in
            inet_pton(AF_INET6, String(host.dropFirst().dropLast()), buffer.baseAddress) == 1
        }
        return isAddress ? address : nil
    }
}
