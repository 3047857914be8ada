import Foundation
import RingClient
import RingProtocol
import Testing

/// A description is the gateway's word. What makes no sense is an error, never a crash or a flood.
@Suite struct HostileDescriptionTests {
    private func block(
        _ path: String = "b", parent: Int = 0, place: String = "pointer", offset: Int = 0,
        nullable: Bool = false,
        direction: String? = "in", selects: BlockDescription.DirectionSelector? = nil, elementSize: Int? = 8,
        count: Int? = 1, countField: String? = nil, unit: Int? = nil, maximum: Int = 1,
        fields: [FieldDescription] = []
    ) -> BlockDescription {
        BlockDescription(
            path: path, parent: parent, place: place, offset: offset, nullable: nullable,
            direction: direction,
            selects: selects, elementSize: elementSize, count: count, countField: countField,
            countCodeUnit: unit, maximum: maximum, fields: fields)
    }

    private func command(
        _ blocks: [BlockDescription], codes: CommandDescription.CodeFamily? = nil, code: UInt32 = 1,
        argument: Int = 16, reply: Int = 0, selectors: [CommandDescription.Selector]? = nil
    ) -> CommandDescription {
        CommandDescription(
            name: "C", code: code, engine: "call", effect: "read", argumentSize: argument, replySize: reply,
            fields: [FieldDescription(name: "n", type: "u32", offset: 8, size: 4)], constraints: [],
            summary: "",
            codes: codes, selectors: selectors, blocks: blocks)
    }

