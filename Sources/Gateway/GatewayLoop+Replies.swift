import RingProtocol

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Entries the gateway answers by itself.
extension GatewayLoop {
    mutating func answerNop(
        _ entry: Entry, _ connection: ConnectionPointer, _ index: UInt32
    ) throws(Refusal) {
        try requireZero(entry)
        complete(
            CompletionHeader(entry.requestID, result: 0, flags: .engine(.gateway)),
            UnsafeRawBufferPointer(start: nil, count: 0), connection, index)
    }

    mutating func answerList(
        _ entry: Entry, _ connection: ConnectionPointer, _ index: UInt32
    ) throws(Refusal) {
        try requireZero(entry)
        guard let principals = connection.pointee.principals else {
            throw Refusal(.noRule, "nobody is recognized")
        }
        try answer(entry, with: policy.list(for: principals), connection, index)
    }

    mutating func answerDescribe(
        _ entry: Entry, _ connection: ConnectionPointer, _ index: UInt32
    ) throws(Refusal) {
        try requireZero(entry, argument: true)
        guard let principals = connection.pointee.principals else {
            throw Refusal(.noRule, "nobody is recognized")
        }
        try answer(entry, with: policy.describe(entry.argument, for: principals), connection, index)
    }

    private mutating func answer(
        _ entry: Entry, with value: some Encodable, _ connection: ConnectionPointer, _ index: UInt32
    ) throws(Refusal) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let json = try? encoder.encode(value), json.count <= Limits.payload else {
            throw Refusal(.busy, "the answer is longer than \(Limits.payload) bytes")
        }
        json.withUnsafeBytes { bytes in
            complete(
                CompletionHeader(
                    entry.requestID, result: 0, payloadLength: bytes.count, flags: .engine(.gateway)),
                bytes, connection, index)
        }
    }
}
