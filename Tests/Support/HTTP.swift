import Foundation

/// A client of HTTP/1.1 that asks one thing of 127.0.0.1 and reads to the end.
public struct HTTP {
    public let status: Int
    /// By lower-case names.
    public let headers: [String: String]
    public let body: String

    public init(_ path: String, method: String = "GET", port: Int, host: String = "127.0.0.1") throws {
        try self.init(raw: "\(method) \(path) HTTP/1.1\r\nhost: \(host)\r\n\r\n", port: port)
    }

    /// Sends these bytes as they are.
    public init(raw request: String, port: Int) throws {
        let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
        let file = FileHandle(fileDescriptor: socket, closeOnDealloc: true)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard connected else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
        try file.write(contentsOf: Data(request.utf8))
        let text = String(decoding: try file.readToEnd() ?? Data(), as: UTF8.self)
        let halves = text.components(separatedBy: "\r\n\r\n")
        let lines = halves[0].components(separatedBy: "\r\n")
        status = Int(lines[0].split(separator: " ").dropFirst().first ?? "") ?? 0
        headers = Dictionary(
            lines.dropFirst().map { line in
                let parts = line.split(separator: ":", maxSplits: 1)
                return (parts[0].lowercased(), parts.last?.trimmingCharacters(in: .whitespaces) ?? "")
            }, uniquingKeysWith: { first, _ in first })
        body = halves.dropFirst().joined(separator: "\r\n\r\n")
    }
}
