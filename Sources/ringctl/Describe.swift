import ArgumentParser
import RingClient
import RingProtocol

struct Describe: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows what we may do on a device, and with the files that its commands give.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions
    @Argument var device: String

    func run() async throws {
        try await connection.withConnection { gateway in
            let description = try await gateway.describe(device)
            switch output.format {
            case .json: try Output.json(description)
            case .text: for line in description.lines { print(line.printable) }
            }
        }
    }
}

extension DeviceDescription {
    /// For people. A device that gives files comes first, then the files.
    fileprivate var lines: [String] {
        var lines = ["\(device) (profile \(profile))"]
        if let read { lines.append("read   \(read.words)") }
        if let write { lines.append("write  \(write.words)") }
        for command in commands { lines += command.lines }
        for handle in handles ?? [] { lines += [""] + handle.lines }
        return lines
    }
}

extension DeviceDescription.Transfer {
    fileprivate var words: String {
        let bytes = "up to \(maxLength) bytes at once"
        guard let window, window.count == 2 else { return bytes }
        return bytes + ", positions \(window[0]) to before \(window[1])"
    }
}
