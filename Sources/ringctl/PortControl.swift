import RingClient

/// A serial line's settings and modem lines over the network: RFC 2217. An answer says what is so, not what was asked
/// for; programs compare the two.
struct PortControl {
    private enum Request: UInt8 {
        case signature = 0
        case speed = 1
        case dataBits = 2
        case parity = 3
        case stopBits = 4
        case control = 5
        case modemState = 7
        case suspend = 8
        case resume = 9
        case lineStateMask = 10
        case modemStateMask = 11
        case purge = 12
    }

    /// What SET-CONTROL asks for. Flow control stays off.
    private enum Control: UInt8 {
        case flowState = 0
        case noFlow = 1
        case breakState = 4
        case breakOn = 5
        case breakOff = 6
        case dtrState = 7
        case dtrOn = 8
        case dtrOff = 9
        case rtsState = 10
        case rtsOn = 11
        case rtsOff = 12
        case inputFlowState = 13
        case noInputFlow = 14
    }

    /// From the gateway's side to the program's.
    private static let answer: UInt8 = 100

    let port: SerialPort
    private(set) var isSuspended = false
    private var isBreaking = false
    private var isRaw = false
    /// What holds as far as we know where it cannot be read; opening a line raises both (tty(4)).
    private var assumed: SerialPort.ModemLines = [.dtr, .rts]
    /// What was said of the line already, to say it once; a program can bring about no end of different errors.
    private var told: Set<String> = []

    init(_ port: SerialPort) { self.port = port }

    /// The answer to what was said of the option, if there is one.
    mutating func answer(_ said: [UInt8]) async -> [UInt8] {
        guard said.count >= 2, said[0] == TelnetOptions.portControl, let request = Request(rawValue: said[1])
        else { return [] }
        let value = said.dropFirst(2)
        guard let answer = await answer(request, value) else { return [] }
        let answered = Self.message(request, answer)
        guard request == .modemStateMask, let lines = await modemState() else { return answered }
        return answered + Self.message(.modemState, lines)
    }

    private static func message(_ request: Request, _ value: [UInt8]) -> [UInt8] {
        Telnet.about([TelnetOptions.portControl, request.rawValue + answer] + value)
    }

    /// Leaves nothing behind that closing the file does not undo.
    mutating func finish() async {
        if isBreaking { await setBreak(.breakOff) }
    }

    private mutating func answer(_ request: Request, _ value: ArraySlice<UInt8>) async -> [UInt8]? {
        switch request {
        case .signature: return value.isEmpty ? Array("ringctl \(port.device.name)".utf8) : nil
        case .suspend:
            isSuspended = true
            return nil
        case .resume:
            isSuspended = false
            return nil
        // No changes of the line's state are told of.
        case .lineStateMask: return [0]
        case .modemState: return await modemState()
        case .modemStateMask: return value.first.map { [$0] }
        default: break
        }
        guard let first = value.first else { return nil }
        switch request {
        case .speed:
            guard value.count == 4 else { return nil }
            let speed = await set(value.allSatisfy { $0 == 0 } ? nil : value) { settings, value in
                settings.speed = value.reduce(0) { $0 << 8 | UInt32($1) }
            }?.speed
            return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: (speed ?? 0) >> $0) }
        case .dataBits:
            let settings = await set(first == 0 ? nil : value) { $0.framing.dataBits = Int($1.first ?? 0) }
            return [UInt8(settings?.framing.dataBits ?? 0)]
        case .parity:
            let all: [SerialPort.Parity] = [.none, .odd, .even]
            let settings = await set((1...3).contains(first) ? value : nil) {
                $0.framing.parity = all[Int($1.first ?? 1) - 1]
            }
            return [settings.flatMap { all.firstIndex(of: $0.framing.parity) }.map { UInt8($0 + 1) } ?? 0]
        case .stopBits:
            let settings = await set((1...2).contains(first) ? value : nil) {
                $0.framing.stopBits = Int($1.first ?? 1)
            }
            return [UInt8(settings?.framing.stopBits ?? 0)]
        case .control: return [await control(Control(rawValue: first)).rawValue]
        case .purge: return await purge(first)
        default: return nil
        }
    }

    /// Changes the line's settings where a value is given; the result is what they are then.
    private mutating func set(
        _ value: ArraySlice<UInt8>?, _ change: (inout SerialPort.Settings, ArraySlice<UInt8>) -> Void
    ) async -> SerialPort.Settings? {
        do {
            let before = try await port.settings()
            guard let value else { return before }
            var wanted = before
            change(&wanted, value)
            guard wanted != before || !isRaw else { return before }
            try await port.makeRaw(speed: wanted.speed, framing: wanted.framing)
            isRaw = true
        } catch {
            tell(error)
        }
        return try? await port.settings()
    }

    private mutating func control(_ wanted: Control?) async -> Control {
        switch wanted {
        case .breakOn, .breakOff, .breakState:
            await setBreak(wanted)
            return isBreaking ? .breakOn : .breakOff
        case .dtrOn, .dtrOff, .dtrState:
            let lines = await set(.dtr, wanted == .dtrState ? nil : wanted == .dtrOn)
            return lines.contains(.dtr) ? .dtrOn : .dtrOff
        case .rtsOn, .rtsOff, .rtsState:
            let lines = await set(.rts, wanted == .rtsState ? nil : wanted == .rtsOn)
            return lines.contains(.rts) ? .rtsOn : .rtsOff
        case .inputFlowState, .noInputFlow: return .noInputFlow
        case .flowState, .noFlow, nil: return .noFlow
        }
    }

    private mutating func setBreak(_ wanted: Control?) async {
        do {
            switch wanted {
            case .breakOn: try await port.startBreak()
            case .breakOff where isBreaking: try await port.endBreak()
            default: return
            }
            isBreaking = wanted == .breakOn
        } catch {
            tell(error)
        }
    }

    /// Raises or drops a line, if told to; the result is what holds then.
    private mutating func set(
        _ line: SerialPort.ModemLines, _ isOn: Bool?
    ) async -> SerialPort.ModemLines {
        let before = (try? await port.modemLines()) ?? assumed
        guard let isOn, isOn != before.contains(line) else { return before }
        do {
            try await isOn ? port.raise(line) : port.drop(line)
            assumed = isOn ? assumed.union(line) : assumed.subtracting(line)
        } catch {
            tell(error)
            return before
        }
        return (try? await port.modemLines()) ?? assumed
    }

    /// NOTIFY-MODEMSTATE, in the bits of a 16450's register; without the bits of what has changed.
    private func modemState() async -> [UInt8]? {
        guard let lines = try? await port.modemLines() else { return nil }
        let bits: [(SerialPort.ModemLines, UInt8)] = [(.cts, 16), (.dsr, 32), (.ring, 64), (.carrier, 128)]
        return [bits.reduce(0) { lines.contains($1.0) ? $0 | $1.1 : $0 }]
    }

    private mutating func purge(_ value: UInt8) async -> [UInt8]? {
        let queues: [SerialPort.Queue] = [.input, .output, .both]
        guard (1...3).contains(value) else { return nil }
        do { try await port.drop(queues[Int(value) - 1]) } catch { tell(error) }
        return [value]
    }

    private mutating func tell(_ error: any Error) {
        if told.count < 32, told.insert("\(error)").inserted {
            Output.complain("\(port.device.name): \(error)".printable)
        }
    }
}
