// swift-tools-version: 6.1
import PackageDescription

let nio: [Target.Dependency] = [
    .product(name: "NIOCore", package: "swift-nio"),
    .product(name: "NIOPosix", package: "swift-nio"),
    .product(name: "NIOSSL", package: "swift-nio-ssl"),
    .product(name: "NIOTLS", package: "swift-nio"),
]
let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")

let package = Package(
    name: "ringgate",
    platforms: [.macOS("26.0")],
    products: [
        .library(name: "RingClient", targets: ["RingClient"]),
        .library(name: "RingProtocol", targets: ["RingProtocol"]),
        .executable(name: "ringgated", targets: ["ringgated"]),
        .executable(name: "ringctl", targets: ["ringctl"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        .systemLibrary(
            name: "CLiburing", path: "Sources/CLiburing", pkgConfig: "liburing",
            providers: [.apt(["liburing-dev"])]),
        .systemLibrary(
            name: "COpenSSL", path: "Sources/COpenSSL", pkgConfig: "openssl",
            providers: [.apt(["libssl-dev"])]),

        .systemLibrary(name: "CSandbox", path: "Sources/CSandbox"),

        .target(name: "RingFault", path: "Sources/Fault"),
        .target(name: "RingProtocol", path: "Sources/Protocol"),
        .target(name: "RingPolicy", dependencies: ["RingProtocol"], path: "Sources/Policy"),
        .target(
            name: "RingPolicyFile", dependencies: ["RingCodec", "RingPolicy", yams],
            path: "Sources/PolicyFile"),
        .target(
            name: "RingAdministration", dependencies: ["RingPolicyFile", "RingPolicy", "RingProtocol"],
            path: "Sources/Administration"),
        .target(name: "RingRecording", path: "Sources/Recording"),
        .target(name: "RingAudit", dependencies: ["COpenSSL", "RingFault"], path: "Sources/Audit"),
        .target(
            name: "RingEngine", dependencies: ["RingFault", "RingPolicy", "CLiburing"], path: "Sources/Engine"
        ),
        .target(
            name: "RingDeviceLink", dependencies: ["RingEngine", "RingPolicy", "RingProtocol"],
            path: "Sources/DeviceLink"),
        .target(
            name: "RingGateway",
            dependencies: [
                "RingAdministration", "RingAudit", "RingCodec", "RingDeviceLink", "RingEngine", "RingFault",
                "RingPolicy", "RingProtocol", "RingRecording", "COpenSSL", logging,
            ],
            path: "Sources/Gateway"),
        .target(name: "RingCodec", dependencies: ["RingProtocol"], path: "Sources/Codec"),
        .target(
            name: "RingClient", dependencies: ["RingCodec", "RingProtocol", "RingRecording"] + nio,
            path: "Sources/Client"),
        .target(name: "RingLab", path: "Sources/Lab"),
        .target(
            name: "RingStatus",
            dependencies: [
                "RingAudit", "RingGateway", .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            path: "Sources/Status"),
        .target(name: "RingSandbox", dependencies: ["CSandbox"], path: "Sources/Sandbox"),

        .target(
            name: "RingOpener", dependencies: ["CSandbox", "RingEngine", "RingPolicy", "RingSandbox"],
            path: "Sources/Opener"),
        .target(
            name: "RingDeviceProcess",
            dependencies: [
                "CSandbox", "RingDeviceLink", "RingEngine", "RingPolicy", "RingProtocol", "RingSandbox",
            ],
            path: "Sources/DeviceProcess"),

        .executableTarget(
            name: "ringgated",
            dependencies: [
                "CSandbox", "RingAudit", "RingGateway", "RingAdministration", "RingDeviceProcess",
                "RingOpener",
                "RingPolicyFile", "RingRecording", "RingSandbox", "RingStatus", argumentParser, logging, yams,
            ],
            path: "Sources/ringgated",
            // Relocations packed (DT_RELR, glibc 2.36) are 16 KiB to read at the start instead of 2 MiB.
            linkerSettings: [
                .unsafeFlags(["-use-ld=lld", "-Xlinker", "-z", "-Xlinker", "pack-relative-relocs"])
            ]),
        .executableTarget(
            name: "ringctl",
            dependencies: [
                "RingAudit", "RingClient", "RingPolicyFile", "RingPolicy", "RingRecording", argumentParser,
            ],
            path: "Sources/ringctl"),
        .executableTarget(
            name: "ringlab", dependencies: ["RingLab", argumentParser], path: "Sources/ringlab"),
        .executableTarget(
            name: "board-agent", dependencies: ["RingClient", argumentParser], path: "Examples/BoardAgent"),

        .target(name: "TestSupport", dependencies: ["COpenSSL", "RingProtocol"], path: "Tests/Support"),
        .testTarget(name: "ChaosTests", dependencies: ["TestSupport"], path: "Tests/Chaos"),
        .testTarget(name: "ProtocolTests", dependencies: ["RingProtocol"], path: "Tests/Protocol"),
        .testTarget(name: "RecordingTests", dependencies: ["RingRecording"], path: "Tests/Recording"),
        .testTarget(name: "AuditTests", dependencies: ["RingAudit", "TestSupport"], path: "Tests/Audit"),
        .target(name: "PolicyReference", dependencies: ["RingPolicy"], path: "Tests/PolicyReference"),
        .target(name: "AllocationCounter", path: "Tests/AllocationCounter"),
        .executableTarget(
            name: "policy-proof",
            dependencies: ["PolicyReference", "RingPolicy", "RingPolicyFile", "AllocationCounter"],
            path: "Tests/PolicyProof"),
        .testTarget(
            name: "PolicyTests", dependencies: ["RingPolicy", "PolicyReference"], path: "Tests/Policy"),
        .testTarget(
            name: "PolicyFileTests", dependencies: ["RingPolicyFile", "TestSupport"], path: "Tests/PolicyFile"
        ),
        .testTarget(
            name: "AdministrationTests", dependencies: ["RingAdministration", "TestSupport"],
            path: "Tests/Administration"),
        .testTarget(
            name: "EngineTests", dependencies: ["RingEngine", "RingGateway", "CLiburing", "TestSupport"],
            path: "Tests/Engine"),
        .testTarget(
            name: "ClientTests",
            dependencies: ["RingClient", "RingPolicy", "RingPolicyFile", "TestSupport", "ringctl"] + nio,
            path: "Tests/Client"),
        .testTarget(
            name: "GatewayTests",
            dependencies: [
                "RingGateway", "RingAdministration", "RingAudit", "RingDeviceLink", "RingDeviceProcess",
                "RingPolicyFile", "RingClient", "RingLab", "RingRecording", "RingStatus", "TestSupport",
                logging,
            ],
            path: "Tests/Gateway", exclude: ["bad_certificates.py", "malformed_hellos.py"]),
        .testTarget(
            name: "LabTests", dependencies: ["RingLab", "TestSupport", "ringlab"], path: "Tests/Lab"),
        .executableTarget(
            name: "gateway-cost",
            dependencies: [
                "AllocationCounter", "RingGateway", "RingPolicy", "RingProtocol", "TestSupport", logging,
            ],
            path: "Tests/GatewayCost"),
        .executableTarget(
            name: "fault-proof",
            dependencies: [
                "RingAudit", "RingFault", "RingGateway", "RingPolicy", "RingPolicyFile", "RingProtocol",
                "TestSupport", logging,
            ],
            path: "Tests/FaultProof", exclude: ["leaks.txt", "races.txt"]),
        .executableTarget(
            name: "hil-checks", dependencies: ["RingClient", "RingProtocol", argumentParser],
            path: "Tests/hil/Checks"),
        .executableTarget(
            name: "client-bench",
            dependencies: [
                "RingClient", "RingGateway", "RingPolicy", "RingProtocol", "TestSupport", logging,
            ],
            path: "Tests/ClientBench"),
        .testTarget(
            name: "SimulationTests",
            dependencies: ["RingEngine", "RingGateway", "RingPolicy", "RingProtocol", "TestSupport"],
            path: "Tests/Simulation"),
        .testTarget(
            name: "DaemonTests",
            dependencies: ["RingLab", "TestSupport", "board-agent", "ringctl", "ringgated"],
            path: "Tests/Daemon", exclude: ["unit_sandbox.py"]),
        .systemLibrary(name: "CEscape", path: "Tests/Sandbox/CEscape"),
        .executableTarget(
            name: "escape",
            dependencies: ["CSandbox", "RingOpener", "RingPolicy", "RingSandbox", "CEscape", "CLiburing"],
            path: "Tests/Sandbox/Escape"),
        .testTarget(
            name: "SandboxTests", dependencies: ["TestSupport", "escape"], path: "Tests/Sandbox",
            exclude: ["CEscape", "Escape"]),
        .testTarget(name: "RepositoryTests", dependencies: ["TestSupport"], path: "Tests/Repository"),
    ],
    swiftLanguageModes: [.v6]
)

// libFuzzer brings a main of its own, so this links only with its sanitizer: scripts/fuzz asks for it.
if Context.environment["RINGGATE_FUZZERS"] != nil {
    package.targets.append(
        .executableTarget(
            name: "ringgate-fuzz",
            dependencies: ["PolicyReference", "RingAudit", "RingPolicy", "RingPolicyFile"],
            path: "Tests/Fuzz", exclude: ["corpus"]))
}
