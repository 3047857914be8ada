import Foundation
import RingProtocol

/// Devices that are this session's for a time. It is renewed for as long as this object lives, or until it is released.
public final class Lease: Sendable {
    public struct Device: Codable, Sendable, Equatable {
        public let device: String
        /// What an open may rely on; see ``RingConnection/open(_:epoch:)``.
        public let epoch: UInt64
    }
    /// As the gateway tells it.
    public struct Terms: Codable, Sendable, Equatable {
        public let lease: UInt64
        public let mode: String
        /// Milliseconds left when it was told.
        public let ttl: UInt64
        public let devices: [Device]
    }

    public let terms: Terms
    private let link: SessionLink
    private let renewal: Task<Void, Never>?

    public var number: UInt64 { terms.lease }

    init(_ terms: Terms, isRenewed: Bool, _ link: SessionLink) {
        self.terms = terms
        self.link = link
        guard isRenewed else {
            renewal = nil
            return
        }
        renewal = Task {
            while !Task.isCancelled {
                try? await Task.sleep(for: .milliseconds(max(terms.ttl / 3, 1)))
                guard !Task.isCancelled else { return }
                guard (try? await Self.ask(.renew, ["lease": terms.lease, "ttl": terms.ttl], link)) != nil
                else {
                    return
                }
            }
        }
    }

    deinit { renewal?.cancel() }

    /// Ends it; the files of this session on its devices are closed.
    public func release() async throws {
        renewal?.cancel()
        try await Self.ask(.release, ["lease": number], link)
    }

    /// Sets the time left, for a lease that is not renewed by itself.
    public func renew(for time: Duration) async throws {
        try await Self.ask(.renew, ["lease": number, "ttl": time.nanoseconds / 1_000_000], link)
    }

    /// Makes it another session's, whose number that one knows (``RingConnection/session``).
    public func transfer(to session: UInt64) async throws {
        renewal?.cancel()
        try await Self.ask(.transfer, ["lease": number, "to": session], link)
    }

    /// Lets another session have the devices too.
    public func share(with session: UInt64) async throws {
        try await Self.ask(.share, ["lease": number, "to": session], link)
    }

    @discardableResult
    static func ask(
        _ verb: LeaseVerb, _ document: some Encodable & Sendable, _ link: SessionLink
    ) async throws -> Reply {
        var batch = Batch(entries: 1)
        batch.lease(verb, try JSONEncoder().encode(document))
        return try await link.call(.batch(batch)).replies[0].checked("lease \(verb)")
    }
}

/// Where a request for a lease stands.
public struct LeasePosition: Codable, Sendable, Equatable {
    public struct Person: Codable, Sendable, Equatable {
        public let session: UInt64
        public let identity: String
    }
    /// 1 is next.
    public let position: Int
    /// Who has the devices, and who waits before; as many as fit.
    public let ahead: [Person]
}

/// The leases of this session, and its requests that wait.
public struct LeaseStatus: Codable, Sendable {
    public struct Waiting: Codable, Sendable {
        public let request: UInt64
        public let devices: [String]
        public let mode: String
        public let position: Int
    }
    public let leases: [Lease.Terms]
    public let waiting: [Waiting]
}

/// Who has a device, and whether it can be had.
public struct DeviceStanding: Codable, Sendable, Equatable {
    public let device: String
    /// How it can be leased: `none`, `shared` or `exclusive`.
    public let mode: String
    /// `enabled`, or `draining` or `disabled` by an operator, with the reason.
    public let state: String
    public let reason: String?
    /// Who has it, by leases or by open files; of many the first.
    public let holders: [LeasePosition.Person]
    /// How many wait for it.
    public let waiting: Int
}

extension RingConnection {
    private struct Demand: Encodable {
        let devices: [String]
        let mode: String
        let ttl: UInt64?
        let wait: UInt64
    }

    /// Takes all the devices or none, for `ttl` or as long as the site allows, and keeps them by renewing.
    ///
    /// Waits up to `wait` for whoever has them; `onPosition` hears where the request stands. Throws `.refused` with
    /// reason busy when that is over.
    public func acquire(
        _ devices: [String], shared: Bool = false, ttl: Duration? = nil, wait: Duration = .zero,
        isRenewed: Bool = true, onPosition: (@Sendable (LeasePosition) -> Void)? = nil
    ) async throws -> Lease {
        let demand = Demand(
            devices: devices, mode: shared ? "shared" : "exclusive",
            ttl: ttl.map { $0.nanoseconds / 1_000_000 },
            wait: wait.nanoseconds / 1_000_000)
        var batch = Batch(entries: 1)
        batch.lease(.acquire, try JSONEncoder().encode(demand), isStream: true)
        let (positions, continuation) = AsyncThrowingStream.makeStream(
            of: RemoteEvent.self, throwing: (any Error).self)
        let listener = Task {
            for try await case .event(let event) in positions {
                guard let place = try? JSONDecoder().decode(LeasePosition.self, from: Data(event.bytes))
                else {
                    continue
                }
                onPosition?(place)
            }
        }
        defer { listener.cancel() }
        let sink = EventSink(continuation, "lease acquire")
        let outcome = try await link.call(.stream(batch, sink, credit: Limits.credit))
        let reply = try outcome.replies[0].checked("lease of \(devices.joined(separator: ", "))")
        let terms: Lease.Terms = try decode("lease", reply)
        return Lease(terms, isRenewed: isRenewed, link)
    }

    public func leaseStatus() async throws -> LeaseStatus {
        try decode("lease status", try await Lease.ask(.status, [String: UInt64](), link))
    }

    /// How it stands with devices that this client may open. Throws `.denied` when one is none of these, and `.refused`
    /// when the gateway is too old to tell.
    public func standings(of devices: [String]) async throws -> [DeviceStanding] {
        struct Answer: Decodable {
            let devices: [DeviceStanding]
        }
        var rest = devices[...]
        var standings: [DeviceStanding] = []
        while !rest.isEmpty {
            let names = Array(rest.prefix(Self.standingsAtOnce))
            rest = rest.dropFirst(names.count)
            let reply = try await Lease.ask(.status, ["devices": names], link)
            let answer: Answer = try decode("lease status", reply)
            standings += answer.devices
        }
        return standings
    }

    /// R-38.
    private static let standingsAtOnce = 16

    func decode<T: Decodable>(_ operation: String, _ reply: Reply) throws -> T {
        do {
            return try JSONDecoder().decode(T.self, from: Data(reply.payload))
        } catch {
            throw RingError.protocolViolation(
                WireError(.malformed, rule: 0, "\(operation): not the JSON that docs/protocol.md says"))
        }
    }
}

extension Batch {
    fileprivate mutating func lease(_ verb: LeaseVerb, _ document: Data, isStream: Bool = false) {
        document.withUnsafeBytes {
            append(
                .lease, subOpcode: SubOpcode(verb.rawValue), flags: isStream ? .multishot : [], argument: $0)
        }
    }
}
