import RingProtocol

/// One entry that must be refused, and why.
struct HostileCase: Hashable, Sendable {
    let what: String
    var slot: UInt16?
    let code: UInt32
    var offset: UInt64
    let argument: [UInt8]
    let reason: RefusalReason

    static func == (left: Self, right: Self) -> Bool {
        (left.slot, left.code, left.offset, left.argument)
            == (right.slot, right.code, right.offset, right.argument)
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(slot)
        hasher.combine(code)
        hasher.combine(offset)
        hasher.combine(argument)
    }
}

/// A command of a shipped profile, one argument for it that is right, and what is where in that argument.
struct HostileTarget: Sendable {
    /// A number in the argument with values that it must not have.
    struct Number: Sendable {
        let at: Int
        let bytes: Int
        let refused: [UInt64]
    }
    /// Bits that must be zero.
    struct Reserved: Sendable {
        let range: Range<Int>
        /// Bits, from the range's first byte on, that may be set.
        var used: UInt64 = 0
    }
    struct Edit: Sendable {
        let what: String
        let argument: [UInt8]
        var code: UInt32?
        var reason = RefusalReason.shape
    }

    let name: String
    let device: String
    let code: UInt32
    let argument: [UInt8]
    /// What the kernel answers, which has no such device behind most nodes.
    var result: Int32 = -25
    /// Whether it fills a slot.
    var gives = false
    var pointers: [Int] = []
    var numbers: [Number] = []
    var reserved: [Reserved] = []
    /// Where a descriptor is given back.
    var givenAt: Int?
    /// Where a slot is taken.
    var takenAt: Int?
    var edits: [Edit] = []

    var offset: UInt64 { gives ? UInt64(HostileSite.freeSlot) : 0 }

    /// Everything that is wrong in one way.
    var cases: [HostileCase] {
        pointerCases + numberCases + reservedCases + sizeCases + codeCases + placeCases + descriptorCases
            + edits.map { hostile($0.what, $0.argument, code: $0.code, $0.reason) }
    }

    private func hostile(
        _ what: String, _ argument: [UInt8]? = nil, code: UInt32? = nil, slot: UInt16? = nil,
        offset: UInt64? = nil, _ reason: RefusalReason = .shape
    ) -> HostileCase {
        HostileCase(
            what: "\(name): \(what)", slot: slot, code: code ?? self.code, offset: offset ?? self.offset,
            argument: argument ?? self.argument, reason: reason)
    }

    // MARK: What can be wrong

    /// Addresses of the heap, the stack, the kernel, the first page, and numbers that only look like 0 or 1.
    private static let addresses: [UInt64] = [
        2, 3, 0xff, 0x100, 0x1000, 1 << 31, 0xffff_ffff, 1 << 32, 1 << 32 | 1, 0x5555_5555_4000,
        0x7fff_ffff_e000, 1 << 48, 1 << 56, 1 << 63, 1 << 63 | 1, 0xffff_8880_0000_0000, .max,
    ]

    private var pointerCases: [HostileCase] {
        pointers.flatMap { at in
            Self.addresses.map { hostile("pointer @\(at) is \($0)", argument.setting(at, 8, $0)) }
        }
    }

    private var numberCases: [HostileCase] {
        numbers.flatMap { number in
            number.refused.map {
                hostile("number @\(number.at) is \($0)", argument.setting(number.at, number.bytes, $0))
            }
        }
    }

    private var reservedCases: [HostileCase] {
        reserved.flatMap { reserved in
            (0..<reserved.range.count * 8).filter { $0 >= 64 || reserved.used >> UInt64($0) & 1 == 0 }.map {
                bit in
                var bytes = argument
                bytes[reserved.range.lowerBound + bit / 8] ^= 1 << UInt8(bit % 8)
                return hostile("bit \(bit) of @\(reserved.range)", bytes)
            }
        }
    }

