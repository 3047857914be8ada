import RingProtocol

/// A block of an argument whose layout was proven.
struct BlockShape: Sendable {
    enum Place: Sendable {
        /// The argument's own struct.
        case root
        case inline
        case pointer(isNullable: Bool)
    }

    /// How many elements, or bytes, there are. Fields are those of the holder.
    enum Amount: Sendable {
        case constant(Int)
        case field(FieldShape)
        case codeSize(unit: Int)
    }

    enum Direction: Sendable {
        case input
        case output
        case both

        init?(_ word: String) {
            switch word {
            case "in": self = .input
            case "out": self = .output
            case "both": self = .both
            default: return nil
            }
        }

        var isFromClient: Bool { self != .output }
        var isToClient: Bool { self != .input }
    }

    enum Route: Sendable {
        case fixed(Direction)
        case selected(FieldShape, BlockDescription.DirectionSelector)
    }

    /// Dotted, from the root.
    let path: String
    /// The last part of the path.
    let name: String
    /// Index of the block that holds it; its own for the root.
    let parent: Int
    let place: Place
    /// In the holder's element.
    let offset: Int
    let route: Route
    /// nil when the block is one element whose bytes are counted.
    let elementSize: Int?
    let amount: Amount
    /// Most elements or bytes.
    let maximum: Int
    let fields: [FieldShape]
    /// Indices of the blocks that its elements hold, by position.
    var children: [Int] = []

    /// Whether an index follows its name in a path. A struct that is there once needs none.
    var isList: Bool {
        if case .constant(1) = amount { return false }
        return elementSize != nil
    }

    /// Whether its elements are values without a name.
    var isValues: Bool { fields.count == 1 && fields[0].name.isEmpty }

    /// Bytes of one element, at most.
    var room: Int { elementSize ?? maximum }

    func field(_ name: String) -> FieldShape? { fields.first { $0.name == name } }
}

extension BlockShape {
    /// The argument's own struct of `size` bytes at most.
    init(root size: Int, sizedByCode: Bool, _ direction: Direction, _ fields: [FieldShape]) {
        path = ""
        name = ""
        parent = 0
        place = .root
        offset = 0
        route = .fixed(direction)
        elementSize = sizedByCode ? nil : size
        amount = sizedByCode ? .codeSize(unit: 1) : .constant(1)
        maximum = sizedByCode ? size : 1
        self.fields = fields
    }

    /// nil when the description contradicts itself, its holder or the bounds of the protocol.
    init?(_ description: BlockDescription, in holder: BlockShape) {
        let sizes = 1...Limits.payload
        guard sizes.contains(description.maximum), sizes.contains(description.elementSize ?? 1),
            (description.elementSize ?? 1) * description.maximum <= Limits.payload,
            let name = Self.name(description.path, in: holder.path),
            let amount = Self.amount(description, in: holder),
            let route = Self.route(description, in: holder),
            let place = Self.place(description),
            case .fixed(let holderDirection) = holder.route, holderDirection.isFromClient
        else { return nil }
        let fields = description.fields.compactMap {
            FieldShape($0, room: description.elementSize ?? description.maximum)
        }
        guard fields.count == description.fields.count else { return nil }
        path = description.path
        self.name = name
        parent = description.parent
        self.place = place
        offset = description.offset
        self.route = route
        elementSize = description.elementSize
        self.amount = amount
        maximum = description.maximum
        self.fields = fields
        guard fits(holder) else { return nil }
    }

    /// Whether it lies inside the holder's element. An array that is as long as the code says ends with it.
    private func fits(_ holder: BlockShape) -> Bool {
        let taken: Int
        switch (place, amount) {
        case (.pointer, _): taken = 8
        case (_, .codeSize): return (0...holder.room).contains(offset)
        default: taken = (elementSize ?? 1) * maximum
        }
        guard let room = holder.elementSize, (0...room).contains(offset) else { return false }
        return taken <= room - offset
    }

    private static func name(_ path: String, in holder: String) -> String? {
        guard !holder.isEmpty else { return path.isEmpty ? nil : path }
        guard path.hasPrefix(holder + "."), path.utf8.count > holder.utf8.count + 1 else { return nil }
        return String(path.dropFirst(holder.count + 1))
    }

    private static func place(_ description: BlockDescription) -> Place? {
        switch description.place {
        case "inline": .inline
        case "pointer": .pointer(isNullable: description.nullable)
        default: nil
        }
    }

    private static func amount(_ description: BlockDescription, in holder: BlockShape) -> Amount? {
        switch (description.count, description.countField, description.countCodeUnit) {
        case (let count?, nil, nil): (1...description.maximum).contains(count) ? .constant(count) : nil
        case (nil, let name?, nil): holder.field(name).flatMap { $0.isNumber ? .field($0) : nil }
        case (nil, nil, let unit?): (1...0x3fff).contains(unit) ? .codeSize(unit: unit) : nil
        default: nil
        }
    }

    private static func route(_ description: BlockDescription, in holder: BlockShape) -> Route? {
        switch (description.direction, description.selects) {
        case (let word?, nil): Direction(word).map { .fixed($0) }
        case (nil, let selects?):
            holder.field(selects.field).flatMap { $0.isNumber ? .selected($0, selects) : nil }
        default: nil
        }
    }
}
