import RingProtocol
import Testing

@Suite("Submissions")
struct SubmissionTests {
    private func prove(
        _ bytes: [UInt8], allowed: EntryFlags = [], after: UInt64 = 0
    ) throws -> Broken? {
        try broken { try bytes.wire { try decodeWhole($0, allowed: allowed, after: RequestID(after)) } }
    }

    @Test("Entries come out as they went in, of every operation and argument length")
    func roundTrip() throws {
        let argument = [UInt8](1...17)
        try argument.wire { bytes in
            let entries = Operation.allCases.enumerated().map { index, operation in
                Entry(
                    operation, requestID: RequestID(UInt64(index) * 7 + 1), slot: FileSlot(UInt16(index)),
                    subOpcode: SubOpcode(0xffff_fff0 + UInt32(index)), offset: Entry.currentPosition,
                    timeout: 9, argument: bytes.slice(0, index))
            }
            try submission(entries).wire { bytes in
                let frame = try #require(try Frame.decode(bytes, payloadLimit: Limits.framePayload))
                var decoded = try Submission(frame, allowed: [], after: RequestID(0))
                #expect(decoded.lastRequestID == entries.last?.requestID)
                var count = 0
                for entry in entries {
                    guard let next = decoded.next() else { break }
                    #expect(next.operation == entry.operation && next.requestID == entry.requestID)
                    #expect(next.slot == entry.slot && next.subOpcode == entry.subOpcode)
                    #expect(next.offset == .max && next.timeout == 9 && next.flags.isEmpty)
                    #expect(next.argument.array == entry.argument.array)
                    count += 1
                }
                let end = decoded.next()
                #expect(count == entries.count && end == nil)
            }
        }
    }

    @Test("Entries that differ in their request ids alone are a row, and nothing else is taken for one")
    func alike() throws {
        let one = Entry(.command, requestID: RequestID(1), slot: FileSlot(3), subOpcode: SubOpcode(9))
        let same = Entry(.command, requestID: RequestID(5), slot: FileSlot(3), subOpcode: SubOpcode(9))
        let others = [
            Entry(.read, requestID: RequestID(5), slot: FileSlot(3), subOpcode: SubOpcode(9)),
            Entry(.command, requestID: RequestID(5), slot: FileSlot(2), subOpcode: SubOpcode(9)),
            Entry(.command, requestID: RequestID(5), slot: FileSlot(3), subOpcode: SubOpcode(8)),
            Entry(.command, requestID: RequestID(5), slot: FileSlot(3), subOpcode: SubOpcode(9), offset: 1),
            Entry(.command, requestID: RequestID(5), slot: FileSlot(3), subOpcode: SubOpcode(9), timeout: 1),
            Entry(
                .command, requestID: RequestID(5), slot: FileSlot(3), subOpcode: SubOpcode(9), flags: .drain),
        ]
        for (next, isAlike) in [(same, true)] + others.map({ ($0, false) }) {
            try taken(one, next) { submission, entry in
                let row = ids(submission.row(from: entry))
                #expect(row == (isAlike ? [1, 5] : [1]))
                let rest = submission.next()
                #expect(rest?.requestID == (isAlike ? nil : RequestID(5)))
            }
        }
        // An argument may look like a header, and that of the entry behind it like the same one.
        try submission([same]).dropFirst(Limits.frameHeader).map { $0 }.wire { header in
            let disguised = Entry(
                .command, requestID: RequestID(1), slot: FileSlot(3), subOpcode: SubOpcode(1),
                argument: header)
            try taken(disguised, same) { submission, entry in
                let row = ids(submission.row(from: entry))
                #expect(row == [1])
                #expect(submission.next()?.subOpcode == SubOpcode(9))
            }
        }
        let late = Entry(.command, requestID: RequestID(1), slot: FileSlot(3), subOpcode: SubOpcode(9))
        #expect(try prove(submission([one, same, late])) == Broken(.requestID, 14, entry: 2))
    }

    private func ids(_ row: EntryRow) -> [UInt64] {
        var row = row
        var ids: [UInt64] = []
        while row.count > 0 {
            ids.append(row.first.value)
            row.dropFirst()
        }
        return ids
    }

    /// Takes the first of two entries.
    private func taken(
        _ first: Entry, _ second: Entry, _ body: (inout Submission, Entry) -> Void
    ) throws {
        try submission([first, second]).wire { bytes in
            let frame = try #require(try Frame.decode(bytes, payloadLimit: Limits.framePayload))
            var submission = try Submission(frame, allowed: [.drain], after: RequestID(0))
            guard let entry = submission.next() else { return }
            body(&submission, entry)
        }
    }

