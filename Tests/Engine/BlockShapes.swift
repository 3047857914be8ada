import RingPolicy
import RingProtocol

/// Commands with pointers, of what every recent Linux machine has. Numbers are those of linux/fs.h.
enum BlockShapes {
    private static func word(_ name: String, _ offset: Int, bytes: UInt8 = 8) -> Field {
        Field(name: name, type: .unsigned(bytes: bytes), offset: offset)
    }

    /// PROCMAP_QUERY on a process's maps (Linux 6.11): two pointers, both to what comes back. Each block is as
    /// long as its size field says, unless `nameSize` has the shape lie.
    static func mapQuery(nameSize: Int? = nil, redacted: Bool = false) -> CommandShape {
        let nameLength = word("vma_name_size", 80, bytes: 4)
        let buildLength = word("build_id_size", 84, bytes: 4)
        let start = Field(name: "vma_start", type: .unsigned(bytes: 8), offset: 24, isRedacted: redacted)
        let fields =
            [
                start, nameLength, buildLength, word("dev_major", 72, bytes: 4),
                word("dev_minor", 76, bytes: 4),
            ]
            + [
                ("size", 0), ("query_flags", 8), ("query_addr", 16), ("vma_end", 32), ("vma_flags", 40),
                ("vma_page_size", 48), ("vma_offset", 56), ("inode", 64),
            ].map { word($0.0, $0.1) }
        return CommandShape(
            name: "PROCMAP_QUERY", pattern: CodePattern(SubOpcode(0xc068_6611)), transport: .call,
            effect: .read,
            placement: .pointer, direction: .both,
            blocks: [
                Block(direction: .fixed(.both), elementSize: 104, fields: fields),
                Block(
                    path: "name", place: .pointer(at: 88, isNullable: true), direction: .fixed(.output),
                    elementSize: nil, amount: nameSize.map { .constant($0) } ?? .field(nameLength),
                    maximum: nameSize ?? 1 << 19),
                Block(
                    path: "build_id", place: .pointer(at: 96, isNullable: true), direction: .fixed(.output),
                    elementSize: nil, amount: .field(buildLength), maximum: 64),
            ])
    }

    /// Code of this program, so that its address is in a mapping of the program's file.
    private static let code: @convention(c) () -> Void = {}

    /// The argument that asks for that mapping: COVERING_OR_NEXT_VMA and FILE_BACKED_VMA. The first of all may be of a file of
    /// ThreadSanitizer's, which has no build id.
    static func mapQuestion(nameSize: UInt32, name: UInt64 = 1, build: UInt64 = 1) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 104)
        bytes.withUnsafeMutableBytes {
            $0.storeBytes(of: 104, toByteOffset: 0, as: UInt64.self)
            $0.storeBytes(of: 0x30, toByteOffset: 8, as: UInt64.self)
            $0.storeBytes(of: unsafeBitCast(code, to: UInt64.self), toByteOffset: 16, as: UInt64.self)
            $0.storeBytes(of: nameSize, toByteOffset: 80, as: UInt32.self)
            $0.storeBytes(of: build == 0 ? 0 : 64, toByteOffset: 84, as: UInt32.self)
            $0.storeBytes(of: name, toByteOffset: 88, as: UInt64.self)
            $0.storeBytes(of: build, toByteOffset: 96, as: UInt64.self)
        }
        return bytes
    }

    static func maps(_ commands: CommandShape...) -> Device {
        Device(
            name: "device", path: "/proc/self/maps", kind: .regular, access: .readOnly,
            profile: Profile(name: "maps", summary: "", commands: commands))
    }

    /// What /dev/null takes on a ring: an area of `size` bytes that begins with a length and a pointer to as many
    /// bytes that come back.
    static func ringArea(_ code: UInt32, _ transport: Transport, size: Int) -> CommandShape {
        let length = word("length", 0, bytes: 4)
        return CommandShape(
            name: "AREA_\(code)", pattern: CodePattern(SubOpcode(code)), transport: transport, effect: .read,
            placement: .sqeCommand,
            blocks: [
                Block(elementSize: size, fields: [length]),
                Block(
                    path: "data", place: .pointer(at: 8, isNullable: true), direction: .fixed(.output),
                    elementSize: nil, amount: .field(length), maximum: 1 << 19),
            ])
    }

    static func ringQuestion(size: Int, length: UInt32) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: size)
        bytes.put(length, at: 0)
        bytes.put(UInt64(length == 0 ? 0 : 1), at: 8)
        return bytes
    }

    /// I2C_RDWR (linux/i2c-dev.h): a list of messages, each with bytes that go either way.
    static let messages: CommandShape = {
        let count = word("nmsgs", 8, bytes: 4)
        let flags = word("flags", 2, bytes: 2)
        let length = word("len", 4, bytes: 2)
        return CommandShape(
            name: "I2C_RDWR", pattern: CodePattern(SubOpcode(0x0707)), transport: .call, effect: .write,
            placement: .pointer, direction: .input,
            blocks: [
                Block(elementSize: 16, fields: [count]),
                Block(
                    path: "msgs", place: .pointer(at: 0, isNullable: false), elementSize: 16,
                    amount: .field(count), maximum: 120, fields: [word("addr", 0, bytes: 2), flags, length]),
                Block(
                    path: "msgs.buf", parent: 1, place: .pointer(at: 8, isNullable: false),
                    direction: .selected(by: flags, mask: 1, input: 0, output: 1, none: nil),
                    elementSize: nil,
                    amount: .field(length), maximum: 8_192),
            ])
    }()
}

extension [UInt8] {
    func number<T: FixedWidthInteger>(at offset: Int, _ type: T.Type = T.self) -> T {
        withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: T.self) }
    }

    mutating func put<T: FixedWidthInteger>(_ value: T, at offset: Int) {
        withUnsafeMutableBytes { $0.storeBytes(of: value, toByteOffset: offset, as: T.self) }
    }
}
