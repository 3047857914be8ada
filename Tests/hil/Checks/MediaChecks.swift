import RingClient

/// Video, graphics, and buffers that devices share.
let mediaChecks: [Check] = [
    Check("v4l2-capabilities", on: "camera") { lab in
        let reply = try await lab.open("camera").call("VIDIOC_QUERYCAP")
        try require(try reply.text("driver") == "vivid", try reply.text("driver"))
        return Finding(reply.reply, "\(try reply.text("driver")), \(try reply.text("card"))")
    },
    Check("v4l2-format", on: "camera") { lab in
        let reply = try await lab.open("camera").call("VIDIOC_G_FMT", ["type": "V4L2_BUF_TYPE_VIDEO_CAPTURE"])
        let (width, height) = (try reply.number("width"), try reply.number("height"))
        try require(width > 0 && height > 0, "\(width) x \(height)")
        return Finding(reply.reply, "\(width) x \(height)")
    },
    Check("v4l2-control", on: "camera") { lab in
        let camera = try await lab.open("camera")
        let brightness = "0x980900"  // V4L2_CID_BRIGHTNESS
        let before = try await camera.call("VIDIOC_G_CTRL", ["id": brightness]).number("value")
        let value = before == 99 ? 98 : 99
        try await camera.call("VIDIOC_S_CTRL", ["id": brightness, "value": "\(value)"])
        let after = try await camera.call("VIDIOC_G_CTRL", ["id": brightness])
        try require(try after.number("value") == value, "it has \(try after.number("value"))")
        return Finding(after.reply, "brightness \(before) to \(value)")
    },
    Check("drm-version", on: "graphics") { lab in
        let reply = try await lab.open("graphics").call("DRM_IOCTL_VERSION", ["name_len": "32"])
        let name = String(decoding: try reply.bytes("name").prefix { $0 != 0 }, as: UTF8.self)
        try require(name == "vgem", name)
        return Finding(reply.reply, name)
    },
    Check("drm-capability", on: "graphics") { lab in
        let reply = try await lab.open("graphics").call("DRM_IOCTL_GET_CAP", ["capability": "DRM_CAP_PRIME"])
        try require(try reply.number("value") == 3, "PRIME \(try reply.number("value"))")
        return Finding(reply.reply, "imports and exports buffers")
    },
    Check("drm-dumb-buffer", on: "graphics") { lab in
        let buffer = try await lab.open("graphics").call(
            "DRM_IOCTL_MODE_CREATE_DUMB", ["width": "64", "height": "64", "bpp": "32"])
        try require(try buffer.number("size") >= 16384, "\(try buffer.number("size")) bytes")
        return Finding(buffer.reply, "64 x 64, \(try buffer.number("size")) bytes")
    },
    Check("drm-export-and-import", on: "graphics") { lab in
        let graphics = try await lab.open("graphics")
        let buffer = try await graphics.call(
            "DRM_IOCTL_MODE_CREATE_DUMB", ["width": "64", "height": "64", "bpp": "32"])
        let (exported, _) = try await graphics.open(
            "DRM_IOCTL_PRIME_HANDLE_TO_FD",
            ["handle": "\(try buffer.number("handle"))", "flags": "DRM_CLOEXEC|DRM_RDWR"])
        // Another open file of the device, as another process would have: the buffer comes in by its slot.
        let other = try await lab.open("graphics")
        let imported = try await other.call(
            "DRM_IOCTL_PRIME_FD_TO_HANDLE", ["fd": "\(exported.file.slot.index)"])
        try require(try imported.number("handle") > 0, "no handle")
        return Finding(
            imported.reply, "slot \(exported.file.slot.index) is handle \(try imported.number("handle"))")
    },
    Check("dma-heap-import", on: "heap") { lab in
        let heap = try await lab.open("heap")
        let (buffer, allocated) = try await heap.open(
            "DMA_HEAP_IOCTL_ALLOC", ["len": "65536", "fd_flags": "O_RDWR|O_CLOEXEC"])
        try await buffer.call("DMA_BUF_IOCTL_SYNC", ["flags": "DMA_BUF_SYNC_READ"])
        let graphics = try await lab.open("graphics")
        let imported = try await graphics.call(
            "DRM_IOCTL_PRIME_FD_TO_HANDLE", ["fd": "\(buffer.file.slot.index)"])
        try require(try imported.number("handle") > 0, "no handle")
        return Finding(allocated.reply, "64 KiB of the heap, a handle of the graphics device")
    },
    Check("dma-heap-length-refused", on: "heap") { lab in
        let heap = try await lab.open("heap")
        return try await lab.refused {
            _ = try await heap.open(
                "DMA_HEAP_IOCTL_ALLOC", ["len": "0x100001", "fd_flags": "O_RDWR|O_CLOEXEC"])
        }
    },
    Check("cuse-request", on: "cuse") { lab in
        // Whoever opens it is to serve a device; the kernel's first word is CUSE_INIT, opcode 4096 (linux/fuse.h).
        let bytes = try await lab.gateway.open("cuse").read(count: 8192)
        try require(bytes.count >= 40 && bytes[4...7].elementsEqual([0, 16, 0, 0]), Hex.text(bytes))
        return Finding("CUSE_INIT, \(bytes.count) bytes")
    },
    Check("tun-features", on: "tun") { lab in
        let reply = try await lab.open("tun").call("TUNGETFEATURES")
        try require(try reply.number("features") & 0x3 == 0x3, "\(try reply.number("features"))")
        return Finding(reply.reply, reply.fields.first?.words ?? "")
    },
]
