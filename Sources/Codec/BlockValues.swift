import RingProtocol

// What the values of a holder say about a block. `base` is where the holder's element begins.

extension BlockShape.Amount {
    /// Elements or bytes; below 0 or above the block's maximum when the values say so.
    func value(_ bytes: [UInt8], at base: Int, _ code: SubOpcode) -> Int128 {
        switch self {
        case .constant(let count): Int128(count)
        case .field(let field): field.load(bytes, at: base)
        case .codeSize(let unit): Int128(code.sizeBits / unit)
        }
    }

    /// How to make a block be there that must.
    func hint(_ direction: BlockShape.Direction) -> String {
        switch (self, direction) {
        case (.field(let field), .output): "\(field.name) says how much is wanted"
        case (.field(let field), _): "give it, or \(field.name)"
        default: "give it"
        }
    }
}

extension BlockShape.Route {
    /// The field that tells; nil when the way is fixed.
    var selector: String? {
        if case .selected(let field, _) = self { field.name } else { nil }
    }

    /// What the values of one element say.
    enum Way {
        case goes(BlockShape.Direction)
        case nowhere
        /// The field has a value that means nothing.
        case unsaid
    }

    func way(_ bytes: [UInt8], at base: Int) -> Way {
        switch self {
        case .fixed(let direction): return .goes(direction)
        case .selected(let field, let selects):
            let value = UInt64(truncatingIfNeeded: field.load(bytes, at: base)) & selects.mask
            if value == selects.input { return .goes(.input) }
            if value == selects.output { return .goes(.output) }
            return value == selects.none ? .nowhere : .unsaid
        }
    }
}

/// The path of what is called `name` inside `holder`.
func fieldPath(_ holder: String, _ name: String) -> String {
    holder.isEmpty || name.isEmpty ? holder + name : "\(holder).\(name)"
}
