import ArgumentParser
import Foundation

/// How far a long copy is, on standard error while that is a terminal.
struct Progress {
    private let total: UInt64?
    private let start = ContinuousClock.now
    private var shown = ContinuousClock.now
    private var bytes: UInt64 = 0
    private let isShown = isatty(STDERR_FILENO) == 1

    private static let interval = Duration.milliseconds(200)
    private static let width = 30

    /// `total` is how many bytes there will be, where that is known.
    init(of total: UInt64?) { self.total = total }

    mutating func add(_ count: Int) {
        bytes += UInt64(count)
        guard isShown, ContinuousClock.now - shown >= Self.interval else { return }
        shown = ContinuousClock.now
        Output.standardError("\r" + line)
    }

    func end() {
        if isShown { Output.standardError("\r" + line + "\n") }
    }

    private var line: String {
        let seconds = max((ContinuousClock.now - start) / .seconds(1), 0.001)
        let rate = "\(Self.words(bytes)), \(Self.words(UInt64(Double(bytes) / seconds)))/s"
        guard let total, total > 0 else { return rate }
        let filled = Int(min(bytes, total) * UInt64(Self.width) / total)
        let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: Self.width - filled)
        return "[\(bar)] \(bytes * 100 / total) % of \(Self.words(total)), \(rate)"
    }

    private static func words(_ bytes: UInt64) -> String {
        switch bytes {
        case ..<10_240: "\(bytes) B"
        case ..<10_485_760: "\(bytes >> 10) KiB"
        default: "\(bytes >> 20) MiB"
        }
    }
}

/// Bytes on the command line: a number, or one with KiB, MiB or GiB.
struct ByteCount: ExpressibleByArgument {
    let bytes: UInt64

    init?(argument: String) {
        let units: [(String, UInt64)] = [("KiB", 10), ("MiB", 20), ("GiB", 30)]
        let unit = units.first { argument.hasSuffix($0.0) }
        guard let number = UInt64(argument.dropLast(unit?.0.count ?? 0)), number > 0,
            number <= UInt64.max >> 31
        else { return nil }
        bytes = number << (unit?.1 ?? 0)
    }
}
