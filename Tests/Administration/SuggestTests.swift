import Foundation
import RingAdministration
import RingPolicy
import RingProtocol
import Testing

/// What is suggested allows what was asked for and nothing beside it.
struct SuggestTests {
    /// The rules that are suggested, put behind the rules of the policy and in force.
    private func adopt(_ office: Office, since: UInt64? = nil) throws -> [String: Any] {
        office.identity = Office.admin
        let answer = try office.ask(.policySuggest, since.map { ["since": $0] } ?? [:])
        let text = try #require(answer["text"] as? String)
        try #require(text.hasPrefix("rules:\n"), "\(answer)")
        let whole = try office.file() + text.dropFirst("rules:\n".count)
        let applied = try office.ask(.policyApply, ["text": whole])
        try #require(applied["applied"] as? Bool == true, "\(applied["errors"] ?? "")\n\(whole)")
        return answer
    }

    /// What is not allowed of what was asked for before.
    private func replay(_ office: Office) throws -> [Explanation] {
        try office.requests.requests.map { request in
            let peer = try office.policy.recognize(
                PeerIdentity(uris: [request.identity], keyHash: [], commonName: nil, issuer: ""))
            return request.argument.withUnsafeBytes { bytes in
                office.policy.explain(
                    Entry(
                        request.operation, requestID: request.requestID, subOpcode: request.code,
                        offset: request.offset, argument: WireBytes(bytes)),
                    on: request.device, for: peer, at: request.time)
            }
        }.filter { $0.verdict != .allowed }
    }

    @Test func aRecordedRunIsAllowedAndAnAddedCommandIsNot() throws {
        let office = try Office()
        for row: UInt16 in [300, 301] {
            try office.request(.command, on: "board", code: Office.setSize, Office.size(row, gain: -7))
        }
        for row: UInt16 in 1...20 {
            try office.request(.command, on: "watched", code: Office.setSize, Office.size(row * 10))
        }
        try office.request(.command, on: "watched", code: Office.getState)
        try office.request(
            .command, on: "board", code: Office.send,
            Office.items([(port: 1, level: 5), (port: 2, level: 5)]))
        try office.request(.read, on: "board", ReadArgument.encode(count: 100), offset: .max)
        try office.request(.write, on: "board", [1, 2, 3], offset: 512)
        let count = office.requests.requests.count
        let answer = try adopt(office)
        #expect(answer["requests"] as? Int == count && answer["leftOutCount"] as? Int == 0)
        #expect(try replay(office).isEmpty)
        // Nearest misses of everything that was allowed now.
        let misses: [(RingProtocol.Operation, String, UInt32, [UInt8], UInt64)] = [
            (.command, "board", Office.setSize, Office.size(302, gain: -7), 0),
            (.command, "board", Office.setSize, Office.size(300, gain: 7), 0),
            (.command, "board", Office.getState, [], 0),
            (.command, "watched", Office.setSize, Office.size(201), 0),
            (.command, "board", Office.send, Office.items([(port: 3, level: 5), (port: 2, level: 5)]), 0),
            (.command, "board", Office.send, Office.items([(port: 1, level: 5)]), 0),
            (.read, "board", 0, ReadArgument.encode(count: 129), .max),
            (.write, "board", 0, [1, 2, 3, 4], 512), (.write, "board", 0, [1], 511),
        ]
        for (operation, device, code, argument, offset) in misses {
            let explanation = try office.request(
                operation, on: device, code: code, argument, offset: offset)
            #expect(explanation.verdict != .allowed, "\(operation) \(device) \(code) \(argument)")
        }
        // Others have got nothing by it.
        let stranger = "ringgate://farm.example/guest"
        #expect(
            try office.request(.read, on: "board", ReadArgument.encode(count: 1), as: stranger).verdict
                == .denied)
    }

    @Test func manyValuesBecomeARangeFewAList() throws {
        let office = try Office()
        for row: UInt16 in 201...209 {
            try office.request(.command, on: "board", code: Office.setSize, Office.size(row, row % 3))
        }
        let text = try #require(try office.ask(.policySuggest)["text"] as? String)
        #expect(
            text.contains(
                "{use: SET_SIZE, where: {row: {range: [201, 209]}, column: {in: [0, 1, 2]}, gain: {equals: 0}}}"
            ),
            "\(text)")
        #expect(text.contains("principals: [agent]"), "the pattern that fewer match")
    }

    @Test func rightsOnHandlesGoWithTheCommandThatGivesThem() throws {
        let office = try Office()
        try office.request(.command, on: "board/line", code: Office.setLine, [1, 0, 0, 0])
        let answer = try adopt(office)
        let text = try #require(answer["text"] as? String)
        #expect(
            text.contains("handles:\n      line:\n        commands:\n          - {use: SET_LINE"), "\(text)")
        #expect(try replay(office).isEmpty)
        #expect(
            try office.request(.command, on: "board/line", code: Office.setLine, [2, 0, 0, 0]).verdict
                == .denied)
    }

    @Test func aRuleThatOnlyGivesTheHandleStaysAndTheRestIsAdded() throws {
        let rules = "  - {id: lines, principals: [agent], devices: [watched], commands: [GET_LINE]}\n"
        let office = try Office(Office.policy(rules: rules))
        try office.request(.command, on: "watched/line", code: Office.setLine, [1, 0, 0, 0])
        _ = try adopt(office)
        #expect(try replay(office).isEmpty)
    }

    @Test func longerReadsAreAddedBesideTheShorterOnes() throws {
        let rules = "  - {id: short, principals: [agent], devices: [board], read: {max-length: 16}}\n"
        let office = try Office(Office.policy(rules: rules))
        try office.request(.read, on: "board", ReadArgument.encode(count: 100), offset: .max)
        _ = try adopt(office)
        #expect(try replay(office).isEmpty)
    }

    @Test func whatDestroysOrIsNeverAllowedIsNotSuggested() throws {
        let office = try Office()
        try office.request(.command, on: "board", code: Office.erase)
        try office.request(.command, on: "watched", code: Office.erase)
        try office.request(.command, on: "board", code: 0x5412)
        try office.request(.command, on: "board", code: Office.setSize, [1])
        try office.request(.command, on: "@gateway", code: GatewayCommand.policyApply.rawValue)
        try office.request(.open, on: "nowhere")
        let answer = try office.ask(.policySuggest)
        #expect(answer["rules"] as? Int == 0 && answer["text"] as? String == "")
        let why = try #require(answer["leftOut"] as? [[String: Any]]).compactMap { $0["why"] as? String }
        #expect(why.count { $0.contains("destroys") } == 2, "\(why)")
    }

    @Test func whatIsAllowedByNowOrOlderIsNotSuggested() throws {
        let office = try Office()
        try office.request(.command, on: "board", code: Office.setSize, Office.size(300))
        let later = office.context.time + 1
        #expect(try office.ask(.policySuggest, ["since": later])["rules"] as? Int == 0)
        try office.ask(.policyApply, ["text": Office.policy(rows: 300)])
        #expect(try office.ask(.policySuggest)["rules"] as? Int == 0)
    }

    @Test func aCutArgumentIsLeftOutAndALongWriteIsNot() throws {
        let office = try Office()
        try office.request(.write, on: "board", [UInt8](repeating: 1, count: 5000), offset: .max)
        _ = try adopt(office)
        #expect(
            try office.request(
                .write, on: "board", [UInt8](repeating: 1, count: 8192), offset: .max
            ).verdict == .allowed)
        #expect(
            try office.request(
                .write, on: "board", [UInt8](repeating: 1, count: 8193), offset: .max
            ).verdict == .denied)
    }
}
