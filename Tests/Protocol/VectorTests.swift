import Foundation
import RingProtocol
import Testing

@Suite("Vectors of docs/vectors")
struct VectorTests {
    @Test("There are vectors of every frame, operation, refusal, error and decoder's rule")
    func complete() {
        let valid = Vectors.valid
        let types = ["hello", "welcome", "submit", "complete", "error", "goodbye", "acknowledge"]
        #expect(Set(valid.map(\.type)) == Set(types))
        #expect(Set(valid.map(\.name)).count == valid.count)
        let operations = valid.flatMap(entries).map(\.operation)
        #expect(Set(operations) == Set(RingProtocol.Operation.allCases.map { "\($0)" }))
        #expect(Set(valid.compactMap(\.resumption)) == Set(Welcome.Resumption.allCases.map(\.rawValue)))
        let completions = valid.flatMap { $0.completions ?? [] }
        #expect(Set(completions.map(\.engine)) == ["gateway", "ring", "call"])
        #expect(Set(completions.compactMap(\.refusal?.reason)) == Set(RefusalReason.allCases.map(\.rawValue)))
        #expect(Set(valid.compactMap(\.code)) == Set(SessionErrorCode.allCases.map(\.rawValue)))
        let rules = Set(Vectors.invalid.map(\.rule))
        #expect(rules == [2, 3, 4, 5, 6, 8, 10, 11, 12, 13, 14, 15, 16, 22, 23, 24, 25, 27, 28, 34, 36, 37])
    }

    private func entries(_ vector: ValidVector) -> [ValidVector.VectorEntry] {
        if case .list(let entries)? = vector.entries { entries } else { [] }
    }

    @Test("A right frame decodes to its fields and encodes to its bytes", arguments: Vectors.valid)
    func valid(_ vector: ValidVector) throws {
        try vector.bytes.wire { bytes in
            let frame = try #require(try Frame.decode(bytes, payloadLimit: Limits.framePayload))
            #expect(frame.size == bytes.count)
            #expect("\(frame.header.type)" == vector.type)
            switch frame.header.type {
            case .hello: try check(try Hello.decode(frame.payload), vector)
            case .welcome: try check(try Welcome.decode(frame.payload), vector)
            case .submit: try check(try Submission(frame, allowed: .all, after: RequestID(0)), vector)
            case .complete: try check(CompletionBatch(frame), vector)
            case .error:
                let error = try SessionError.decode(frame.payload)
                #expect(error.code.rawValue == vector.code && error.rule == vector.rule)
                #expect(error.entry == vector.entry && error.text == vector.text)
                #expect(error.encoded() == vector.bytes)
            case .goodbye:
                let goodbye = try Goodbye.decode(frame.payload)
                #expect(goodbye.rawValue == vector.reason)
                #expect(goodbye.encoded() == vector.bytes)
            case .acknowledge:
                let acknowledge = try Acknowledge.decode(frame.payload)
                #expect(String(acknowledge.received) == vector.received)
                #expect(acknowledge.encoded() == vector.bytes)
            }
        }
    }

