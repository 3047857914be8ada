import FoundationEssentials

/// What a client did to devices and what they answered, read from its file.
public struct Recording: Sendable {
    public let path: String
    /// By the devices' names.
    public let scripts: [String: ReplayScript]

    /// Bytes of a file that is read.
    static let maximumSize = 256 << 20

    /// Reads a file whole; the error names the line.
    public static func load(_ path: String) throws(RecordingError) -> Recording {
        let data: Data
        do { data = try Data(contentsOf: URL(filePath: path)) } catch {
            throw RecordingError("\(path): it cannot be read")
        }
        guard data.count <= maximumSize else {
            throw RecordingError("\(path): more than \(maximumSize) bytes")
        }
        return try Recording(path, Array(data))
    }

    public init(_ path: String, _ bytes: [UInt8]) throws(RecordingError) {
        var scripts: [String: ReplayScript] = [:]
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() where !line.isEmpty {
            do throws(LineError) {
                if index == 0 {
                    try Self.check(line)
                } else {
                    let step = try Self.step(line)
                    try scripts[step.device, default: ReplayScript()].add(step, line: index + 1)
                }
            } catch {
                throw RecordingError("\(path):\(index + 1): \(error.text)")
            }
        }
        guard lines.first?.isEmpty == false else { throw RecordingError("\(path): it is empty") }
        self.path = path
        self.scripts = scripts
    }

    private static func check(_ line: ArraySlice<UInt8>) throws(LineError) {
        guard let head = try? JSONDecoder().decode(RecordingHead.self, from: Data(line)),
            head.recording == RecordingHead().recording
        else {
            throw LineError(
                "it is no recording: the first line must be {\"recording\":\"ringgate\",\"version\":1}")
        }
        guard head.version == RecordingHead().version else {
            throw LineError(
                "version \(head.version) is not known; this reads version \(RecordingHead().version)")
        }
    }

    private static func step(_ line: ArraySlice<UInt8>) throws(LineError) -> RecordedStep {
        do { return try JSONDecoder().decode(RecordedStep.self, from: Data(line)) } catch {
            throw LineError("it is no step: a JSON object with `device` and either `operation` or `input`")
        }
    }
}

/// Why a recording cannot be used: file, line, and what is wrong.
public struct RecordingError: Error, CustomStringConvertible {
    public let description: String
    init(_ description: String) { self.description = description }
}

struct LineError: Error {
    let text: String
    init(_ text: String) { self.text = text }
}
