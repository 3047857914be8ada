import RingClient
import RingProtocol

/// What `call` tells about a command that succeeded.
struct CallReport {
    let device: String
    let command: String?
    let code: UInt32
    let result: Int32
    let engine: EngineKind
    /// Nanoseconds.
    let deviceTime: UInt64
    let request: UInt64
    /// The whole reply, hexadecimal.
    let reply: String
    let fields: [DecodedField]

    init(
        device: String, _ target: Target, _ encoded: EncodedCommand, _ reply: Reply, _ fields: [DecodedField]
    ) {
        self.device = device
        command = target.name
        code = encoded.code.code
        result = reply.result
        engine = reply.engine
        deviceTime = reply.deviceTime
        request = reply.requestID.value
        self.reply = Hex.text(reply.payload)
        self.fields = fields
    }

    /// For people: a value a line, with its name where it has one.
    var lines: [String] {
        var lines = ["result \(result)"]
        for field in fields {
            let words = field.words.map { " (\($0))" } ?? field.gives.map { " (slot with a \($0))" } ?? ""
            lines.append("\(field.name) \(field.value)\(words)".printable)
        }
        if fields.isEmpty, !reply.isEmpty { lines.append("reply \(reply)") }
        return lines
    }
}

extension CallReport: Encodable {
    private enum Key: String, CodingKey {
        case device, command, code, result, engine, deviceTimeNanoseconds, request, reply, fields, names
    }

    private struct FieldName: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(device, forKey: .device)
        try container.encode(command, forKey: .command)
        try container.encode(code, forKey: .code)
        try container.encode(result, forKey: .result)
        try container.encode(String(describing: engine), forKey: .engine)
        try container.encode(deviceTime, forKey: .deviceTimeNanoseconds)
        try container.encode(request, forKey: .request)
        try container.encode(reply, forKey: .reply)
        var values = container.nestedContainer(keyedBy: FieldName.self, forKey: .fields)
        for field in fields {
            try values.encode(JSONValue(field.value), forKey: FieldName(stringValue: field.name))
        }
        guard fields.contains(where: { $0.words != nil }) else { return }
        var names = container.nestedContainer(keyedBy: FieldName.self, forKey: .names)
        for field in fields {
            if let words = field.words { try names.encode(words, forKey: FieldName(stringValue: field.name)) }
        }
    }
}

/// A value as JSON has it: numbers, hexadecimal or text as strings, arrays.
private struct JSONValue: Encodable {
    let value: FieldValue

    init(_ value: FieldValue) { self.value = value }

    func encode(to encoder: any Encoder) throws {
        if case .list(let values) = value { return try values.map(JSONValue.init).encode(to: encoder) }
        var container = encoder.singleValueContainer()
        switch value {
        case .unsigned(let number): try container.encode(number)
        case .signed(let number): try container.encode(number)
        case .bytes, .text, .list: try container.encode(value.description)
        }
    }
}
