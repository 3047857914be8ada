import CSandbox

/// Instructions of the kernel's classic packet filter (linux/filter.h, seccomp(2)). Every piece ends the filter on each
/// of its ways, so that pieces are put behind one another.
struct FilterCode {
    var instructions: [sock_filter] = []

    /// What the filter looks at: `struct seccomp_data` of linux/seccomp.h, little-endian.
    enum Word {
        static let call: UInt32 = 0
        static let architecture: UInt32 = 4
        static func argument(_ index: UInt32) -> UInt32 { 16 + 8 * index }
        static func upperHalf(ofArgument index: UInt32) -> UInt32 { 20 + 8 * index }
    }

    enum End {
        case allow
        case fail(Int32)
        case kill

        var value: UInt32 {
            switch self {
            case .allow: 0x7fff_0000
            case .fail(let number): 0x0005_0000 | UInt32(number)
            case .kill: 0x8000_0000
            }
        }
    }

    private mutating func add(_ code: Int32, _ operand: UInt32, then yes: UInt8 = 0, otherwise no: UInt8 = 0)
    {
        instructions.append(sock_filter(code: UInt16(code), jt: yes, jf: no, k: operand))
    }

    mutating func load(_ word: UInt32) { add(BPF_LD | BPF_W | BPF_ABS, word) }
    mutating func and(_ mask: UInt32) { add(BPF_ALU | BPF_AND | BPF_K, mask) }
    mutating func end(_ end: End) { add(BPF_RET | BPF_K, end.value) }

    /// Ends when the word loaded last is `value`, and goes on when not.
    mutating func end(_ end: End, if value: UInt32) {
        add(BPF_JMP | BPF_JEQ | BPF_K, value, then: 0, otherwise: 1)
        self.end(end)
    }

    /// Goes through `piece` when the word loaded last is `value`, past it when not.
    mutating func through(_ piece: FilterCode, if value: UInt32) {
        add(BPF_JMP | BPF_JEQ | BPF_K, value, then: 1, otherwise: 0)
        pass(piece)
    }

    /// Goes through `piece` when the word loaded last is at least `value`, past it when not.
    mutating func through(_ piece: FilterCode, ifAtLeast value: UInt32) {
        add(BPF_JMP | BPF_JGE | BPF_K, value, then: 1, otherwise: 0)
        pass(piece)
    }

    /// An instruction that jumps over the piece, for jumps farther than 255, and the piece.
    private mutating func pass(_ piece: FilterCode) {
        add(BPF_JMP | BPF_JA, UInt32(piece.instructions.count))
        instructions += piece.instructions
    }

    static func + (first: FilterCode, second: FilterCode) -> FilterCode {
        FilterCode(instructions: first.instructions + second.instructions)
    }

    /// Allows the word loaded last when it is one of `values`, which are sorted.
    static func oneOf(_ values: ArraySlice<UInt32>, otherwise: End) -> FilterCode {
        var code = FilterCode()
        if values.count > 8 {
            let middle = values.startIndex + values.count / 2
            code.through(oneOf(values[middle...], otherwise: otherwise), ifAtLeast: values[middle])
            code.instructions += oneOf(values[..<middle], otherwise: otherwise).instructions
        } else {
            for value in values { code.end(.allow, if: value) }
            code.end(otherwise)
        }
        return code
    }
}
