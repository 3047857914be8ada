import Foundation
import TestSupport
import Testing

/// `ringctl read --length`: an image of a disk, or as much of it as there is.
@Suite(.timeLimit(.minutes(5))) struct LongReadTests {
    @Test(arguments: [("3MiB", 3_145_728), ("100", 100), ("1GiB", 3_145_829)])
    func bytesComeWholeAndInTheirOrder(length: String, bytes: Int) throws {
        let files = try DaemonFiles()
        let image = Data((0..<3_145_829).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 7) })
        let path = files.path("image")
        try image.write(to: URL(filePath: path))
        _ = try files.write(
            "policy.yaml",
            """
            version: 1
            principals:
              agent: {uri: "\(DaemonFiles.agent)"}
            devices:
              disk: {path: "\(path)", kind: regular, profile: block}
            rules:
              - {id: agents, principals: [agent], devices: [disk], read: {max-length: 64KiB}}

            """)
        let agent = try files.certificates.client(uri: DaemonFiles.agent)
        let (daemon, port) = try files.start()
        let run = try Tool.run([
            "bash", "-c",
            """
            \(Bundle.main.bundleURL.path)/ringctl read disk --offset 0 --length \(length) --host 127.0.0.1:\(port) \
            --cert \(agent.certificate) --key \(agent.key) --ca \(files.certificates.authority.certificate) > \(path).copy
            """,
        ])
        #expect(run.status == 0 && run.output.isEmpty, "\(run.output)")
        #expect(try Data(contentsOf: URL(filePath: "\(path).copy")) == image.prefix(bytes))
        daemon.signal(SIGTERM)
        #expect(try daemon.exitCode() == 0)
    }
}
