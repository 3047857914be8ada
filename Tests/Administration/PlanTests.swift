import Foundation
import RingPolicy
import RingProtocol
import Testing

/// A plan tells what changes for whom, whatever the text looks like.
struct PlanTests {
    private func changes(_ text: String, from office: Office) throws -> [[String: Any]] {
        try #require(try office.ask(.policyPlan, ["text": text])["changes"] as? [[String: Any]])
    }

    @Test func movingARuleAndRenamingItChangesNothing() throws {
        let office = try Office()
        let moved = Office.policy().replacingOccurrences(of: "id: use-board", with: "id: other-name")
            .replacingOccurrences(
                of: "    principals: [agent]\n", with: "    principals: [\"agent\"] # same\n")
        #expect(try changes(moved, from: office).isEmpty)
    }

    @Test func aWiderConditionIsToldInWords() throws {
        let office = try Office()
        let changes = try changes(Office.policy(rows: 300), from: office)
        let change = try #require(changes.first)
        #expect(changes.count == 1)
        #expect(change["principal"] as? String == "agent" && change["device"] as? String == "board")
        #expect(change["what"] as? String == "command" && change["command"] as? String == "SET_SIZE")
        #expect(change["change"] as? String == "changed")
        #expect(change["before"] as? [String] == ["row in 1..200"])
        #expect(change["after"] as? [String] == ["row in 1..300"])
    }

    @Test func aWiderPatternIsAChangeOfWhoItIs() throws {
        let office = try Office()
        let wider = Office.policy().replacingOccurrences(of: "example/agent/*", with: "example/agent/**")
        let changes = try changes(wider, from: office)
        #expect(changes.count == 1 && changes[0]["what"] as? String == "identity")
        #expect(changes[0]["after"] as? [String] == ["uri ringgate://farm.example/agent/**"])
    }

    @Test func anotherNodeUnderTheSameNameIsAChange() throws {
        let office = try Office()
        let other = Office.policy().replacingOccurrences(of: "path: /dev/board", with: "path: /dev/other")
        let changes = try changes(other, from: office)
        #expect(changes.count == 1 && changes[0]["what"] as? String == "open")
    }

    @Test func rightsOnHandlesAreRightsToo() throws {
        let office = try Office()
        let more = Office.policy().replacingOccurrences(
            of: "      - GET_LINE\n", with: "      - GET_LINE\n    handles: {line: {commands: [SET_LINE]}}\n")
        let changes = try changes(more, from: office)
        #expect(changes.map { $0["device"] as? String } == ["board/line"])
        #expect(changes[0]["change"] as? String == "added" && changes[0]["before"] == nil)
    }

    @Test func otherStepsUnderTheSameNameAreAnotherRight() throws {
        func policy(_ step: String) -> String {
            Office.policy(rules: "  - {id: presses, principals: [anybody], procedures: [press]}\n")
                .replacingOccurrences(
                    of: "rules:\n",
                    with:
                        "procedures:\n  press: {device: board, summary: Presses., steps: [{on: board, \(step)}]}\nrules:\n"
                )
        }
        let office = try Office(policy("use: SET_SIZE, with: {row: 5}"))
        let changes = try changes(policy("use: ERASE"), from: office)
        #expect(changes.count == 1 && changes[0]["command"] as? String == "press")
        #expect((changes[0]["after"] as? [String])?.last == "steps: ERASE on board")
    }

    @Test func aRemovedPrincipalLosesEverything() throws {
        let office = try Office()
        let without = """
            version: 1
            principals: {admin: {uri: "ringgate://farm.example/admin/*"}}
            devices: {board: {path: /dev/board, profile: board, open: read-write}}
            rules:
              - {id: admins, principals: [admin], devices: ["@gateway"], commands: [policy.apply]}

            """
        let changes = try changes(without, from: office)
        let agent = changes.filter { $0["principal"] as? String == "agent" }
        #expect(!agent.isEmpty && agent.allSatisfy { $0["change"] as? String == "removed" })
        #expect(agent.contains { $0["command"] as? String == "GET_LINE" })
    }

    @Test func effectiveRightsAreWhatDescribeWouldTell() throws {
        let office = try Office()
        let byURI = try office.ask(.policyEffective, ["as": ["uri": Office.agent]])
        #expect(byURI["principals"] as? [String] == ["agent", "anybody"])
        let devices = try #require(byURI["devices"] as? [[String: Any]])
        #expect(devices.map { $0["device"] as? String } == ["board", "watched"])
        let commands = try #require(devices[0]["commands"] as? [[String: Any]])
        #expect(commands.map { $0["name"] as? String } == ["SET_SIZE", "GET_LINE"])
        let byName = try office.ask(.policyEffective, ["as": ["principals": ["admin"]]])
        #expect(
            (byName["devices"] as? [[String: Any]])?.map { $0["device"] as? String }
                == ["watched", "@gateway"].sorted())
    }

    @Test(arguments: [
        #"{"as": {"uri": "ringgate://elsewhere/x"}}"#, #"{"as": {"principals": ["nobody"]}}"#, #"{"as": {}}"#,
        "{}", #"{"as": {"uri": 5}}"#, #"{"as": {"uri": "ringgate://farm.example/agent/one", "name": "x"}}"#,
        "[]", "{", #"{"as": {"principals": []}}"#,
    ])
    func nobodyKnownIsRefused(request: String) throws {
        let office = try Office()
        let refusal = #expect(throws: Refusal.self) {
            try office.ask(.policyEffective, json: Data(request.utf8))
        }
        #expect(refusal?.reason == .shape)
    }
}
