import Foundation
import RingPolicy
import RingProtocol
import Testing

@testable import RingPolicyFile

/// All files of `profiles/`, as the gateway loads them.
enum ShippedProfiles {
    /// Read once: there are some thousand lines of them.
    private static let loaded = Result { try read() }

    static func load() throws -> [Profile] { try loaded.get() }

    private static func read() throws -> [Profile] {
        let directory = repository.appending(path: "profiles")
        let files = try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted()
        let sources = try files.map { file in
            SourceText(
                path: "profiles/\(file)", bytes: Array(try Data(contentsOf: directory.appending(path: file))))
        }
        let site = """
            version: 1
            principals: {agent: {uri: "ringgate://farm.example/agent/*"}}
            devices: {sink: {path: /dev/null, profile: "null"}}
            rules: [{id: try, principals: [agent], devices: [sink], commands: [NULL_URING_CMD]}]

            """
        return try PolicyLoader.load(SourceText(path: "site.yaml", text: site), profiles: sources).profiles
    }

    static func load(_ name: String) throws -> Profile {
        try #require(try load().first { $0.name == name }, "there is no profile \(name)")
    }
}

@Suite("The profiles that are shipped")
struct ShippedProfileTests {
    @Test("Every file loads without a flaw, and is compared with headers here")
    func complete() throws {
        let directory = repository.appending(path: "profiles").path
        let files = try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
        let profiles = try ShippedProfiles.load().map(\.name)
        #expect(files == profiles.map { "\($0).yaml" }.sorted())
        #expect(Set(profiles) == Set(KernelNames.tables.keys).union(["null"]))
    }

    @Test(
        "Codes, sizes, offsets, widths, signs and constants are those of the kernel's headers",
        .enabled(if: KernelHeaders.isAvailable, "skipped: no C compiler at /usr/bin/cc"),
        arguments: InstalledHeaders.profiles)
    func kernel(_ name: String) throws {
        let names = try #require(KernelNames.tables[name])
        let claims = KernelClaims(try ShippedProfiles.load(name), names)
        #expect(claims.untyped == [], "have no C type in KernelTables")
        let answer = try KernelHeaders.ask(claims.facts, headers: names.headers + names.newHeaders)
        #expect(names.headers.filter(answer.missing.contains) == [], "were there a moment ago")
        for fact in claims.facts {
            let isMissing = answer.missing.contains(fact.symbol)
            if isMissing { report(fact, names) }
            for claim in isMissing ? fact.substitutes : fact.all {
                #expect(answer.values[claim.label] == claim.value, "\(claim.label): \(claim.expression)")
            }
        }
    }