    @Test(arguments: [
        ("u16", 0, 4), ("u32", 6, 4), ("bytes", 0, 9), ("bytes", -1, 2), ("u128", 0, 16), ("bytes", 0, 0),
        ("bytes", 2, Int.max), ("text", Int.min, 1), ("u16be", 0, 4),
    ])
    func `a field outside its struct, or of another size than its type`(type: String, offset: Int, size: Int)
    {
        let field = FieldDescription(name: "x", type: type, offset: offset, size: size)
        #expect(throws: FieldError.badLayout(field: "x")) {
            try ArgumentCodec(flatCommand([field], argument: 8, reply: 8))
        }
    }

    @Test(arguments: [[], [0], [1, 0], [0, 32], [-1, 3], [0, 1, 2], [Int.min, Int.max]])
    func `bits outside their integer`(bits: [Int]) {
        let field = FieldDescription(name: "x", type: "u32", offset: 0, size: 4, bits: bits)
        #expect(throws: FieldError.badLayout(field: "x")) {
            try ArgumentCodec(flatCommand([field], argument: 8, reply: 8))
        }
    }

    @Test(arguments: [(-1, 0), (0, .max), (8, 4), (Limits.payload + 1, 0)] as [(Int, Int)])
    func `sizes that no command has`(argument: Int, reply: Int) {
        #expect(throws: FieldError.badLayout(field: "C")) {
            try ArgumentCodec(flatCommand([], argument: argument, reply: reply))
        }
    }

    @Test func `a block that contradicts itself or its holder`() {
        let wrong = [
            block(parent: 1), block(parent: -1), block(parent: .max), block(place: "root"), block(offset: -1),
            block(offset: 9), block(offset: .max), block(direction: "up"), block(direction: nil),
            block(elementSize: 0), block(elementSize: .max), block(elementSize: -8), block(count: 0),
            block(count: 2), block(count: nil), block(count: 1, countField: "n"), block(countField: "m"),
            block(count: nil, countField: "m"), block(count: nil, unit: 0), block(count: nil, unit: .max),
            block(maximum: 0), block(maximum: .max), block(maximum: -1), block(""),
            block(place: "inline", elementSize: 17), block(place: "inline", offset: 9),
            block(elementSize: 1 << 12, maximum: 1 << 12),
            block(
                direction: nil,
                selects: .init(field: "m", mask: 1, input: 0, output: 1, none: nil)),
            block(
                direction: "in", selects: .init(field: "n", mask: 1, input: 0, output: 1, none: nil)),
            block(fields: [FieldDescription(name: "x", type: "u64", offset: 1, size: 8)]),
        ]
        for block in wrong {
            #expect(throws: FieldError.badLayout(field: block.path), "\(block)") {
                try ArgumentCodec(command([block]))
            }
        }
        #expect(throws: Never.self) { try ArgumentCodec(command([block()])) }
        let below = [block(), block("c.d", parent: 1), block("b.d", parent: 1, direction: "out")]
        #expect(throws: FieldError.badLayout(field: "c.d")) { try ArgumentCodec(command(Array(below[..<2]))) }
        #expect(throws: FieldError.badLayout(field: "b.d.e")) {
            try ArgumentCodec(command([below[0], below[2], block("b.d.e", parent: 2)]))
        }
        #expect(throws: FieldError.badLayout(field: "C")) {
            try ArgumentCodec(command((0..<40).map { block("b\($0)") }))
        }
    }

    @Test func `a family of codes that cannot be`() {
        let wrong: [(UInt32, CommandDescription.CodeFamily)] = [
            (1, .init(sizes: [4], step: 1, numbers: nil)), (1, .init(sizes: [8, 4], step: 1, numbers: nil)),
            (1, .init(sizes: [0, 4], step: 1, numbers: nil)),
            (1, .init(sizes: [4, 16], step: 0, numbers: nil)),
            (1, .init(sizes: [4, 0x4000], step: 1, numbers: nil)),
            (1, .init(sizes: [4, 16], step: .max, numbers: nil)),
            (1, .init(sizes: [4, 17], step: 1, numbers: nil)),
            (0x10000, .init(sizes: [4, 16], step: 1, numbers: nil)),
            (1, .init(sizes: nil, step: nil, numbers: [0, 3])),
            (0, .init(sizes: nil, step: nil, numbers: [0, 256])),
            (0, .init(sizes: nil, step: nil, numbers: [-1, 2])),
        ]
        for (code, family) in wrong {
            #expect(throws: FieldError.badLayout(field: "C"), "\(family)") {
                try ArgumentCodec(command([], codes: family, code: code))
            }
        }
    }

    @Test func `a selector that selects nothing`() {
        #expect(throws: FieldError.badLayout(field: "m")) {
            try ArgumentCodec(command([], selectors: [.init(field: "m", value: 1)]))
        }
        #expect(throws: FieldError.badLayout(field: "n")) {
            try ArgumentCodec(command([], selectors: [.init(field: "n", value: -1)]))
        }
    }

    @Test func `blocks that would fill the memory are too large, and found before they do`() throws {
        let wide = block(
            elementSize: 8, count: 1 << 17, maximum: 1 << 17,
            fields: [])
        let below = block("b.c", parent: 1, elementSize: 1 << 10, count: 1 << 10, maximum: 1 << 10)
        let codec = try ArgumentCodec(command([wide, below]))
        #expect(throws: FieldError.tooLarge(size: 16 + (1 << 20), maximum: Limits.payload)) {
            try codec.encode([:])
        }
        let out = block(direction: "out", elementSize: 1 << 20, maximum: 1)
        let twice = try ArgumentCodec(
            command([out, block("c", offset: 8, direction: "out", elementSize: 1)]))
        #expect(throws: FieldError.tooLarge(size: (1 << 20) + 1, maximum: Limits.payload)) {
            try twice.encode([:])
        }
        #expect(throws: FieldError.tooMany(field: "b", count: .max, maximum: 1 << 17)) {
            try codec.encode(["b.\(Int.max).x": "1"])
        }
    }

    @Test func `a reply of more values than anybody reads is given up`() throws {
        let many = block(
            direction: "out", elementSize: 1, count: 1 << 17, maximum: 1 << 17,
            fields: [FieldDescription(name: "x", type: "u8", offset: 0, size: 1)])
        let codec = try ArgumentCodec(command([many]))
        let sent = try codec.encode([:])
        #expect(throws: FieldError.tooMany(field: "b.65536.x", count: 65537, maximum: 65536)) {
            try codec.decode(Array(repeating: 0, count: 1 << 17), of: sent)
        }
    }

    /// One part of a real description after the other becomes nonsense; whatever becomes of it, nothing traps.
    @Test(arguments: KernelShapes.all.indices)
    func `no single wrong number or word is a crash`(index: Int) throws {
        let shape = KernelShapes.all[index]
        let json = try JSONEncoder().encode(KernelShapes.described(shape))
        let whole = try #require(try JSONSerialization.jsonObject(with: json) as? [String: Any])
        var tried = 0
        for wrong in Self.mutations(of: whole) {
            let data = try JSONSerialization.data(withJSONObject: wrong)
            guard let command = try? JSONDecoder().decode(CommandDescription.self, from: data) else {
                continue
            }
            tried += 1
            guard let codec = try? ArgumentCodec(command) else { continue }
            for values in KernelShapes.values[index] {
                guard let sent = try? codec.encode(values) else { continue }
                for byte in [0, 1, 0xff] as [UInt8] {
                    let reply = Array(repeating: byte, count: sent.replySize)
                    #expect((try? codec.decode(reply, of: sent)) != nil)
                }
            }
        }
        #expect(tried > 100)
    }

    /// The value with one of its parts left out, doubled or replaced.
    private static func mutations(of value: Any) -> [Any] {
        var mutants: [Any] = []
        if let members = value as? [String: Any] {
            for (key, member) in members {
                mutants.append(members.filter { $0.key != key })
                for mutant in mutations(of: member) { mutants.append(members.merging([key: mutant]) { $1 }) }
            }
        } else if let elements = value as? [Any] {
            for index in elements.indices {
                mutants += [elements + [elements[index]], Array(elements[..<index])]
                for mutant in mutations(of: elements[index]) {
                    var changed = elements
                    changed[index] = mutant
                    mutants.append(changed)
                }
            }
        } else if value is String {
            mutants = ["", "in", "out", "both", "inline", "pointer", "u8", "s64", "bytes", "text", "len"]
        } else {
            mutants = [-1, 0, 1, 2, 7, 8, 16, 255, 1 << 20, (1 << 20) + 1, Int.max, Int.min]
        }
        return mutants
    }

    @Test func `a reply whose counts lie stays inside its struct`() throws {
        let inline = block(
            "b", place: "inline", offset: 12, elementSize: 1, count: nil, countField: "n", maximum: 4,
            fields: [FieldDescription(name: "", type: "u8", offset: 0, size: 1)])
        let codec = try ArgumentCodec(command([inline], reply: 16))
        let sent = try codec.encode([:])
        let values = try codec.decode(Array(repeating: 0xff, count: 16), of: sent)
        #expect(values.last?.value == .list(Array(repeating: .unsigned(255), count: 4)))
    }
}
