import RingProtocol

/// A command ready to be sent.
public struct EncodedCommand: Equatable, Sendable {
    public let code: SubOpcode
    public let argument: [UInt8]
    /// Bytes of the reply on success.
    public let replySize: Int

    public init(code: SubOpcode, argument: [UInt8], replySize: Int) {
        self.code = code
        self.argument = argument
        self.replySize = replySize
    }
}

/// Builds arguments and reads replies of one command, by the names that `describe` lists.
///
/// Values are given by dotted path, elements of arrays by index:
///
///     let codec = try ArgumentCodec(command)  // I2C_RDWR
///     let sent = try codec.encode(["msgs.0.addr": "0x50", "msgs.0.buf": "hex:00",
///                                  "msgs.1.addr": "0x50", "msgs.1.flags": "I2C_M_RD", "msgs.1.len": "2"])
///     let reply = try await device.command(sent)
///     let values = try codec.decode(reply.payload, of: sent)  // [msgs.1.buf: ...]
///
/// Numbers are decimal or `0x` hexadecimal, or names of the field; flags are joined by `|`. Bytes are hexadecimal
/// digits, `hex:...` or `text:...`. Arrays of numbers may be given whole: `[4, 5]`. What is not given is zero, but
/// counts and lengths follow from what they count, and the fields that select the command are set. A pointer that
/// may be left out is there when something is given for it, or when its reply has a length; `none` leaves it out.
/// A command with a family of codes takes `size` and `number` for the parts that vary.
public struct ArgumentCodec: Sendable {
    private let shape: ArgumentShape
    /// The gateway's own commands take and give one document instead of structs.
    private let isDocument: Bool

    /// Under this name the commands of `@gateway` take their argument, and give their reply.
    public static let documentName = "document"

    /// Throws `.badLayout` when the description contradicts itself.
    public init(_ command: CommandDescription) throws(FieldError) {
        isDocument = command.engine == "gateway"
        shape = try ArgumentShape(command)
    }

    /// Names that an argument can begin with.
    public var argumentPaths: [String] { isDocument ? [Self.documentName] : shape.argumentPaths }

    /// The values that choose `code` from the command's family; nil when it is none of the command's.
    public func choices(of code: SubOpcode) -> [String: String]? { shape.family.choices(of: code) }

    /// The argument with these values, and the code that goes with it.
    public func encode(_ values: [String: String]) throws(FieldError) -> EncodedCommand {
        if isDocument { return try encodeDocument(values) }
        let (code, argument) = try ArgumentEncoder.encode(ArgumentNode(values), as: shape)
        return try prove(argument, code: code)
    }

    /// An argument that was built by other means. `code` says which one of a family is meant.
    ///
    /// Throws `.misfit` when its bytes are not laid out as described.
    public func prove(_ argument: [UInt8], code: SubOpcode? = nil) throws(FieldError) -> EncodedCommand {
        let code = code ?? shape.code
        guard !isDocument else { return document(argument) }
        let layout = try ArgumentLayout(shape, code, argument)
        return EncodedCommand(code: code, argument: argument, replySize: layout.replySize)
    }

    /// The values of the reply to `sent`, in the order of the description. Fields of a struct that comes both ways
    /// are as the device left them.
    public func decode(_ reply: [UInt8], of sent: EncodedCommand) throws(FieldError) -> [DecodedField] {
        if isDocument {
            return [
                DecodedField(name: Self.documentName, value: .text(String(decoding: reply, as: UTF8.self)))
            ]
        }
        let layout = try ArgumentLayout(shape, sent.code, sent.argument)
        guard reply.count == layout.replySize else {
            throw .wrongReplySize(reply.count, expected: layout.replySize)
        }
        return try ReplyDecoder.decode(reply, of: layout, shape, sent.code)
    }

    private func encodeDocument(_ values: [String: String]) throws(FieldError) -> EncodedCommand {
        if let unknown = values.keys.filter({ $0 != Self.documentName }).min() {
            throw .unknown(unknown, known: [Self.documentName])
        }
        let argument = try FieldText(Self.documentName).characters(values[Self.documentName] ?? "")
        guard argument.count <= Limits.payload else {
            throw .tooLarge(size: argument.count, maximum: Limits.payload)
        }
        return document(argument)
    }

    private func document(_ argument: [UInt8]) -> EncodedCommand {
        EncodedCommand(code: shape.code, argument: argument, replySize: Limits.payload)
    }
}
