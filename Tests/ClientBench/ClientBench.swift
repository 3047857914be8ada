import Glibc

/// Measures that need the client in Swift and, most of them, a slow network; scripts/bench runs them.
@main
struct ClientBench {
    static func main() async throws {
        switch CommandLine.arguments.dropFirst().first {
        case "pulse": try await PulseBench.run()
        case "chain":
            // Milliseconds of round-trip time, all of those named.
            let roundTrips = CommandLine.arguments.dropFirst(2).compactMap { Int($0) }
            try await ChainBench.run(roundTrips: roundTrips, rounds: 5)
        case "calls": try await CallBench.run(duration: .seconds(2))
        case "load":
            guard let load = LoadBench(CommandLine.arguments.dropFirst(2)) else { usage() }
            try await load.run()
        case "opens":
            guard let load = LoadBench(CommandLine.arguments.dropFirst(2)) else { usage() }
            try await load.runOpens()
        default: usage()
        }
    }

    private static func usage() -> Never {
        print(
            "usage: client-bench pulse | chain MILLISECONDS... | calls | (load | opens) --port N --cert FILE --key FILE "
                + "--ca FILE --connections N --depth N --seconds N [--executor connection]")
        exit(64)
    }
}
