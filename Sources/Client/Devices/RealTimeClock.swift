import RingProtocol

/// A real-time clock: linux/rtc.h, rtc(4).
public struct RealTimeClock: TypedDevice {
    public let device: NamedDevice

    public init(_ device: NamedDevice) { self.device = device }

    /// What the clock shows. It does not know of time zones.
    public struct Time: Equatable, Sendable {
        public var year: Int
        /// 1 to 12.
        public var month: Int
        public var day: Int
        public var hour: Int
        public var minute: Int
        public var second: Int

        public init(year: Int, month: Int, day: Int, hour: Int, minute: Int, second: Int) {
            self.year = year
            self.month = month
            self.day = day
            self.hour = hour
            self.minute = minute
            self.second = second
        }
    }

    public func time() async throws -> Time {
        let reply = try await device.call("RTC_RD_TIME")
        return Time(
            year: Int(try reply.number("tm_year")) + 1900, month: Int(try reply.number("tm_mon")) + 1,
            day: Int(try reply.number("tm_mday")), hour: Int(try reply.number("tm_hour")),
            minute: Int(try reply.number("tm_min")), second: Int(try reply.number("tm_sec")))
    }

    public func set(_ time: Time) async throws {
        try await device.call(
            "RTC_SET_TIME",
            [
                "tm_year": "\(time.year - 1900)", "tm_mon": "\(time.month - 1)", "tm_mday": "\(time.day)",
                "tm_hour": "\(time.hour)", "tm_min": "\(time.minute)", "tm_sec": "\(time.second)",
            ])
    }
}
