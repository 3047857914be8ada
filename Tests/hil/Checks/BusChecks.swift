import Foundation
import RingClient

/// GPIO, I2C and SPI.
let busChecks: [Check] = [
    Check("gpio-chip", on: "gpio") { lab in
        let chip = try await GPIOChip(lab.open("gpio"))
        let info = try await chip.info()
        try require(info.label == "lab" && info.lines == 16, "\(info)")
        let line = try await chip.line(3)
        try require(line.name == "power" && !line.isUsed, "\(line)")
        return try lab.finding("\(info.label), \(info.lines) lines, 3 is \(line.name)")
    },
    Check("gpio-output", on: "gpio") { lab in
        let chip = try await GPIOChip(lab.open("gpio"))
        let lines = try await chip.request([3, 5], .output([true, false]))
        try require(try lab.wire(3) == "1" && lab.wire(5) == "0", "the wires do not have the first values")
        let set = try await lines.set([false, true])
        try require(try lab.wire(3) == "0" && lab.wire(5) == "1", "the wires do not have the new values")
        try require(try await lines.values() == [false, true], "other values came back")
        return Finding(set.reply, "slot \(lines.device.file.slot.index) drives 3 and 5")
    },
    Check("gpio-line-busy", on: "gpio") { lab in
        let chip = try await GPIOChip(lab.open("gpio"))
        let lines = try await chip.request([3], .output([false]))
        let finding = try await lab.fails("EBUSY") { _ = try await chip.request([3], .input) }
        try await lines.close()
        return finding
    },
    Check("gpio-line-refused", on: "gpio") { lab in
        let chip = try await GPIOChip(lab.open("gpio"))
        return try await lab.refused { _ = try await chip.request([3, 6], .input) }
    },
    Check("gpio-edges", on: "gpio") { lab in
        let chip = try await GPIOChip(lab.open("gpio"))
        let lines = try await chip.request([4], .edges(.both))
        // One after the other: the kernel reads the level only when it takes an edge up (gpiolib-cdev.c).
        let events =
            try await first(1, of: lines.events()) { try lab.pull(4, "pull-up") }
            + first(1, of: lines.events()) { try lab.pull(4, "pull-down") }
        try require(
            events.count == 2 && events[0].isRising && !events[1].isRising && events[1].sequence == 2
                && events[0].timestamp > 0 && events[0].timestamp < events[1].timestamp, "\(events)")
        return try lab.finding(
            "rising, falling \((events[1].timestamp - events[0].timestamp) / 1000) us later")
    },
    Check("gpio-safe-after-kill", on: "gpio") { lab in
        let holder = try Holder(lab)
        try lab.machine.wait(for: "grep -q 1 \(lab.wirePath(3))", limit: 20)
        holder.kill()
        try lab.machine.wait(for: "grep -q 0 \(lab.wirePath(3))", limit: 20)
        // The lease ended with the session, so the line is there for the next one.
        let chip = try await GPIOChip(lab.open("gpio"))
        _ = try await chip.request([3], .output([false]))
        return try lab.finding("low, and free for the next client")
    },
    Check("i2c-functionality", on: "sensors") { lab in
        let functions = try await I2CBus(lab.open("sensors")).functionality()
        try require(functions & 0x180000 == 0x180000, "functions \(functions)")
        return try lab.finding("0x\(String(functions, radix: 16))")
    },
    Check("i2c-smbus", on: "sensors") { lab in
        let bus = try await I2CBus(lab.open("sensors"))
        try await bus.select(address: 0x50)
        try await bus.writeByte(0xa5, register: 0x10)
        try await bus.writeWord(0xbeef, register: 0x20)
        try await bus.writeBlock([1, 2, 3, 4, 5, 6, 7, 8], register: 0x30)
        let byte = try await bus.readByte(register: 0x10)
        let word = try await bus.readWord(register: 0x20)
        let block = try await bus.readBlock(register: 0x30, count: 8)
        try require(
            byte == 0xa5 && word == 0xbeef && block == [1, 2, 3, 4, 5, 6, 7, 8], "\(byte) \(word) \(block)")
        return try lab.finding("byte, word and block at 0x50")
    },
    Check("i2c-absent", on: "sensors") { lab in
        let bus = try await I2CBus(lab.open("sensors"))
        try await bus.select(address: 0x51)
        return try await lab.fails("ENXIO", "ENODEV") { _ = try await bus.readByte(register: 0) }
    },
    Check("i2c-address-refused", on: "sensors") { lab in
        let bus = try await I2CBus(lab.open("sensors"))
        return try await lab.refused { try await bus.select(address: 0x68) }
    },
    Check("i2c-rdwr", on: "eeprom") { lab in
        let bus = try await I2CBus(lab.open("eeprom"))
        _ = try await bus.transfer(address: 0x57, write: [0x20, 0xde, 0xad, 0xbe, 0xef])
        let bytes = try await bus.transfer(address: 0x57, write: [0x20], read: 4)
        try require(bytes == [0xde, 0xad, 0xbe, 0xef], "\(bytes)")
        return try lab.finding("written, and read with a repeated start: \(Hex.text(bytes))")
    },
    Check("i2c-rdwr-address-refused", on: "eeprom") { lab in
        let bus = try await I2CBus(lab.open("eeprom"))
        return try await lab.refused { _ = try await bus.transfer(address: 0x50, read: 1) }
    },
    Check("spi-message", on: "flash") { lab in
        let flash = try await SPIDevice(lab.open("flash"))
        try await flash.setMode(3)
        try require(try await flash.mode() == 3, "the mode was not taken")
        let parts: [[UInt8]] = [[0x9f, 0, 0, 0], Array(0..<32)]
        let echoed = try await flash.transfer(parts, speed: 1_000_000)
        try require(echoed == parts, "\(echoed)")
        return try lab.finding("two transfers came back over the wire")
    },
    Check("spi-speed-refused", on: "flash") { lab in
        let flash = try await SPIDevice(lab.open("flash"))
        return try await lab.refused { _ = try await flash.transfer([1, 2], speed: 1_000_001) }
    },
]

extension Lab {
    /// Where the simulated chip shows what is on a wire.
    fileprivate func wirePath(_ line: Int) -> String {
        "/sys/devices/platform/gpio-sim.0/gpiochip0/sim_gpio\(line)/value"
    }

    fileprivate func wire(_ line: Int) throws -> String { try machine.shell("cat \(wirePath(line))") }

    fileprivate func pull(_ line: Int, _ value: String) throws {
        try machine.shell("echo \(value) >/sys/devices/platform/gpio-sim.0/gpiochip0/sim_gpio\(line)/pull")
    }
}

/// A client of its own that drives a line high and stays, until it is killed.
private struct Holder {
    private let process = Process()

    init(_ lab: Lab) throws {
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        process.arguments = [
            "hold", "--port", "\(lab.configuration.port)", "--certificate",
            lab.configuration.certificateChain,
            "--key", lab.configuration.privateKey, "--ca", lab.configuration.trustRoots,
        ]
        try process.run()
    }

    func kill() {
        Glibc.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }
}
