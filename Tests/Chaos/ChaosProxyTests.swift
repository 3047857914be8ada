import Glibc
import TestSupport
import Testing

/// The proxy between a client and a server that echoes: each ability by what the peers see of it.
@Suite struct ChaosProxyTests {
    private let server: EchoServer
    private static let text = (0..<3_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }

    init() throws { server = try EchoServer() }

    private func proxy(_ change: @escaping @Sendable (inout ChaosPlan) -> Void = { _ in }) throws
        -> ChaosProxy
    {
        try ChaosProxy(to: server.port) { _ in ChaosPlan(change) }
    }

    private func time(_ body: () throws -> Void) rethrows -> Duration {
        try ContinuousClock().measure(body)
    }

    // MARK: Forwarding

    @Test func forwardsBothWaysAndCounts() throws {
        let proxy = try proxy()
        let peer = try Peer(port: proxy.port)
        try peer.send(Self.text)
        #expect(try peer.receive(exactly: Self.text.count) == Self.text)
        #expect(proxy.connections == 1 && proxy.openConnections == 1)
        peer.endWriting()
        #expect(peer.receiveAll() == ([], nil), "the end goes through both ways")
        #expect(proxy.wait(within: .seconds(10)) { $0[0].fate == .ended })
        #expect(proxy.records[0].toServer.bytes == 3_000 && proxy.records[0].toClient.bytes == 3_000)
    }

    @Test func carriesMoreThanItHolds() throws {
        let proxy = try proxy()
        let peer = try Peer(port: proxy.port)
        let block = (0..<(256 << 10)).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        for _ in 0..<16 {
            try peer.send(block)
            #expect(try peer.receive(exactly: block.count) == block)
        }
        #expect(proxy.records[0].toClient.bytes == 4 << 20)
    }

    @Test func aServerThatIsNotThereResets() throws {
        let closed = try Peer.listen()
        let port = Peer.port(of: closed)
        close(closed)
        let proxy = try ChaosProxy(to: port)
        let peer = try Peer(port: proxy.port)
        #expect(peer.receiveAll() == ([], ECONNRESET))
        #expect(proxy.records[0].fate == .ended)
    }

    // MARK: Cuts

    @Test(arguments: [0, 1, 2_999])
    func cutsAfterExactlySoManyBytesToTheClient(count: Int) throws {
        for ending in [ChaosPlan.Ending.reset, .finish] {
            let proxy = try proxy { $0.toClient.cut = .init(after: UInt64(count), ending) }
            let peer = try Peer(port: proxy.port)
            // A reset that comes before anything was sent is told by send(2), and then no more by recv(2).
            var refused: Int32?
            do { try peer.send(Self.text) } catch let error as PeerError { refused = error.errno }
            let (bytes, errno) = peer.receiveAll()
            #expect(bytes == Array(Self.text[..<count]))
            #expect((refused ?? errno) == (ending == .finish ? nil : ECONNRESET))
            #expect(proxy.wait(within: .seconds(10)) { $0[0].fate == .cut })
        }
    }

    @Test func aResetWaitsForAReaderThatIsSlow() throws {
        let proxy = try proxy { $0.toClient.cut = .init(after: 5_000_000) }
        let peer = try Peer(port: proxy.port)
        let block = [UInt8](repeating: 7, count: 100_000)
        // As much as nobody reads fits into the sockets and the proxy; the rest needs the client to read.
        var received = 0
        for _ in 0..<60 {
            try? peer.send(block)
            received += (try? peer.receive(atMost: 50_000).count) ?? 0
        }
        let (bytes, errno) = peer.receiveAll()
        #expect(received + bytes.count == 5_000_000 && errno == ECONNRESET)
    }

    @Test(arguments: [1, 1_000])
    func cutsAfterExactlySoManyBytesToTheServer(count: Int) throws {
        let proxy = try proxy { $0.toServer.cut = .init(after: UInt64(count), .finish) }
        let peer = try Peer(port: proxy.port)
        try peer.send(Self.text)
        #expect(peer.receiveAll().errno == nil)
        #expect(proxy.records[0].toServer.bytes == UInt64(count))
    }

