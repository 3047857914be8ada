import Foundation
import RingClient

/// The same from a shell, and devices that go and come back.
let toolChecks: [Check] = [
    Check("ringctl-nvme", on: "disk") { lab in
        let identity = try lab.ringctl("nvme", "identify", "controller")
        try require(identity.contains("serial RINGGATE-LAB"), identity)
        let health = try lab.ringctl("nvme", "health", "controller")
        try require(health.contains("temperature"), health)
        let text = try lab.ringctl("nvme", "read", "disk", "--block", "7")
        try require(text.hasPrefix("RINGGATE-BLOCK-000007"), text)
        let block = String(repeating: "0123456789abcdef", count: 32)
        _ = try lab.ringctl("nvme", "write", "disk", "--block", "1100", input: block)
        try require(
            try lab.ringctl("nvme", "read", "disk", "--block", "1100") == block, "not what was written")
        let format = "80000000" + "01000000" + String(repeating: "00", count: 64)
        let refusal = try lab.ringctl("call", "controller", "0xc0484e82", "--argument", format, status: 3)
        return Finding("identify, health, read and write; format: \(firstLine(refusal))")
    },
    Check("ringctl-gpio", on: "gpio") { lab in
        let info = try lab.ringctl("gpio", "info", "--wait", "9", "gpio", "3", "4")
        try require(info.contains("power"), info)
        let values = try lab.ringctl("gpio", "get", "--wait", "9", "gpio", "4")
        try require(values.trimmingCharacters(in: .newlines) == "4=0", values)
        _ = try lab.ringctl("gpio", "set", "--wait", "9", "gpio", "3=1", "5=0", "--for", "0.1")
        let refusal = try lab.ringctl("gpio", "get", "--wait", "9", "gpio", "9", status: 3)
        return Finding("info, get and set; line 9: \(firstLine(refusal))")
    },
    Check("ringctl-i2c", on: "eeprom") { lab in
        _ = try lab.ringctl("i2c", "write", "eeprom", "0x57", "40cafe")
        let bytes = try lab.ringctl("i2c", "read", "eeprom", "0x57", "2", "--write", "40")
        try require(bytes.trimmingCharacters(in: .newlines) == "cafe", bytes)
        let refusal = try lab.ringctl("i2c", "read", "eeprom", "0x50", "1", status: 3)
        return Finding("write and read; 0x50: \(firstLine(refusal))")
    },
    Check("ringctl-spi", on: "flash") { lab in
        let bytes = try lab.ringctl("spi", "transfer", "flash", "9f000000", "--speed", "500000")
        try require(bytes.trimmingCharacters(in: .newlines) == "9f000000", bytes)
        return Finding("transfer")
    },
    Check("ringctl-call", on: "clock") { lab in
        let time = try lab.ringctl("call", "clock", "RTC_RD_TIME", "-o", "json")
        try require(time.contains("\"engine\":\"call\""), time)
        return Finding("RTC_RD_TIME as JSON")
    },
    Check("nvme-unplug", on: "disk") { lab in
        let before = try await lab.open("disk")
        let watch = lab.gateway.watch()
        try lab.machine.execute("device_del", ["id": "disk"])
        try lab.machine.waitFor("DEVICE_DELETED", device: "disk")
        try await lab.news("vanished", of: "disk", in: watch)
        do {
            try await before.call("NVME_URING_CMD_IO_FLUSH", ["nsid": "1"])
            throw LabFailure("the disk that is gone still answers")
        } catch is RingError {}
        try await before.close()
        // Kernels before 6.4 keep a file that a ring knew open for another second, and with it the disk's number.
        try await Task.sleep(for: .seconds(2))
        try lab.machine.execute(
            "device_add",
            ["driver": "nvme", "drive": "medium", "serial": "RINGGATE-LAB", "id": "disk", "addr": "0x6"])
        do { try await lab.news("appeared", of: "disk", in: watch) } catch {
            // Whether the kernel has given it another number, because somebody still has the old one.
            let nodes = try lab.machine.shell("ls -d /dev/nvme* /sys/class/nvme/* 2>&1 | tr '\\n' ' '")
            throw LabFailure("\(error); there are: \(nodes)")
        }
        let bytes = try await NVMeDevice(lab.open("disk")).read(block: 7)
        try require(bytes.starts(with: "RINGGATE-BLOCK-000007".utf8), "other bytes")
        return try lab.finding("vanished, appeared, read under its name")
    },
    Check("serial-unplug", on: "console") { lab in
        let watch = lab.gateway.watch()
        try lab.machine.execute("device_del", ["id": "serial"])
        try lab.machine.waitFor("DEVICE_DELETED", device: "serial")
        try await lab.news("vanished", of: "console", in: watch)
        try lab.machine.execute(
            "device_add", ["driver": "pci-serial", "chardev": "peer", "id": "serial", "addr": "0x7"])
        try await lab.news("appeared", of: "console", in: watch)
        return try await lab.whenThere { try await lab.ping("console") }
    },
    Check("gateway-alive", on: "null") { lab in
        let reply = try await lab.open("null").call("NULL_URING_CMD")
        try lab.machine.shell("kill -0 $(cat /run/gateway.pid)")
        return Finding(reply.reply, "the gateway has outlived all of it")
    },
]

private func firstLine(_ text: String) -> String {
    String(text.split(whereSeparator: \.isNewline).first ?? "")
}

extension Lab {
    /// Tries again while the node is not there: a driver that takes a port over from another removes and makes it once more.
    fileprivate func whenThere(_ body: () async throws -> Finding) async throws -> Finding {
        var attempts = 50
        while true {
            do {
                return try await body()
            } catch RingError.errno(let errno, _)
                where ["ENOENT", "ENXIO", "EIO"].contains(errno.name) && attempts > 0
            {
                attempts -= 1
                try await Task.sleep(for: .milliseconds(200))
            }
        }
    }

    /// Waits for a watch to tell `change` of a device.
    fileprivate func news(_ change: String, of device: String, in watch: EventSequence) async throws {
        _ = try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                for try await event in watch {
                    guard case .event(let event) = event else { continue }
                    let news = try JSONDecoder().decode(DeviceNews.self, from: Data(event.bytes))
                    if news.device == device, news.change == change { return true }
                }
                throw LabFailure("the watch ended")
            }
            group.addTask {
                try await Task.sleep(for: .seconds(30))
                throw LabFailure("nobody told that \(device) has \(change)")
            }
            defer { group.cancelAll() }
            return try await group.next() ?? false
        }
    }
}
