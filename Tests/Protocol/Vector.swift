import Foundation
import RingProtocol

/// A frame of docs/vectors that is right.
struct ValidVector: Decodable, CustomStringConvertible {
    struct VectorEntry: Decodable, Equatable {
        var operation: String, number: UInt8, flags: UInt8, slot: UInt16, sub_opcode: UInt32
        var request_id: String, offset: String, timeout_ms: UInt32, argument: String
    }
    struct VectorRefusal: Decodable, Equatable {
        var reason: UInt16, rule: String, text: String
    }
    struct VectorCompletion: Decodable, Equatable {
        var request_id: String, result: Int32, engine: String, flags: [String], device_time: String
        var payload: String, refusal: VectorRefusal?
    }

    let name: String, direction: String, hex: String, type: String
    let min_version: UInt16?, max_version: UInt16?, features: String?
    let version: UInt16?, slots: UInt16?, frame_limit: UInt32?, epoch: String?, session: String?
    let monotonic_ns: String?, realtime_ns: String?, in_flight: UInt32?, payload_limit: UInt32?
    let payload_in_flight: UInt32?, chain: UInt16?, revision: String?
    let token: String?, last_request_id: String?, grace_ms: UInt32?, resumption: UInt32?, received: String?
    let entries: Entries?
    let completions: [VectorCompletion]?
    let code: UInt16?, rule: UInt16?, entry: UInt32?, text: String?, reason: UInt16?

    /// A submit's entries, or a welcome's number of them.
    enum Entries: Decodable {
        case list([VectorEntry])
        case count(UInt16)

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let count = try? container.decode(UInt16.self) {
                self = .count(count)
            } else {
                self = .list(try container.decode([VectorEntry].self))
            }
        }
    }

    var description: String { name }
    var bytes: [UInt8] { [UInt8](hex: hex) }
}

/// A frame of docs/vectors that breaks a rule.
struct InvalidVector: Decodable, CustomStringConvertible {
    let name: String, direction: String, hex: String
    let code: UInt16, rule: UInt16, entry: UInt32?, also_breaks: [UInt16]
    let payload_limit: Int, after_request_id: String, features: String

    var description: String { name }
}

enum Vectors {
    static let directory = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "docs/vectors")

    static let valid: [ValidVector] = load("valid.json")
    static let invalid: [InvalidVector] = load("invalid.json")

    /// Empty when the file is unreadable, which the test of the number of vectors notices.
    private static func load<Vector: Decodable>(_ file: String) -> [Vector] {
        guard let data = try? Data(contentsOf: directory.appending(path: file)) else { return [] }
        return (try? JSONDecoder().decode([Vector].self, from: data)) ?? []
    }
}

extension [UInt8] {
    var hex: String { map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() }
}
