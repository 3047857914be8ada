import NIOCore
import RingProtocol

/// Cuts frames out of what the client sends and tells the test of them.
final class FakeSessionHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let welcome: Welcome?
    private let sink: AsyncStream<FakeSession.Event>.Continuation
    private var received = ByteBuffer()
    private var lastID = RequestID(0)
    private var frames = 0
    /// Entries taken and not completed; above the welcome's credit the client breaks rule R-17.
    private var unanswered = 0

    init(_ welcome: Welcome?, _ sink: AsyncStream<FakeSession.Event>.Continuation) {
        self.welcome = welcome
        self.sink = sink
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var incoming = unwrapInboundIn(data)
        received.writeBuffer(&incoming)
        do throws(WireError) {
            while try takeFrame(context) {}
        } catch {
            sink.yield(.violation(error))
            context.close(promise: nil)
        }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let bytes = Array(unwrapOutboundIn(data).readableBytesView)
        if bytes.count > Limits.frameHeader, bytes[4] == FrameType.complete.rawValue {
            unanswered -= Int(bytes[6]) | Int(bytes[7]) << 8
        }
        context.write(data, promise: promise)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        sink.yield(.failed(String(describing: error)))
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        sink.yield(.closed)
        sink.finish()
    }

    private func takeFrame(_ context: ChannelHandlerContext) throws(WireError) -> Bool {
        let bytes = Array(received.readableBytesView)
        let taken = bytes.withUnsafeBytes { raw -> Result<Int?, WireError> in
            do throws(WireError) {
                guard let frame = try Frame.decode(WireBytes(raw), payloadLimit: Limits.framePayload) else {
                    return .success(nil)
                }
                try handle(frame, context)
                return .success(frame.size)
            } catch {
                return .failure(error)
            }
        }
        guard let size = try taken.get() else { return false }
        received.moveReaderIndex(forwardBy: size)
        return true
    }

    private func handle(_ frame: Frame, _ context: ChannelHandlerContext) throws(WireError) {
        switch frame.header.type {
        case .hello:
            _ = try Hello.decode(frame.payload)
            sink.yield(.hello)
            guard let welcome else { return }
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: welcome.encoded())), promise: nil)
        case .submit:
            var submission = try Submission(frame, allowed: [], after: lastID)
            lastID = submission.lastRequestID
            frames += 1
            unanswered += frame.header.count
            guard unanswered <= Int((welcome ?? Welcome()).inFlight) else {
                throw WireError(.limit, rule: 17, "\(unanswered) entries unanswered")
            }
            while let entry = submission.next() { sink.yield(.request(request(entry))) }
        case .goodbye:
            _ = try Goodbye.decode(frame.payload)
            sink.yield(.goodbye)
        case .welcome, .complete, .error, .acknowledge:
            throw WireError(.unexpectedFrame, rule: 9, "a client sent \(frame.header.type)")
        }
    }

    private func request(_ entry: Entry) -> FakeSession.Request {
        FakeSession.Request(
            operation: entry.operation, slot: entry.slot.index, subOpcode: entry.subOpcode.code,
            id: entry.requestID.value, offset: entry.offset, argument: entry.argument.array, frame: frames)
    }
}
