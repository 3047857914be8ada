import Dispatch
import Foundation
import RingPolicy
import RingProtocol

/// Every code there is, through the code matching of every profile.
enum Sweep {
    /// Whether each profile's commands are found by the codes it describes and by no other.
    static func run(_ profiles: [Profile]) -> Bool {
        let start = Date()
        let outcomes = UnsafeMutableBufferPointer<Bool>.allocate(capacity: profiles.count)
        outcomes.initialize(repeating: false)
        defer { outcomes.deallocate() }
        // Each iteration writes its own place.
        nonisolated(unsafe) let places = outcomes
        DispatchQueue.concurrentPerform(iterations: profiles.count) { places[$0] = sweep(profiles[$0]) }
        let seconds = Int(Date().timeIntervalSince(start))
        print("sweep: 2^32 codes through \(profiles.count) profiles in \(seconds) s")
        for (profile, isExact) in zip(profiles, outcomes) where !isExact {
            print("sweep: \(profile.name) finds other codes than it describes")
        }
        return outcomes.allSatisfy { $0 }
    }

    private static func sweep(_ profile: Profile) -> Bool {
        let device = Device(name: "board", path: "/x", kind: .character, access: .readOnly, profile: profile)
        let rule = Rule(
            id: "all", principals: ["agent"],
            rights: ["board": FileRights(commands: profile.commands.map { .init($0) })])
        let snapshot = PolicySnapshot(
            revision: [UInt8](repeating: 0, count: 32), principals: [], devices: [device], rules: [rule])
        let policy = snapshot.policy(for: PrincipalSet(names: ["agent"]), at: 0)
        guard let grant = policy.grant(onDevice: "board") else { return false }
        let described = Set(profile.commands.flatMap { Array($0.pattern.allCodes) })
        // As many found as described, and every one described is found: then the sets are the same.
        guard described.allSatisfy(grant.covers) else { return false }
        return grant.countCovered(0...UInt32.max) == described.count
    }
}
