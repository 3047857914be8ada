import RingProtocol

/// An open device whose commands are sent by the names that its description lists.
///
/// ``NVMeDevice``, ``GPIOChip`` and the other typed devices are built on it. Any other class of devices can be used
/// through it directly:
///
///     let camera = try await NamedDevice.open("camera", on: gateway)
///     let gain = try await camera.call("VIDIOC_G_CTRL", ["id": "0x980913"]).number("value")
public final class NamedDevice: Sendable {
    public let file: RemoteDevice
    /// What this client may do with it.
    public let description: DeviceDescription
    private let commands: [String: (description: CommandDescription, codec: ArgumentCodec)]
    private let trace: Trace?

    /// Told of each command that was carried out, with its reply.
    public typealias Trace = @Sendable (_ command: String, _ reply: Reply) -> Void

    public var name: String { file.name }

    /// Describes a device and opens it. Throws as ``RingConnection/describe(_:)`` and ``RingConnection/open(_:epoch:)``.
    public static func open(
        _ name: String, on connection: RingConnection, trace: Trace? = nil
    ) async throws -> NamedDevice {
        let description = try await connection.describe(name)
        return try NamedDevice(try await connection.open(name), description, trace: trace)
    }

    /// A device that is open already. Throws ``FieldError`` when the description contradicts itself.
    public init(_ file: RemoteDevice, _ description: DeviceDescription, trace: Trace? = nil) throws {
        self.file = file
        self.description = description
        self.trace = trace
        commands = try Dictionary(
            description.commands.map { ($0.name, ($0, try ArgumentCodec($0))) },
            uniquingKeysWith: { first, _ in first })
    }

    /// Sends a command with values as ``ArgumentCodec`` takes them.
    ///
    /// Throws `.notSent` when the description does not list the command, ``FieldError`` when the values do not fit it, and
    /// otherwise as ``RemoteDevice/command(_:)``.
    @discardableResult
    public func call(_ command: String, _ values: [String: String] = [:]) async throws -> NamedReply {
        let (_, codec) = try find(command)
        let encoded = try codec.encode(values)
        let reply = try await file.command(encoded)
        trace?(command, reply)
        return try NamedReply(reply, codec, encoded)
    }

    /// Sends a command that gives a file, and returns that file with the reply.
    public func open(
        _ command: String, _ values: [String: String]
    ) async throws -> (file: NamedDevice, reply: NamedReply) {
        let (description, codec) = try find(command)
        let profile = description.gives ?? description.fields.lazy.compactMap(\.gives).first
        guard let profile, let rights = self.description.handles?.first(where: { $0.profile == profile })
        else {
            throw RingError.notSent(.denied(Refusal(.noRule, "\(command) on \(name) gives no file")))
        }
        let encoded = try codec.encode(values)
        let (handle, reply) = try await file.openHandle(encoded, profile: profile)
        trace?(command, reply)
        return (try NamedDevice(handle, rights, trace: trace), try NamedReply(reply, codec, encoded))
    }

    /// Whether the description lists the command.
    public func allows(_ command: String) -> Bool { commands[command] != nil }

    public func close() async throws { try await file.close() }

    private func find(_ name: String) throws(RingError) -> (CommandDescription, ArgumentCodec) {
        guard let command = commands[name] else {
            let text = "no rule allows \(name) on \(self.name), or its profile has no such command"
            throw .notSent(.denied(Refusal(.noRule, text)))
        }
        return command
    }
}

/// The answer to a command, its values by name.
public struct NamedReply: Sendable {
    public let reply: Reply
    /// In the order of the description.
    public let fields: [DecodedField]

    init(_ reply: Reply, _ codec: ArgumentCodec, _ sent: EncodedCommand) throws {
        self.reply = reply
        fields = try codec.decode(reply.payload, of: sent)
    }

    /// Throws ``FieldError`` when the reply has no such number.
    public func number(_ name: String) throws(FieldError) -> Int64 {
        switch value(name) {
        case .unsigned(let number): Int64(bitPattern: number)
        case .signed(let number): number
        default: throw .missing(name, why: "the reply has no such number")
        }
    }

    public func text(_ name: String) throws(FieldError) -> String {
        guard case .text(let text) = value(name) else {
            throw .missing(name, why: "the reply has no such text")
        }
        return text
    }

    /// At least `count` bytes, as whoever reads them by position needs.
    public func bytes(_ name: String, atLeast count: Int = 0) throws(FieldError) -> [UInt8] {
        guard case .bytes(let bytes) = value(name), bytes.count >= count else {
            throw .missing(name, why: "the reply has no such bytes, or too few")
        }
        return bytes
    }

    private func value(_ name: String) -> FieldValue? { fields.first { $0.name == name }?.value }
}

/// Bytes in the form that values are given in.
func hex(_ bytes: [UInt8]) -> String { "hex:" + Hex.text(bytes) }
