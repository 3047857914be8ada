import RingProtocol
import Testing

@Suite("What entries ask for")
struct EntryShapeTests {
    private func entry(
        _ operation: RingProtocol.Operation, slot: UInt16 = 0, code: UInt32 = 0, offset: UInt64 = 0,
        flags: EntryFlags = [], timeout: UInt32 = 0, argument: WireBytes = WireBytes()
    ) -> Entry {
        Entry(
            operation, requestID: RequestID(1), slot: FileSlot(slot), subOpcode: SubOpcode(code),
            offset: offset, flags: flags, timeout: timeout, argument: argument)
    }

    @Test("Each operation needs the feature of its table")
    func features() {
        let needed: [RingProtocol.Operation: Features] = [
            .poll: .poll, .timeout: .links, .cancel: .cancel, .lease: .leases, .credit: .streams,
            .context: .traceContext,
        ]
        for operation in RingProtocol.Operation.allCases {
            #expect(operation.feature == needed[operation] ?? [])
        }
    }

    @Test("A read's argument has one shape, with a credit exactly when it is a stream")
    func readArgument() {
        func decode(
            _ bytes: [UInt8], _ flags: EntryFlags = [], offset: UInt64 = Entry.currentPosition
        ) -> ReadArgument? {
            bytes.wire { ReadArgument.decode(entry(.read, offset: offset, flags: flags, argument: $0)) }
        }
        for count in [0, 1, Limits.payload, Int(UInt32.max)] {
            let single = decode(ReadArgument.encode(count: count))
            #expect(single?.count == count && single?.credit == 0)
            let stream = decode(ReadArgument.encode(count: count, credit: 7), .multishot)
            #expect(stream?.count == count && stream?.credit == 7 && stream?.eventCharge == count + 32)
        }
        for (credit, passes) in [
            (0, false), (1, true), (4096, true), (4097, false), (Int(UInt32.max), false),
        ] {
            let bytes = ReadArgument.encode(count: 1, credit: credit)
            #expect((decode(bytes, .multishot) != nil) == passes)
            #expect((decode(bytes) != nil) == (credit == 0))
        }
        // A stream reads on from where the file is.
        #expect(decode(ReadArgument.encode(count: 1, credit: 1), .multishot, offset: 0) == nil)
        #expect(decode(ReadArgument.encode(count: 1), offset: 0)?.count == 1)
        #expect(decode([1, 0, 0, 0, 0, 0, 0]) == nil && decode([1, 0, 0, 0, 0, 0, 0, 0, 0]) == nil)
    }

    @Test("Streams of polls and lists carry a credit, single ones nothing")
    func streamArgument() {
        func decode(_ bytes: [UInt8], _ flags: EntryFlags = []) -> StreamArgument? {
            bytes.wire { StreamArgument.decode(entry(.list, flags: flags, argument: $0)) }
        }
        #expect(decode([])?.credit == 0)
        #expect(decode(StreamArgument.encode(credit: 4096), .multishot)?.credit == 4096)
        #expect(decode(StreamArgument.encode(credit: 1)) == nil && decode([], .multishot) == nil)
        #expect(decode(StreamArgument.encode(credit: 0), .multishot) == nil)
        #expect(decode(ReadArgument.encode(count: 1, credit: 1), .multishot) == nil)
    }

    @Test("A credit names a stream and 1 to 4,096 events")
    func credit() {
        let grant = CreditGrant.decode(entry(.credit, code: 4096, offset: .max))
        #expect(grant?.stream == RequestID(.max) && grant?.events == 4096)
        for (code, slot) in [(UInt32(0), UInt16(0)), (4097, 0), (.max, 0), (1, 1)] {
            #expect(CreditGrant.decode(entry(.credit, slot: slot, code: code, offset: 3)) == nil)
        }
        #expect([0].wire { CreditGrant.decode(entry(.credit, code: 1, argument: $0)) } == nil)
    }

    @Test("A timeout waits from a nanosecond to an hour")
    func delay() {
        for (offset, passes) in [
            (UInt64(0), false), (1, true), (3_600_000_000_000, true), (3_600_000_000_001, false),
        ] {
            #expect(entry(.timeout, offset: offset).delay == (passes ? offset : nil))
        }
        #expect(entry(.timeout, slot: 1, offset: 1).delay == nil)
        #expect(entry(.timeout, code: 1, offset: 1).delay == nil)
        #expect([0].wire { entry(.timeout, offset: 1, argument: $0).delay } == nil)
    }

