import Foundation
import PolicyReference
import RingAudit
import RingPolicy
import RingPolicyFile
import RingProtocol

/// What the fuzzer tries its bytes on.
enum Target {
    static let all: [String: @Sendable (UnsafeRawBufferPointer) -> Void] = [
        "policy": policyFile, "profile": profileFile, "command": shippedCommand, "shape": randomShape,
        "frames": frames, "audit": auditLog, "planted": planted,
    ]

    /// No part of the product: a byte is read beyond a block, behind a word. Who sees where its inputs get to finds the word in
    /// moments, and AddressSanitizer the byte.
    static func planted(_ input: UnsafeRawBufferPointer) {
        guard input.count == 8, input[0] == 0x70, input[1] == 0x6c, input[2] == 0x61, input[3] == 0x6e,
            input[4] == 0x74, input[5] == 0x65, input[6] == 0x64
        else { return }
        let block = UnsafeMutablePointer<UInt8>.allocate(capacity: 8)
        block.initialize(repeating: 0, count: 8)
        precondition(block[Int(input[7])] == 0)
        block.deallocate()
    }

    /// A file of an audit log, as whoever doubts it reads it.
    static func auditLog(_ input: UnsafeRawBufferPointer) {
        let bytes = Array(input)
        for isLast in [true, false] {
            var verifier = AuditVerifier(key: nil)
            do throws(AuditVerifier.Flaw) {
                try verifier.add(bytes, file: "audit-0000000000000001.jsonl", isLast: isLast)
                try verifier.finish()
                precondition(verifier.unfinished <= bytes.count)
            } catch {
                precondition(!error.reason.isEmpty, "a flaw has words")
            }
        }
    }

    /// A policy with the shipped profiles.
    static func policyFile(_ input: UnsafeRawBufferPointer) {
        let text = SourceText(path: "policy.yaml", bytes: Array(input))
        do throws(PolicyErrors) {
            let loaded = try PolicyLoader.load(text, profiles: fewProfiles)
            let snapshot = loaded.snapshot(revision: [UInt8](repeating: 0, count: 32))
            // What loads can also be resolved and described.
            let policy = snapshot.policy(
                for: PrincipalSet(names: Set(snapshot.principals.map(\.name))), at: 0)
            for device in policy.list.devices { _ = policy.grant(onDevice: device.name)?.description }
        } catch {
            precondition(!error.diagnostics.isEmpty, "an error says what is wrong")
        }
    }

    /// A profile under the one policy.
    static func profileFile(_ input: UnsafeRawBufferPointer) {
        let text = SourceText(path: "profiles/fuzzed.yaml", bytes: Array(input))
        _ = try? PolicyLoader.load(SourceText(path: "policy.yaml", text: smallPolicy), profiles: [text])
    }

    /// The argument of a command of the shipped profiles: two bytes choose it, four of its code may vary.
    static func shippedCommand(_ input: UnsafeRawBufferPointer) {
        guard input.count >= 8, !grants.isEmpty else { return }
        let bytes = WireBytes(input)
        let (grant, codes) = grants[Int(bytes.load(UInt8.self, at: 0)) % grants.count]
        let code = codes[Int(bytes.load(UInt8.self, at: 1)) % codes.count]
        let family = bytes.load(UInt32.self, at: 4)
        let entry = Entry(
            .command, requestID: RequestID(1), subOpcode: SubOpcode(code ^ (family & 0x00ff_00ff)),
            offset: UInt64(bytes.load(UInt16.self, at: 2)), argument: bytes.slice(8, bytes.count - 8))
        decide(entry, grant)
    }

    /// A shape that the first eight bytes make, against the naive evaluator.
    static func randomShape(_ input: UnsafeRawBufferPointer) {
        guard input.count >= 8 else { return }
        let bytes = WireBytes(input)
        var differential = Differential()
        differential.run(bytes.load(UInt64.self, at: 0), Array(input.dropFirst(8)))
        precondition(differential.mismatches.isEmpty, differential.mismatches.joined())
    }