    @Test func cutsAtOnceAndOnlyTheOneAsked() throws {
        let proxy = try proxy()
        let peers = try [Peer(port: proxy.port), Peer(port: proxy.port)]
        #expect(proxy.waitForConnections(2))
        proxy.cut(0)
        #expect(peers[0].receiveAll() == ([], ECONNRESET))
        try peers[1].send([1])
        #expect(try peers[1].receive(exactly: 1) == [1])
        proxy.cut(1, .finish)
        #expect(peers[1].receiveAll() == ([], nil))
        #expect(proxy.openConnections == 0)
    }

    @Test func aCutCanComeIntoAPlanThatRuns() throws {
        let proxy = try proxy()
        let peer = try Peer(port: proxy.port)
        try peer.send([1, 2, 3])
        #expect(try peer.receive(exactly: 3) == [1, 2, 3])
        proxy.change { $0.toClient.cut = .init(after: 5) }
        try peer.send([4, 5, 6])
        let (bytes, errno) = peer.receiveAll()
        #expect(bytes == [4, 5] && errno == ECONNRESET)
    }

    // MARK: Time

    @Test func delaysEachDirectionInOrder() throws {
        let proxy = try proxy {
            $0.toServer.delay = .milliseconds(60)
            $0.toClient.delay = .milliseconds(40)
        }
        let peer = try Peer(port: proxy.port)
        let taken = try time {
            for part in 0..<10 { try peer.send(Array(Self.text[part * 300..<(part + 1) * 300])) }
            #expect(try peer.receive(exactly: 3_000) == Self.text)
        }
        #expect(taken >= .milliseconds(100))
        // A shorter delay must not let later bytes overtake.
        proxy.change { $0.toServer.delay = .milliseconds(200) }
        try peer.send([1])
        #expect(!peer.isReadable(within: 20))
        proxy.change { $0.toServer.delay = .zero }
        try peer.send([2])
        #expect(try peer.receive(exactly: 2) == [1, 2])
    }

    @Test func deliversInSmallSegments() throws {
        let proxy = try proxy {
            $0.toServer.segment = 1
            $0.toClient.segment = 100
        }
        let peer = try Peer(port: proxy.port)
        try peer.send(Array(Self.text[..<500]))
        #expect(try peer.receive(exactly: 500) == Array(Self.text[..<500]))
        #expect(proxy.records[0].toServer.segments == 500)
        #expect(proxy.records[0].toClient.segments >= 5)
    }

    @Test func throttles() throws {
        let proxy = try proxy { $0.toClient.rate = 10_000 }
        let peer = try Peer(port: proxy.port)
        let taken = try time {
            try peer.send(Self.text)
            #expect(try peer.receive(exactly: 3_000) == Self.text)
        }
        #expect(taken >= .milliseconds(270), "3,000 bytes less what may be caught up")
        #expect(proxy.records[0].toClient.segments >= 30)
    }

    @Test func stallsOneDirection() throws {
        let proxy = try proxy { $0.toClient.isStalled = true }
        let peer = try Peer(port: proxy.port)
        try peer.send([1, 2])
        #expect(proxy.waitForBytes(toServer: 2))
        #expect(!peer.isReadable(within: 50))
        proxy.change(0) { $0.toClient.isStalled = false }
        #expect(try peer.receive(exactly: 2) == [1, 2])
    }

    // MARK: All connections

    @Test func aBlackholeKeepsConnectionsAndHangsNewOnes() throws {
        let proxy = try proxy()
        let old = try Peer(port: proxy.port)
        #expect(proxy.waitForConnections(1))
        proxy.blackhole(for: .seconds(60))
        let fresh = try Peer(port: proxy.port)
        try old.send([1])
        try fresh.send([2])
        #expect(!old.isReadable(within: 50) && !fresh.isReadable(within: 50))
        #expect(proxy.connections == 1 && proxy.records[0].toServer.bytes == 0)
        proxy.blackhole(for: .zero)
        #expect(try old.receive(exactly: 1) == [1])
        #expect(try fresh.receive(exactly: 1) == [2])
    }

