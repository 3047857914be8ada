import Foundation
import RingProtocol
import TestSupport
import Testing

@testable import RingPolicy
@testable import RingPolicyFile

/// What docs/profiles.md tells somebody who adds an ioctl, done.
@Suite("The walk-through")
struct WalkThroughTests {
    private func block(_ kind: String) throws -> String {
        try #require(Page("profiles.md").blocks(kind).first, "no block `\(kind)`")
    }

    /// What the page's rule gives an agent on the timer.
    private func grant() throws -> Grant {
        let profile = SourceText(path: "profiles/hpet.yaml", text: try block("yaml hpet"))
        let policy = SourceText(path: "site.yaml", text: try block("yaml hpet policy"))
        let loaded = try PolicyLoader.load(policy, profiles: SiteFixture.shippedProfiles() + [profile])
        let snapshot = loaded.snapshot(revision: [UInt8](repeating: 0, count: 32))
        let peer = PeerIdentity(
            uris: ["ringgate://farm.example/agent/7"], keyHash: [], commonName: nil, issuer: "CN=CA")
        let rights = try snapshot.policy(for: snapshot.recognize(peer), at: 0)
        return try Array("timer".utf8).withUnsafeBytes { try rights.authorizeOpen(WireBytes($0)).grant }
    }

    /// Bytes of the reply, or the refusal's text.
    private func decide(_ code: UInt32, _ argument: [UInt8]) throws -> (reply: Int?, refusal: String?) {
        let grant = try grant()
        return argument.withUnsafeBytes { bytes in
            let entry = Entry(
                .command, requestID: RequestID(1), subOpcode: SubOpcode(code), argument: WireBytes(bytes))
            var layout = Layout()
            do throws(Refusal) {
                return (try grant.authorize(entry, on: OpenFileID(1), &layout) { _ in nil }.replySize, nil)
            } catch {
                return (nil, error.text)
            }
        }
    }

    @Test("The new command runs as far as the page's rule allows it, and its profile bounds it for everybody")
    func authorization() throws {
        #expect(try decide(0x8018_6803, []) == (24, nil))
        #expect(try decide(0x4008_6806, [32, 0, 0, 0, 0, 0, 0, 0]) == (0, nil))
        let refusal = try decide(0x4008_6806, [48, 0, 0, 0, 0, 0, 0, 0]).refusal
        #expect(refusal?.contains("HPET_IRQFREQ needs frequency in 1..32") == true)
        #expect(try decide(0x4008_6806, [32, 0, 0, 0]).refusal != nil)
        #expect(try decide(0x6801, []).refusal?.contains("describes no sub-opcode") == true)
        let text = try block("yaml hpet policy").replacing("[1, 32]", with: "[65, 99]")
        let error = try #require(throws: PolicyErrors.self) {
            try PolicyLoader.load(
                SourceText(path: "site.yaml", text: text),
                profiles: [SourceText(path: "profiles/hpet.yaml", text: block("yaml hpet"))])
        }
        #expect(error.description.contains("can never hold: profile `hpet` needs frequency in 1..64"))
    }

    @Test(
        "The page's program prints the numbers that the page's profile has",
        .enabled(if: KernelHeaders.isAvailable, "skipped: there is no C compiler"))
    func numbers() throws {
        let scratch = try ScratchDirectory()
        let source = try scratch.write("numbers.c", block("c").utf8)
        let program = scratch.url.appending(path: "numbers").path
        try Tool.require([KernelHeaders.compiler, "-o", program, source])
        try #expect(withExtendedLifetime(scratch) { try Tool.require([program]) } == block("text"))
        let profile = try block("yaml hpet")
        #expect(try block("text").contains("HPET_INFO 0x80186803") && profile.contains("0x80186803"))
        #expect(try block("text").contains("HPET_IRQFREQ 0x40086806") && profile.contains("0x40086806"))
    }

    @Test("The table of what is shipped has every profile, with its numbers of commands")
    func shipped() throws {
        var profiles: [Profile] = []
        for source in try SiteFixture.shippedProfiles() {
            var report = Report(source.path)
            var references: [ProfileReference] = []
            profiles.append(try #require(ProfileReader.read(source, &references, &report)))
        }
        let rows = try Page("profiles.md").text.components(separatedBy: "## Shipped")[1]
            .components(separatedBy: "## ABI")[0].split(separator: "\n").filter { $0.hasPrefix("| `") }
            .map { $0.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) } }
        let told = rows.map { "\($0[0]) \($0[2]) \($0[3])" }
        let counted = profiles.map { profile in
            let guarded = profile.commands.filter(\.isGuarded).count
            return "`\(profile.name)` \(profile.commands.count) \(guarded == 0 ? "" : "\(guarded)")"
        }
        #expect(told.sorted() == counted.sorted())
    }
}
