import Foundation
import RingAdministration
import RingPolicy
import RingProtocol
import TestSupport

/// An administrator with a directory of its own, and whoever asks it.
final class Office {
    static let admin = "ringgate://farm.example/admin/ann"
    static let agent = "ringgate://farm.example/agent/one"

    let directory: TemporaryDirectory
    let administrator: Administrator
    /// In force, as the gateway's loop would have it.
    private(set) var policy: PolicySnapshot
    var requests = RequestLog()
    var identity = Office.admin
    private(set) var time: UInt64 = 1_800_000_000

    var policyPath: String { directory.path + "/policy.yaml" }
    var state: String { directory.path + "/state" }

    init(_ text: String = Office.policy(), keepsState: Bool = true) throws {
        directory = try TemporaryDirectory()
        try FileManager.default.createDirectory(
            atPath: directory.path + "/profiles", withIntermediateDirectories: false)
        for (name, text) in Self.profiles {
            try text.write(
                toFile: "\(directory.path)/profiles/\(name).yaml", atomically: true, encoding: .utf8)
        }
        try text.write(toFile: directory.path + "/policy.yaml", atomically: true, encoding: .utf8)
        let files = Administrator.Files(
            policy: directory.path + "/policy.yaml", profiles: directory.path + "/profiles",
            state: keepsState ? directory.path + "/state" : nil)
        administrator = Administrator(files, hash: Self.hash)
        policy = try administrator.start(at: time)
    }

    /// A gateway that starts again with the same files.
    func restarted() throws -> (administrator: Administrator, policy: PolicySnapshot) {
        let again = Administrator(administrator.files, hash: Self.hash)
        return (again, try again.start(at: time + 100))
    }

    /// Asks, and puts a new policy in force as the loop does. Throws the refusal if there is one.
    @discardableResult
    func ask(_ command: GatewayCommand, _ request: [String: Any] = [:]) throws -> [String: Any] {
        try ask(command, json: try JSONSerialization.data(withJSONObject: request))
    }

    @discardableResult
    func ask(_ command: GatewayCommand, json: Data) throws -> [String: Any] {
        time += 1
        let answer = administrator.answer(command, Array(json), context)
        if let refusal = answer.refusal { throw refusal }
        if let new = answer.newPolicy { policy = new }
        return try JSONSerialization.jsonObject(with: Data(answer.document)) as? [String: Any] ?? [:]
    }

    func reload() -> String {
        time += 1
        let outcome = administrator.reload(context)
        let (new, text) = (outcome.newPolicy, outcome.text)
        if let new { policy = new }
        return text
    }

    var context: AdministrationContext {
        AdministrationContext(policy: policy, identity: identity, requests: requests, time: time)
    }

    var revision: String { policy.revision.map { String(format: "%02x", $0) }.joined() }

    /// What policy file there is now.
    func file() throws -> String { try String(contentsOfFile: policyPath, encoding: .utf8) }

    /// Any function that tells texts apart will do.
    private static let hash: @Sendable ([UInt8]) -> [UInt8] = { bytes in
        (0..<4).flatMap { seed in
            let hash = bytes.reduce(0xcbf2_9ce4_8422_2325 &+ UInt64(seed)) {
                ($0 ^ UInt64($1)) &* 0x100_0000_01b3
            }
            return withUnsafeBytes(of: hash) { Array($0) }
        }
    }
}

// MARK: Files

extension Office {
    /// A policy under which an admin administers and agents set window sizes; `rules` are added.
    static func policy(rows: Int = 200, rules: String = "") -> String {
        """
        version: 1
        principals:
          admin: {uri: "ringgate://farm.example/admin/*"}
          agent: {uri: "ringgate://farm.example/agent/*"}
          anybody: {uri: "ringgate://farm.example/**"}
        devices:
          board: {path: /dev/board, profile: board, open: read-write}
          watched: {path: /dev/watched, profile: board, open: read-write, observe: {until: "2099-01-01T00:00:00Z"}}
        rules:
          - id: admins
            principals: [admin]
            devices: ["@gateway"]
            commands: [policy.show, policy.plan, policy.apply, policy.rollback, policy.history, policy.explain]
          - id: use-board
            principals: [agent]
            devices: [board]
            commands:
              - {use: SET_SIZE, where: {row: {range: [1, \(rows)]}}}
              - GET_LINE
        \(rules)
        """
    }

