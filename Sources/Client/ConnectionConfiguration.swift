/// Where the gateway is, who the client is, and whom it trusts.
public struct ConnectionConfiguration: Sendable {
    /// DNS name or IP address.
    public var host: String
    public var port: Int
    /// Name the gateway's certificate must carry. An IP address stands for the address connected to: the
    /// certificate must then carry that as an IP subject alternative name, and no SNI is sent.
    public var serverName: String
    /// Path of the client's certificate, PEM, followed by its intermediates.
    public var certificateChain: String
    /// Path of the client's private key, PEM.
    public var privateKey: String
    /// Path of the CA certificates that may sign the gateway's certificate, PEM. No other roots are trusted.
    public var trustRoots: String
    /// From the start of connecting until the gateway's welcome.
    public var deadline: Duration
    /// For how long a lost connection is tried to be made again, so that the session goes on; zero for not at all.
    public var reconnects: Duration = .seconds(60)
    /// After so long without a word the gateway is asked for one, after twice as long the connection counts as lost;
    /// zero for never.
    public var keepAlive: Duration = .seconds(5)
    /// A file to which is written what devices are asked and what they answer, for `ringgated --replay`
    /// (docs/recording.md); nil for none.
    public var recording: String?

    /// The environment variable that names it where `ringctl record` has started us.
    public static let recordingVariable = "RINGGATE_RECORD"

    public init(
        host: String, port: Int, serverName: String? = nil, certificateChain: String, privateKey: String,
        trustRoots: String, deadline: Duration = .seconds(10)
    ) {
        self.host = host
        self.port = port
        self.serverName = serverName ?? host
        self.certificateChain = certificateChain
        self.privateKey = privateKey
        self.trustRoots = trustRoots
        self.deadline = deadline
    }
}
