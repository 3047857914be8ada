import Foundation
import RingPolicy
import Testing

@testable import RingPolicyFile

@Suite("The profiles that are shipped")
struct ShippedProfileTests {
    private func profiles() throws -> [Profile] { try SiteFixture.load(SiteFixture.text).profiles }

    @Test("All files of the directory are tested here")
    func complete() throws {
        let directory = repository.appending(path: "profiles").path
        let files = try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
        #expect(files == (try profiles()).map { "\($0.name).yaml" })
    }

    @Test(
        "Codes, sizes, offsets, widths and signs are those of the kernel's headers",
        .enabled(if: KernelHeaders.isAvailable, "skipped: no C compiler at /usr/bin/cc"),
        arguments: ["block", "loop", "random", "tty"])
    func kernel(_ name: String) throws {
        let profile = try #require(try profiles().first { $0.name == name })
        for command in profile.commands where !KernelHeaders.types.keys.contains(command.name) {
            Issue.record("\(command.name) has no entry in KernelHeaders.types")
        }
        var facts = try KernelHeaders.facts(of: profile)
        var claims = KernelHeaders.claims(of: profile)
        for command in profile.commands where facts.remove("\(command.name) missing") != nil {
            if let substitute = KernelHeaders.substitutes[command.name] {
                print("not in these headers: \(command.name); its code was compared with \(substitute)")
            } else {
                print("skipped: \(command.name) is not in these headers")
                claims = claims.filter {
                    !$0.hasPrefix("\(command.name) ") && !$0.hasPrefix("\(command.name).")
                }
            }
        }
        #expect(claims.subtracting(facts).sorted() == [], "claimed, but not so")
        #expect(facts.subtracting(claims).sorted() == [], "so, but not claimed")
    }

    @Test("Nothing but NULL_URING_CMD is no symbol of the kernel")
    func null() throws {
        let profile = try #require(try profiles().first { $0.name == "null" })
        #expect(profile.commands.map(\.name) == ["NULL_URING_CMD"])
        #expect(profile.commands.map(\.transport) == [.ring])
        print("skipped: NULL_URING_CMD is no symbol of the kernel; /dev/null takes every code")
    }

    @Test("Blocks that clients fill in have no bytes they cannot name")
    func gaps() throws {
        for profile in try profiles() {
            for command in profile.commands {
                #expect(command.gaps.isEmpty, "\(profile.name) \(command.name)")
            }
        }
    }
}
