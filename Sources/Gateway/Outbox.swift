import RingProtocol

/// Frames on their way to one client, as plaintext. Completions of one turn share a frame.
struct Outbox: ~Copyable {
    private var buffer = ByteBuffer()
    /// Position of the completion frame being filled, counted from the buffer's start.
    private var openFrame: Int?
    private var openCount = 0

    var count: Int { buffer.count }
    var isEmpty: Bool { buffer.isEmpty }

    /// Adds a completion to the open frame, or to a new one.
    @inline(__always)
    mutating func append(_ header: CompletionHeader, _ payload: UnsafeRawBufferPointer) {
        makeFrame(for: header.size)
        let space = buffer.space(header.size)
        header.encode(into: space)
        if payload.count > 0 { space.storeWirePadded(payload, at: Limits.completionHeader) }
        buffer.commit(header.size)
        openCount += 1
    }

    /// Adds completions without a payload to the open frame, as far as it has room for them: `write` puts them into the memory
    /// that it gets and tells how many. Gives what was added, until something else is.
    @inline(__always)
    mutating func appendBare(_ write: (UnsafeMutableRawBufferPointer) -> Int) -> UnsafeRawBufferPointer {
        guard let openFrame else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        let room = (Limits.framePayload - (buffer.count - openFrame)) / Limits.completionHeader
        let most = max(0, min(room, Int(UInt16.max) - openCount, GatewayLimits.answersInRow))
        let space = buffer.space(most * Limits.completionHeader)
        let count = write(UnsafeMutableRawBufferPointer(rebasing: space[..<(most * Limits.completionHeader)]))
        buffer.commit(count * Limits.completionHeader)
        openCount += count
        return UnsafeRawBufferPointer(rebasing: buffer.bytes.suffix(count * Limits.completionHeader))
    }

    /// Adds a completion as it was encoded before.
    mutating func append(encoded completion: UnsafeRawBufferPointer) {
        makeFrame(for: completion.count)
        buffer.append(completion)
        openCount += 1
    }

    @inline(__always)
    private mutating func makeFrame(for size: Int) {
        if let openFrame,
            openCount == Int(UInt16.max) || buffer.count - openFrame + size > Limits.framePayload
        {
            seal()
        }
        if openFrame == nil {
            openFrame = buffer.count
            _ = buffer.space(Limits.frameHeader)
            buffer.commit(Limits.frameHeader)
        }
    }

    /// Adds a whole control frame.
    mutating func append(frame: [UInt8]) {
        seal()
        frame.withUnsafeBytes { buffer.append($0) }
    }

    /// Everything written, the open frame's header completed.
    mutating func sealed() -> UnsafeRawBufferPointer {
        seal()
        return buffer.bytes
    }

    /// Drops sealed bytes that have been encrypted.
    mutating func remove(_ count: Int) { buffer.consume(count, keeping: 4 * GatewayLimits.idleCapacity) }

    private mutating func seal() {
        guard let start = openFrame else { return }
        let length = buffer.count - start - Limits.frameHeader
        FrameHeader(length: length, type: .complete, count: openCount)
            .encode(into: UnsafeMutableRawBufferPointer(rebasing: buffer.mutableBytes[start...]))
        openFrame = nil
        openCount = 0
    }
}