    static let profiles = [
        "board": """
        name: board
        summary: A device to administer.
        commands:
          - name: SET_SIZE
            code: 0x40084201
            engine: call
            effect: write
            argument:
              as: pointer
              direction: in
              size: 8
              fields:
                - {name: row, type: u16, at: 0}
                - {name: column, type: u16, at: 2}
                - {name: gain, type: s32, at: 4}
            summary: Sets the size.
          - name: GET_STATE
            code: 0x80044202
            engine: call
            effect: read
            argument: {as: pointer, direction: out, size: 4, fields: [{name: state, type: u32, at: 0}]}
            summary: The state.
          - name: ERASE
            code: 0x4203
            engine: call
            effect: destructive
            summary: Erases.
          - name: GET_LINE
            code: 0x4204
            engine: call
            effect: read
            result: {gives: line}
            summary: Gives a line.
          - name: SEND
            code: 0xc0104205
            engine: call
            effect: write
            argument:
              as: pointer
              direction: in
              size: 16
              fields:
                - {name: count, type: u32, at: 0}
                - name: items
                  type: pointer
                  at: 8
                  to:
                    direction: in
                    size: 4
                    count: count
                    max: 8
                    fields: [{name: port, type: u16, at: 0}, {name: level, type: u16, at: 2}]
            summary: Sends items.

        """,
        "line": """
        name: line
        summary: A line of a board.
        commands:
          - name: SET_LINE
            code: 0x40044301
            engine: call
            effect: write
            argument: {as: pointer, direction: in, size: 4, fields: [{name: value, type: u32, at: 0}]}
            summary: Sets the line.

        """,
    ]
}

// MARK: Requests

extension Office {
    /// Lets somebody ask for something as the loop would: what is denied or observed is logged.
    @discardableResult
    func request(
        _ operation: RingProtocol.Operation, on device: String, code: UInt32 = 0, _ argument: [UInt8] = [],
        offset: UInt64 = 0, as identity: String = Office.agent
    ) throws -> Explanation {
        let peer = try policy.recognize(
            PeerIdentity(uris: [identity], keyHash: [], commonName: nil, issuer: ""))
        let id = RequestID(UInt64(requests.requests.count + 1))
        let explanation = argument.withUnsafeBytes { bytes in
            policy.explain(
                Entry(
                    operation, requestID: id, subOpcode: SubOpcode(code), offset: offset,
                    argument: WireBytes(bytes)),
                on: device, for: peer, at: time)
        }
        guard explanation.verdict != .allowed else { return explanation }
        requests.add(
            LoggedRequest(
                time: time, session: 7, requestID: id, identity: identity, principals: peer, device: device,
                operation: operation, code: SubOpcode(code), offset: offset, argument: argument,
                refusal: explanation.reason.map { Refusal($0, rule: explanation.rule, explanation.text) }))
        return explanation
    }

    static let setSize: UInt32 = 0x4008_4201
    static let getState: UInt32 = 0x8004_4202
    static let erase: UInt32 = 0x4203
    static let getLine: UInt32 = 0x4204
    static let send: UInt32 = 0xc010_4205
    static let setLine: UInt32 = 0x4004_4301

    static func size(_ row: UInt16, _ column: UInt16 = 80, gain: Int32 = 0) -> [UInt8] {
        bytes(row) + bytes(column) + bytes(gain)
    }

    static func items(_ items: [(port: UInt16, level: UInt16)]) -> [UInt8] {
        bytes(UInt32(items.count)) + bytes(UInt32(0)) + bytes(UInt64(1))
            + items.flatMap { bytes($0.port) + bytes($0.level) }
    }

    static func bytes(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }
}
