import Dispatch
import Foundation
import Synchronization

/// Has a command end in order on SIGINT and SIGTERM.
///
/// A client that is just gone may come back, so the gateway would keep its devices and lines for a while, and the next
/// command would find them busy.
final class Interruption: Sendable {
    private let received = Atomic<Int32>(0)

    /// Runs `body` in a task, which is cancelled by the first signal; then the program ends as one that the signal has
    /// ended.
    static func guarding(_ body: sending @escaping () async throws -> Void) async throws {
        let task = Task { try await body() }
        let interruption = Interruption()
        let sources = [SIGINT, SIGTERM].map { number in
            // Else the program ends before anybody is told.
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                interruption.received.store(number, ordering: .releasing)
                task.cancel()
            }
            source.resume()
            return source
        }
        defer { for source in sources { source.cancel() } }
        do {
            try await task.value
        } catch {
            let number = interruption.received.load(ordering: .acquiring)
            guard number == 0 else { exit(128 + number) }
            throw error
        }
    }
}
