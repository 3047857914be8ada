import CLiburing
import Glibc
import RingPolicy

extension DeviceIdentity {
    /// What an opened file shows other than expected, in words; nil when everything is as it should be.
    ///
    /// `database` is udev's, one file for each device number, with lines `E:KEY=value` (written by systemd's
    /// libudev).
    func mismatch(_ status: stat, database: String = "/run/udev/data") -> String? {
        let letter: Character
        switch status.st_mode & S_IFMT {
        case S_IFCHR: letter = "c"
        case S_IFBLK: letter = "b"
        default: return "the device's identity is expected, but it has no device number"
        }
        let found = (rg_major(UInt64(status.st_rdev)), rg_minor(UInt64(status.st_rdev)))
        if let major, major != found.0 { return "expected major number \(major), found \(found.0)" }
        if let minor, minor != found.1 { return "expected minor number \(minor), found \(found.1)" }
        guard !properties.isEmpty else { return nil }
        let record = Self.record("\(database)/\(letter)\(found.0):\(found.1)")
        for (key, value) in properties.sorted(by: { $0.key < $1.key }) {
            guard let actual = record[key] else {
                return "expected \(key)=\(value), but udev knows no \(key)"
            }
            guard actual == value else { return "expected \(key)=\(value), found \(actual)" }
        }
        return nil
    }

    /// The properties in one of udev's records; none when it cannot be read.
    private static func record(_ path: String) -> [String: String] {
        let fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard fd >= 0 else { return [:] }
        defer { close(fd) }
        var bytes = [UInt8](repeating: 0, count: EngineLimits.udevRecord)
        let size = Glibc.read(fd, &bytes, bytes.count)
        guard size > 0 else { return [:] }
        var properties: [String: String] = [:]
        for line in bytes[..<size].split(separator: UInt8(ascii: "\n")) {
            guard line.starts(with: "E:".utf8), let equals = line.firstIndex(of: UInt8(ascii: "=")) else {
                continue
            }
            let key = String(decoding: line[(line.startIndex + 2)..<equals], as: UTF8.self)
            properties[key] = String(decoding: line[(equals + 1)...], as: UTF8.self)
        }
        return properties
    }
}
