import Foundation
import RingPolicy
import RingPolicyFile
import RingProtocol
import TestSupport
import Testing

/// A pty pair in raw mode: a gateway opens the slave by its path, a test plays the device at the master.
final class Line {
    let path: String
    private let master: Int32
    private let slave: Int32

    init() throws {
        master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK)
        var (isLocked, number) = (CInt(0), CUnsignedInt(0))
        guard master >= 0, ioctl(master, 0x4004_5431, &isLocked) == 0,  // TIOCSPTLCK
            ioctl(master, 0x8004_5430, &number) == 0  // TIOCGPTN
        else { throw NoLine(errno: errno) }
        path = "/dev/pts/\(number)"
        slave = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK)
        var settings = termios()
        guard slave >= 0, tcgetattr(slave, &settings) == 0 else { throw NoLine(errno: errno) }
        cfmakeraw(&settings)
        tcsetattr(slave, TCSANOW, &settings)
    }

    deinit {
        close(master)
        close(slave)
    }

    /// What was written and has not been read yet.
    func heard() -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while case let count = read(master, &buffer, buffer.count), count > 0 { bytes += buffer[..<count] }
        return bytes
    }

    /// Waits until everything up to `text` has been heard.
    func hears(_ text: String) -> Bool {
        var bytes: [UInt8] = []
        return eventually {
            bytes += heard()
            return bytes.suffix(text.utf8.count) == Array(text.utf8)
        }
    }

    /// Makes writers wait until `resume`.
    func pause() { tcflow(slave, TCOOFF) }
    func resume() { tcflow(slave, TCOON) }

    var rows: UInt16 {
        var size = winsize()
        _ = ioctl(master, UInt(TIOCGWINSZ), &size)
        return size.ws_row
    }
}

struct NoLine: Error {
    let errno: Int32
}

/// A policy file whose agent may call procedures and do nothing else.
enum ProcedureBench {
    static let call = Procedure.code(0)

    /// `procedures` are steps by the procedure's name, all of device `board`, with a parameter `rows`.
    static func policy(
        _ line: Line, lease: String = "none", _ procedures: KeyValuePairs<String, String>
    ) throws -> SitePolicy {
        let text =
            """
            version: 1
            principals: {agent: {uri: "ringgate://test.example/agent/*"}}
            devices:
              board: {path: \(line.path), profile: tty, open: read-write, lease: \(lease)}
              absent: {path: /dev/ringgate-absent, profile: tty, open: read-write}
              random: {path: /dev/random, profile: random}
            procedures:

            """
            + procedures.map { name, steps in
                "  \(name): {device: board, summary: S., parameters: {rows: {type: u16, range: [1, 100]}}, "
                    + "steps: [\(steps)]}\n"
            }.joined()
                + """
                rules:
                  - id: press
                    principals: [agent]
                    procedures: [\(procedures.dropFirst().map { "\($0.key), " }.joined())\
                {use: \(procedures[0].key), where: {rows: {range: [1, 50]}}}]

                """
        let profiles = try ["tty", "random"].map {
            let path = "\(Tool.repository)/profiles/\($0).yaml"
            return SourceText(path: path, text: try String(contentsOfFile: path, encoding: .utf8))
        }
        let loaded = try PolicyLoader.load(SourceText(path: "policy.yaml", text: text), profiles: profiles)
        var policy = SitePolicy()
        policy.devices = loaded.devices
        policy.rules = loaded.rules
        policy.profiles = loaded.profiles
        return policy.administered()
    }

    /// A call of the board's `index`-th procedure.
    static func entry(_ rows: UInt16, _ index: Int = 0, slot: UInt16 = 0, id: UInt64) -> RawEntry {
        RawEntry(
            .command, id: id, slot: slot, code: Procedure.code(index).code,
            argument: withUnsafeBytes(of: rows.littleEndian) { Array($0) })
    }

    static let disable = #"{"device": "board", "reason": "smoke"}"#
    static let size = "{on: board, use: TIOCSWINSZ, with: {ws_row: $rows, ws_col: 80}}"
    static func write(_ text: String) -> String { "{on: board, write: \"\(text)\"}" }
}

extension Site {
    /// A peer of the allowed agent with `board` in slot 0.
    func boarded() throws -> RawClient {
        let client = try greeted()
        try client.submit([.open("board", slot: 0, id: 1)])
        #expect(try client.completions(1)[0].header.result == 0)
        return client
    }
}
