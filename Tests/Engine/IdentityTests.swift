import Glibc
import RingPolicy
import RingProtocol
import TestSupport
import Testing

@testable import RingEngine

/// Another device behind the same path is not taken for the one that the policy means.
@Suite(.serialized) struct IdentityTests {
    @Test func theDeviceNumberIsAsExpected() throws {
        var bench = try Bench([
            Shapes.device("/dev/full", Shapes.null, identity: DeviceIdentity(major: 1, minor: 7))
        ])
        _ = try bench.open("device")
    }

    @Test(arguments: [
        (DeviceIdentity(major: 2), "expected major number 2, found 1"),
        (DeviceIdentity(major: 1, minor: 5), "expected minor number 5, found 7"),
        (
            DeviceIdentity(properties: ["ID_NOWHERE": "x"]),
            "expected ID_NOWHERE=x, but udev knows no ID_NOWHERE"
        ),
    ])
    func anotherDeviceIsRefusedAndClosed(identity: DeviceIdentity, text: String) throws {
        var bench = try Bench([Shapes.device("/dev/full", Shapes.null, identity: identity)])
        let outcome = try bench.tryOpen("device")
        #expect(outcome.kind == .notOpened && outcome.refusal == .identity && outcome.result == -ENODEV)
        #expect(outcome.text == text)
        #expect(bench.engine.openFiles == 0 && descriptors(of: "/dev/full") == 0)
    }

    @Test func aFileWithoutADeviceNumberHasNoIdentity() throws {
        var bench = try Bench([
            Shapes.device(
                "/proc/self/maps", Shapes.null, kind: .regular, access: .readOnly,
                identity: DeviceIdentity(major: 0, minor: 0))
        ])
        #expect(try bench.tryOpen("device").refusal == .identity)
    }

    @Test func propertiesAreReadFromUdevsRecordOfTheOpenedFile() throws {
        let directory = try TemporaryDirectory()
        let record = "S:serial/by-id/x\nI:12\nE:ID_SERIAL_SHORT=A1\nE:ID_MODEL=a=b\nE:EMPTY=\nG:ID_LIE\nE:\n"
        try write(record, to: "\(directory.path)/c1:3")
        try write("E:ID_SERIAL_SHORT=B2\n", to: "\(directory.path)/b1:3")
        var status = stat()
        try #require(stat("/dev/null", &status) == 0)
        func mismatch(_ properties: [String: String]) -> String? {
            DeviceIdentity(properties: properties).mismatch(status, database: directory.path)
        }
        #expect(mismatch(["ID_SERIAL_SHORT": "A1", "ID_MODEL": "a=b", "EMPTY": ""]) == nil)
        #expect(mismatch(["ID_SERIAL_SHORT": "A"]) == "expected ID_SERIAL_SHORT=A, found A1")
        #expect(mismatch(["ID_SERIAL_SHORT": "B2"]) == "expected ID_SERIAL_SHORT=B2, found A1")
        #expect(mismatch(["ID_LIE": ""]) == "expected ID_LIE=, but udev knows no ID_LIE")
        #expect(mismatch(["id_model": "a=b"]) != nil)
    }

    @Test func theGatewayItselfIsNoFile() throws {
        let device = Device(
            name: "device", path: "", kind: .gateway, access: .readWrite,
            profile: Profile(name: "test", summary: "", commands: [Shapes.null]))
        var bench = try Bench([device])
        #expect(refusal { _ = try bench.tryOpen("device") } == .unsupported)
        #expect(bench.engine.openFiles == 0)
    }

    private func write(_ text: String, to path: String) throws {
        let fd = Glibc.open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0o600)
        defer { Glibc.close(fd) }
        let bytes = Array(text.utf8)
        try #require(Glibc.write(fd, bytes, bytes.count) == bytes.count)
    }
}
