import RingProtocol

/// Entries the gateway answers by itself.
extension GatewayLoop {
    mutating func answerNop(
        _ entry: Entry, _ connection: ConnectionPointer, _ index: UInt32
    ) throws(Refusal) {
        try requireZero(entry)
        answer(entry, with: [], connection, index)
    }

    mutating func answerList(
        _ entry: Entry, _ connection: ConnectionPointer, _ index: UInt32
    ) throws(Refusal) {
        try requireZero(entry)
        answer(entry, with: try rights(connection).encodedList(), connection, index)
    }

    mutating func answerDescribe(
        _ entry: Entry, _ connection: ConnectionPointer, _ index: UInt32
    ) throws(Refusal) {
        try requireZero(entry, argument: true)
        answer(entry, with: try rights(connection).encodedDescription(of: entry.argument), connection, index)
    }

    /// Replies of this kind are not counted against any credit, so they wait for what is waiting.
    func requireRoom(_ connection: ConnectionPointer) throws(Refusal) {
        guard connection.pointee.outbox.count <= GatewayLimits.outputHighWater else {
            throw Refusal(.busy, "too many answers wait to be taken; read them and try again")
        }
    }

    private func rights(_ connection: ConnectionPointer) throws(Refusal) -> PeerRights {
        try requireRoom(connection)
        guard let rights = connection.pointee.rights else { throw Refusal(.noRule, "nobody is recognized") }
        return rights
    }

    mutating func answer(
        _ entry: Entry, with payload: [UInt8], _ connection: ConnectionPointer, _ index: UInt32
    ) {
        answer(entry.requestID, with: payload, connection, index)
    }

    mutating func answer(
        _ requestID: RequestID, with payload: [UInt8], _ connection: ConnectionPointer, _ index: UInt32
    ) {
        payload.withUnsafeBytes { bytes in
            complete(
                CompletionHeader(
                    requestID, result: 0, payloadLength: bytes.count, flags: .engine(.gateway)),
                bytes, connection, index)
        }
    }
}
