import Foundation
import TestSupport
import Testing

/// The program as a script uses it.
@Suite struct RinglabTests {
    @Test(arguments: [SIGTERM, SIGINT])
    func describesItsDevicesAndTakesThemAway(signal: Int32) throws {
        let directory = try TemporaryDirectory()
        let process = Process()
        process.executableURL = Bundle.main.bundleURL.appending(path: "ringlab")
        process.arguments = [
            "--directory", "\(directory.path)/lab", "--ready-file", "\(directory.path)/ready",
        ]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let greeting = String(decoding: pipe.fileHandleForReading.availableData, as: UTF8.self)
        #expect(greeting.hasPrefix("ringlab: board /dev/pts/") && greeting.hasSuffix("\n"))
        #expect(try directory.names() == ["lab", "ready"])

        let json = try Data(contentsOf: URL(filePath: "\(directory.path)/lab/lab.json"))
        let lab = try #require(JSONSerialization.jsonObject(with: json) as? [String: Any])
        let board = try #require(lab["board"] as? String)
        #expect(FileManager.default.fileExists(atPath: board))
        let loop = lab["loop"] as? String
        #expect((loop == nil) == (lab["loop"] is NSNull && lab["loopSkipped"] is String))

        kill(process.processIdentifier, signal)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0 && process.terminationReason == .exit)
        #expect(try directory.names() == ["lab"])
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(directory.path)/lab") == [])
    }
}
