import Foundation
import RingAdministration
import RingPolicy
import RingProtocol
import Testing

/// An explanation names the rule, what is missing, and who has it.
struct ExplainTests {
    private func explain(
        _ office: Office, _ request: [String: Any], as identity: String = Office.agent
    ) throws -> [String: Any] {
        try office.ask(.policyExplain, request.merging(["as": ["uri": identity]]) { $1 })
    }

    private func hex(_ bytes: [UInt8]) -> String { bytes.map { String(format: "%02x", $0) }.joined() }

    @Test func whatIsAllowedNamesItsRule() throws {
        let office = try Office()
        let answer = try explain(
            office, ["device": "board", "command": "SET_SIZE", "argument": hex(Office.size(5))])
        #expect(answer["verdict"] as? String == "allowed" && answer["rule"] as? String == "use-board")
        #expect(answer["command"] as? String == "SET_SIZE")
    }

    @Test func aValueOutOfBoundsNamesTheConditionAndTheValue() throws {
        let office = try Office()
        let answer = try explain(
            office, ["device": "board", "command": "SET_SIZE", "argument": hex(Office.size(300))])
        #expect(answer["verdict"] as? String == "denied" && answer["reason"] as? String == "constraint")
        let nearest = try #require(answer["nearest"] as? [String: Any])
        #expect(nearest["rule"] as? String == "use-board")
        let failing = try #require(nearest["failing"] as? [[String: String]])
        #expect(failing == [["field": "row", "needs": "row in 1..200", "has": "300"]])
        #expect((answer["wouldNeed"] as? [String])?.first?.contains("use-board") == true)
    }

    @Test func theNearestRuleIsTheOneWithTheFewestConditionsThatFail() throws {
        let rules = """
            - {id: near, principals: [agent], devices: [board], commands: [{use: SET_SIZE, where: {row: {equals: 300}, column: {equals: 1}}}]}
            """
        let text = Office.policy(rules: "  " + rules).replacingOccurrences(
            of: "{row: {range: [1, 200]}}", with: "{row: {range: [1, 200]}, column: {equals: 2}}")
        let office = try Office(text)
        let answer = try explain(
            office, ["device": "board", "command": "SET_SIZE", "argument": hex(Office.size(300))])
        #expect((answer["nearest"] as? [String: Any])?["rule"] as? String == "near")
    }

    @Test func whatOthersHaveIsTold() throws {
        let office = try Office()
        let answer = try explain(
            office, ["device": "board", "command": "SET_SIZE", "argument": hex(Office.size(5))],
            as: "ringgate://farm.example/guest")
        #expect(answer["verdict"] as? String == "denied")
        let others = try #require(answer["others"] as? [[String: Any]])
        #expect(others.count == 1 && others[0]["rule"] as? String == "use-board")
        #expect(others[0]["principals"] as? [String] == ["agent"])
    }

    @Test func aCommandNoRuleHasAndTheWrongShapeAreToldApart() throws {
        let office = try Office()
        let none = try explain(office, ["device": "board", "command": "GET_STATE"])
        #expect(none["reason"] as? String == "noRule" && none["others"] == nil)
        #expect((none["description"] as? [String: Any])?["name"] as? String == "GET_STATE")
        let shape = try explain(office, ["device": "board", "command": "SET_SIZE", "argument": "00"])
        #expect(
            shape["reason"] as? String == "shape" && (shape["text"] as? String)?.contains("8 bytes") == true)
        let never = try explain(office, ["device": "board", "command": 0x5412])
        #expect(never["reason"] as? String == "never" && never["rule"] as? String == "never/TIOCSTI")
    }

    @Test func observationOpeningAndReadingAreExplained() throws {
        let office = try Office()
        let seen = try explain(office, ["device": "watched", "command": "GET_STATE"])
        #expect(seen["verdict"] as? String == "observed")
        let open = try explain(office, ["device": "board", "operation": "open"])
        #expect(open["verdict"] as? String == "allowed" && open["rule"] as? String == "use-board")
        let read = try explain(office, ["device": "board", "operation": "read", "count": 10])
        #expect(read["verdict"] as? String == "denied")
        let nowhere = try explain(office, ["device": "nowhere", "operation": "open"])
        #expect((nowhere["text"] as? String)?.contains("no device `nowhere`") == true)
    }

    @Test func aLoggedRequestIsExplainedUnderThePolicyOfToday() throws {
        let office = try Office()
        try office.request(.command, on: "board", code: Office.setSize, Office.size(300))
        let before = try office.ask(.policyExplain, ["session": 7, "request": 1])
        #expect(before["verdict"] as? String == "denied")
        #expect((before["recorded"] as? [String: Any])?["rule"] as? String == "use-board")
        try office.ask(.policyApply, ["text": Office.policy(rows: 300)])
        let after = try office.ask(.policyExplain, ["session": 7, "request": 1])
        #expect(after["verdict"] as? String == "allowed")
        #expect((after["recorded"] as? [String: Any])?["verdict"] as? String == "denied")
    }

    @Test(arguments: [
        #"{"session": 7}"#, #"{"session": 7, "request": 99}"#,
        #"{"device": "board", "command": "GET_STATE"}"#,
        #"{"as": {"uri": "ringgate://farm.example/agent/one"}, "device": "board", "command": "NOTHING"}"#,
        #"{"as": {"principals": ["agent"]}, "device": "board", "command": "SET_SIZE", "argument": "xyz"}"#,
        #"{"as": {"principals": ["agent"]}, "device": "board", "operation": "close"}"#,
    ])
    func aQuestionThatIsNoneIsRefused(request: String) throws {
        let office = try Office()
        let refusal = #expect(throws: Refusal.self) {
            try office.ask(.policyExplain, json: Data(request.utf8))
        }
        #expect(refusal?.reason == .shape)
    }

    @Test func handlesAreExplainedByTheirPath() throws {
        let office = try Office()
        let answer = try explain(
            office, ["device": "board/line", "command": "SET_LINE", "argument": "01000000"])
        #expect(answer["verdict"] as? String == "denied" && answer["command"] as? String == "SET_LINE")
    }
}
