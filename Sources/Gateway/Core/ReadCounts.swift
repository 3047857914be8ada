import RingPolicy
import RingProtocol

/// How often a session has done what changes nothing, by device and sub-opcode, since it was last asked. Counting what was
/// counted last is a compare and an addition.
struct ReadCounts {
    struct Key: Hashable {
        /// Bits 0 to 31 the sub-opcode, 32 to 39 the operation, from 40 on the device.
        fileprivate let bits: UInt64

        @inline(__always)
        init(_ device: DeviceTable.Index, _ operation: RingProtocol.Operation, _ code: SubOpcode) {
            bits = UInt64(device) << 40 | UInt64(operation.rawValue) << 32 | UInt64(code.code)
        }

        fileprivate init(bits: UInt64) { self.bits = bits }

        var device: DeviceTable.Index { DeviceTable.Index(truncatingIfNeeded: bits >> 40) }
        var operation: RingProtocol.Operation? {
            RingProtocol.Operation(rawValue: UInt8(truncatingIfNeeded: bits >> 32))
        }
        var code: SubOpcode { SubOpcode(UInt32(truncatingIfNeeded: bits)) }
    }

    private var last: UInt64 = 0
    private var count: UInt64 = 0
    private var others: [UInt64: UInt64] = [:]

    /// Kinds of entries that are told apart; all beyond are counted by the last one's device, as sub-opcode 0 of `nop`.
    static let kinds = 1_024

    @inline(__always)
    mutating func add(_ key: Key, _ times: UInt64 = 1) {
        if key.bits == last {
            count += times
        } else {
            turn(to: key, times)
        }
    }

    private mutating func turn(to key: Key, _ times: UInt64) {
        if count > 0 { others[last, default: 0] += count }
        let isKnown = others.count < Self.kinds || others[key.bits] != nil
        last = isKnown ? key.bits : Key(key.device, .nop, SubOpcode(0)).bits
        count = times
    }

    var isEmpty: Bool { count == 0 && others.isEmpty }

    /// What was counted, in a fixed order; nothing is from then on.
    mutating func take() -> [(key: Key, count: UInt64)] {
        if count > 0 { others[last, default: 0] += count }
        defer {
            (last, count) = (0, 0)
            others.removeAll(keepingCapacity: true)
        }
        return others.sorted { $0.key < $1.key }.map { (Key(bits: $0.key), $0.value) }
    }
}
