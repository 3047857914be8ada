import RingProtocol

/// Which way the bytes behind a pointer travel, seen from the client.
public enum Direction: UInt8, Sendable, CaseIterable {
    case input
    case output
    case both

    var isFromClient: Bool { self != .output }
    var isToClient: Bool { self != .input }
}

/// How many elements, or bytes, a block has.
public enum Amount: Sendable, Hashable {
    case constant(Int)
    /// The value of a field in the element that holds the block.
    case field(Field)
    /// The size encoded in the command's code (`_IOC_SIZE`, asm-generic/ioctl.h), in units of so many bytes.
    case codeSize(unit: Int)
}

/// Which way a block travels.
public enum DirectionRule: Sendable, Hashable {
    case fixed(Direction)
    /// `field & mask` decides, in the element that holds the pointer. A value that is none of the three is
    /// refused; with `none` there is no block.
    case selected(by: Field, mask: UInt64, input: UInt64?, output: UInt64?, none: UInt64?)
}

/// A run of bytes that is one thing: a command's argument, an array inside it, or what a pointer in it refers to.
///
/// Blocks of a command form a tree, kept as a list in depth-first order: parents before children.
public struct Block: Sendable {
    public enum Place: Sendable, Hashable {
        /// The command's argument itself.
        case root
        /// Part of each element of the parent, from this position on.
        case inline(at: Int)
        /// Elsewhere; the parent's elements hold its address at this position.
        case pointer(at: Int, isNullable: Bool)
    }

    /// Dotted, from the root: `msgs.buf`; empty for the root.
    public let path: String
    /// Index of the block whose elements hold this one; the root's own is 0.
    public let parent: Int
    public let place: Place
    public let direction: DirectionRule
    /// Bytes of one element; nil when the block is one element whose bytes `amount` counts.
    public let elementSize: Int?
    public let amount: Amount
    /// Most elements, or bytes.
    public let maximum: Int
    /// Of one element. The field of an array of numbers has an empty name.
    public let fields: [Field]
    public let extents: [Extent]

    public init(
        path: String = "", parent: Int = 0, place: Place = .root, direction: DirectionRule = .fixed(.input),
        elementSize: Int?, amount: Amount = .constant(1), maximum: Int = 1, fields: [Field] = [],
        extents: [Extent] = []
    ) {
        self.path = path
        self.parent = parent
        self.place = place
        self.direction = direction
        self.elementSize = elementSize
        self.amount = amount
        self.maximum = maximum
        self.fields = fields
        self.extents = extents
    }

    /// Most bytes the block can have.
    public var maximumSize: Int { (elementSize ?? 1) * maximum }

    /// The full name of one of its fields or extents.
    public func path(of name: String) -> String {
        path.isEmpty || name.isEmpty ? path + name : "\(path).\(name)"
    }

    /// Where in each element of the parent it is found, and how many bytes it takes there.
    var placeInParent: Range<Int>? {
        switch place {
        case .root: nil
        case .inline(let at): at..<at + max(0, maximumSize)
        case .pointer(let at, _): at..<at + 8
        }
    }
}
