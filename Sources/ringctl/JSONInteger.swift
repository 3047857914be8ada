/// Any integer of 64 bits, as the gateway writes values of fields.
struct JSONInteger: Codable, CustomStringConvertible {
    let description: String

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let number = try? container.decode(Int64.self) {
            description = "\(number)"
        } else {
            description = "\(try container.decode(UInt64.self))"
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if let number = Int64(description) {
            try container.encode(number)
        } else {
            try container.encode(UInt64(description))
        }
    }
}
