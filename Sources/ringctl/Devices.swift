import ArgumentParser
import RingClient

struct Devices: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Lists the devices we may open.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await connection.withConnection { gateway in
            let list = try await gateway.list()
            switch output.format {
            case .json: try Output.json(list)
            case .text: for device in list.devices { print("\(device.name)\t\(device.profile)") }
            }
        }
    }
}