    /// Frames as a gateway reads them, one after the other, and as a client does.
    static func frames(_ input: UnsafeRawBufferPointer) {
        var rest = WireBytes(input)
        var last = RequestID(0)
        let flags = EntryFlags.allowed(by: Features(rawValue: .max))
        while let frame = try? Frame.decode(rest, payloadLimit: Limits.framePayload) {
            rest = rest.slice(frame.size, rest.count - frame.size)
            if var submission = try? Submission(frame, allowed: flags, after: last) {
                last = submission.lastRequestID
                while let entry = submission.next() {
                    if let (grant, _) = grants.first { decide(entry, grant) }
                }
            }
            if frame.header.type == .complete {
                var completions = CompletionBatch(frame)
                while let completion = try? completions.next() {
                    if completion.header.flags.contains(.refused) {
                        _ = try? Refusal.decode(completion.payload)
                    }
                }
            }
            _ = try? Hello.decode(frame.payload)
            _ = try? Welcome.decode(frame.payload)
            _ = try? SessionError.decode(frame.payload)
        }
    }

    private static func decide(_ entry: Entry, _ grant: Grant) {
        var layout = Layout()
        do throws(Refusal) {
            let command = try grant.authorize(entry, on: OpenFileID(0), &layout) { slot in
                slot.index == 3 ? HeldSlot(file: OpenFileID(1), profile: "dma-buf") : nil
            }
            check(command, entry)
        } catch {
            precondition(!error.encoded().isEmpty, "a refusal has a text")
        }
    }

    /// What the engine relies on without looking.
    private static func check(_ command: borrowing AuthorizedCommand, _ entry: Entry) {
        precondition(command.replySize >= 0 && command.replySize <= Limits.payload)
        let spans = command.spans
        for (index, span) in spans.enumerated() {
            precondition(span.size >= 0 && Int(span.holder) <= index)
            if span.argument >= 0 {
                precondition(Int(span.argument) + Int(span.size) <= entry.argument.count)
            }
            if span.reply >= 0 { precondition(Int(span.reply) + Int(span.size) <= command.replySize) }
            guard index > 0 else { continue }
            let holder = spans[Int(span.holder)]
            precondition(!holder.isInline && Int(holder.holder) <= Int(span.holder))
            let place = span.isInline ? Int(span.size) : 8
            precondition(span.position >= 0 && Int(span.position) + place <= Int(holder.size))
        }
    }

    // MARK: What is tried on

    private static let directory = CommandLine.environment("RINGGATE_PROFILES") ?? "profiles"

    private static let smallPolicy = """
        version: 1
        principals: {agent: {uri: "ringgate://a/b"}}
        devices: {board: {path: /dev/null, profile: fuzzed}}
        rules: [{id: all, principals: [agent], devices: [board], read: true}]

        """

    private static let fewProfiles: [SourceText] = ["null", "gpio-line"].compactMap { name in
        let path = "\(directory)/\(name).yaml"
        return FileManager.default.contents(atPath: path).map { SourceText(path: path, bytes: Array($0)) }
    }

    /// A grant of everything for each shipped profile, with its codes.
    private static let grants: [(Grant, [UInt32])] = {
        guard let profiles = try? PolicyLoader.loadProfiles(directory) else {
            preconditionFailure("no profiles in \(directory)")
        }
        return profiles.compactMap { profile in
            let device = Device(
                name: "board", path: "/x", kind: .character, access: .readWrite, profile: profile)
            let rights = FileRights(commands: profile.commands.map { .init($0) })
            let snapshot = PolicySnapshot(
                revision: [UInt8](repeating: 0, count: 32), principals: [], devices: [device],
                rules: [Rule(id: "all", principals: ["agent"], rights: ["board": rights])], profiles: profiles
            )
            let policy = snapshot.policy(for: PrincipalSet(names: ["agent"]), at: 0)
            return policy.grant(onDevice: "board").map { ($0, profile.commands.map(\.code.code)) }
        }
    }()
}

extension CommandLine {
    fileprivate static func environment(_ name: String) -> String? {
        ProcessInfo.processInfo.environment[name]
    }
}
