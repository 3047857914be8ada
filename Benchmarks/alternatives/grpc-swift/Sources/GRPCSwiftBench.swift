import Glibc

/// One ioctl over gRPC, in Swift: what Benchmarks/alternatives/grpc_server.py and grpc_client.py are in Python.
@main
struct GRPCSwiftBench {
    static func main() async {
        do {
            let words = CommandLine.arguments.dropFirst()
            switch words.first {
            case "server": try await Server.run(Arguments(words.dropFirst()))
            case "client": try await Client.run(Arguments(words.dropFirst()))
            default: throw BenchError("usage: grpc-swift-bench server | client --NAME VALUE...")
            }
        } catch {
            let text = "grpc-swift-bench: \(error)\n"
            _ = text.withCString { write(STDERR_FILENO, $0, strlen($0)) }
            exit(1)
        }
    }
}
