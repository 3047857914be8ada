import Foundation
import TestSupport
import Testing

/// The modules' boundaries carry the security argument; an import is enough to break one.
struct BoundaryTests {
    private static let platform: Set = ["Glibc", "Darwin", "Synchronization"]
    private static let foundation: Set = ["Foundation", "FoundationEssentials"]

    /// What each module may import, beside itself.
    private static let allowed: [String: Set<String>] = [
        "Fault": ["Synchronization"],
        "Protocol": [],
        "Policy": ["RingProtocol"],
        "Codec": ["RingProtocol"],
        "PolicyFile": platform.union(["RingCodec", "RingPolicy", "RingProtocol", "Yams"]),
        "Administration": platform.union(foundation).union(["RingPolicy", "RingPolicyFile", "RingProtocol"]),
        "Audit": platform.union(["COpenSSL", "RingFault"]),
        "Engine": platform.union(["CLiburing", "RingFault", "RingPolicy", "RingProtocol"]),
        "Gateway": platform.union(foundation).union([
            "CLiburing", "COpenSSL", "Logging", "RingAdministration", "RingAudit", "RingCodec",
            "RingDeviceLink", "RingEngine", "RingFault", "RingPolicy", "RingProtocol", "RingRecording",
        ]),
        "Recording": ["FoundationEssentials"],
        "Client": platform.union(foundation).union([
            "NIOCore", "NIOPosix", "NIOSSL", "NIOTLS", "RingCodec", "RingProtocol", "RingRecording",
        ]),
        "Lab": platform,
        "Status": platform.union([
            "FoundationEssentials", "NIOCore", "NIOHTTP1", "NIOPosix", "RingAudit", "RingGateway",
        ]),
        "Sandbox": platform.union(["CSandbox"]),
        "DeviceLink": platform.union(["RingEngine", "RingPolicy", "RingProtocol"]),
        "DeviceProcess": platform.union([
            "CSandbox", "RingDeviceLink", "RingEngine", "RingPolicy", "RingProtocol", "RingSandbox",
        ]),
        "Opener": platform.union(["CSandbox", "RingEngine", "RingPolicy", "RingSandbox"]),
        // What decides, without kernel, clock or log; the loop and the simulation drive it.
        "Gateway/Core": ["RingPolicy", "RingProtocol"],
    ]

    @Test(arguments: allowed.keys.sorted())
    func aModuleImportsOnlyWhatItMay(folder: String) throws {
        let path = "\(Tool.repository)/Sources/\(folder)"
        let files = try FileManager.default.contentsOfDirectory(atPath: path).filter {
            $0.hasSuffix(".swift")
        }
        #expect(!files.isEmpty)
        for file in files {
            let text = try String(contentsOfFile: "\(path)/\(file)", encoding: .utf8)
            let extra = Self.imports(of: text).subtracting(Self.allowed[folder] ?? [])
            #expect(extra.isEmpty, "\(folder)/\(file) imports \(extra.sorted())")
        }
    }

    private static func imports(of text: String) -> Set<String> {
        Set(
            text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
                .filter { $0.hasPrefix("import ") || $0.contains(" import ") && $0.hasPrefix("@") }
                .compactMap { $0.split(separator: " ").last.map(String.init) })
    }

    /// The engine's rings are the only place where device entries are written.
    @Test func theGatewaySeesNoEntryOfADeviceRing() throws {
        let path = "\(Tool.repository)/Sources/Gateway"
        for file in try FileManager.default.subpathsOfDirectory(atPath: path) where file.hasSuffix(".swift") {
            let text = try String(contentsOfFile: "\(path)/\(file)", encoding: .utf8)
            #expect(!text.contains("rg_prep_uring_cmd") && !text.contains("io_uring_prep_read"), "\(file)")
            #expect(!text.contains("io_uring_sqe") || file == "NetworkRing.swift", "\(file)")
        }
    }

    /// libdispatch looks at its workers through /proc/TID/stat and traps when it may not, as in the sandbox.
    @Test(arguments: [
        "Administration", "Audit", "Codec", "Engine", "Gateway", "Opener", "Policy", "PolicyFile", "Protocol",
        "Recording",
        "Sandbox", "Status", "ringgated",
    ]) func theDaemonMakesNoWorkersOfLibdispatch(folder: String) throws {
        let path = "\(Tool.repository)/Sources/\(folder)"
        for file in try FileManager.default.subpathsOfDirectory(atPath: path) where file.hasSuffix(".swift") {
            let lines = try String(contentsOfFile: "\(path)/\(file)", encoding: .utf8).split(separator: "\n")
            let code = lines.filter { !$0.trimmingCharacters(in: .whitespaces).hasPrefix("//") }
            for word in [
                "Dispatch", "syncShutdownGracefully", "shutdownGracefully", "async throws", "Task {",
            ] {
                #expect(!code.contains { $0.contains(word) }, "\(folder)/\(file): \(word)")
            }
        }
    }
}
