import Foundation
import RingClient
import RingPolicy
import RingProtocol

/// The answer of a command on `@gateway`.
struct AdministrationReply {
    private let bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    func decoded<T: Decodable>(_ type: T.Type = T.self) throws -> T {
        do { return try JSONDecoder().decode(type, from: Data(bytes)) } catch {
            throw RingError.protocolViolation(
                WireError(.malformed, rule: 0, "the answer is not the JSON of docs/administration.md"))
        }
    }

    /// The gateway's own JSON on one line, with `"version": 1`.
    func printJSON() throws {
        guard var object = try? JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any] else {
            throw RingError.protocolViolation(
                WireError(.malformed, rule: 0, "the answer is not the JSON of docs/administration.md"))
        }
        object["version"] = 1
        let line = try JSONSerialization.data(
            withJSONObject: object, options: [.sortedKeys, .withoutEscapingSlashes])
        try Output.bytes(Array(line) + [UInt8(ascii: "\n")])
    }
}

/// Who asked may not do it; says what would have to be allowed.
struct NotAdministrator: Error, CustomStringConvertible {
    let description: String

    init(_ command: GatewayCommand, _ refusal: Refusal) {
        let rule = refusal.rule.isEmpty ? "" : " (rule \(refusal.rule))"
        description =
            "\(command.name) is denied\(rule): \(refusal.text); a rule on `\(GatewayProfile.deviceName)` has to allow "
            + "it: on the gateway's host, add it to the policy file and send SIGHUP"
    }
}

extension RingConnection {
    /// Sends a command to the gateway itself.
    func administer(
        _ command: GatewayCommand, _ request: some Encodable
    ) async throws -> AdministrationReply {
        let document = Array(try JSONEncoder().encode(request))
        guard document.count <= Limits.payload else {
            throw UsageFailure(
                description: "the request has \(document.count) bytes; at most \(Limits.payload) can be sent")
        }
        do {
            let gateway = try await open(GatewayProfile.deviceName)
            let reply = try await gateway.command(
                SubOpcode(command.rawValue), argument: document, replyLimit: Limits.payload)
            return AdministrationReply(reply.payload)
        } catch RingError.denied(let refusal) {
            throw NotAdministrator(command, refusal)
        }
    }
}

/// An answer that has a list, or as much of it as fits.
protocol ListPage: Decodable {
    associatedtype Item
    var items: [Item] { get }
    /// Whether there are others behind the last.
    var more: Bool? { get }
}

extension RingConnection {
    /// The whole list, page by page. `request` asks for what is behind an item, or for the first ones.
    func all<Page: ListPage>(
        _ command: GatewayCommand, _: Page.Type, behind request: (Page.Item?) -> some Encodable
    ) async throws -> [Page.Item] {
        var items: [Page.Item] = []
        while true {
            let page = try await administer(command, request(items.last)).decoded(Page.self)
            items += page.items
            guard page.more == true, !page.items.isEmpty else { return items }
        }
    }
}

/// `{}`.
struct NoRequest: Encodable {}

extension ConnectionOptions {
    /// Asks the gateway one thing over a connection of its own.
    func ask(_ command: GatewayCommand, _ request: some Encodable = NoRequest()) async throws
        -> AdministrationReply
    {
        var reply = AdministrationReply([])
        try await withConnection { reply = try await $0.administer(command, request) }
        return reply
    }
}

/// A point in time for people.
enum Clock {
    static func text(_ seconds: UInt64) -> String {
        Date(timeIntervalSince1970: TimeInterval(seconds)).ISO8601Format()
    }
}