    @Test(
        "No profile is left out of that because a header is missing",
        .enabled(
            if: InstalledHeaders.absent.isEmpty,
            "skipped: not compared, for want of \(InstalledHeaders.absent)"))
    func headers() { #expect(InstalledHeaders.profiles == KernelNames.tables.keys.sorted()) }

    /// The profiles whose headers are installed; the others show as a skipped test that names what is missing.
    private enum InstalledHeaders {
        static let absent: String = {
            let headers = Set(KernelNames.tables.values.flatMap(\.headers)).sorted()
            guard KernelHeaders.isAvailable else { return "a C compiler" }
            let absent = try? KernelHeaders.absent(of: headers)
            return absent?.joined(separator: ", ") ?? "a C compiler that works"
        }()

        static let profiles: [String] = {
            let missing = Set(absent.split(separator: ",").map { $0.filter { $0 != " " } })
            return KernelNames.tables.filter { missing.isDisjoint(with: $0.value.headers) }.keys.sorted()
        }()
    }

    private func report(_ fact: KernelFacts, _ names: KernelNames) {
        guard names.isNewer(fact.symbol) else {
            Issue.record("\(fact.symbol) is in none of \(names.headers.joined(separator: ", "))")
            return
        }
        let rest = names.substitutes[fact.symbol].map { "; its code was compared with \($0)" } ?? ""
        print("skipped: \(fact.symbol) is not in these headers\(rest)")
    }

    @Test("Nothing but NULL_URING_CMD is no symbol of the kernel")
    func null() throws {
        let profile = try ShippedProfiles.load("null")
        #expect(profile.commands.map(\.name) == ["NULL_URING_CMD"])
        #expect(profile.commands.map(\.transport) == [.ring])
        print("skipped: NULL_URING_CMD is no symbol of the kernel; /dev/null takes every code")
    }

    @Test("The two NVMe profiles differ in nothing but the size of a block")
    func nvme() throws {
        func lines(_ name: String) throws -> [String] {
            let path = repository.appending(path: "profiles/\(name).yaml")
            return try String(contentsOf: path, encoding: .utf8).split(separator: "\n").map(String.init)
                .filter { !$0.hasPrefix("#") && !$0.hasPrefix("name: ") }
        }
        let changed = try lines("nvme").map {
            $0.replacing("512*nlb + 512", with: "4096*nlb + 4096")
                .replacing("blocks of 512 bytes", with: "blocks of 4096 bytes")
        }
        #expect(try lines("nvme-4k") == changed)
    }

    @Test("Exactly these destroy a device, and a rule must name them as such")
    func guarded() throws {
        let admin = ["NVME_URING_CMD_ADMIN", "NVME_IOCTL_ADMIN_CMD"].flatMap { symbol in
            [
                "FIRMWARE_COMMIT", "FIRMWARE_DOWNLOAD", "FORMAT_NVM", "NAMESPACE_ATTACH", "NAMESPACE_CREATE",
                "NAMESPACE_DELETE", "NAMESPACE_DETACH", "SANITIZE", "SECURITY_RECEIVE", "SECURITY_SEND",
            ].map { "\(symbol)_\($0)" }
        }
        let expected = [
            "block": ["BLKSECDISCARD"], "watchdog": ["WDIOC_SETOPTIONS"],
            "scsi-generic": ["SG_IO_FORMAT_UNIT", "SG_IO_SANITIZE"], "nvme": admin, "nvme-4k": admin,
        ]
        for profile in try ShippedProfiles.load() {
            let guarded = profile.commands.filter(\.isGuarded)
            #expect(Set(guarded.map(\.name)) == Set(expected[profile.name] ?? []), "\(profile.name)")
            #expect(guarded.allSatisfy { $0.effect == .destructive }, "\(profile.name)")
        }
    }

    @Test(
        "A field that is shifted, resized or signed otherwise does not go unnoticed",
        .enabled(if: KernelHeaders.isAvailable, "skipped: no C compiler at /usr/bin/cc"))
    func wrong() throws {
        let right = try #require(try ShippedProfiles.load("tty").command(named: "TIOCGWINSZ"))
        func claims(_ type: FieldType, at offset: Int, size: Int, code: UInt32 = 0x5413) -> KernelClaims {
            let shape = CommandShape(
                name: right.name, code: SubOpcode(code), transport: .call, effect: .read, placement: .pointer,
                direction: .output, size: size, fields: [Field(name: "ws_col", type: type, offset: offset)])
            let profile = Profile(name: "tty", summary: "", commands: [shape])
            return KernelClaims(profile, KernelNames.terminals["tty"] ?? KernelNames(headers: []))
        }
        func mistakes(_ claims: KernelClaims) throws -> [String] {
            let answer = try KernelHeaders.ask(claims.facts, headers: claims.names.headers)
            return claims.facts.flatMap(\.all).filter { answer.values[$0.label] != $0.value }.map(\.label)
        }
        #expect(try mistakes(claims(.unsigned(bytes: 2), at: 2, size: 8)) == [])
        #expect(
            try mistakes(claims(.unsigned(bytes: 2), at: 2, size: 8, code: 0x5414)) == ["TIOCGWINSZ code"])
        #expect(try mistakes(claims(.unsigned(bytes: 2), at: 2, size: 12)) == ["TIOCGWINSZ.size"])
        #expect(
            try mistakes(claims(.unsigned(bytes: 2), at: 4, size: 8)) == ["TIOCGWINSZ.ws_col offset"])
        #expect(
            try mistakes(claims(.unsigned(bytes: 4), at: 2, size: 8)) == ["TIOCGWINSZ.ws_col bytes"])
        #expect(
            try mistakes(claims(.signed(bytes: 2), at: 2, size: 8)) == ["TIOCGWINSZ.ws_col signed"])
    }
}
