import Glibc
import RingPolicy
import RingProtocol

typealias ConnectionPointer = UnsafeMutablePointer<Connection>

/// One client's connection: TLS and bytes. Lives in the connection table at a fixed address, because the kernel
/// sends from its memory.
struct Connection: ~Copyable {
    enum Stage: Equatable {
        /// TLS is not done; no byte has reached the frame decoder.
        case handshaking
        case serving
        /// Its session is another loop's, which gets it once nothing of it is under way here.
        case departing
        /// The client has said goodbye: what it is owed is answered, then the connection ends.
        case finishing
        /// The last bytes are on their way; waits for the peer's end.
        case lingering
        /// Waits for the kernel to let go of its memory.
        case dead
    }

    var tls: TLSSession
    var stage = Stage.handshaking
    /// The peer's address and port, for logs.
    let peer: PeerAddress
    var place: Place
    /// The socket itself while another loop may have to take the connection over; -1 afterwards.
    var descriptor: Int32 = -1
    /// What the client has said hello with, when its session is another loop's.
    var departure: Hello?
    /// What the verified certificate says; set before anything is decoded.
    var peerIdentity: PeerIdentity?
    var certificate: PeerCertificate?
    /// When the certificate must be judged again: seconds since 1970.
    var goodUntil = Int64.max
    /// What its holder may do, as the policy was when it was recognized.
    var rights: PeerRights?
    /// What it carries; nil before the welcome and after the session's end.
    var session: SessionPointer?
    /// No good hello yet: counts against the limit of such connections until it is gone.
    var isUnproven = true

    /// Decrypted bytes of an incomplete frame.
    var inbox = ByteBuffer()
    /// Frames not yet encrypted.
    var outbox = Outbox()
    /// Ciphertext the kernel is sending; untouched while `isSending`.
    var sending = ByteBuffer()

    var isReceiving = false
    var isSending = false
    /// Too much waits to be sent: nothing is read until the peer takes some.
    var isPaused = false
    var isDirty = false
    var hasShutWrite = false
    /// The peer has closed its side after its goodbye.
    var hasPeerEnded = false
    /// Shutdowns handed to the kernel that have not come back.
    var pendingShutdowns = 0
    /// When the present stage must have ended, or the peer must have taken something; 0 for never.
    var deadline: UInt64 = 0
    /// Last time anything came from the peer.
    var lastHeard: UInt64
    /// Last time the peer was owed something or sent something, for draining.
    var lastActivity: UInt64 = 0

    /// Whether the peer has said hello and may be owed answers.
    var isOpen: Bool { session != nil && (stage == .serving || stage == .finishing) }

    /// Who the verified certificate says the peer is, for logs.
    var identity: String { peerIdentity?.text ?? "unknown" }

    /// Longest frame payload the peer may send now: one that has proven nothing gets no more memory.
    var payloadLimit: Int { session == nil ? Limits.greetingPayload : Limits.framePayload }

    /// Whether what it is sent are answers, which it may take its time for as long as it takes some.
    var owesAnswers: Bool { isOpen || (stage == .lingering && !isUnproven && !hasShutWrite) }

    init(tls: consuming TLSSession, peer: PeerAddress, place: Place, now: UInt64, deadline: UInt64) {
        lastHeard = now
        self.tls = tls
        self.peer = peer
        self.place = place
        self.deadline = deadline
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// The socket, which is the caller's now.
    mutating func takeSocket() -> Int32 {
        defer { descriptor = -1 }
        return descriptor
    }

    /// No other loop can have it any more.
    mutating func keep() {
        if descriptor >= 0 { close(descriptor) }
        descriptor = -1
    }
}