    private var sizeCases: [HostileCase] {
        let shorter = (1...20).filter { $0 <= argument.count }.map {
            hostile("\($0) bytes short", Array(argument.dropLast($0)))
        }
        let longer = (1...20).flatMap { count in
            [UInt8(0), 0xff].map {
                hostile("\(count) bytes of \($0) behind", argument + [UInt8](repeating: $0, count: count))
            }
        }
        return shorter + longer + [hostile("twice in a row", argument + argument)]
    }

    /// The two highest bits of an ioctl's code say which way its argument goes.
    private var codeCases: [HostileCase] {
        (0..<4).map { code & 0x3fff_ffff | $0 << 30 }.filter { $0 != code }.map {
            hostile("code 0x\(String($0, radix: 16))", code: $0, .noRule)
        }
    }

    private var placeCases: [HostileCase] {
        let closed: [UInt16] = [HostileSite.closedSlot, HostileSite.freeSlot, 63, 64, 65_535]
        let others = HostileSite.devices.indices.filter { HostileSite.devices[$0] != device }
        var places = closed.map { hostile("on slot \($0)", slot: $0, .slotNotOpen) }
        places += others.map { hostile("on `\(HostileSite.devices[$0])`", slot: UInt16($0), .noRule) }
        let beyond: [UInt64] = [1 << 16, 1 << 31, 0xffff_ffff, 1 << 63, .max]
        places += beyond.map { hostile("offset \($0)", offset: $0) }
        guard gives else { return places + [hostile("offset 1", offset: 1)] }
        let occupied = HostileSite.devices.indices.map {
            hostile("fills slot \($0)", offset: UInt64($0), .slotInUse)
        }
        return places + occupied
            + [64, 65_535].map { (slot: UInt64) in hostile("fills \(slot)", offset: slot, .slotNotOpen) }
    }

    private var descriptorCases: [HostileCase] {
        let given = givenAt.map { at in
            [1, 2, 3, 63, 0x7fff_ffff, 0x8000_0000, 0xffff_ff9c, 0xffff_ffff].map {
                hostile("asks for descriptor \($0)", argument.setting(at, 4, $0))
            }
        }
        let taken = takenAt.map { at in
            let closed = [UInt64(HostileSite.closedSlot), UInt64(HostileSite.freeSlot)]
            let unknown: [UInt64] = [
                63, 64, 0xffff, 0x1_0000, 0x1_0008, 0x7fff_ffff, 1 << 31, .max >> 32,
            ]
            let others = HostileSite.devices.indices.filter { HostileSite.devices[$0] != "buffer" }
            return (closed + unknown).map {
                hostile("takes \($0)", argument.setting(at, 4, $0), .slotNotOpen)
            }
                + others.map {
                    hostile("takes `\(HostileSite.devices[$0])`", argument.setting(at, 4, UInt64($0)))
                }
        }
        return (given ?? []) + (taken ?? [])
    }
}

extension HostileTarget.Number {
    /// A length or count above `most`: by one, at the ends of the types, and `also` these.
    static func count(
        at: Int, _ bytes: Int, most: UInt64, also: [UInt64] = []
    ) -> HostileTarget.Number {
        let ends: [UInt64] = [
            most + 1, most * 2 + 1, 0x7fff, 0x8000, 0xffff, 1 << 16, 0x7fff_ffff, 1 << 31, 0xffff_ffff,
            1 << 32, 1 << 32 | 1, 1 << 62, 1 << 63, 1 << 63 | 1, .max,
        ]
        let greatest = UInt64.max >> UInt64(64 - 8 * bytes)
        return HostileTarget.Number(
            at: at, bytes: bytes, refused: also + Set(ends.filter { $0 > most && $0 <= greatest }).sorted())
    }
}

extension [UInt8] {
    /// With a little-endian number of so many bytes in its place.
    func setting(_ at: Int, _ bytes: Int, _ value: UInt64) -> [UInt8] {
        var copy = self
        for index in 0..<bytes { copy[at + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index)) }
        return copy
    }

    static func zeros(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }
}
