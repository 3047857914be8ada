import RingProtocol

/// The shape of a device class's sub-opcodes. A sub-opcode no profile describes cannot be allowed.
public struct Profile: Sendable {
    public let name: String
    public let summary: String
    public let commands: [CommandShape]
    /// What the device's worker does before it closes a file, in order, whoever or whatever closes it.
    public let releases: [ReleaseAction]

    public init(name: String, summary: String, commands: [CommandShape], releases: [ReleaseAction] = []) {
        self.name = name
        self.summary = summary
        self.commands = commands
        self.releases = releases
    }

    /// Profiles of the files that its commands hand to the kernel.
    public var takenProfiles: [String] { commands.compactMap(\.takenProfile) }

    public func command(named name: String) -> CommandShape? { commands.first { $0.name == name } }
    /// All commands that the code may mean.
    public func commands(_ code: SubOpcode) -> [CommandShape] {
        commands.filter { $0.pattern.contains(code) }
    }
    public func command(_ code: SubOpcode) -> CommandShape? { commands(code).first }
}

/// Something done to a file before it is closed, so that the device is left as it should be.
public enum ReleaseAction: Sendable, Hashable {
    /// What `get` returned when the file was opened is handed to `set`: ioctl(2) codes with a block of `size` bytes.
    case restore(get: SubOpcode, set: SubOpcode, size: Int)
    /// Bytes written, such as a watchdog's `V`.
    case write([UInt8])
    /// An ioctl(2) whose argument is a number.
    case call(SubOpcode, UInt64)
}
