import ArgumentParser
import RingClient
import RingProtocol

struct Devices: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Lists the devices we may open.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var selection: LabelOptions

    func validate() throws { _ = try selection.wanted() }

    func run() async throws {
        try await connection.withConnection { gateway in
            let devices = try await selection.devices(gateway)
            switch output.format {
            case .json: try Output.json(DeviceList(devices: devices))
            case .text: for device in devices { print(device.line) }
            }
        }
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
    /// Name, profile and, where there are any, labels.
    fileprivate var line: String {
        let labels = (labels ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        return ([name, profile] + (labels.isEmpty ? [] : [labels.joined(separator: " ")])).map(\.printable)
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
