import Foundation

/// What lab.json says: where the devices are.
struct LabDescription: Encodable, CustomStringConvertible {
    var board: String
    var loop: String?
    /// Why there is no loop device.
    var loopSkipped: String?

    private enum Key: CodingKey {
        case board, loop, loopSkipped
    }

    /// `loop` is written even when it is null, so that a script sees the difference between none and not asked.
    func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: Key.self)
        try values.encode(board, forKey: .board)
        try values.encode(loop, forKey: .loop)
        try values.encodeIfPresent(loopSkipped, forKey: .loopSkipped)
    }

    func json() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(self) + Data("\n".utf8)
    }

    var description: String {
        "board \(board), loop \(loop ?? "skipped (\(loopSkipped ?? "no reason known"))")"
    }
}
