import NIOCore
import RingProtocol

/// The way from any task to a session on its event loop.
struct SessionLink: Sendable {
    let handler: NIOLoopBound<SessionHandler>
    /// When all is over, and the last connection closed.
    let ended: EventLoopFuture<Void>
    let current: CurrentWelcome

    /// Sends the request and waits for its answers, or for the task's cancellation.
    func call(_ request: SessionHandler.Request) async throws -> Outcome {
        let ticket = Ticket()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let eventLoop = ended.eventLoop
                if eventLoop.inEventLoop {
                    handler.value.start(request, ticket: ticket, continuation)
                } else {
                    perform { $0.start(request, ticket: ticket, continuation) }
                }
            }
        } onCancel: {
            // The flag first: the request may reach the loop after this cancellation of it.
            ticket.cancel()
            perform { $0.abandon(ticket) }
        }
    }

    func close(within limit: Duration) async {
        await withTaskCancellationHandler {
            perform { $0.close(within: TimeAmount(limit)) }
            try? await ended.get()
        } onCancel: {
            drop()
        }
    }

    /// Closes a slot nobody owns any more, without waiting.
    func closeAbandoned(_ lease: SlotLease) {
        perform { $0.closeAbandoned(lease) }
    }

    /// Cuts the connection.
    func drop() {
        perform { $0.end(.connectionLost("closed by this client")) }
    }

    func perform(_ body: @escaping @Sendable (SessionHandler) -> Void) {
        ended.eventLoop.execute { body(handler.value) }
    }
}
