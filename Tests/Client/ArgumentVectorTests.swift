import Foundation
import RingClient
import RingProtocol
import Testing

/// One of docs/vectors/arguments.json.
struct ArgumentVector: Decodable, CustomStringConvertible, Sendable {
    let name: String
    let command: CommandDescription
    let sub_opcode: UInt32
    let values: [String: String]
    let argument: String
    let reply: String
    let fields: [String: String]

    var description: String { name }

    /// Empty when the file is unreadable, which the test of the number of vectors notices.
    static let all: [ArgumentVector] = {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let file = root.appending(path: "docs/vectors/arguments.json")
        guard let data = try? Data(contentsOf: file) else { return [] }
        return (try? JSONDecoder().decode([ArgumentVector].self, from: data)) ?? []
    }()
}

@Suite("Arguments of docs/vectors")
struct ArgumentVectorTests {
    @Test func `there are vectors of every form of argument`() {
        let all = ArgumentVector.all
        #expect(Set(all.map(\.name)).count == all.count)
        #expect(
            Set(all.map(\.command.name)) == [
                "I2C_RDWR", "SPI_IOC_MESSAGE", "EVIOCGNAME", "EVIOCGABS", "GPIO_V2_GET_LINE_IOCTL", "READ_10",
            ])
    }

    @Test(arguments: ArgumentVector.all)
    func `the client packs these bytes and reads these values`(vector: ArgumentVector) throws {
        let codec = try ArgumentCodec(vector.command)
        let sent = try codec.encode(vector.values)
        #expect(sent.code.code == vector.sub_opcode)
        #expect(Hex.text(sent.argument) == vector.argument)
        let reply = try #require(Hex.bytes(vector.reply))
        #expect(sent.replySize == reply.count)
        let decoded = try codec.decode(reply, of: sent)
        #expect(Dictionary(uniqueKeysWithValues: decoded.map { ($0.name, "\($0.value)") }) == vector.fields)
    }
}
