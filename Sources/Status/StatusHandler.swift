import FoundationEssentials
import NIOCore
import NIOHTTP1
import RingGateway

/// One connection: a request, its answer, the end.
final class StatusHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let source: StatusSource
    private var head: HTTPRequestHead?

    init(_ source: StatusSource) { self.source = source }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): self.head = head
        case .body: break
        case .end:
            guard let head else { return }
            self.head = nil
            answer(head, context)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent { context.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private struct Answer: Sendable {
        var status = HTTPResponseStatus.ok
        var type = "text/plain; charset=utf-8"
        let body: String
    }

    private func answer(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let path = String(head.uri.prefix { $0 != "?" })
        let isHead = head.method == .HEAD
        guard Self.isOwn(head.headers["host"]) else {
            // A page elsewhere whose name points here must not read this one (DNS rebinding).
            return send(
                Answer(status: .misdirectedRequest, body: "ask for this host by its address\n"), isHead,
                context)
        }
        guard head.method == .GET || isHead else {
            return send(Answer(status: .methodNotAllowed, body: "GET and HEAD only\n"), isHead, context)
        }
        if path == "/style.css" {
            return send(Answer(type: "text/css; charset=utf-8", body: StatusPage.style), isHead, context)
        }
        guard ["/", "/metrics", "/healthz", "/readyz", "/status.json"].contains(path) else {
            let text = "there are /, /metrics, /healthz, /readyz and /status.json\n"
            return send(Answer(status: .notFound, body: text), isHead, context)
        }
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        source.reports().map { Self.answer(path, $0.now, $0.earlier) }
            .recover { Answer(status: .serviceUnavailable, body: "\($0)\n") }
            .whenSuccess { answer in
                let (handler, context) = bound.value
                handler.send(answer, isHead, context)
            }
    }

    private static func answer(_ path: String, _ report: StatusReport, _ earlier: StatusReport?) -> Answer {
        switch path {
        case "/metrics":
            return Answer(type: "text/plain; version=0.0.4; charset=utf-8", body: Metrics(report).text)
        case "/healthz": return Answer(body: "ok\n")
        case "/readyz":
            let troubles = report.troubles
            return troubles.isEmpty
                ? Answer(body: "ready\n")
                : Answer(status: .serviceUnavailable, body: troubles.joined(separator: "\n") + "\n")
        case "/status.json":
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            let json =
                (try? encoder.encode(report.status)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
            return Answer(type: "application/json", body: json + "\n")
        default:
            return Answer(type: "text/html; charset=utf-8", body: StatusPage(report, since: earlier).html)
        }
    }

    /// Whether a request names the host as this one: by an address of its own, or as localhost.
    static func isOwn(_ hosts: [String]) -> Bool {
        guard hosts.count == 1, let host = hosts.first else { return false }
        let name = host.hasPrefix("[") ? host.prefix { $0 != "]" }.dropFirst() : host.prefix { $0 != ":" }
        return name == "localhost" || name == "::1"
            || (name.hasPrefix("127.") && name.allSatisfy { $0 == "." || $0.isNumber })
    }

    private func send(_ answer: Answer, _ isHead: Bool, _ context: ChannelHandlerContext) {
        let headers: HTTPHeaders = [
            "content-type": answer.type, "content-length": "\(answer.body.utf8.count)", "connection": "close",
            "cache-control": "no-store", "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
            "content-security-policy": "default-src 'none'; style-src 'self'; frame-ancestors 'none'",
        ]
        let head = HTTPResponseHead(version: .http1_1, status: answer.status, headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if !isHead {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: answer.body)))), promise: nil)
        }
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in bound.value.close(promise: nil)
        }
    }
}
