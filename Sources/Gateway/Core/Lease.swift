import RingProtocol

/// What a lease table is asked and what it tells.
extension LeaseTable {
    struct Lease {
        let id: UInt64
        let isExclusive: Bool
        /// In the order asked for, each with the epoch it had when it was given.
        var devices: [(device: Device, epoch: UInt64)]
        var owner: UInt64
        /// Whom the owner shares it with.
        var guests: [UInt64] = []
        var deadline: UInt64

        var sessions: [UInt64] { [owner] + guests }
        func isOf(_ session: UInt64) -> Bool { owner == session || guests.contains(session) }
    }

    /// An entry that asks for a lease.
    struct Request: Hashable {
        let session: UInt64
        let id: RequestID
    }

    struct Demand {
        let request: Request
        let devices: [Device]
        let isExclusive: Bool
        /// Nanoseconds.
        let ttl: UInt64
        /// Until when it waits; 0 for not at all.
        let waitsUntil: UInt64
        let wantsPosition: Bool
    }

    /// Who is in the way.
    struct Obstacle: Error, Equatable {
        let device: Device
        /// Sessions that have it, and how many requests wait for it.
        let holders: [UInt64]
        let waiting: Int
        /// When the leases in the way end at the latest, if that is known.
        let until: UInt64?
    }

    /// Why a request makes no sense or is one too many.
    enum Misuse: Error, Equatable {
        case alreadyHeld(Device)
        case tooManyLeases
        case tooManyRequests
        case unknownLease
        case notOwner
    }

    enum Ending: Equatable {
        case released
        case expired
        case revoked(reason: String)
        case sessionEnded
        case transferred(to: UInt64)
        case policy
    }

    enum Event {
        /// A request that waited has its lease.
        case granted(Request, Lease)
        case timedOut(Request, Obstacle)
        case position(Request, Int)
        /// These sessions have these devices no more: their files there are to be closed.
        case ended(lease: UInt64, [Device], sessions: [UInt64], Ending)
        /// Nobody has the device; it is given to nobody before `released`.
        case vacated(Device)
    }
}
