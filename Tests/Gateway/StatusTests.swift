import Foundation
import RingGateway
import RingProtocol
import RingStatus
import TestSupport
import Testing

/// Metrics, health and the page for the gateway's own host.
@Suite(.timeLimit(.minutes(5))) struct StatusTests {
    private let site: Site
    private let server: StatusServer

    init() throws {
        site = try Site()
        server = try StatusServer.start(on: "127.0.0.1:0", site.gateway, trust: site.trust, version: "1.2.3")
    }

    private var port: Int { Int(server.address.split(separator: ":").last ?? "") ?? 0 }

    private func ask(_ path: String) throws -> HTTP { try HTTP(path, port: port) }

    /// Values of metrics by their names with labels.
    private func metrics() throws -> [String: Double] {
        var values: [String: Double] = [:]
        for line in try ask("/metrics").body.split(separator: "\n") where !line.hasPrefix("#") {
            let space = try #require(line.lastIndex(of: " "))
            values[String(line[..<space])] = Double(line[line.index(after: space)...])
        }
        return values
    }

    @Test func metricsCountWhatClientsDo() throws {
        defer { server.stop() }
        let client = try site.raw(site.agent)
        try client.greet()
        try client.submit([.open("null", slot: 0, id: 1)])
        _ = try client.completions(1)
        try client.submit((0..<20).map { .command(id: 10 + $0) })
        _ = try client.completions(20)
        try client.submit([.command(0x1234, id: 90)])
        #expect(try client.completions(1)[0].refusal != nil)
        #expect(
            eventually {
                let values = (try? metrics()) ?? [:]
                return values["ringgate_device_operations_total{device=\"null\"}"] == 20
                    && values["ringgate_device_denied_entries_total{device=\"null\"}"] == 1
                    && values["ringgate_device_sessions{device=\"null\"}"] == 1
            })
        let values = try metrics()
        #expect(values["ringgate_build_info{version=\"1.2.3\"}"] == 1 && values["ringgate_serving"] == 1)
        #expect(values["ringgate_sessions"] == 1 && values["ringgate_denied_entries_total"] == 1)
        #expect(values["ringgate_audit_failing"] == 0 && values["ringgate_audit_records_total"] ?? 0 > 0)
        let ends = values.filter { $0.key.hasPrefix("ringgate_certificate_not_after_timestamp_seconds{") }
        #expect(ends.count == 2 && ends.allSatisfy { $0.value > Date().timeIntervalSince1970 })
        // What is closed still counts.
        try client.send(Goodbye.done.encoded())
        #expect(
            eventually {
                let values = (try? metrics()) ?? [:]
                return values["ringgate_sessions"] == 0
                    && values["ringgate_device_operations_total{device=\"null\"}"] == 20
            })
    }

    /// The rules of the text format, which `promtool check metrics` asks for as well.
    @Test func theTextIsWhatPrometheusReads() throws {
        defer { server.stop() }
        let answer = try ask("/metrics")
        #expect(answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
        var types: [String: Substring] = [:]
        var helped: Set<Substring> = []
        for line in answer.body.split(separator: "\n") {
            let words = line.split(separator: " ")
            if line.hasPrefix("# HELP ") {
                #expect(helped.insert(words[2]).inserted, "\(line)")
            } else if line.hasPrefix("# TYPE ") {
                types[String(words[2])] = words[3]
            } else {
                let name = String(line.prefix { $0 != "{" && $0 != " " })
                #expect(line.wholeMatch(of: /[a-z_]+(\{[a-z]+="[^"\\\n]*"\})? [0-9.e+-]+/) != nil, "\(line)")
                #expect(types[name] != nil && helped.contains(Substring(name)), "\(line)")
                #expect((types[name] == "counter") == name.hasSuffix("_total"), "\(line)")
            }
        }
        #expect(types.count > 25)
        // The page names each of them, and no others.
        let page = try String(contentsOfFile: "\(Tool.repository)/docs/observability.md", encoding: .utf8)
        let named = page.matches(of: /`((?:ringgate|process)_[a-z_]+)`/).map { String($0.1) }
        #expect(Set(named) == Set(types.keys))
    }

    /// A slip in a name would be an alert that never comes.
    @Test(arguments: ["deploy/prometheus/alerts.yaml", "deploy/grafana/ringgate.json"])
    func whatWatchesAsksForMetricsThereAre(file: String) throws {
        let page = try String(contentsOfFile: "\(Tool.repository)/docs/observability.md", encoding: .utf8)
        let text = try String(contentsOfFile: "\(Tool.repository)/\(file)", encoding: .utf8)
        let names = Set(text.matches(of: /\b(?:ringgate|process)_[a-z_]+/).map { String($0.output) })
        #expect(names.count > 4)
        for name in names { #expect(page.contains("`\(name)`"), "\(file) asks for \(name)") }
    }

    @Test func thePageHasDevicesHoldersAndDenials() throws {
        defer { server.stop() }
        let client = try site.raw(site.agent)
        try client.greet()
        try client.submit([.open("null", slot: 0, id: 1)])
        _ = try client.completions(1)
        try client.submit([.command(0x1234, id: 2)])
        #expect(try client.completions(1)[0].refusal != nil)
        #expect(
            eventually {
                let page = (try? ask("/").body) ?? ""
                return page.contains("<td>null</td>") && page.contains(Site.agentURI)
                    && page.contains("<td>command 0x1234</td>")
            })
        let page = try ask("/")
        #expect(!page.body.contains("<script") && page.body.contains("id=\"denials\""))
        #expect(page.headers["content-security-policy"]?.hasPrefix("default-src 'none'") == true)
        #expect(page.headers["content-type"] == "text/html; charset=utf-8")
        #expect(try ask("/style.css").headers["content-type"] == "text/css; charset=utf-8")
        let json = try JSONSerialization.jsonObject(with: Data(try ask("/status.json").body.utf8))
        let devices = try #require((json as? [String: Any])?["devices"] as? [[String: Any]])
        #expect(devices.contains { $0["name"] as? String == "null" })
    }

    @Test func healthIsForTheProcessAndReadinessForItsWork() throws {
        #expect(try ask("/healthz").status == 200 && ask("/readyz").body == "ready\n")
        let client = try site.raw(site.agent)
        try client.greet()
        site.gateway.drain()
        #expect(
            eventually {
                let answer = try? ask("/readyz")
                return answer?.status == 503 && answer?.body.contains("stopping") == true
            })
        site.gateway.wait()
        // Nobody answers any more, and that is said, too.
        #expect(eventually { (try? ask("/healthz").status) == 503 })
        server.stop()
    }

    @Test func strangersGetNothing() throws {
        defer { server.stop() }
        for host in ["attacker.example", "127.0.0.1.attacker.example", "localhost.attacker.example", ""] {
            #expect(try HTTP("/metrics", port: port, host: host).status == 421, "\(host)")
        }
        for host in ["localhost", "127.0.0.1:\(port)", "[::1]:1"] {
            #expect(try HTTP("/healthz", port: port, host: host).status == 200, "\(host)")
        }
        #expect(try HTTP("/metrics", method: "POST", port: port).status == 405)
        #expect(try ask("/policy").status == 404)
        #expect(try HTTP("/metrics", method: "HEAD", port: port).body.isEmpty)
        #expect(try HTTP(raw: "\u{1}\u{2} nonsense\r\n\r\n", port: port).status == 400)
        #expect(try ask("/healthz").status == 200)
    }

    @Test func onlyTheHostsOwnAddressesAreListenedOn() throws {
        defer { server.stop() }
        for (address, word) in [
            ("0.0.0.0:0", "anybody"), ("192.0.2.1:0", "anybody"), ("127.0.0.1", "ADDRESS:PORT"),
            ("here:80", "ADDRESS:PORT"), (server.address, "cannot be listened on"),
        ] {
            let error = try #require(throws: StatusError.self) {
                try StatusServer.start(on: address, site.gateway, trust: site.trust, version: "")
            }
            #expect(error.description.contains(word), "\(error)")
        }
    }
}
