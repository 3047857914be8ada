import Glibc

/// What a process goes on touching after its start. Everything else is out of its reach.
public struct Reach: Sendable, Equatable {
    /// Files that are read, and directories whose files are.
    public var readable: Set<String> = []
    /// Directories whose files are made, written and removed as well.
    public var writable: Set<String> = []
    /// Directories of device nodes, and of files that are served as devices: read, written, ioctl(2).
    public var devices: Set<String> = []
    /// TCP ports that are listened on; 0 for any that the kernel chooses.
    public var listening: Set<UInt16> = []
    /// TCP ports of others that are connected to.
    public var connecting: Set<UInt16> = []
    public var ioctls: Set<CodeMask> = []
    /// Capabilities that drivers ask for at the call.
    public var capabilities: Set<Capability> = []

    public init() {}

    /// The same for a process to which another gives its devices.
    public var withoutDevices: Reach {
        var reach = self
        (reach.devices, reach.connecting) = ([], [])
        return reach
    }

    /// Whether a path lies in one of `directories` or is one of them.
    public static func contains(_ path: String, in directories: Set<String>) -> Bool {
        directories.contains { directory in
            path == directory || directory == "/" || path.hasPrefix(directory + "/")
        }
    }
}

/// ioctl(2) codes: those whose bits of `mask` are `value`.
public struct CodeMask: Sendable, Hashable {
    public let value: UInt32
    public let mask: UInt32

    public init(value: UInt32, mask: UInt32 = .max) {
        self.value = value & mask
        self.mask = mask
    }

    public func contains(_ other: CodeMask) -> Bool {
        other.mask & mask == mask && other.value & mask == value
    }
}

/// Why a sandbox could not be put up.
public struct SandboxError: Error, Sendable, CustomStringConvertible {
    public let description: String

    package init(_ what: String, _ result: Int32) {
        description = "\(what): \(String(cString: strerror(-result)))"
    }

    package init(_ text: String) { description = text }
}
