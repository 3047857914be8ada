import ArgumentParser
import RingClient
import RingProtocol

struct Describe: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Shows what we may do on a device.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions
    @Argument var device: String

    func run() async throws {
        try await connection.withConnection { gateway in
            let description = try await gateway.describe(device)
            switch output.format {
            case .json: try Output.json(description)
            case .text: for line in description.lines { print(line) }
            }
        }
    }
}

extension DeviceDescription {
    fileprivate var lines: [String] {
        var lines = ["\(device) (profile \(profile))"]
        if let read { lines.append("read   \(read.words)") }
        if let write { lines.append("write  \(write.words)") }
        for command in commands { lines += command.lines }
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

extension CommandDescription {
    fileprivate var lines: [String] {
        let head =
            "\(name) \(SubOpcode(code)) (\(effect), argument \(argumentSize), reply \(replySize))  \(summary)"
        let fields = fields.map { "    \($0.name) \($0.type)\($0.type == "bytes" ? " \($0.size)" : "")" }
        let rules = constraints.map { "    allowed: " + $0.joined(separator: " and ") }
        return [head] + fields + rules
    }
}
