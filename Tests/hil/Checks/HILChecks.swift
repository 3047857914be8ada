import ArgumentParser
import Foundation
import RingClient

/// Drives the devices of the lab's machine; scripts/hil boots it and calls this.
@main
struct HILChecks: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hil-checks",
        abstract: "Checks the devices behind a gateway in a machine that QEMU runs.",
        subcommands: [RunChecks.self, Hold.self], defaultSubcommand: RunChecks.self)
}

struct RunChecks: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "run")

    @Option(help: "Folder with QEMU's sockets.") var machine: String
    @Option(help: "Folder with the certificates.") var certificates: String
    @Option(help: "Path of ringctl.") var ringctl: String
    @Option(help: "The list of checks that must pass.") var checks: String
    @Option(help: "The kernel's configuration.") var config: String

    func run() async throws {
        let list = try CheckList(path: checks, kernel: config)
        let machine = try Machine(machine)
        try machine.wait(for: "test -s /run/port")
        let configuration = ConnectionConfiguration(
            host: "127.0.0.1", port: try machine.gatewayPort(), certificateChain: certificates + "/agent.crt",
            privateKey: certificates + "/agent.key", trustRoots: certificates + "/ca.crt")
        let gateway = try await RingConnection.connect(configuration)
        let lab = Lab(gateway, machine, configuration, tool: ringctl)
        var table = ResultTable()
        for check in list.checks { await table.run(check, lab) }
        await gateway.close()
        print(table.text)
        if table.failed > 0 {
            print("-- the gateway's log ends:\n\(try machine.shell("tail -n 30 /run/gateway.log"))")
        }
        for left in list.leftOut { print("skipped \(left.name): \(left.why)") }
        print("\(table.passed) passed, \(table.failed) failed, \(list.leftOut.count) skipped")
        if table.failed > 0 { throw ExitCode.failure }
    }
}

/// Drives a line high and keeps it, until somebody kills the process.
struct Hold: AsyncParsableCommand {
    @Option var port: Int
    @Option var certificate: String
    @Option var key: String
    @Option var ca: String

    func run() async throws {
        let gateway = try await RingConnection.connect(
            host: "127.0.0.1", port: port, identity: (certificate, key), trust: ca)
        let chip = try await GPIOChip.open("gpio", on: gateway)
        let lines = try await chip.request([3], .output([true]))
        try await Task.sleep(for: .seconds(120))
        try await lines.close()
    }
}
