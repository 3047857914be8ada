import ArgumentParser
import Foundation
import RingClient

struct Watch: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows each change of the devices: nodes that come and go, leases, rights.",
        discussion: "Ends when the connection does, or after --for.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions
    @Option(name: .customLong("for"), help: ArgumentHelp("End after this time.", valueName: "seconds"))
    var duration: Double?

    func validate() throws {
        if let duration, !(duration > 0 && duration <= 86400) {
            throw ValidationError("--for must be above 0, at most 86400")
        }
    }

    func run() async throws {
        try await connection.withConnection { gateway in
            try await within(duration) { try await gateway.watch().show(output.format) }
        }
    }
}

extension EventSequence {
    /// Prints each change of the devices, or only of those that are named, until the connection ends.
    func show(_ format: OutputFormat, of names: Set<String>? = nil) async throws {
        for try await event in self {
            switch event {
            case .gap(let lost): Output.standardError("\(lost) changes were missed\n")
            case .event(let event):
                let news = try JSONDecoder().decode(DeviceNews.self, from: Data(event.bytes))
                if let names, !names.contains(news.device) { continue }
                switch format {
                case .json: try Output.json(news)
                case .text:
                    let by = news.session.map { " by session \($0) (\(news.identity ?? "unknown"))" } ?? ""
                    try Output.line("\(news.device)\t\(news.change)\(by)".printableLine)
                }
            }
        }
    }
}

extension String {
    /// The same for a terminal; tabs stay.
    fileprivate var printableLine: String {
        split(separator: "\t", omittingEmptySubsequences: false).map { String($0).printable }
            .joined(separator: "\t")
    }
}
