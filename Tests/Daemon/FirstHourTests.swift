import Foundation
import TestSupport
import Testing

/// docs/first-hour.md, as its reader goes through it; scripts/try-clean does the same with the package in a bare system.
@Suite(.timeLimit(.minutes(5))) struct FirstHourTests {
    @Test func thePageIsTrue() throws {
        let directory = try TemporaryDirectory()
        let share = "\(directory.path)/share", folder = "\(directory.path)/lab"
        for path in [share, folder] {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        }
        for name in ["certs", "profiles"] {
            try FileManager.default.createSymbolicLink(
                atPath: "\(share)/\(name)", withDestinationPath: "\(Tool.repository)/\(name)")
        }
        let search = ProcessInfo.processInfo.environment["PATH"] ?? ""
        let run = try Tool.run([
            "PATH=\(Bundle.main.bundleURL.path):\(search)", "python3",
            "\(Tool.repository)/Tests/Page/run_page.py", "\(Tool.repository)/docs/first-hour.md", folder,
            "/usr/share/ringgate=\(share)",
            "policy check policy.yaml=policy check policy.yaml --profiles \(share)/profiles",
            "--policy policy.yaml=--policy policy.yaml --profiles \(share)/profiles",
        ])
        #expect(run.status == 0 && run.output.contains("commands do what it says"), "\(run.output)")
    }
}