    @Test func aBlackholeEndsByItself() throws {
        let proxy = try proxy()
        let peer = try Peer(port: proxy.port)
        #expect(proxy.waitForConnections(1))
        let taken = try time {
            proxy.blackhole(for: .milliseconds(150))
            try peer.send([1])
            #expect(try peer.receive(exactly: 1) == [1])
        }
        #expect(taken >= .milliseconds(150))
    }

    @Test func refusesAndTakesAgain() throws {
        let proxy = try proxy()
        let old = try Peer(port: proxy.port)
        #expect(proxy.waitForConnections(1))
        for _ in 0..<20 {
            try proxy.setRefusing(true)
            #expect(throws: PeerError(call: "connect", errno: ECONNREFUSED)) { try Peer(port: proxy.port) }
            try proxy.setRefusing(false)
            let fresh = try Peer(port: proxy.port)
            try fresh.send([3])
            #expect(try fresh.receive(exactly: 1) == [3])
        }
        try old.send([1])
        #expect(try old.receive(exactly: 1) == [1], "those that were there stay")
    }

    // MARK: Ends

    @Test func connectionsFollowPlansByTheirNumber() throws {
        let proxy = try ChaosProxy(to: server.port) { number in
            ChaosPlan { if number == 0 { $0.toClient.cut = .init(after: 0) } }
        }
        #expect(try Peer(port: proxy.port).receiveAll() == ([], ECONNRESET))
        let second = try Peer(port: proxy.port)
        try second.send([1])
        #expect(try second.receive(exactly: 1) == [1])
        proxy.setPlan { _ in ChaosPlan { $0.toClient.cut = .init(after: 0, .finish) } }
        #expect(try Peer(port: proxy.port).receiveAll() == ([], nil))
    }

    @Test func stoppingResetsWhatIsOpenAndLeavesNothing() throws {
        let proxy = try proxy()
        let port = proxy.port
        let peer = try Peer(port: port)
        #expect(proxy.waitForConnections(1))
        proxy.stop()
        proxy.stop()
        #expect(peer.receiveAll() == ([], ECONNRESET))
        #expect(throws: PeerError(call: "connect", errno: ECONNREFUSED)) { try Peer(port: port) }
        #expect(proxy.records[0].fate == .cut)
    }

    @Test func aWaitThatIsInVainEnds() throws {
        let proxy = try proxy()
        #expect(!proxy.waitForConnections(1, within: .milliseconds(50)))
        #expect(!proxy.waitForBytes(toClient: 1, within: .milliseconds(1)))
    }

    @Test func leavesNoDescriptorAndNoThread() async {
        await #expect(processExitsWith: .success) { try ChaosProxyTests.makeAndDropProxies() }
    }

    /// In a process of its own, where nobody else opens files or starts threads.
    private static func makeAndDropProxies() throws {
        let server = try EchoServer()
        try use(server)
        let before = try (entries("/proc/self/fd"), entries("/proc/self/task"))
        for _ in 0..<20 { try use(server) }
        // The server hears of the last end a little later, and a joined thread is listed a little longer.
        for _ in 0..<1_000 {
            let after = try (entries("/proc/self/fd"), entries("/proc/self/task"))
            if after.0 <= before.0, after.1 <= before.1 { return }
            usleep(10_000)
        }
        exit(1)
    }

    private static func use(_ server: EchoServer) throws {
        let proxy = try ChaosProxy(to: server.port)
        let peers = try (0..<3).map { _ in try Peer(port: proxy.port) }
        for peer in peers { try peer.send([1]) }
        for peer in peers { _ = try peer.receive(exactly: 1) }
        proxy.cut(0)
        proxy.cut(1, .finish)
    }

    private static func entries(_ path: String) throws -> Int {
        guard let directory = opendir(path) else { throw PeerError(call: "opendir") }
        defer { closedir(directory) }
        var count = 0
        while readdir(directory) != nil { count += 1 }
        return count
    }
}