    private func check(_ hello: Hello, _ vector: ValidVector) throws {
        #expect(
            hello.versions.lowerBound == vector.min_version && hello.versions.upperBound == vector.max_version
        )
        #expect(String(hello.features.rawValue) == vector.features)
        let wanted = hello.resumption
        #expect(wanted.map { String($0.epoch) } == vector.epoch)
        #expect(wanted.map { String($0.session) } == vector.session)
        #expect(wanted.map(\.token.hex) == vector.token)
        #expect(wanted.map { String($0.received) } == vector.received)
        #expect(hello.encoded() == vector.bytes)
    }

    private func check(_ welcome: Welcome, _ vector: ValidVector) throws {
        #expect(welcome.version == vector.version && welcome.slots == vector.slots)
        #expect(welcome.frameLimit == vector.frame_limit && welcome.chain == vector.chain)
        #expect(String(welcome.features.rawValue) == vector.features)
        #expect(String(welcome.epoch) == vector.epoch && String(welcome.session) == vector.session)
        #expect(String(welcome.monotonic) == vector.monotonic_ns)
        #expect(String(welcome.realtime) == vector.realtime_ns)
        #expect(welcome.inFlight == vector.in_flight && welcome.payloadLimit == vector.payload_limit)
        #expect(welcome.payloadInFlight == vector.payload_in_flight)
        guard case .count(let entries)? = vector.entries else {
            Issue.record("a welcome has a number of entries")
            return
        }
        #expect(welcome.entriesPerFrame == entries && welcome.revision.hex == vector.revision)
        let isResumable = welcome.features.contains(.resume)
        #expect((isResumable ? welcome.token.hex : nil) == vector.token)
        #expect((isResumable ? String(welcome.lastRequestID.value) : nil) == vector.last_request_id)
        #expect((isResumable ? welcome.grace : nil) == vector.grace_ms)
        #expect((isResumable ? welcome.resumption.rawValue : nil) == vector.resumption)
        #expect(welcome.encoded() == vector.bytes)
    }

    private func check(_ frame: consuming Submission, _ vector: ValidVector) throws {
        var decoded: [ValidVector.VectorEntry] = []
        var again: [Entry] = []
        while let entry = frame.next() {
            let operation = try #require(entry.operation)
            #expect(entry.flagsFit && entry.timeoutFits && hasShape(entry))
            again.append(entry)
            decoded.append(
                .init(
                    operation: "\(operation)", number: operation.rawValue, flags: entry.flags.rawValue,
                    slot: entry.slot.index, sub_opcode: entry.subOpcode.code,
                    request_id: String(entry.requestID.value), offset: String(entry.offset),
                    timeout_ms: entry.timeout, argument: entry.argument.array.hex))
        }
        #expect(decoded == entries(vector))
        #expect(submission(again) == vector.bytes)
    }

    /// Whether the fields that only its operation gives a meaning are as the page wants them.
    private func hasShape(_ entry: Entry) -> Bool {
        switch entry.operation {
        case .read: ReadArgument.decode(entry) != nil
        case .poll: entry.pollEvents != nil
        case .list: StreamArgument.decode(entry) != nil
        case .timeout: entry.delay != nil
        case .cancel: entry.cancelScope != nil
        case .lease: entry.leaseVerb != nil
        case .credit: CreditGrant.decode(entry) != nil
        default: true
        }
    }

    private func check(_ batch: consuming CompletionBatch, _ vector: ValidVector) throws {
        let flags: [(CompletionFlags, String)] = [
            (.denied, "denied"), (.gap, "gap"), (.indeterminate, "indeterminate"), (.more, "more"),
            (.refused, "refused"),
        ]
        var decoded: [ValidVector.VectorCompletion] = []
        var again: [(header: CompletionHeader, payload: [UInt8])] = []
        while let (header, payload) = try batch.next() {
            let engine = try #require(header.flags.engine)
            let refusal = header.flags.contains(.refused) ? try Refusal.decode(payload) : nil
            #expect(refusal.map { $0.encoded() == payload.array && $0.result == header.result } ?? true)
            if header.flags.contains(.gap) {
                #expect(try Gap.decode(payload).lost > 0 && header.flags.contains(.more))
            }
            again.append((header, payload.array))
            decoded.append(
                .init(
                    request_id: String(header.requestID.value), result: header.result, engine: "\(engine)",
                    flags: flags.filter { header.flags.contains($0.0) }.map(\.1),
                    device_time: String(header.deviceTime), payload: payload.array.hex,
                    refusal: refusal.map { .init(reason: $0.reason.rawValue, rule: $0.rule, text: $0.text) }))
        }
        #expect(decoded == vector.completions)
        #expect(completions(again) == vector.bytes)
    }

    @Test("A wrong frame breaks the rule it says", arguments: Vectors.invalid)
    func invalid(_ vector: InvalidVector) throws {
        let after = RequestID(try #require(UInt64(vector.after_request_id)))
        let features = Features(rawValue: try #require(UInt64(vector.features)))
        let allowed = EntryFlags.allowed(by: features)
        let found = try broken {
            try [UInt8](hex: vector.hex).wire {
                try decodeWhole($0, limit: vector.payload_limit, allowed: allowed, after: after)
            }
        }
        let code = try #require(SessionErrorCode(rawValue: vector.code))
        #expect(found == Broken(code, vector.rule, entry: vector.entry))
    }

    @Test(
        "The files are what generate.py writes",
        .enabled(if: (try? python("--version")) == 0, "skipped: no python3 to run generate.py with"))
    func generated() throws {
        let script = Vectors.directory.appending(path: "generate.py").path
        #expect(try Self.python(script, "--check") == 0)
    }

    /// The exit code; 127 when there is no python3.
    private static func python(_ arguments: String...) throws -> Int32 {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["python3"] + arguments
        try process.run()
        process.waitUntilExit()
        return process.terminationStatus
    }
}
