import CLiburing
import Glibc

/// A device of the policy as a place in the file system.
struct WatchedDevice: Sendable, Hashable {
    let name: String
    /// Absolute.
    let path: String
    /// Whether the path is a link, and what it refers to is the device.
    let followsLink: Bool
}

/// The node that is a device, so far as two looks tell one from another. Nothing is opened to find out.
struct DeviceNode: Equatable {
    private let mode: UInt32
    /// Where the node lies, and which one it is there.
    private let fileSystem: UInt64
    private let inode: UInt64
    /// `st_rdev`.
    private let device: UInt64
    /// Nanoseconds since 1970; 0 where the file system does not tell. An inode's number may be given out again at once.
    private let birth: Int64

    /// nil when there is none: nothing at all, a link where none is followed or one to nowhere, or a directory.
    init?(_ watched: WatchedDevice) {
        var node = rg_node()
        guard rg_node_at(watched.path, watched.followsLink ? 1 : 0, &node) == 0,
            ![S_IFLNK, S_IFDIR].contains(node.mode & S_IFMT)
        else { return nil }
        // Permissions may change without the node becoming another.
        mode = node.mode & S_IFMT
        (fileSystem, inode, device, birth) = (node.file_system, node.inode, node.device, node.birth)
    }
}

extension WatchedDevice {
    /// Links that are followed from one path; the kernel follows 40 before it says ELOOP.
    private static let links = 8

    /// Directories in which a change can make the device come or go: that of its path and, when that is a link, those
    /// of what the link and further links refer to.
    var directories: [String] {
        var directories = [Self.directory(of: path)]
        guard followsLink else { return directories }
        var place = path
        for _ in 0..<Self.links {
            guard let target = Self.target(of: place) else { break }
            place = target.hasPrefix("/") ? target : "\(Self.directory(of: place))/\(target)"
            directories.append(Self.directory(of: place))
        }
        return directories
    }

    /// The path without its last part; `/` for what lies there.
    static func directory(of path: String) -> String {
        let end = path.lastIndex(of: "/") ?? path.startIndex
        return end == path.startIndex ? "/" : String(path[..<end])
    }

    /// What the link at a path says; nil when there is none.
    private static func target(of path: String) -> String? {
        var target = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink(path, &target, target.count)
        guard (1..<target.count).contains(count) else { return nil }
        return String(decoding: target[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