    @Test("An unknown operation is an entry without one, not an error")
    func unknownOperation() throws {
        for byte in UInt8.min...UInt8.max {
            var bytes = submission([Entry(.nop, requestID: RequestID(1))])
            bytes[8] = byte
            try bytes.wire { bytes in
                let frame = try #require(try Frame.decode(bytes, payloadLimit: 64))
                var decoded = try Submission(frame, allowed: [], after: RequestID(0))
                let operation = decoded.next()?.operation
                #expect(operation == Operation(rawValue: byte))
            }
        }
    }

    @Test("As many entries as a frame may hold pass, one more does not")
    func most() throws {
        for count in [Limits.entriesPerFrame, Limits.entriesPerFrame + 1] {
            let entries = (1...count).map { Entry(.nop, requestID: RequestID(UInt64($0))) }
            #expect(try prove(submission(entries)) == (count > 1024 ? Broken(.limit, 11) : nil))
        }
    }

    @Test("The longest argument passes, one byte more does not")
    func longest() throws {
        for length in [Limits.payload, Limits.payload + 1] {
            let found = try [UInt8](repeating: 7, count: length).wire {
                try prove(submission([Entry(.write, requestID: RequestID(1), argument: $0)]))
            }
            #expect(found == (length > Limits.payload ? Broken(.limit, 15, entry: 0) : nil))
        }
    }

    @Test("A frame is cut at every byte of its payload without being taken")
    func cut() throws {
        let argument = [UInt8](1...9)
        let whole = argument.wire { bytes in
            submission([
                Entry(.nop, requestID: RequestID(1)), Entry(.write, requestID: RequestID(2), argument: bytes),
            ])
        }
        for length in 0..<whole.count - 8 {
            var bytes = Array(whole.prefix(8 + length))
            bytes.store(UInt32(length), at: 0)
            #expect(try prove(bytes) == Broken(.malformed, 12, entry: length < 32 ? 0 : 1))
        }
    }

    @Test("Each flag passes exactly with its feature")
    func flags() throws {
        let features: [(Features, EntryFlags)] = [
            ([], []), (.links, [.link, .hardlink, .drain]), (.streams, .multishot),
            (.skipSuccess, .skipSuccess),
            ([.cancel, .timeouts, .poll, .leases, .resume], []),
        ]
        for (feature, flags) in features {
            #expect(EntryFlags.allowed(by: feature) == flags)
            for bit in 0..<8 {
                let flag = EntryFlags(rawValue: 1 << bit)
                let last = flag.joinsNext ? [Entry(.nop, requestID: RequestID(2))] : []
                let bytes = submission([Entry(.nop, requestID: RequestID(1), flags: flag)] + last)
                let expected = flags.contains(flag) ? nil : Broken(.reserved, 13, entry: 0)
                #expect(try prove(bytes, allowed: EntryFlags.allowed(by: feature)) == expected)
            }
        }
    }

    @Test("Request ids rise within a frame and from frame to frame, over all 64 bits")
    func requestIDs() throws {
        func two(_ first: UInt64, _ second: UInt64) -> [UInt8] {
            submission([first, second].map { Entry(.nop, requestID: RequestID($0)) })
        }
        #expect(try prove(two(1, 2)) == nil)
        #expect(try prove(two(1, .max)) == nil)
        #expect(try prove(two(0, 1)) == Broken(.requestID, 14, entry: 0))
        #expect(try prove(two(1, 1)) == Broken(.requestID, 14, entry: 1))
        #expect(try prove(two(.max, 0)) == Broken(.requestID, 14, entry: 1))
        #expect(try prove(two(8, 9), after: 7) == nil)
        #expect(try prove(two(8, 9), after: 8) == Broken(.requestID, 14, entry: 0))
        #expect(try prove(two(1, 2), after: .max) == Broken(.requestID, 14, entry: 0))
    }

    @Test("Every byte of padding must be zero")
    func padding() throws {
        for length in 1...8 {
            let bytes = [UInt8](repeating: 1, count: length).wire {
                submission([Entry(.write, requestID: RequestID(1), argument: $0)])
            }
            for position in 40 + length..<bytes.count {
                var changed = bytes
                changed[position] = 0x80
                #expect(try prove(changed) == Broken(.reserved, 16, entry: 0))
            }
        }
    }
}
