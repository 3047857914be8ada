import Foundation
import RingClient
import RingProtocol

/// Serial line, watchdog, clock and input.
let lineChecks: [Check] = [
    Check("serial-settings", on: "console") { lab in
        let port = try await SerialPort(lab.open("console"))
        try await port.makeRaw(speed: 115_200)
        try require(try await port.speed() == 115_200, "another speed")
        return try lab.finding("115200 8N1, raw")
    },
    Check("serial-speed-refused", on: "console") { lab in
        let port = try await SerialPort(lab.open("console"))
        return try await lab.refused { try await port.makeRaw(speed: 57_600) }
    },
    Check("serial-console", on: "console") { lab in try await lab.ping("console") },
    Check("serial-modem-lines", on: "console") { lab in
        let port = try await SerialPort(lab.open("console"))
        try await port.raise([.dtr, .rts])
        let raised = try await port.modemLines()
        try await port.drop(.rts)
        let dropped = try await port.modemLines()
        try require(raised.isSuperset(of: [.dtr, .rts]) && !dropped.contains(.rts), "\(raised) \(dropped)")
        return try lab.finding("RTS up and down, CTS \(dropped.contains(.cts) ? "up" : "down")")
    },
    Check("serial-break", on: "console") { lab in
        let port = try await SerialPort(lab.open("console"))
        try await port.sendBreak()
        return try lab.finding("a quarter of a second")
    },
    Check("watchdog-keepalive", on: "watchdog") { lab in
        let watchdog = try await Watchdog(lab.open("watchdog"))
        let support = try await watchdog.support()
        try require(support.identity.contains("6300ESB"), support.identity)
        let reply = try await watchdog.keepAlive()
        let seconds = try await watchdog.timeout()
        return Finding(reply.reply, "\(support.identity), fed, \(seconds) s")
    },
    Check("watchdog-timeout-refused", on: "watchdog") { lab in
        // WDIOC_SETTIMEOUT is not offered to this client, so it is sent as one would that goes its own way.
        let watchdog = try await lab.gateway.open("watchdog")
        return try await lab.refused {
            try await watchdog.command(SubOpcode(0xc004_5706), argument: [0x10, 0x0e, 0, 0])
        }
    },
    Check("softdog-support", on: "softdog") { lab in
        let watchdog = try await Watchdog(lab.open("softdog"))
        let support = try await watchdog.support()
        try require(support.identity == "Software Watchdog", support.identity)
        return try lab.finding("\(support.identity), \(try await watchdog.timeout()) s")
    },
    Check("rtc-read", on: "clock") { lab in
        let time = try await RealTimeClock(lab.open("clock")).time()
        try require(time.year >= 2024, "\(time)")
        return try lab.finding("\(time.year)-\(time.month)-\(time.day) \(time.hour):\(time.minute)")
    },
    Check("rtc-set", on: "clock") { lab in
        let clock = try await RealTimeClock(lab.open("clock"))
        let time = RealTimeClock.Time(year: 2031, month: 7, day: 8, hour: 9, minute: 10, second: 11)
        try await clock.set(time)
        let finding = try lab.finding("to 2031-07-08 09:10:11, and read")
        let read = try await clock.time()
        try require((read.year, read.month, read.day, read.hour) == (2031, 7, 8, 9), "\(read)")
        return finding
    },
    Check("input-identity", on: "keys") { lab in
        let keys = try await InputDevice(lab.open("keys"))
        let name = try await keys.deviceName()
        let identity = try await keys.identity()
        let codes = try await keys.codes(ofType: 1)
        try require(name == "lab-keys" && identity.vendor == 0x1209 && codes == [30], "\(name) \(codes)")
        return try lab.finding("\(name) with the key A")
    },
    Check("input-events", on: "keys") { lab in
        let keys = try await InputDevice(lab.open("keys"))
        let events = try await first(4, of: keys.events()) {
            try lab.machine.shell("echo >/run/keys")
        }
        let changes = events.filter { $0.type == 1 }.map { [Int32($0.code), $0.value] }
        try require(changes == [[30, 1], [30, 0]], "\(events)")
        return try lab.finding("A down and up, each with EV_SYN")
    },
]

extension Lab {
    /// Says ping to the board at the other end and waits for its pong.
    func ping(_ name: String) async throws -> Finding {
        let port = try await SerialPort(open(name))
        try await port.makeRaw(speed: 115_200)
        let finding = try finding("ping, pong")
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                var heard: [UInt8] = []
                for try await event in port.input() {
                    if case .event(let event) = event { heard += event.bytes }
                    if String(decoding: heard, as: UTF8.self).hasSuffix("pong\n") { return }
                }
            }
            group.addTask {
                try await Task.sleep(for: .seconds(15))
                throw LabFailure("the board did not answer")
            }
            try await port.write(Array("ping\n".utf8))
            defer { group.cancelAll() }
            try await group.next()
        }
        return finding
    }
}
