import NIOCore
import RingProtocol

// Receiving.
extension SessionHandler {
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard context === self.context else { return }
        heard = .now()
        isProbing = false
        var incoming = unwrapInboundIn(data)
        do {
            if received.readableBytes == 0 {
                try handleFrames(of: &incoming)
                // A copy, because who holds the memory of what came in has TLS copy it before it writes there again.
                received = ByteBuffer(readableBytesOf: incoming)
            } else {
                received.writeBuffer(&incoming)
                var buffer = received
                received = ByteBuffer()
                try handleFrames(of: &buffer)
                received = buffer
            }
        } catch {
            end(.protocolViolation(error))
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        pump()
        if mayAcknowledgeNow { acknowledge() }
        context.fireChannelReadComplete()
    }

    private func handleFrames(of buffer: inout ByteBuffer) throws(WireError) {
        let used = buffer.withUnsafeReadableBytes { bytes -> Result<Int, WireError> in
            var position = 0
            do throws(WireError) {
                let whole = WireBytes(bytes)
                while let frame = try Frame.decode(
                    whole.slice(position, whole.count - position), payloadLimit: framePayloadLimit)
                {
                    try handle(frame)
                    position += frame.size
                }
            } catch {
                return .failure(error)
            }
            return .success(position)
        }
        buffer.moveReaderIndex(forwardBy: try used.get())
    }

    /// Before the welcome nothing longer than it or an error frame may come.
    private var framePayloadLimit: Int {
        switch phase {
        case .greeting, .lost: 8 + Limits.text
        default: Limits.framePayload
        }
    }

    private func handle(_ frame: Frame) throws(WireError) {
        switch (phase, frame.header.type) {
        case (.ended, _): return
        case (_, .error): end(.session(try SessionError.decode(frame.payload)))
        case (.greeting, .welcome): try begin(Welcome.decode(frame.payload))
        case (.lost, .welcome): try goOn(Welcome.decode(frame.payload))
        case (.open, .complete), (.draining, .complete), (.closing, .complete): try complete(frame)
        case (.greeting, .goodbye), (.lost, .goodbye), (.open, .goodbye), (.draining, .goodbye),
            (.closing, .goodbye):
            farewell(try Goodbye.decode(frame.payload))
        case (_, let type): throw WireError(.unexpectedFrame, rule: 9, "\(type) frame in this state")
        }
    }

    private func complete(_ frame: Frame) throws(WireError) {
        guard frame.header.count > 0 else {
            throw WireError(.malformed, rule: 22, "a complete frame without any")
        }
        var completions = CompletionBatch(frame)
        while let (header, payload) = try completions.next() {
            try header.prove(payload, features)
            self.completions += 1
            if let call = try ledger.complete(header, payload) { finish(call) }
        }
    }

    private var mayAcknowledgeNow: Bool { if case .open = phase { true } else { false } }

    private func farewell(_ goodbye: Goodbye) {
        switch (goodbye, phase) {
        case (.done, _): end(.connectionLost("the gateway said goodbye"))
        case (.draining, .greeting), (.draining, .lost): end(.connectionLost("the gateway is stopping"))
        case (.draining, .open):
            phase = .draining
            refuseUnsent()
        case (.draining, _): break
        }
    }
}

extension ByteBuffer {
    /// In memory of its own, none when there are no bytes.
    fileprivate init(readableBytesOf buffer: ByteBuffer) {
        self.init()
        if buffer.readableBytes > 0 { writeImmutableBuffer(buffer) }
    }
}
