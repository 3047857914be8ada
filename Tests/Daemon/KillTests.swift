import Foundation
import RingProtocol
import TestSupport
import Testing

/// A daemon that is killed without a word, and started again (T15, T17).
@Suite(.timeLimit(.minutes(5))) struct KillTests {
    private func client(_ files: DaemonFiles, _ identity: TestCertificates.Pair, _ port: Int) throws
        -> RawClient
    {
        try RawClient(
            port: port, identity: identity, authority: files.certificates.authority.certificate)
    }

    private func resumption(_ welcome: Welcome, received: UInt64) -> Hello.Resumption {
        Hello.Resumption(
            epoch: welcome.epoch, session: welcome.session, token: welcome.token, received: received)
    }

    @Test func afterAKillNobodyComesBackAndAllIsReadyAgain() throws {
        let files = try DaemonFiles()
        let agent = try files.certificates.client(uri: DaemonFiles.agent)
        var (daemon, port) = try files.start()
        for _ in 0..<10 {
            let first = try client(files, agent, port)
            let welcome = try first.greet([.links, .resume])
            try first.submit([
                RawEntry(.open, id: 1, argument: Array("null".utf8)),
                RawEntry(.timeout, id: 2, offset: 60_000_000_000),
            ])
            #expect(try first.completions(1)[0].result == 0)
            daemon.signal(SIGKILL)
            #expect(eventually { !daemon.process.isRunning })
            // The same port: clients try it again.
            (daemon, port) = try files.start(["--listen", "127.0.0.1:\(port)"])
            let second = try client(files, agent, port)
            let again = try second.greet([.links, .resume], resumption: resumption(welcome, received: 1))
            #expect(again.resumption == .lost && again.epoch != welcome.epoch)
            // Nothing of the old session is there, and nothing was repeated.
            try second.submit([RawEntry(.command, id: 1)])
            #expect(try second.completions(1)[0].refusal?.reason == .slotNotOpen)
        }
    }
}