    @Test("A cancel names a request, a slot or the session")
    func cancelScope() {
        #expect(entry(.cancel, offset: 9).cancelScope == .request(RequestID(9)))
        #expect(entry(.cancel, slot: 3, code: 1).cancelScope == .slot(FileSlot(3)))
        #expect(entry(.cancel, code: 2).cancelScope == .session)
        for (slot, code, offset) in [
            (UInt16(1), UInt32(0), UInt64(9)), (3, 1, 1), (1, 2, 0), (0, 2, 1), (0, 3, 0), (0, .max, 0),
        ] {
            #expect(entry(.cancel, slot: slot, code: code, offset: offset).cancelScope == nil)
        }
        #expect([0].wire { entry(.cancel, offset: 9, argument: $0).cancelScope } == nil)
    }

    @Test("A lease entry has one of six verbs, and no slot or offset")
    func leaseVerb() {
        let verbs: [LeaseVerb] = [.acquire, .renew, .release, .transfer, .share, .status]
        #expect((0...7).map { entry(.lease, code: $0).leaseVerb } == [nil] + verbs + [nil])
        #expect(entry(.lease, slot: 1, code: 1).leaseVerb == nil)
        #expect(entry(.lease, code: 1, offset: 1).leaseVerb == nil)
    }

    @Test("A poll waits for something poll(2) knows")
    func pollEvents() {
        for bit in 0..<32 {
            let events = PollEvents(rawValue: 1 << bit)
            let found = entry(.poll, slot: 3, code: events.rawValue).pollEvents
            #expect(found == ([0, 1, 2, 3, 4, 13].contains(bit) ? events : nil))
        }
        let all: PollEvents = [.readable, .priority, .writable, .error, .hangup, .readHangup]
        #expect(all == .known && entry(.poll, code: all.rawValue).pollEvents == all)
        #expect(entry(.poll, code: 0).pollEvents == nil && entry(.poll, code: 1, offset: 1).pollEvents == nil)
        #expect(entry(.poll, code: 1, flags: .multishot).pollEvents == nil, "a stream needs a credit")
    }

    @Test("Flags are only where they mean something")
    func flagsFit() {
        for operation in RingProtocol.Operation.allCases {
            let streams = [.read, .poll, .list].contains(operation)
            let joined: [EntryFlags] = [.link, .hardlink, [.link, .hardlink]]
            for flags in joined + [[], .drain] {
                #expect(entry(operation, flags: flags).flagsFit)
                #expect(entry(operation, flags: flags.union(.skipSuccess)).flagsFit == flags.joinsNext)
                let stream = entry(operation, flags: flags.union(.multishot))
                #expect(stream.flagsFit == (streams && !flags.joinsNext))
                #expect(!entry(operation, flags: flags.union([.multishot, .skipSuccess])).flagsFit)
            }
        }
        #expect(entry(.lease, code: 1, flags: .multishot).flagsFit)
        #expect(!entry(.lease, code: 2, flags: .multishot).flagsFit)
    }

    @Test("Timeouts are only where they mean something")
    func timeoutFits() {
        let timed: [RingProtocol.Operation] = [.open, .read, .write, .sync, .poll, .command]
        for operation in RingProtocol.Operation.allCases {
            #expect(entry(operation).timeoutFits)
            #expect(entry(operation, timeout: .max).timeoutFits == timed.contains(operation))
        }
        #expect(!entry(.read, flags: .multishot, timeout: 1).timeoutFits)
        #expect(!entry(.poll, flags: .multishot, timeout: 1).timeoutFits)
        #expect(
            entry(.lease, code: 1, timeout: 1).timeoutFits && !entry(.lease, code: 2, timeout: 1).timeoutFits)
    }

    @Test("A gap is a completion of eight bytes; any other length is R-37")
    func gap() throws {
        let header = Gap.header(RequestID(9), found: .max)
        #expect(header.result == 0 && header.payloadLength == 8 && header.deviceTime == (1 << 48) - 1)
        #expect(header.flags == [.more, .gap] && header.flags.engine == .gateway)
        var bytes = [UInt8](repeating: 0, count: 8)
        bytes.withUnsafeMutableBytes { Gap(lost: .max).encode(into: $0) }
        #expect(try bytes.wire { try Gap.decode($0) } == Gap(lost: .max))
        #expect(try broken { try [0].wire { _ = try Gap.decode($0) } } == Broken(.malformed, 37))
    }

    @Test("The time of an event is the low 48 bits, not the greatest number")
    func eventTime() {
        #expect(CompletionHeader.eventTime((1 << 48) + 5) == 5)
        #expect(CompletionHeader.eventTime((1 << 48) - 1) == (1 << 48) - 1)
    }
}
