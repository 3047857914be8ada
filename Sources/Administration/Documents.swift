import RingPolicy
import RingProtocol

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A request of docs/administration.md.
protocol AdministrationRequest: Decodable, Sendable {
    associatedtype CodingKeys: CodingKey & CaseIterable
}

/// A request none of whose keys is unknown: a misspelt `dryRun` must not apply for real.
struct Strict<Request: AdministrationRequest>: Decodable, Sendable {
    let request: Request

    private struct AnyKey: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    init(from decoder: any Decoder) throws {
        let known = Request.CodingKeys.allCases.map(\.stringValue)
        for key in try decoder.container(keyedBy: AnyKey.self).allKeys where !known.contains(key.stringValue)
        {
            let list = known.isEmpty ? "there is none" : "known: \(known.sorted().joined(separator: ", "))"
            throw DecodingError.dataCorrupted(
                .init(codingPath: [], debugDescription: "no key `\(key.stringValue)`; \(list)"))
        }
        request = try Request(from: decoder)
    }
}

extension AdministrationRequest {
    /// Reads a document; none at all is `{}`.
    static func decode(_ document: [UInt8]) throws(Refusal) -> Self {
        do {
            let data = document.isEmpty ? Data("{}".utf8) : Data(document)
            return try JSONDecoder().decode(Strict<Self>.self, from: data).request
        } catch DecodingError.keyNotFound(let key, _) {
            throw Refusal(.shape, "the request has no `\(key.stringValue)`")
        } catch DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context) {
            let path = context.codingPath.map(\.stringValue).joined(separator: ".")
            throw Refusal(.shape, "`\(path)` of the request has the wrong type")
        } catch DecodingError.dataCorrupted(let context) {
            throw Refusal(.shape, "the request is wrong: \(context.debugDescription)")
        } catch {
            throw Refusal(.shape, "the request is no JSON object of docs/administration.md")
        }
    }
}

/// `{}`.
struct EmptyRequest: AdministrationRequest {
    enum CodingKeys: CodingKey, CaseIterable {}
    init(from decoder: any Decoder) {}
}

/// Whose rights are meant: by URI, or by the names of principals.
struct Somebody: AdministrationRequest {
    let uri: String?
    let principals: [String]?

    enum CodingKeys: String, CodingKey, CaseIterable { case uri, principals }

    /// The principals of `policy` that are meant.
    func resolved(in policy: PolicySnapshot) throws(Refusal) -> PrincipalSet {
        switch (uri, principals) {
        case (let uri?, nil):
            do {
                let peer = PeerIdentity(uris: [uri], keyHash: [], commonName: nil, issuer: "")
                return try policy.recognize(peer)
            } catch {
                throw Refusal(.shape, error.text)
            }
        case (nil, let names?):
            let known = Set(policy.principals.map(\.name))
            if let stranger = names.first(where: { !known.contains($0) }) {
                throw Refusal(.shape, "the policy has no principal `\(stranger)`")
            }
            guard !names.isEmpty else { throw Refusal(.shape, "`as.principals` is empty") }
            return PrincipalSet(names: Set(names))
        default:
            throw Refusal(.shape, "`as` is either {\"uri\": URI} or {\"principals\": [NAME, ...]}")
        }
    }
}

struct EffectiveRequest: AdministrationRequest {
    let `as`: Strict<Somebody>

    enum CodingKeys: String, CodingKey, CaseIterable { case `as` }
}

struct PlanRequest: AdministrationRequest {
    let text: String
    /// What diagnostics call the text.
    let name: String?

    enum CodingKeys: String, CodingKey, CaseIterable { case text, name }
}

/// How a policy is put in force.
struct ApplyOptions: Sendable {
    var ifRevision: String?
    var isDryRun = false
    var reason: String?
    var isForced = false

    /// Bytes of a reason.
    static let reasonLimit = 512

    init(_ ifRevision: String?, _ dryRun: Bool?, _ reason: String?, _ force: Bool?) throws(Refusal) {
        self.ifRevision = ifRevision
        isDryRun = dryRun ?? false
        self.reason = reason
        isForced = force ?? false
        if let reason, reason.utf8.count > Self.reasonLimit {
            throw Refusal(.shape, "a reason has at most \(Self.reasonLimit) bytes")
        }
    }
}

struct ApplyRequest: AdministrationRequest {
    let text: String
    let name: String?
    let ifRevision: String?
    let dryRun: Bool?
    let reason: String?
    let force: Bool?

    enum CodingKeys: String, CodingKey, CaseIterable { case text, name, ifRevision, dryRun, reason, force }
}

struct RollbackRequest: AdministrationRequest {
    /// A number of the history, or the beginning of a revision.
    let revision: String
    let ifRevision: String?
    let dryRun: Bool?
    let reason: String?
    let force: Bool?

    enum CodingKeys: String, CodingKey, CaseIterable { case revision, ifRevision, dryRun, reason, force }
}

struct HistoryRequest: AdministrationRequest {
    let limit: Int?

    enum CodingKeys: String, CodingKey, CaseIterable { case limit }
}

struct SuggestRequest: AdministrationRequest {
    /// Seconds since 1970.
    let since: UInt64?

    enum CodingKeys: String, CodingKey, CaseIterable { case since }
}

struct ExplainRequest: AdministrationRequest {
    let session: UInt64?
    let request: UInt64?
    let `as`: Strict<Somebody>?
    let device: String?
    let operation: String?
    let command: Command?
    let argument: String?
    let offset: UInt64?
    let count: UInt32?

    enum CodingKeys: String, CodingKey, CaseIterable {
        case session, request, `as`, device, operation, command, argument, offset, count
    }

    /// A command by its name in the profile, or by its code.
    enum Command: Decodable, Sendable {
        case name(String)
        case code(UInt32)

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let code = try? container.decode(UInt32.self) {
                self = .code(code)
            } else {
                self = .name(try container.decode(String.self))
            }
        }
    }
}
