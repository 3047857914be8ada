import RingProtocol

/// A watchdog: linux/watchdog.h. Opening the device starts it, so only a client that will feed it should.
public struct Watchdog: TypedDevice {
    public let device: NamedDevice

    public init(_ device: NamedDevice) { self.device = device }

    public struct Support: Equatable, Sendable {
        public let identity: String
        public let firmwareVersion: UInt32
        /// Bits of WDIOF_*.
        public let options: UInt32
    }

    public func support() async throws -> Support {
        let reply = try await device.call("WDIOC_GETSUPPORT")
        return Support(
            identity: try reply.text("identity"),
            firmwareVersion: UInt32(truncatingIfNeeded: try reply.number("firmware_version")),
            options: UInt32(truncatingIfNeeded: try reply.number("options")))
    }

    /// Seconds after the last feeding until it bites.
    public func timeout() async throws -> Int {
        Int(try await device.call("WDIOC_GETTIMEOUT").number("seconds"))
    }

    /// Returns what the driver made of it.
    @discardableResult
    public func setTimeout(seconds: Int) async throws -> Int {
        Int(try await device.call("WDIOC_SETTIMEOUT", ["seconds": "\(seconds)"]).number("seconds"))
    }

    /// Feeds it.
    @discardableResult
    public func keepAlive() async throws -> NamedReply { try await device.call("WDIOC_KEEPALIVE") }
}
