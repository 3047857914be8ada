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
    /// The reply block, hexadecimal.
    let reply: String
    let values: [(name: String, value: FieldValue)]

    init(device: String, target: Target, reply: Reply, values: [DecodedField]) {
        self.device = device
        command = target.name
        code = target.code.code
        result = reply.result
        engine = reply.engine
        deviceTime = reply.deviceTime
        self.reply = Hex.text(reply.payload)
        self.values = values.map { ($0.name, $0.value) }
    }
}

extension CallReport: Encodable {
    private enum Key: String, CodingKey {
        case device, command, code, result, engine, deviceTimeNanoseconds, reply, fields
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
        try container.encode(reply, forKey: .reply)
        var fields = container.nestedContainer(keyedBy: FieldName.self, forKey: .fields)
        for (name, value) in values {
            let key = FieldName(stringValue: name)
            switch value {
            case .unsigned(let number): try fields.encode(number, forKey: key)
            case .signed(let number): try fields.encode(number, forKey: key)
            case .bytes(let bytes): try fields.encode(Hex.text(bytes), forKey: key)
            }
        }
    }
}
