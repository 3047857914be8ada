import GRPCCore

/// Messages as they are: no protobuf, so that nothing but gRPC itself is measured.
struct Bytes: MessageSerializer, MessageDeserializer {
    func serialize<Target: GRPCContiguousBytes>(_ message: [UInt8]) -> Target { Target(message) }

    func deserialize<Source: GRPCContiguousBytes>(_ bytes: Source) -> [UInt8] {
        bytes.withUnsafeBytes { Array($0) }
    }
}

let ioctlMethod = MethodDescriptor(fullyQualifiedService: "ringgate.bench.Device", method: "Ioctl")
