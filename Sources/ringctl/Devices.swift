import ArgumentParser
import RingClient
import RingProtocol

struct Devices: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Lists the devices we may open.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var selection: LabelOptions
    @Flag(help: "Also who has each of them, and how many wait.") var state = false
    @Flag(help: "Go on with each change of these devices, until interrupted.") var watch = false

    private struct Standings: Encodable {
        let devices: [DeviceList.Device]
        let standings: [DeviceStanding]
    }

    func validate() throws { _ = try selection.wanted() }

    func run() async throws {
        try await connection.withConnection { gateway in
            // Before the list, so that no change is missed between the two.
            let news = watch ? gateway.watch() : nil
            let devices = try await selection.devices(gateway)
            if state {
                // There is nothing to be had at the gateway itself.
                let names = devices.map(\.name).filter { $0 != "@gateway" }
                try show(devices, try await gateway.standings(of: names))
            } else {
                switch output.format {
                case .json: try Output.json(DeviceList(devices: devices))
                case .text: for device in devices { try Output.line(device.line()) }
                }
            }
            try await news?.show(output.format, of: Set(devices.map(\.name)))
        }
    }

    private func show(_ devices: [DeviceList.Device], _ standings: [DeviceStanding]) throws {
        switch output.format {
        case .json: try Output.json(Standings(devices: devices, standings: standings))
        case .text:
            let words = Dictionary(
                standings.map { ($0.device, $0.words) }, uniquingKeysWith: { first, _ in first })
            for device in devices { try Output.line(device.line(words[device.name] ?? "-")) }
        }
    }
}

extension DeviceStanding {
    /// For people: what an operator said, else who has it.
    fileprivate var words: String {
        let order = state == "enabled" ? [] : ["\(state): \(reason ?? "?")"]
        let people = holders.map { "\($0.identity) (session \($0.session))" }
        let had =
            people.isEmpty
            ? (mode == "none" ? "for all" : "free") : "held by " + people.joined(separator: ", ")
        return (order + [had] + (waiting > 0 ? ["\(waiting) waiting"] : [])).joined(separator: ", ")
    }
}

/// Devices by what the site says of them.
struct LabelOptions: ParsableArguments {
    @Option(
        name: [.customShort("l"), .customLong("label")],
        help: ArgumentHelp(
            "Only devices with this label; may be given several times.", valueName: "key=value"))
    var labels: [String] = []

    /// Those that we may open and that have all the labels.
    func devices(_ gateway: RingConnection) async throws -> [DeviceList.Device] {
        let wanted = try wanted()
        return try await gateway.list().devices.filter { device in
            wanted.allSatisfy { device.labels?[$0.key] == $0.value }
        }
    }

    func wanted() throws -> [String: String] {
        var wanted: [String: String] = [:]
        for label in labels {
            let (key, value) = try Assignment.split(label)
            guard wanted.updateValue(value, forKey: key) == nil else {
                throw ValidationError("label \(key) is given twice")
            }
        }
        return wanted
    }
}

extension DeviceList.Device {
    /// Name, profile, what is said of it and, where there are any, labels.
    fileprivate func line(_ words: String...) -> String {
        let labels = (labels ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        return ([name, profile] + words + (labels.isEmpty ? [] : [labels.joined(separator: " ")])).map(
            \.printable
        )
        .joined(separator: "\t")
    }
}

/// `KEY=VALUE` of a command line.
enum Assignment {
    static func split(_ text: String) throws -> (key: String, value: String) {
        guard let equals = text.firstIndex(of: "="), equals > text.startIndex else {
            throw ValidationError("\"\(text)\" is not NAME=VALUE")
        }
        return (String(text[..<equals]), String(text[text.index(after: equals)...]))
    }
}

extension String {
    /// Without what could make a terminal do more than show it.
    var printable: String {
        let controls = unicodeScalars.contains { $0.properties.generalCategory == .control }
        guard controls else { return self }
        return unicodeScalars.map { scalar in
            guard scalar.properties.generalCategory == .control else { return String(scalar) }
            return "\\u{" + String(scalar.value, radix: 16) + "}"
        }.joined()
    }
}
