import Foundation
import RingClient
import RingProtocol

/// NVMe through the ring, and other disks.
let diskChecks: [Check] = [
    Check("nvme-identify-controller", on: "controller") { lab in
        let controller = try await NVMeDevice(lab.open("controller")).identifyController()
        try require(controller.serial == "RINGGATE-LAB", "serial \(controller.serial)")
        try require(controller.vendor == 0x1b36, "vendor \(controller.vendor)")
        return try lab.finding("\(controller.model), serial \(controller.serial)")
    },
    Check("nvme-identify-namespace", on: "controller") { lab in
        let namespace = try await NVMeDevice(lab.open("controller")).identifyNamespace()
        try require(namespace.blocks == 16384 && namespace.blockSize == 512, "\(namespace)")
        return try lab.finding("\(namespace.blocks) blocks of \(namespace.blockSize) bytes")
    },
    Check("nvme-smart-log", on: "controller") { lab in
        let health = try await NVMeDevice(lab.open("controller")).health()
        try require((273...373).contains(health.temperature), "\(health.temperature) K")
        return try lab.finding("\(health.temperature) K, warnings \(health.criticalWarning)")
    },
    Check("nvme-read", on: "disk") { lab in
        let bytes = try await NVMeDevice(lab.open("disk")).read(block: 7, count: 2)
        try require(String(decoding: bytes, as: UTF8.self) == blockText(7) + blockText(8), "other bytes")
        return try lab.finding("2 blocks from 7 on")
    },
    Check("nvme-write-inside-window", on: "disk") { lab in
        let disk = try await NVMeDevice(lab.open("disk"))
        let bytes = (0..<4096).map { UInt8(truncatingIfNeeded: $0 * 7 + 3) }
        let written = try await disk.write(bytes, block: 1024)
        try await disk.flush()
        try require(try await disk.read(block: 1024, count: 8) == bytes, "other bytes came back")
        return Finding(written.reply, "8 blocks at 1024, read back")
    },
    Check("nvme-write-outside-window", on: "disk") { lab in
        let disk = try await NVMeDevice(lab.open("disk"))
        return try await lab.refused { try await disk.write(Array(repeating: 0, count: 1024), block: 2047) }
    },
    Check("nvme-format-refused", on: "controller") { lab in try await lab.refusedAdmin(opcode: 0x80) },
    Check("nvme-sanitize-refused", on: "controller") { lab in try await lab.refusedAdmin(opcode: 0x84) },
    Check("nvme-firmware-refused", on: "controller") { lab in
        _ = try await lab.refusedAdmin(opcode: 0x11)
        return try await lab.refusedAdmin(opcode: 0x10)
    },
    Check("nvme-media-error", on: "disk") { lab in
        try await lab.status(0x281) { try await $0.read(block: 4096) }
    },
    Check("nvme-block-out-of-range", on: "disk") { lab in
        try await lab.status(0x4080) { try await $0.read(block: 1 << 40) }
    },
    Check("nvme-image-unchanged", on: "disk") { lab in
        // What was written above is all that may differ from the image as it was made.
        let image = try Data(contentsOf: URL(fileURLWithPath: lab.machine.folder + "/disk.img"))
        try require(image.count == 16384 * 512, "\(image.count) bytes")
        for block in 0..<16384 where !(1024..<2048).contains(block) {
            let bytes = image[block * 512..<(block + 1) * 512]
            try require(bytes.elementsEqual(blockText(block).utf8), "block \(block) has changed")
        }
        return Finding("15360 blocks outside the window as they were made")
    },
    Check("block-discard", on: "scratch") { lab in
        let scratch = try await lab.open("scratch")
        let size = try await scratch.call("BLKGETSIZE64").number("bytes")
        try require(size == 4 << 20, "\(size) bytes")
        let before = try await scratch.file.read(count: 512, offset: 1 << 20)
        try require(before.allSatisfy { $0 == 0xff }, "the disk is not as it was made")
        let reply = try await scratch.call(
            "BLOCK_URING_CMD_DISCARD", ["start": "0x100000", "length": "65536"])
        let after = try await scratch.file.read(count: 4096, offset: 1 << 20)
        try require(after.allSatisfy { $0 == 0 }, "the bytes are still there")
        return Finding(reply.reply, "64 KiB, read back as zeros")
    },
    Check("block-discard-outside-window", on: "scratch") { lab in
        let scratch = try await lab.open("scratch")
        return try await lab.refused {
            try await scratch.call("BLOCK_URING_CMD_DISCARD", ["start": "0", "length": "65536"])
        }
    },
    Check("null-blk-read", on: "nullb") { lab in
        let disk = try await lab.open("nullb")
        let size = try await disk.call("BLKGETSIZE64")
        let bytes = try await disk.file.read(count: 4096, offset: 1 << 20)
        try require(bytes.count == 4096, "\(bytes.count) bytes")
        return Finding(size.reply, "\(try size.number("bytes") >> 20) MiB, 4 KiB read")
    },
    Check("scsi-inquiry", on: "tape") { lab in
        let tape = try await lab.open("tape")
        let reply = try await tape.call(
            "SG_IO_INQUIRY",
            [
                "interface_id": "SG_INTERFACE_ID_ORIG", "dxfer_direction": "SG_DXFER_FROM_DEV",
                "cmd_len": "6",
                "dxfer_len": "96", "cmdp.allocation_length": "96", "mx_sb_len": "32", "timeout": "5000",
            ])
        let product = String(decoding: try reply.bytes("dxferp", atLeast: 32)[16..<32], as: UTF8.self)
        try require(product.hasPrefix("scsi_debug"), product)
        return try lab.finding(product.trimmingCharacters(in: .whitespaces))
    },
    Check("scsi-write-refused", on: "tape") { lab in
        // struct sg_io_hdr with a WRITE(10) of one block, as a client would send it that goes its own way.
        var header = [UInt8](repeating: 0, count: 88)
        header[0] = 0x53
        header[4..<8] = [0xfe, 0xff, 0xff, 0xff]
        header[8] = 10
        header[13] = 2
        (header[16], header[24]) = (1, 1)
        header[41] = 0x10
        let argument = header + [UInt8](repeating: 0, count: 512) + [0x2a, 0, 0, 0, 0, 0, 0, 0, 1, 0]
        let tape = try await lab.gateway.open("tape")
        return try await lab.refused { try await tape.command(SubOpcode(0x2285), argument: argument) }
    },
    Check("ublk-features", on: "ublk") { lab in
        let ublk = try await lab.open("ublk")
        let features = try await ublk.call(
            "UBLK_U_CMD_GET_FEATURES", ["dev_id": "0xffffffff", "queue_id": "0xffff", "len": "8"]
        ).bytes("addr", atLeast: 8)
        try require(features.contains { $0 != 0 }, "no features")
        return try lab.finding("features \(Hex.text(features))")
    },
]

/// What the image has in a block.
private func blockText(_ block: Int) -> String {
    let text = "RINGGATE-BLOCK-" + String(block + 1_000_000).dropFirst()
    return text + String(repeating: " ", count: 511 - text.count) + "\n"
}

extension Lab {
    /// An admin command as a client would send it that goes its own way: 72 bytes, and four of data.
    fileprivate func refusedAdmin(opcode: UInt8) async throws -> Finding {
        var argument = [UInt8](repeating: 0, count: 72)
        argument[0] = opcode
        argument[4] = 1
        let controller = try await gateway.open("controller")
        return try await refused {
            try await controller.command(SubOpcode(0xc048_4e82), argument: argument)
        }
    }

    /// That the disk itself fails `body` with this status.
    fileprivate func status(
        _ value: UInt16, _ body: (NVMeDevice) async throws -> [UInt8]
    ) async throws -> Finding {
        do {
            _ = try await body(NVMeDevice(open("disk")))
        } catch let status as NVMeStatus {
            try require(status.value == value, "\(status)")
            return try finding("\(status)")
        }
        throw LabFailure("the disk did not fail it")
    }
}
