import Foundation
import PolicyReference
import RingPolicy
import RingPolicyFile

/// Proofs about the policy that need an optimized build: too many cases, or figures that only count there.
@main
struct PolicyProof {
    static let usage = """
        usage: policy-proof differential CASES SEED    the policy against a naive evaluator
               policy-proof sweep PROFILES             all 2^32 codes: what is found is what is described
               policy-proof load PROFILES              milliseconds that reading all profiles takes
               policy-proof cost                       allocations and nanoseconds a decision

        """

    static func main() {
        let arguments = CommandLine.arguments.dropFirst()
        switch (arguments.first, arguments.count) {
        case ("differential", 3):
            guard let cases = Int(arguments[2]), let seed = UInt64(arguments[3]) else { break }
            exit(differential(cases, seed))
        case ("sweep", 2): exit(sweep(arguments[2]))
        case ("load", 2): exit(load(arguments[2]))
        case ("cost", 1): exit(Cost.report())
        default: break
        }
        FileHandle.standardError.write(Data(usage.utf8))
        exit(64)
    }

    private static func differential(_ cases: Int, _ seed: UInt64) -> Int32 {
        var differential = Differential()
        differential.run(cases, seed: seed)
        let (shapes, allowed, plain) = (differential.shapes, differential.allowed, differential.plain)
        let mismatches = differential.mismatches
        print(
            "differential: \(differential.cases) cases of seed \(seed), \(shapes) shapes, \(allowed) allowed, \(plain) the short way, "
                + "\(mismatches.count) mismatches")
        for mismatch in mismatches { print(mismatch) }
        return mismatches.isEmpty && allowed > cases / 20 && plain > cases / 500 ? 0 : 1
    }

    private static func load(_ directory: String) -> Int32 {
        let start = Date()
        do throws(PolicyErrors) {
            let profiles = try PolicyLoader.loadProfiles(directory)
            let commands = profiles.map(\.commands.count).reduce(0, +)
            let time = Int(Date().timeIntervalSince(start) * 1000)
            print("load: \(profiles.count) profiles with \(commands) commands in \(time) ms")
            return 0
        } catch {
            print(error.description)
            return 2
        }
    }

    private static func sweep(_ directory: String) -> Int32 {
        do throws(PolicyErrors) {
            let profiles = try PolicyLoader.loadProfiles(directory)
            return Sweep.run(profiles) ? 0 : 1
        } catch {
            print(error.description)
            return 2
        }
    }
}
