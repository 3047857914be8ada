import RingProtocol
import Testing

@Suite("Chains in a frame")
struct ChainTests {
    private let allowed = EntryFlags.allowed(by: [.links, .streams, .skipSuccess])

    /// What a frame whose entries have these flags breaks.
    private func prove(_ flags: [EntryFlags]) throws -> Broken? {
        let entries = flags.enumerated().map { index, flags in
            Entry(.nop, requestID: RequestID(UInt64(index + 1)), flags: flags)
        }
        return try broken { try submission(entries).wire { try decodeWhole($0, allowed: allowed) } }
    }

    @Test("A chain ends within its frame, whichever flag joins it", arguments: [1, 2, 3])
    func ends(_ bits: UInt8) throws {
        let joined = EntryFlags(rawValue: bits)
        #expect(joined.joinsNext)
        #expect(try prove([joined, []]) == nil)
        #expect(try prove([[], joined, joined.union(.skipSuccess), .drain]) == nil)
        #expect(try prove([joined, [], joined, []]) == nil)
        #expect(try prove([joined]) == Broken(.malformed, 34, entry: 0))
        #expect(try prove([[], joined.union(.drain)]) == Broken(.malformed, 34, entry: 1))
        #expect(try prove([joined, [], joined]) == Broken(.malformed, 34, entry: 2))
    }

    @Test("Flags that join nothing end no frame in a chain", arguments: [4, 8, 16, 28])
    func others(_ bits: UInt8) throws {
        let flags = EntryFlags(rawValue: bits)
        #expect(!flags.joinsNext)
        #expect(try prove([flags]) == nil)
        #expect(try prove([.link, flags]) == nil)
    }

    @Test("A longest chain passes, one member more does not, and chains do not add up")
    func longest() throws {
        func chain(_ count: Int) -> [EntryFlags] {
            Array(repeating: .link, count: count - 1) + [[]]
        }
        #expect(try prove(chain(Limits.chain)) == nil)
        #expect(try prove(chain(Limits.chain) + chain(Limits.chain)) == nil)
        let blamed = UInt32(Limits.chain - 1)
        #expect(try prove(chain(Limits.chain + 1)) == Broken(.limit, 34, entry: blamed))
        #expect(try prove([[]] + chain(Limits.chain + 1)) == Broken(.limit, 34, entry: blamed + 1))
        #expect(try prove(chain(Limits.entriesPerFrame)) == Broken(.limit, 34, entry: blamed))
    }

    @Test("A frame tells which flags it has")
    func flags() throws {
        for flags in [[[]], [.link, .drain], [.hardlink, []]] as [[EntryFlags]] {
            let entries = flags.enumerated().map {
                Entry(.nop, requestID: RequestID(UInt64($0 + 1)), flags: $1)
            }
            try submission(entries).wire { bytes in
                let frame = try #require(try Frame.decode(bytes, payloadLimit: 1024))
                let decoded = try Submission(frame, allowed: allowed, after: RequestID(0))
                #expect(decoded.flags == EntryFlags(flags))
            }
        }
    }
}
