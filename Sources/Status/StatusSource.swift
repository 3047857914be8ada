import NIOCore
import RingGateway

/// Where reports come from: at most two a second are asked of the gateway, however many ask here.
///
/// `@unchecked Sendable` is sound because every variable is touched only on `loop`, which the methods check.
final class StatusSource: @unchecked Sendable {
    /// A report, and one that is a second older at least, for rates.
    typealias Reports = (now: StatusReport, earlier: StatusReport?)

    private let gateway: Gateway
    private let trust: TrustFiles
    private let version: String
    private let loop: any EventLoop
    private var known: Reports?
    /// When it was made.
    private var time = NIODeadline.uptimeNanoseconds(0)
    /// What those who ask meanwhile wait for as well.
    private var asked: EventLoopFuture<Reports>?

    private static let freshness = TimeAmount.milliseconds(500)
    private static let patience = TimeAmount.seconds(2)

    init(_ gateway: Gateway, _ trust: TrustFiles, _ version: String, on loop: any EventLoop) {
        self.gateway = gateway
        self.trust = trust
        self.version = version
        self.loop = loop
    }

    /// Fails when the gateway's loops do not answer in two seconds.
    func reports() -> EventLoopFuture<Reports> {
        loop.preconditionInEventLoop()
        if let known, .now() < time + Self.freshness { return loop.makeSucceededFuture(known) }
        if let asked { return asked }
        let promise = loop.makePromise(of: Reports.self)
        asked = promise.futureResult
        let timeout = loop.scheduleTask(in: Self.patience) {
            self.asked = nil
            promise.fail(StatusError(description: "the gateway's loops do not answer"))
        }
        // A gateway that has ended keeps the question, and is kept by who asks.
        gateway.status { [weak self] status in
            guard let self else { return }
            // Files are read here, so not on the gateway's loop.
            self.loop.execute {
                timeout.cancel()
                self.asked = nil
                promise.succeed(
                    self.keep(
                        StatusReport(status, of: self.gateway, trust: self.trust, version: self.version)))
            }
        }
        return promise.futureResult
    }

    private func keep(_ report: StatusReport) -> Reports {
        let last = known.map { report.time - $0.now.time >= 1 ? $0.now : $0.earlier } ?? nil
        let reports = (now: report, earlier: last)
        (known, time) = (reports, .now())
        return reports
    }
}
