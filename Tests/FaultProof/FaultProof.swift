import Foundation
import RingFault
import TestSupport

/// Every call on the way of a command that can fail fails once, each time it is made, on gateways with real devices (T10): no
/// crash, no answer lost or given twice, no descriptor, file or connection left behind, an audit log that is whole, and a
/// gateway that serves the next client as if nothing had been.
@main
struct FaultProof {
    static func main() throws {
        #if DEBUG
            let only = CommandLine.arguments.dropFirst().compactMap(Fault.init)
            guard only.count == CommandLine.arguments.count - 1 else {
                print(
                    "usage: fault-proof [FAULT...]     of: \(Fault.allCases.map(\.rawValue).joined(separator: " "))"
                )
                exit(64)
            }
            let lab = try FaultLab()
            // What is made once, by OpenSSL and the runtime, is there before anything is counted.
            for _ in 0..<2 { _ = try lab.run(nil) }
            var proof = FaultProof()
            for fault in only.isEmpty ? Fault.allCases : only {
                for errno in fault.errnos { try proof.exhaust(fault, errno, in: lab) }
            }
            print("fault-proof: \(proof.strikes) failures of calls, \(proof.flaws) flaws")
            exit(proof.flaws == 0 && proof.unreached.isEmpty ? 0 : 1)
        #else
            print("fault-proof: skipped: a build for release has no calls that can be made to fail")
        #endif
    }

    #if DEBUG
        /// Calls of one kind on a client's whole way that are made to fail; a walk has about half as many.
        private static let bound = 400
        private var strikes = 0
        private var flaws = 0
        private var unreached: [Fault] = []

        /// Walks that a fault did not come to, one after the other, before there are no more calls of its kind: a walk has a few
        /// more or less than another.
        private static let misses = 4

        /// Lets the first call fail, then the second, until there are no more.
        private mutating func exhaust(_ fault: Fault, _ errno: Int32, in lab: FaultLab) throws {
            var (calls, cuts, misses) = (0, 0, 0)
            var longest = Duration.zero
            for passes in 0..<Self.bound where misses < Self.misses {
                let walk = try lab.run((fault, passes, errno))
                guard walk.hasStruck else {
                    misses += 1
                    continue
                }
                (calls, misses) = (calls + 1, 0)
                longest = max(longest, walk.time)
                if walk.isCut { cuts += 1 }
                for flaw in walk.flaws {
                    flaws += 1
                    print("\(fault.rawValue), errno \(errno), after \(passes) calls: \(flaw)")
                }
            }
            strikes += calls
            print(
                "\(fault.rawValue), errno \(errno): \(calls) calls, \(cuts) connections lost, a walk took at most "
                    + "\(Int(longest / .milliseconds(1))) ms")
            if calls == 0 {
                unreached.append(fault)
                print("\(fault.rawValue): no walk comes to it")
            }
        }
    #endif
}

#if DEBUG
    extension Fault {
        /// What the call may fail with.
        fileprivate var errnos: [Int32] {
            switch self {
            case .ioctl: [EINTR, EIO, ENOMEM]
            case .open: [EINTR, EMFILE, ENOMEM]
            case .close: [EINTR, EIO]
            case .file: [ENOMEM, EMFILE]
            case .thread: [EAGAIN]
            case .auditWrite, .auditFile: [ENOSPC, EIO]
            case .auditSync: [EIO, ENOSPC]
            case .entry, .completions, .submission, .operation, .shortSend, .guardedMemory, .payload,
                .session,
                .ciphertext, .encryption:
                [ENOMEM]
            }
        }

        /// Whether a connection may be lost by it, with all that was under way: never an answer to a client that is there.
        var mayCut: Bool {
            switch self {
            case .operation, .file, .session, .ciphertext, .encryption: true
            case .entry, .completions, .submission, .shortSend, .ioctl, .open, .close, .thread,
                .guardedMemory, .payload,
                .auditWrite,
                .auditSync, .auditFile:
                false
            }
        }
    }
#endif
