import RingEngine
import RingPolicy
import RingProtocol

typealias SessionPointer = UnsafeMutablePointer<Session>

/// What a client has on the gateway, from its hello until it is over: who it is, its files and what it is owed.
/// Lives in the session table at a fixed address; connections come and go.
struct Session: ~Copyable {
    /// Where it is, as tags of operations name it.
    let place: Place
    /// The same generation with the loop's number, as tags have it.
    let tagGeneration: UInt32
    /// In this epoch.
    let number: UInt64
    /// What a client must show to have it back.
    let token: SessionToken
    /// Who the verified certificate says the client is, for logs.
    let identity: String
    /// What that certificate says; kept because another policy may see somebody else in it.
    let peerIdentity: PeerIdentity
    /// The certificate it was last seen with, and when that must be judged again: seconds since 1970.
    var certificate: PeerCertificate?
    var goodUntil = Int64.max
    /// The client's address and port, for logs.
    var peer: PeerAddress
    /// Which trace its entries belong to, by its client's word.
    var context: TraceContext?
    /// What the client may do.
    var rights: PeerRights
    var state: SessionState
    /// What carries it now; nil while it is lost, and once it is over.
    var connection: ConnectionPointer?
    /// When it ends unless its client has come back: CLOCK_MONOTONIC in nanoseconds.
    var deadline = UInt64.max
    /// Timeout entries that wait, and entries whose deadline is being watched.
    var delays: Set<RequestID> = []
    var deadlines: Set<RequestID> = []
    /// Cancels that go from loop to loop.
    var cancels: [RequestID: CancelOrder] = [:]
    /// What it has done that changes nothing, for the audit log.
    var reads = ReadCounts()
    /// Whether the loop will look whether something of it can go on.
    var isReady = false
    /// Nothing of it is anybody's any more; it goes with the end of the turn.
    var isOver = false

    init(
        _ place: Place, loop: UInt8, number: UInt64, token: SessionToken, peerIdentity: PeerIdentity,
        peer: PeerAddress,
        rights: PeerRights, state: consuming SessionState
    ) {
        self.place = place
        tagGeneration = place.generation | UInt32(loop) << OperationTag.loopShift
        self.number = number
        self.token = token
        self.peerIdentity = peerIdentity
        self.peer = peer
        self.rights = rights
        self.state = state
        identity = peerIdentity.text
    }

    /// Bytes of answers that wait for the client to take them.
    var waitingOutput: Int { connection?.pointee.outbox.count ?? 0 }
}
