import Foundation
import RingLab
import TestSupport
import Testing

/// Why the tests of this file are skipped, or nil. The run's output shows it.
private let missing = LoopDevice.reasonUnavailable(directory: FileManager.default.temporaryDirectory.path)

@Suite(.enabled(if: missing == nil, "\(missing ?? "")"))
struct LoopDeviceTests {
    @Test func isABlockDeviceOfZerosWithTheSizeAskedFor() throws {
        let directory = try TemporaryDirectory()
        let loop = try LoopDevice(mebibytes: 3, directory: directory.path)
        let device = try #require(FileHandle(forUpdatingAtPath: loop.path))
        #expect(try device.seekToEnd() == 3 << 20)
        try device.seek(toOffset: 0)
        #expect(try device.read(upToCount: 4096) == Data(count: 4096))
    }

    @Test func keepsWhatIsWritten() throws {
        let directory = try TemporaryDirectory()
        let loop = try LoopDevice(mebibytes: 1, directory: directory.path)
        let pattern = Data(repeating: 0xA5, count: 512)
        try #require(FileHandle(forUpdatingAtPath: loop.path)).write(contentsOf: pattern)
        let again = try #require(FileHandle(forReadingAtPath: loop.path))
        #expect(try again.read(upToCount: 512) == pattern)
    }

    @Test func devicesHeldTogetherAreDifferent() throws {
        let directory = try TemporaryDirectory()
        let first = try LoopDevice(mebibytes: 1, directory: directory.path)
        let second = try LoopDevice(mebibytes: 1, directory: directory.path)
        #expect(first.path != second.path)
    }

    @Test func leavesNeitherDeviceNorFile() throws {
        let directory = try TemporaryDirectory()
        do {
            let loop = try LoopDevice(mebibytes: 1, directory: directory.path)
            #expect(try attachedFiles().contains { $0.hasPrefix(directory.path) }, "\(loop.path)")
        }
        #expect(try !attachedFiles().contains { $0.hasPrefix(directory.path) })
        #expect(try directory.names() == [])
    }

    @Test func saysWhichDirectoryIsMissing() {
        #expect(throws: LabError.system(call: "mkstemp in /nonexistent", errno: ENOENT)) {
            _ = try LoopDevice(mebibytes: 1, directory: "/nonexistent")
        }
    }

    /// What sysfs says about the files behind all loop devices.
    private func attachedFiles() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "/sys/block").compactMap { name in
            try? String(contentsOfFile: "/sys/block/\(name)/loop/backing_file", encoding: .utf8)
        }
    }
}
