import RingPolicy

/// The `console` of a device.
enum ConsoleReader {
    struct Placed {
        let terms: ConsoleTerms
        /// Of the path to the log.
        let logPlace: Location
    }

    /// `true`, or a mapping.
    static func read(
        _ value: Value, _ what: String, _ kind: NodeKind?, _ access: FileAccess?, _ report: inout Report
    ) -> Placed? {
        // What is read there is kept as it comes, so it must be a stream that the gateway may read.
        guard kind == .character || kind == .tcp || kind == nil, access != .writeOnly else {
            report.add(
                value.place, "a console is what a `character` or `tcp` device says that is open for reading",
                "remove `console`, or correct `kind` or `open`")
            return nil
        }
        if case .text("true", isQuoted: false) = value.content {
            return Placed(terms: ConsoleTerms(), logPlace: value.place)
        }
        guard case .map = value.content, var map = MapReader(value, "`console` of \(what)", &report) else {
            report.add(
                value.place, "`console` is `true` or a mapping, not \(value.words)",
                "write `true`, {scrollback: 64KiB, log: PATH}, or remove it")
            return nil
        }
        let scrollback = map.optional("scrollback").map {
            $0.number("scrollback", in: FileLimits.scrollbacks, &report)
        }
        let logValue = map.optional("log")
        let log = logValue.flatMap { readLog($0, &report) }
        map.finish(&report)
        guard let scrollback = scrollback ?? Int128(ConsoleTerms.usualScrollback),
            logValue == nil || log != nil
        else { return nil }
        return Placed(
            terms: ConsoleTerms(scrollback: Int(scrollback), log: log),
            logPlace: logValue?.place ?? value.place)
    }

    /// A file to write to: never a device or a switch of the kernel's, whatever a policy from afar says.
    private static func readLog(_ value: Value, _ report: inout Report) -> String? {
        guard let path = DevicePlace.absolutePath(value, &report) else { return nil }
        guard !["/dev/", "/proc/", "/sys/"].contains(where: path.hasPrefix) else {
            report.add(
                value.place, "\(value.words) is no place for a log", "write a path such as /var/log/NAME.log")
            return nil
        }
        return path
    }
}
