#if DEBUG
    import Foundation
    import Logging
    import RingAudit
    import RingFault
    import RingGateway
    import RingPolicy
    import RingPolicyFile
    import TestSupport

    /// What became of one client's walk.
    struct FaultWalk {
        var hasStruck = false
        /// Whether the connection was lost.
        var isCut = false
        /// Of the client with the fault.
        var time = Duration.zero
        var flaws: [String] = []
    }

    /// Devices, certificates and a policy; every walk has a gateway of its own.
    struct FaultLab {
        private static let uri = "ringgate://test.example/agent"
        private let certificates: TestCertificates
        private let agent: TestCertificates.Pair
        private let folder: TemporaryDirectory
        private let line: SerialLine
        private let policy: PolicySnapshot

        init() throws {
            certificates = try TestCertificates()
            agent = try certificates.client(uri: Self.uri)
            folder = try TemporaryDirectory()
            line = try SerialLine()
            let disk = "\(folder.path)/disk"
            try Data(repeating: 7, count: 4_096).write(to: URL(filePath: disk))
            let loaded = try PolicyLoader.load(
                SourceText(
                    path: "policy.yaml",
                    text: """
                        version: 1
                        principals:
                          agent: {uri: "\(Self.uri)"}
                        devices:
                          "null": {path: /dev/null, profile: "null"}
                          line: {path: \(line.path), profile: tty, open: read-write}
                          disk: {path: \(disk), kind: regular, profile: block, open: read-write}
                        rules:
                          - {id: pings, principals: [agent], devices: ["null"], commands: [NULL_URING_CMD]}
                          - {id: lines, principals: [agent], devices: [line], commands: [TIOCGWINSZ, TIOCSWINSZ], read: true, write: true}
                          - {id: disks, principals: [agent], devices: [disk], read: true, write: true}

                        """), profiles: "\(Tool.repository)/profiles")
            policy = loaded.snapshot(revision: Revision.sha256(loaded.revisionInput))
        }

        /// One walk with `fault` in it, and one after it on the same gateway that must be as any other.
        func run(_ fault: (fault: Fault, passes: Int, errno: Int32)?) throws -> FaultWalk {
            var result = FaultWalk()
            let before = Self.descriptors
            let audit = try TemporaryDirectory()
            do {
                // Rings are made when it starts; all else is on a client's way.
                let isOfStart = fault?.fault == .completions
                if isOfStart { fault.map { $0.fault.arm(after: $0.passes, errno: $0.errno) } }
                let gateway = try start(audit.path + "/log")
                if !isOfStart { fault.map { $0.fault.arm(after: $0.passes, errno: $0.errno) } }
                let began = ContinuousClock.now
                let walk = visit(gateway)
                result.time = ContinuousClock.now - began
                result.isCut = walk.isCut
                if walk.isCut, fault?.fault.mayCut != true { result.flaws.append("the connection was lost") }
                result.flaws += walk.flaws
                // Ending is part of the way: what is left over is closed.
                if !Self.eventually({ gateway.counters.open == 0 && gateway.engineCounters.openFiles == 0 }) {
                    result.flaws.append(
                        "left behind: \(gateway.counters.open) connections, \(gateway.engineCounters.openFiles) files"
                    )
                }
                result.hasStruck = Fault.disarm()
                // An audit log that could not be written is tried again every second.
                if !Self.eventually({ !gateway.isAuditFailing }) {
                    result.flaws.append("the audit log stays shut")
                }
                let next = visit(gateway)
                if next.isCut { result.flaws.append("the next client was cut off") }
                result.flaws += (next.flaws + next.refused).map { "next client: \($0)" }
                gateway.stop()
                gateway.wait()
            }
            do { try Self.verify(audit.path + "/log") } catch {
                result.flaws.append("the audit log: \(error)")
            }
            if !Self.eventually({ Self.descriptors == before }) {
                result.flaws.append("\(Self.descriptors - before) descriptors are left")
            }
            return result
        }

        /// Loop threads, from the environment: with `RINGGATE_LOOPS=2` devices are another loop's than the client.
        private static let loops =
            ProcessInfo.processInfo.environment["RINGGATE_LOOPS"].flatMap(Int.init) ?? 1

        private func start(_ audit: String) throws -> Gateway {
            var configuration = GatewayConfiguration(
                listen: "127.0.0.1:0", certificate: certificates.server.certificate,
                key: certificates.server.key, clientCA: certificates.authority.certificate)
            configuration.audit = AuditSettings(directory: audit)
            configuration.audit?.fileSize = 1_024
            configuration.loops = Self.loops
            return try Gateway.start(
                configuration, policy: policy,
                logger: Logger(label: "faults") { _ in SwiftLogNoOpLogHandler() })
        }

        private func visit(_ gateway: Gateway) -> ClientWalk {
            var walk = ClientWalk(line)
            do {
                let client = try RawClient(
                    port: gateway.port, identity: agent, authority: certificates.authority.certificate,
                    patience: ClientWalk.patience)
                try walk.go(client)
            } catch {
                walk.end("\(error)")
            }
            return walk
        }

        /// All but pipes, of which the gateway has none: a sanitizer has some to who finds names for it.
        private static var descriptors: Int {
            let folder = "/proc/self/fd"
            let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
            return names.count { name in
                let link = try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\(name)")
                return link.map { !$0.hasPrefix("pipe:") } ?? false
            }
        }

        /// Throws what `ringctl audit verify` would find.
        private static func verify(_ path: String) throws {
            var verifier = AuditVerifier(key: try AuditKey.load("\(path)/\(AuditKey.publicName)"), known: [])
            let files = try AuditFiles.list(in: path)
            for (index, file) in files.enumerated() {
                try verifier.add(AuditFiles.read(file), file: file, isLast: index == files.count - 1)
            }
            try verifier.finish()
        }

        private static func eventually(_ condition: () -> Bool) -> Bool {
            for _ in 0..<2_500 {
                if condition() { return true }
                usleep(2_000)
            }
            return false
        }
    }
#endif
