import RingPolicy
import Testing

@Suite("Principals")
struct PrincipalTests {
    private func peer(
        uris: [String] = [], key: [UInt8] = [9], name: String? = nil, issuer: String = "CN=CA"
    ) -> PeerIdentity {
        PeerIdentity(uris: uris, keyHash: key, commonName: name, issuer: issuer)
    }

    private func snapshot() throws -> PolicySnapshot {
        PolicyFixture.snapshot(
            [],
            principals: [
                Principal(name: "agents", match: .uri(try #require(URIPattern("ringgate://farm/agent/*")))),
                Principal(name: "farm", match: .uri(try #require(URIPattern("ringgate://farm/**")))),
                Principal(name: "key", match: .keyHash([1, 2, 3])),
                Principal(name: "old", match: .commonName("agent", issuer: "CN=Old CA")),
            ])
    }

    @Test("An identity has words for logs, with a URI or by its key")
    func words() {
        #expect(peer(uris: ["ringgate://farm/agent/7"]).text == "ringgate://farm/agent/7")
        #expect(peer(uris: ["bad\nuri"]).text == "an unusable URI")
        #expect(peer(key: [9, 255]).text == "key 09ff")
        #expect(peer(key: [9]) != peer(key: [8]))
    }

    @Test(
        "A pattern matches segment by segment and byte by byte",
        arguments: [
            ("ringgate://farm/agent/*", "ringgate://farm/agent/7", true),
            ("ringgate://farm/agent/*", "ringgate://farm/agent", false),
            ("ringgate://farm/agent/*", "ringgate://farm/agent/7/x", false),
            ("ringgate://farm/agent/*", "ringgate://farm/agent/", false),
            ("ringgate://farm/agent/*", "ringgate://farm/Agent/7", false),
            ("ringgate://farm/agent/*", "RINGGATE://farm/agent/7", false),
            ("ringgate://farm/agent/*", "ringgate://farm2/agent/7", false),
            ("ringgate://farm/agent/*", "ringgate://farm:80/agent/7", false),
            ("ringgate://farm/agent/*", "ringgate://user@farm/agent/7", false),
            ("ringgate://farm/agent/*", "ringgate://farm/agent/*", false),
            ("ringgate://farm/agent/*", "ringgate://farm/agent/..", false),
            ("ringgate://farm/agent/*", "ringgate://farm/agent/.", false),
            ("ringgate://farm/agent/*", "ringgate://farm/x/../agent/7", false),
            ("ringgate://farm/agent/*", "ringgate://farm//agent/7", false),
            ("ringgate://farm/agent/*", "ringgate://farm/agent/%37", false),
            ("ringgate://farm/agent/*", "ringgate://farm/agent/7?x", false),
            ("ringgate://farm/agent/*", "ringgate://farm/agent/7#x", false),
            ("ringgate://farm/agent/*", "ringgate://farm/agent/é", false),
            ("ringgate://farm/agent/*", "ringgate://farm/agent/7 ", false),
            ("ringgate://farm/agent/*", "ringgate://farm/agent/7\n", false),
            ("ringgate://farm/agent/*", "ringgate://farm/agent/7\0", false),
            ("ringgate://farm/agent/*", "ringgate:/farm/agent/7", false),
            ("ringgate://farm/agent/*", "ringgate:farm/agent/7", false),
            ("ringgate://farm/agent/*", "//farm/agent/7", false),
            ("ringgate://farm/agent/*", "", false),
            ("ringgate://farm/*/7", "ringgate://farm/agent/7", true),
            ("ringgate://farm/*/7", "ringgate://farm/agent/8", false),
            ("ringgate://farm/**", "ringgate://farm/a", true),
            ("ringgate://farm/**", "ringgate://farm/a/b/c", true),
            ("ringgate://farm/**", "ringgate://farm", false),
            ("ringgate://farm/a/**", "ringgate://farm/b/c", false),
            ("ringgate://farm", "ringgate://farm", true),
            ("urn://x/y", "urn://x/y", true),
        ])
    func pattern(_ pattern: String, _ uri: String, _ expected: Bool) throws {
        #expect(try #require(URIPattern(pattern)).matches(uri) == expected)
    }

    @Test(
        "A pattern without sound segments is none",
        arguments: [
            "", "farm", "ringgate://", "ringgate:///agent", "://farm/a", "ringgate://*/agent",
            "*://farm/agent",
            "ringgate://farm/ag*", "ringgate://farm/**/x", "ringgate://farm/***", "ringgate://farm/a/",
            "ringgate://farm/a//b", "ringgate://farm/../b", "ringgate://farm/a b", "ringgate://farm/{a}",
        ])
    func noPattern(_ text: String) { #expect(URIPattern(text) == nil) }

    @Test("An identity has at most 256 bytes")
    func length() {
        let uri = "ringgate://farm/" + String(repeating: "a", count: 240)
        #expect(URIPattern.isUsable(uri) && !URIPattern.isUsable(uri + "a"))
        #expect(!URIPattern.isUsable("ringgate://farm/*"))
    }

    @Test("A peer is every principal it matches")
    func recognize() throws {
        let snapshot = try snapshot()
        let both = try snapshot.recognize(peer(uris: ["ringgate://farm/agent/7"]))
        #expect(both.description == "agents, farm")
        let all = try snapshot.recognize(peer(uris: ["ringgate://farm/agent/7"], key: [1, 2, 3]))
        #expect(all.description == "agents, farm, key")
        #expect(try snapshot.recognize(peer(key: [1, 2, 3])).description == "key")
        #expect(try snapshot.recognize(peer(name: "agent", issuer: "CN=Old CA")).description == "old")
    }

    @Test("Near misses are nobody")
    func nobody() throws {
        let snapshot = try snapshot()
        let misses = [
            peer(), peer(key: [1, 2]), peer(key: [1, 2, 3, 4]), peer(name: "agent"),
            peer(name: "Agent", issuer: "CN=Old CA"), peer(name: "agent", issuer: "CN=Old CA,O=X"),
            peer(name: nil, issuer: "CN=Old CA"),
        ]
        for peer in misses {
            #expect(throws: IdentityError.unknown(identity: "this certificate, which has no URI")) {
                try snapshot.recognize(peer)
            }
        }
        let other = "ringgate://other/agent"
        #expect(throws: IdentityError.unknown(identity: other)) {
            try snapshot.recognize(peer(uris: [other]))
        }
        #expect(throws: IdentityError.unknown(identity: other)) {
            try snapshot.recognize(peer(uris: [other], name: "agent", issuer: "CN=Old CA"))
        }
    }

    @Test("Several URIs, or one that cannot be an identity, are refused even when a key would match")
    func unusable() throws {
        let snapshot = try snapshot()
        let uri = "ringgate://farm/agent/7"
        #expect(throws: IdentityError.severalURIs(2)) {
            try snapshot.recognize(peer(uris: [uri, uri], key: [1, 2, 3]))
        }
        #expect(throws: IdentityError.unusableURI) {
            try snapshot.recognize(peer(uris: ["ringgate://farm/agent/%37"], key: [1, 2, 3]))
        }
        for error in [IdentityError.severalURIs(2), .unusableURI, .authority, .unknown(identity: "x")] {
            #expect(error.text.contains("certificate") || error.text.contains("matches x"))
        }
    }
}
