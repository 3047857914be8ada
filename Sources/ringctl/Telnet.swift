/// Bytes and options in one stream, as a network virtual terminal has them: RFC 854, RFC 855.
struct Telnet {
    enum Piece: Equatable {
        case bytes([UInt8])
        case option(Verb, UInt8)
        /// The option and what is said of it.
        case about([UInt8])
    }

    enum Verb: UInt8 {
        case will = 251
        case wont = 252
        case `do` = 253
        case dont = 254
    }

    private enum State {
        case bytes
        case command
        case option(Verb)
        case about
        case commandAbout
    }

    static let escape: UInt8 = 255
    private static let about: UInt8 = 250
    private static let endAbout: UInt8 = 240
    /// More than any option here has to say; what is longer is not understood.
    private static let longest = 64

    private var state = State.bytes
    private var said: [UInt8] = []

    /// Takes apart what came; what is not whole yet waits for the rest.
    mutating func take(_ arrived: [UInt8]) -> [Piece] {
        var pieces: [Piece] = []
        var bytes: [UInt8] = []
        func endBytes() {
            if !bytes.isEmpty { pieces.append(.bytes(bytes)) }
            bytes = []
        }
        for byte in arrived {
            switch state {
            case .bytes where byte == Self.escape: state = .command
            case .bytes: bytes.append(byte)
            case .command:
                if byte == Self.escape { bytes.append(byte) }
                if byte == Self.about { said = [] }
                state = byte == Self.about ? .about : Verb(rawValue: byte).map { .option($0) } ?? .bytes
            case .option(let verb):
                endBytes()
                pieces.append(.option(verb, byte))
                state = .bytes
            case .about where byte == Self.escape: state = .commandAbout
            case .about: note(byte)
            case .commandAbout where byte == Self.escape:
                note(byte)
                state = .about
            case .commandAbout:
                endBytes()
                if byte == Self.endAbout, said.count <= Self.longest { pieces.append(.about(said)) }
                state = .bytes
            }
        }
        endBytes()
        return pieces
    }

    private mutating func note(_ byte: UInt8) {
        if said.count <= Self.longest { said.append(byte) }
    }

    // MARK: Sending

    static func bytes(_ bytes: [UInt8]) -> [UInt8] {
        bytes.contains(escape) ? bytes.flatMap { $0 == escape ? [escape, escape] : [$0] } : bytes
    }

    static func option(_ verb: Verb, _ option: UInt8) -> [UInt8] { [escape, verb.rawValue, option] }

    static func about(_ said: [UInt8]) -> [UInt8] {
        [escape, about] + bytes(said) + [escape, endAbout]
    }
}

/// Which options hold, each way: RFC 1143 without its queue, as nothing is asked for twice.
struct TelnetOptions {
    static let binary: UInt8 = 0
    static let suppressGoAhead: UInt8 = 3
    static let portControl: UInt8 = 44

    private static let known: Set<UInt8> = [binary, suppressGoAhead, portControl]

    /// What we do, and what the peer does; all of it is asked for at the start.
    private var ours = known
    private var theirs = known

    static let greeting = known.sorted().flatMap { Telnet.option(.will, $0) + Telnet.option(.do, $0) }

    /// What to answer, nothing when the peer says what was known.
    mutating func heard(_ verb: Telnet.Verb, _ option: UInt8) -> [UInt8] {
        let isKnown = Self.known.contains(option)
        switch verb {
        case .do where !isKnown: return Telnet.option(.wont, option)
        case .do: return ours.insert(option).inserted ? Telnet.option(.will, option) : []
        case .will where !isKnown: return Telnet.option(.dont, option)
        case .will: return theirs.insert(option).inserted ? Telnet.option(.do, option) : []
        case .dont: return ours.remove(option) != nil ? Telnet.option(.wont, option) : []
        case .wont: return theirs.remove(option) != nil ? Telnet.option(.dont, option) : []
        }
    }
}
