import Foundation
import RingProtocol
import Testing

@Suite("Descriptions in JSON")
struct DescriptionTests {
    @Test("The example of docs/protocol.md is what is encoded")
    func example() throws {
        let field = FieldDescription(name: "ws_row", type: "u16", offset: 0, size: 2)
        let command = CommandDescription(
            name: "TIOCSWINSZ", code: 21524, engine: "call", effect: "write", argumentSize: 8, replySize: 0,
            fields: [field], constraints: [["ws_row in 1..200"]], summary: "Sets the window size.")
        let description = DeviceDescription(
            device: "board", profile: "tty", read: .init(maxLength: 4096, window: nil),
            write: .init(maxLength: 4096, window: [0, .max]), commands: [command])
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let text = String(decoding: try encoder.encode(description), as: UTF8.self)
        #expect(
            text == """
                {"commands":[{"argumentSize":8,"code":21524,"constraints":[["ws_row in 1..200"]],"effect":"write",\
                "engine":"call","fields":[{"name":"ws_row","offset":0,"size":2,"type":"u16"}],"name":"TIOCSWINSZ",\
                "replySize":0,"summary":"Sets the window size."}],"device":"board","profile":"tty",\
                "read":{"maxLength":4096},"write":{"maxLength":4096,"window":[0,18446744073709551615]}}
                """)
        #expect(try JSONDecoder().decode(DeviceDescription.self, from: Data(text.utf8)) == description)
    }

    @Test("What a reader does not know it ignores, what is not allowed is absent")
    func tolerant() throws {
        let list = #"{"devices": [{"name": "board", "profile": "tty", "new": 1}], "more": {}}"#
        let decoded = try JSONDecoder().decode(DeviceList.self, from: Data(list.utf8))
        #expect(decoded == DeviceList(devices: [.init(name: "board", profile: "tty")]))
        let text = #"{"device": "board", "profile": "tty", "commands": []}"#
        let description = try JSONDecoder().decode(DeviceDescription.self, from: Data(text.utf8))
        #expect(description.read == nil && description.write == nil)
    }
}
