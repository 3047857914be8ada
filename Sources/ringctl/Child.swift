import Foundation
import RingClient

/// A command that was started for the user, on the same terminal.
final class Child: Sendable {
    private let process: pid_t
    private let waiting: Task<Int32, Never>

    /// Starts it, found through PATH, with `variables` beside our environment.
    init(_ command: [String], with variables: [String: String]) throws {
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // We do not end by these ourselves, but the command should.
        var signals = sigset_t()
        sigemptyset(&signals)
        for signal in [SIGINT, SIGTERM, SIGPIPE] { sigaddset(&signals, signal) }
        posix_spawnattr_setsigdefault(&attributes, &signals)
        // The threads of a task pool have all of them blocked.
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
        let environment = ProcessInfo.processInfo.environment.merging(variables) { $1 }
        var words = command.map { strdup($0) } + [nil]
        var pairs = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in words + pairs { free(text) } }
        var process: pid_t = 0
        let error = posix_spawnp(&process, command[0], nil, &attributes, &words, &pairs)
        guard error == 0 else {
            throw UsageFailure(description: "\(command[0]): \(String(cString: strerror(error)))")
        }
        self.process = process
        let child = process
        waiting = Task.detached {
            await withCheckedContinuation { continuation in
                Thread.detachNewThread { continuation.resume(returning: Self.wait(for: child)) }
            }
        }
    }

    /// Once it has ended: what it returned, or 128 and the signal.
    var status: Int32 { get async { await waiting.value } }

    /// Has it end, by force ten seconds later. Who interrupts us from a terminal interrupts it as well: with a `grace` it may
    /// end by that.
    @discardableResult
    func end(grace: Duration = .zero) async -> Int32 {
        // Not a part of this task, which may be cancelled: then it could not wait.
        let force = Task.detached { [process] in
            try await Task.sleep(for: grace)
            kill(process, SIGTERM)
            try await Task.sleep(for: .seconds(10))
            kill(process, SIGKILL)
        }
        defer { force.cancel() }
        return await waiting.value
    }

    private static func wait(for child: pid_t) -> Int32 {
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0, errno == EINTR {}
        let signal = status & 0x7f
        return signal == 0 ? status >> 8 & 0xff : 128 + signal
    }
}
