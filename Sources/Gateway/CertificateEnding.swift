import COpenSSL
import Glibc

/// When something that the gateway's certificates consist of ends.
public struct CertificateEnding: Sendable, CustomStringConvertible {
    public let file: String
    /// Seconds since 1970.
    public let end: Int64
    /// Seconds that are left; below 0 when it is over.
    public let left: Int64

    /// Ends within 30 days, or for a revocation list, which is made often, within a day.
    public let isSoon: Bool

    /// Of each file that can be read: of several certificates or lists in one the first to end.
    public static func all(of files: TrustFiles) -> [CertificateEnding] {
        let time = Int64(time(nil))
        let certificates = [files.certificate, files.clientCA].compactMap { path in
            CertificateEnding(path, rg_file_end(path, 0), 30 * 86_400, time)
        }
        let lists = files.revocationLists.flatMap { CertificateEnding($0, rg_file_end($0, 1), 86_400, time) }
        return certificates + [lists].compactMap { $0 }
    }

    private init?(_ file: String, _ end: Int64, _ notice: Int64, _ time: Int64) {
        guard end != .max else { return nil }
        self.file = file
        self.end = end
        left = end - time
        isSoon = left < notice
    }

    public var description: String {
        var parts = tm()
        var seconds = time_t(end)
        gmtime_r(&seconds, &parts)
        var text = [CChar](repeating: 0, count: 32)
        strftime(&text, text.count, "%Y-%m-%dT%H:%M:%SZ", &parts)
        let when = text.withUnsafeBufferPointer { String(cString: $0.baseAddress.unsafelyUnwrapped) }
        return left < 0 ? "\(file) has ended on \(when)" : "\(file) ends on \(when), in \(left / 86_400) days"
    }
}
