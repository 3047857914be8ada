import Foundation
import RingClient
import RingProtocol

/// A console that programs of the network reach as a serial port: RFC 2217.
extension Console {
    /// Serves one program after the other, each on a file of its own: what it set is put back when it goes.
    func serve(
        _ gateway: RingConnection, _ description: DeviceDescription, at address: (host: String, port: Int)
    ) async throws {
        let listener = try NetworkListener(host: address.host, port: address.port)
        Output.standardError("\(device) is at \(listener.address)".printable + "\n")
        if !listener.isLoopback {
            Output.standardError(
                "Whoever can reach that address has \(device); nobody is asked who they are.\n")
        }
        while true {
            let program = try await listener.accept()
            let opened = try await gateway.open(device)
            let ending = try await serve(program, opened, description)
            try await opened.close()
            if ending == .device { return }
        }
    }

    private func serve(
        _ program: NetworkTerminal, _ opened: RemoteDevice, _ description: DeviceDescription
    ) async throws -> Ending {
        let port = SerialPort(try NamedDevice(opened, description))
        guard await program.put(TelnetOptions.greeting) else { return .input }
        return try await withThrowingTaskGroup(of: Ending.self) { group in
            group.addTask {
                try await copyOut(opened, length: description.readLength) { bytes in
                    try await program.waitWhileSuspended()
                    guard await program.put(Telnet.bytes(bytes)) else { throw CancellationError() }
                }
            }
            group.addTask {
                try await listen(to: program, port, length: description.writeLength)
            }
            defer {
                group.cancelAll()
                program.end()
            }
            do { return try await group.next() ?? .input } catch is CancellationError { return .input }
        }
    }

    /// Takes what the program sends: bytes for the device, and what it wants of the line.
    private func listen(
        to program: NetworkTerminal, _ port: SerialPort, length: Int
    ) async throws -> Ending {
        var (telnet, options, control) = (Telnet(), TelnetOptions(), PortControl(port))
        do {
            let ending = try await takeAll(from: program, length: length) { arrived in
                for piece in telnet.take(arrived) {
                    let answer: [UInt8]
                    switch piece {
                    case .bytes(let bytes):
                        try await port.write(bytes)
                        continue
                    case .option(let verb, let option): answer = options.heard(verb, option)
                    case .about(let said): answer = await control.answer(said)
                    }
                    program.suspend(control.isSuspended)
                    if !answer.isEmpty, await !program.put(answer) { return false }
                }
                return true
            }
            await control.finish()
            return ending
        } catch {
            await control.finish()
            throw error
        }
    }

    private func takeAll(
        from program: NetworkTerminal, length: Int, _ take: ([UInt8]) async throws -> Bool
    ) async throws -> Ending {
        while true {
            try Task.checkCancellation()
            switch await program.input.next(atMost: length) {
            case .bytes(let arrived): guard try await take(arrived) else { return .input }
            case .idle: continue
            case .end: return .input
            }
        }
    }
}
