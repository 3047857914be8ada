/// A device of a class that has words of its own, on top of its commands by name.
public protocol TypedDevice: Sendable {
    var device: NamedDevice { get }
    init(_ device: NamedDevice)
}

extension TypedDevice {
    /// Throws as ``NamedDevice/open(_:on:trace:)``.
    public static func open(_ name: String, on connection: RingConnection) async throws -> Self {
        Self(try await NamedDevice.open(name, on: connection))
    }

    public func close() async throws { try await device.close() }
}
