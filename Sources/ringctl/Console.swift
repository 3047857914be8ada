import ArgumentParser
import RingClient
import RingProtocol

struct Console: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Connects standard input and output with a device, such as a serial console.",
        discussion:
            """
            Ends with Ctrl-] on a terminal, else at the end of standard input, or when the device ends. With --pty the \
            other end is a terminal of this machine, for programs such as picocom, with --rfc2217 a TCP port that speaks \
            RFC 2217; these end when they are interrupted.
            """)

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var waiting: WaitOptions
    @Option(
        name: .customLong("for"),
        help: ArgumentHelp(
            "End after this time, and not before it when standard input ends.", valueName: "seconds"))
    var duration: Double?
    @Option(
        help: ArgumentHelp("Make a terminal for other programs, and this link to it.", valueName: "link"))
    var pty: String?
    @Option(
        name: .customLong("rfc2217"),
        help: ArgumentHelp(
            "Serve the device as a serial port of the network, to whoever can reach this address; port 0 takes any.",
            valueName: "address:port"))
    var rfc2217: String?
    @Argument var device: String

    enum Ending {
        case input
        case escape
        case device
        case time
    }

    /// Ctrl-], as telnet(1) has it.
    private static let escape: UInt8 = 0x1d

    func validate() throws {
        if let duration, !(duration > 0 && duration <= 86400) {
            throw ValidationError("--for must be above 0, at most 86400")
        }
        guard pty == nil || rfc2217 == nil else { throw ValidationError("--pty or --rfc2217, not both") }
    }

    func run() async throws {
        try await connection.withConnection { gateway in
            let description = try await gateway.describe(device)
            let lease = try await waiting.lease(device, gateway)
            defer { _ = lease }
            if let rfc2217 {
                let address = try ConnectionOptions.split(rfc2217, ports: 0...65_535)
                return try await within(duration) { try await serve(gateway, description, at: address) }
            }
            let opened = try await gateway.open(device)
            try await converse(with: opened, description)
            // Ends the stream, so that the connection can close in order.
            try await opened.close()
        }
    }

    private func converse(with device: RemoteDevice, _ description: DeviceDescription) async throws {
        if let pty { return try await within(duration) { try await serve(device, description, at: pty) } }
        let terminal = RawTerminal()
        let isTerminal = terminal != nil
        if isTerminal { Output.standardError("connected to \(device.name); Ctrl-] ends\r\n") }
        try await withThrowingTaskGroup(of: Ending.self) { group in
            group.addTask {
                try await copyOut(device, length: description.readLength) { try Output.bytes($0) }
            }
            group.addTask {
                try await copyIn(
                    device, StandardInput(), length: description.writeLength, hasEscape: isTerminal)
            }
            if let duration {
                group.addTask {
                    try await Task.sleep(for: .seconds(duration))
                    return .time
                }
            }
            while let ending = try await group.next() {
                if ending == .input, duration != nil { continue }
                break
            }
            group.cancelAll()
        }
        _ = consume terminal
    }

    private func serve(_ device: RemoteDevice, _ description: DeviceDescription, at link: String) async throws
    {
        let terminal = try LinkedTerminal(link: link)
        Output.standardError("\(device.name) is at \(link) (\(terminal.path))\n")
        try await withThrowingTaskGroup(of: Ending.self) { group in
            group.addTask {
                try await copyOut(device, length: description.readLength) { try await terminal.put($0) }
            }
            group.addTask {
                try await copyIn(device, terminal.input, length: description.writeLength, hasEscape: false)
            }
            _ = try await group.next()
            group.cancelAll()
        }
    }

    typealias Sink = @Sendable ([UInt8]) async throws -> Void

    func copyOut(_ device: RemoteDevice, length: Int, _ put: Sink) async throws -> Ending {
        guard device.connection.welcome.features.contains(.streams) else {
            return try await copyOutByReads(device, length: length, put)
        }
        for try await event in device.events(maxBytes: length) {
            switch event {
            case .event(let event): try await put(event.bytes)
            case .gap(let lost): Output.standardError("\r\n[\(lost) bytes were missed]\r\n")
            }
        }
        try Task.checkCancellation()
        return .device
    }

    /// For gateways that know no streams.
    private func copyOutByReads(_ device: RemoteDevice, length: Int, _ put: Sink) async throws -> Ending {
        while true {
            let bytes = try await device.read(count: length)
            if bytes.isEmpty { return .device }
            try await put(bytes)
        }
    }

    private func copyIn(
        _ device: RemoteDevice, _ input: StandardInput, length: Int, hasEscape: Bool
    ) async throws -> Ending {
        while true {
            try Task.checkCancellation()
            let bytes: [UInt8]
            switch await input.next(atMost: length) {
            case .bytes(let taken): bytes = taken
            case .idle: continue
            case .end: return .input
            }
            let end = hasEscape ? bytes.firstIndex(of: Self.escape) ?? bytes.endIndex : bytes.endIndex
            var rest = bytes[..<end]
            while !rest.isEmpty {
                let count = try await device.write(Array(rest))
                guard count > 0 else { return .device }
                rest = rest.dropFirst(count)
            }
            if end < bytes.endIndex { return .escape }
        }
    }
}
