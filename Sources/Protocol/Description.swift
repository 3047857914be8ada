/// Answer to `list`, carried as JSON (RFC 8259).
public struct DeviceList: Codable, Equatable, Sendable {
    public struct Device: Codable, Equatable, Sendable {
        public let name: String
        public let profile: String
        /// The site's own words about the device; absent when it has none.
        public let labels: [String: String]?

        public init(name: String, profile: String, labels: [String: String] = [:]) {
            self.name = name
            self.profile = profile
            self.labels = labels.isEmpty ? nil : labels
        }
    }
    public let devices: [Device]

    public init(devices: [Device]) { self.devices = devices }
}

/// Answer to `describe`, carried as JSON: what this client may do on one device, and nothing else.
public struct DeviceDescription: Codable, Equatable, Sendable {
    public let device: String
    public let profile: String
    /// Longest read in bytes; absent when reading is not allowed.
    public let read: Transfer?
    public let write: Transfer?
    public let commands: [CommandDescription]
    /// What may be done with files that commands give, each named DEVICE/PROFILE; absent when none gives one.
    public let handles: [DeviceDescription]?

    public init(
        device: String, profile: String, read: Transfer?, write: Transfer?, commands: [CommandDescription],
        handles: [DeviceDescription]? = nil
    ) {
        self.device = device
        self.profile = profile
        self.read = read
        self.write = write
        self.commands = commands
        self.handles = handles
    }

    /// Bounds of reading or writing.
    public struct Transfer: Codable, Equatable, Sendable {
        /// Bytes one entry may move.
        public let maxLength: Int
        /// Byte positions `[first, end)` that may be touched; absent when there is no such bound.
        public let window: [UInt64]?

        public init(maxLength: Int, window: [UInt64]?) {
            self.maxLength = maxLength
            self.window = window
        }
    }
}
