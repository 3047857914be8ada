import RingProtocol
import Testing

@Suite("Frames")
struct FrameTests {
    @Test("A frame that is not all there yet is nil, at every byte", arguments: Vectors.valid)
    func truncated(_ vector: ValidVector) throws {
        let whole = vector.bytes
        for count in 0..<whole.count {
            try Array(whole.prefix(count)).wire { bytes in
                #expect(try Frame.decode(bytes, payloadLimit: Limits.framePayload) == nil)
                let header = try FrameHeader.decode(bytes, payloadLimit: Limits.framePayload)
                #expect((header == nil) == (count < Limits.frameHeader))
            }
        }
    }

    @Test("A frame is cut off the bytes that follow it")
    func following() throws {
        let first = Goodbye.done.encoded()
        try (first + Goodbye.draining.encoded()).wire { bytes in
            let frame = try #require(try Frame.decode(bytes, payloadLimit: 64))
            #expect(frame.size == first.count)
            let rest = bytes.slice(frame.size, bytes.count - frame.size)
            let second = try #require(try Frame.decode(rest, payloadLimit: 64))
            #expect(try Goodbye.decode(second.payload) == .draining)
        }
    }

    @Test("A length is refused one byte above what may come, before the payload has come")
    func lengths() throws {
        for limit in [0, Limits.greetingPayload, Limits.framePayload] {
            for length in [limit, limit + 1, Int(UInt32.max)] {
                var header = [UInt8](repeating: 0, count: 8)
                header.withUnsafeMutableBytes {
                    FrameHeader(length: length, type: .submit, count: 1).encode(into: $0)
                }
                let found = try broken { try header.wire { _ = try Frame.decode($0, payloadLimit: limit) } }
                #expect(found == (length > limit ? Broken(.limit, 4) : nil))
            }
        }
    }

    @Test("Every byte is decided as type, as reserved byte and as count")
    func headers() throws {
        for byte in UInt8.min...UInt8.max {
            let type = FrameType(rawValue: byte)
            let ofType = try broken {
                try [0, 0, 0, 0, byte, 0, 0, 0].wire { _ = try FrameHeader.decode($0, payloadLimit: 0) }
            }
            #expect(ofType == (type == nil ? Broken(.malformed, 2) : nil))
            let ofReserved = try broken {
                try [0, 0, 0, 0, 3, byte, 0, 0].wire { _ = try FrameHeader.decode($0, payloadLimit: 0) }
            }
            #expect(ofReserved == (byte == 0 ? nil : Broken(.reserved, 3)))
            for type in FrameType.allCases {
                let ofCount = try broken {
                    try [0, 0, 0, 0, type.rawValue, 0, 0, byte].wire {
                        _ = try FrameHeader.decode($0, payloadLimit: 0)
                    }
                }
                let mayCount = type == .submit || type == .complete || byte == 0
                #expect(ofCount == (mayCount ? nil : Broken(.reserved, 5)))
            }
        }
    }

    @Test("Loads and slices see bytes where they are")
    func bytes() {
        [UInt8](0..<16).wire { bytes in
            #expect(bytes.load(UInt32.self, at: 1) == 0x0403_0201)
            #expect(bytes.load(Int64.self, at: 8) == 0x0f0e_0d0c_0b0a_0908)
            #expect(bytes.slice(4, 3).array == [4, 5, 6])
            #expect(bytes.slice(16, 0).count == 0 && bytes.slice(16, 0).text == "")
            #expect(!bytes.isZero(from: 15) && bytes.isZero(from: 16))
        }
        #expect(WireBytes().count == 0 && WireBytes().array.isEmpty && WireBytes().isZero(from: 0))
        [0xff].wire { #expect($0.text == nil) }
    }

    @Test("Padding is written as zeros, whatever was in the buffer")
    func padding() {
        var buffer = [UInt8](repeating: 0xaa, count: 16)
        buffer.withUnsafeMutableBytes { target in
            ([1, 2, 3] as [UInt8]).withUnsafeBytes { target.storeWirePadded($0, at: 0) }
            [UInt8]().withUnsafeBytes { target.storeWirePadded($0, at: 16) }
        }
        #expect(buffer == [1, 2, 3, 0, 0, 0, 0, 0] + [UInt8](repeating: 0xaa, count: 8))
    }
}
