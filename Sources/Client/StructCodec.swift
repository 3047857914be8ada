import RingProtocol

/// Builds argument blocks and reads reply blocks of one command, from the fields `describe` lists.
///
/// Argument and reply share one list of fields; a field belongs to a block when it lies inside it. Integers
/// are little-endian, at any alignment.
public struct StructCodec: Sendable {
    private let argumentSize: Int
    private let replySize: Int
    private let fields: [Field]

    /// Throws `.badLayout` when a field lies in neither block or its size does not fit its type.
    public init(_ command: CommandDescription) throws(FieldError) {
        let sizes = 0...Limits.payload
        guard sizes.contains(command.argumentSize), sizes.contains(command.replySize) else {
            throw .badLayout(field: command.name)
        }
        argumentSize = command.argumentSize
        replySize = command.replySize
        let block = max(argumentSize, replySize)
        var fields: [Field] = []
        for description in command.fields {
            guard let field = Field(description, block: block) else {
                throw .badLayout(field: description.name)
            }
            fields.append(field)
        }
        self.fields = fields
    }

    /// Names of the fields an argument may set.
    public var argumentFields: [String] { fields.filter { $0.end <= argumentSize }.map(\.name) }

    /// The argument block. Integers are decimal or `0x` hexadecimal, bytes are hexadecimal; a field that is
    /// not named, and the rest of a bytes field that is not filled, is zero.
    public func encode(_ values: [String: String]) throws(FieldError) -> [UInt8] {
        var block = [UInt8](repeating: 0, count: argumentSize)
        // Sorted, so that of several errors always the same one is reported.
        for (name, text) in values.sorted(by: { $0.key < $1.key }) {
            guard let field = fields.first(where: { $0.name == name && $0.end <= argumentSize }) else {
                throw .unknown(name, known: argumentFields)
            }
            let bytes = try field.encode(text)
            block.replaceSubrange(field.offset..<field.offset + bytes.count, with: bytes)
        }
        return block
    }

    /// The fields of a reply block, in the order of the description.
    public func decode(_ reply: [UInt8]) throws(FieldError) -> [DecodedField] {
        guard reply.count == replySize else { throw .wrongReplySize(reply.count, expected: replySize) }
        return fields.filter { $0.end <= replySize }.map {
            DecodedField(name: $0.name, value: $0.decode(reply[$0.offset..<$0.end]))
        }
    }
}

/// A field whose layout was proven.
private struct Field: Sendable {
    enum Kind: Equatable {
        case unsigned
        case signed
        case bytes
    }

    let name: String
    let kind: Kind
    let offset: Int
    let size: Int
    var end: Int { offset + size }

    init?(_ description: FieldDescription, block: Int) {
        let integers = ["u8": 1, "u16": 2, "u32": 4, "u64": 8, "s8": 1, "s16": 2, "s32": 4, "s64": 8]
        switch description.type {
        case "bytes": kind = .bytes
        case let type where integers[type] == description.size:
            kind = type.hasPrefix("u") ? .unsigned : .signed
        default: return nil
        }
        guard description.size > 0, (0...block).contains(description.offset),
            description.size <= block - description.offset
        else { return nil }
        name = description.name
        offset = description.offset
        size = description.size
    }

    func encode(_ text: String) throws(FieldError) -> [UInt8] {
        switch kind {
        case .unsigned:
            let value: UInt64 = try number(text, in: 0...(UInt64.max >> (64 - UInt64(size) * 8)))
            return littleEndian(value)
        case .signed:
            let greatest = Int64.max >> (64 - Int64(size) * 8)
            let value: Int64 = try number(text, in: (-greatest - 1)...greatest)
            return littleEndian(UInt64(bitPattern: value))
        case .bytes:
            guard let bytes = Hex.bytes(text) else { throw .notHex(field: name, text: text) }
            guard bytes.count <= size else { throw .tooLong(field: name, count: bytes.count, size: size) }
            return bytes + Array(repeating: 0, count: size - bytes.count)
        }
    }

    func decode(_ bytes: ArraySlice<UInt8>) -> FieldValue {
        if kind == .bytes { return .bytes(Array(bytes)) }
        let value = bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard kind == .signed else { return .unsigned(value) }
        let unused = 64 - UInt64(size) * 8
        return .signed(Int64(bitPattern: value << unused) >> Int64(unused))
    }

    private func littleEndian(_ value: UInt64) -> [UInt8] {
        (0..<size).map { UInt8(truncatingIfNeeded: value >> (UInt64($0) * 8)) }
    }

    private func number<T: FixedWidthInteger>(_ text: String, in range: ClosedRange<T>) throws(FieldError)
        -> T
    {
        let isNegative = text.hasPrefix("-")
        let magnitude = isNegative ? text.dropFirst() : text[...]
        let isHex = magnitude.hasPrefix("0x") || magnitude.hasPrefix("0X")
        let digits = isHex ? magnitude.dropFirst(2) : magnitude
        guard !digits.isEmpty, digits.allSatisfy({ isHex ? $0.isHexDigit : $0.isASCII && $0.isNumber }) else {
            throw .notANumber(field: name, text: text)
        }
        guard let value = T((isNegative ? "-" : "") + digits, radix: isHex ? 16 : 10), range.contains(value)
        else {
            throw .outOfRange(
                field: name, text: text, least: String(range.lowerBound), greatest: String(range.upperBound))
        }
        return value
    }
}
