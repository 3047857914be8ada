import Foundation
import TestSupport
import Testing

/// What must hold for every file of the repository. Needs a git checkout; a source archive has no list of files.
@Suite(
    .enabled(
        if: FileManager.default.fileExists(atPath: "\(Tool.repository)/.git"), "this is no git checkout"))
struct RepositoryTests {
    @Test func holdsNoPrivateKey() throws {
        let files = try trackedFiles()
        #expect(files.count > 10)
        for file in files {
            #expect(!Self.isNamedLikeKey(file), "\(file) is named like a private key")
            // A file that is deleted but not committed is still listed.
            guard let bytes = FileManager.default.contents(atPath: "\(Tool.repository)/\(file)") else {
                continue
            }
            #expect(!Self.holdsKey(bytes), "\(file) holds a private key")
        }
    }

    @Test(arguments: ["PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY"])
    func recognizesKeys(label: String) {
        #expect(Self.holdsKey(Data("text\n-----BEGIN \(label)-----\nMIGH".utf8)))
        #expect(!Self.holdsKey(Data("-----BEGIN CERTIFICATE-----\n PRIVATE KEY".utf8)))
    }

    @Test func scriptsAreExecutableAndParse() throws {
        let files = try trackedFiles()
        let scripts = files.filter { file in
            let inScriptFolder = file.hasPrefix("scripts/") || file.hasPrefix("certs/")
            return inScriptFolder && !file.contains(".") || file.hasSuffix(".sh") || file.hasSuffix(".bash")
        }
        #expect(scripts.contains("certs/make-ca") && scripts.contains("scripts/setup"))
        for script in scripts {
            let path = "\(Tool.repository)/\(script)"
            let firstLine = try String(contentsOfFile: path, encoding: .utf8).prefix { $0 != "\n" }
            let isShell = script.hasSuffix("sh") || firstLine.hasSuffix("sh")
            // A `.bash` file is read by others with `source` and is no program.
            if !script.hasSuffix(".bash") {
                #expect(firstLine.hasPrefix("#!"), "\(script) does not name its interpreter")
                #expect(FileManager.default.isExecutableFile(atPath: path), "\(script) is not executable")
            }
            let parsed = try isShell ? Tool.run(["bash", "-n", path]) : nil
            #expect(parsed?.succeeded != false, "\(script): \(parsed?.output ?? "")")
        }
    }

    /// Tracked files, and those that would be with the next `git add`.
    private func trackedFiles() throws -> [String] {
        let list = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"]
        return try Tool.require(list, discardingErrors: true).split(separator: "\0").map(String.init)
    }

    private static func isNamedLikeKey(_ file: String) -> Bool {
        [".key", ".p12", ".pfx", "id_rsa", "id_ed25519"].contains { file.lowercased().hasSuffix($0) }
    }

    /// A PEM header of a private key of any kind. The pattern is no header itself: its label is in brackets.
    private static func holdsKey(_ bytes: Data) -> Bool {
        String(decoding: bytes, as: UTF8.self).contains(/-----BEGIN ([A-Z0-9]+ )*PRIVATE[ ]KEY-----/)
    }
}
