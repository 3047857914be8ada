import RingProtocol

/// All that `describe` says about the bytes of one command, proven: nothing behind it needs to doubt a position.
///
/// The description comes from the gateway. One that contradicts itself is an error and never a crash, and what it
/// makes the client allocate is bounded by the limits of the protocol.
struct ArgumentShape: Sendable {
    /// The values of a field that make a code mean this command.
    struct Selector: Sendable {
        let block: Int
        let field: FieldShape
        let value: Int128
    }

    let command: String
    let code: SubOpcode
    let family: CodeChoice
    /// Root first, holders before what they hold; empty when there is no argument and no reply.
    let blocks: [BlockShape]
    let selectors: [Selector]
    /// Whether a selector lies in the block or in one that it holds.
    let isSelecting: [Bool]

    /// Blocks of one description, and selectors.
    static let maximumBlocks = 32

    init(_ command: CommandDescription) throws(FieldError) {
        self.command = command.name
        code = SubOpcode(command.code)
        guard let family = CodeChoice(command) else { throw .badLayout(field: command.name) }
        self.family = family
        blocks = try Self.blocks(command, isSizedByCode: family.sizes != nil)
        var selectors: [Selector] = []
        guard command.selectors?.count ?? 0 <= Self.maximumBlocks else {
            throw .badLayout(field: command.name)
        }
        for selector in command.selectors ?? [] {
            guard let found = Self.find(selector.field, in: blocks),
                found.field.range.contains(Int128(selector.value))
            else { throw .badLayout(field: selector.field) }
            selectors.append(.init(block: found.block, field: found.field, value: Int128(selector.value)))
        }
        self.selectors = selectors
        var isSelecting = blocks.map { _ in false }
        for selector in selectors {
            var block = selector.block
            while block > 0, !isSelecting[block] {
                isSelecting[block] = true
                block = blocks[block].parent
            }
        }
        self.isSelecting = isSelecting
    }

    private static func blocks(
        _ command: CommandDescription, isSizedByCode: Bool
    ) throws(FieldError) -> [BlockShape] {
        let (argument, reply) = (command.argumentSize, command.replySize)
        let size = max(argument, reply)
        guard (0...Limits.payload).contains(argument), (0...Limits.payload).contains(reply),
            argument == reply || min(argument, reply) == 0
        else { throw .badLayout(field: command.name) }
        let described = command.blocks ?? []
        guard size > 0 else {
            guard command.fields.isEmpty, described.isEmpty else { throw .badLayout(field: command.name) }
            return []
        }
        guard described.count < maximumBlocks else { throw .badLayout(field: command.name) }
        let direction: BlockShape.Direction = argument == 0 ? .output : reply == 0 ? .input : .both
        var fields: [FieldShape] = []
        for description in command.fields {
            guard let field = FieldShape(description, room: size) else {
                throw .badLayout(field: description.name)
            }
            fields.append(field)
        }
        var blocks = [BlockShape(root: size, sizedByCode: isSizedByCode, direction, fields)]
        for description in described {
            guard blocks.indices.contains(description.parent),
                let block = BlockShape(description, in: blocks[description.parent])
            else { throw .badLayout(field: description.path) }
            blocks[block.parent].children.append(blocks.count)
            blocks.append(block)
        }
        for index in blocks.indices {
            let children = blocks[index].children
            blocks[index].children = children.sorted { (blocks[$0].offset, $0) < (blocks[$1].offset, $1) }
        }
        return blocks
    }

    private static func find(_ path: String, in blocks: [BlockShape]) -> (block: Int, field: FieldShape)? {
        for (index, block) in blocks.enumerated() {
            for field in block.fields where field.isNumber {
                if fieldPath(block.path, field.name) == path { return (index, field) }
            }
        }
        return nil
    }
}

extension ArgumentShape {
    /// What the command's own struct may be given: fields, and what lies in or behind it.
    var argumentPaths: [String] {
        guard let root = blocks.first, case .fixed(let direction) = root.route, direction.isFromClient else {
            return family.names(besides: blocks.first)
        }
        return family.names(besides: root) + known(in: 0)
    }

    /// Names that may stand behind a path of the block.
    func known(in block: Int) -> [String] {
        blocks[block].fields.filter { $0.gives == nil && !$0.name.isEmpty }.map(\.name)
            + blocks[block].children.map { blocks[$0].name }
    }
}
