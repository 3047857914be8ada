import GRPCNIOTransportHTTP2Posix

/// Pairs of `--name value`, as scripts/bench gives them to each load generator.
struct Arguments {
    private var values: [String: String] = [:]

    init(_ words: some Collection<String>) throws {
        var words = words.makeIterator()
        while let name = words.next() {
            guard name.hasPrefix("--"), let value = words.next() else {
                throw BenchError("\(name) needs a value")
            }
            values[String(name.dropFirst(2))] = value
        }
    }

    func text(_ name: String) throws -> String {
        guard let value = values[name] else { throw BenchError("--\(name) is missing") }
        return value
    }

    func number<Number: LosslessStringConvertible>(_ name: String) throws -> Number {
        guard let number = Number(try text(name)) else { throw BenchError("--\(name) must be a number") }
        return number
    }

    func chain() throws -> [TLSConfig.CertificateSource] { [.file(path: try text("cert"), format: .pem)] }
    func key() throws -> TLSConfig.PrivateKeySource { .file(path: try text("key"), format: .pem) }
    func roots() throws -> TLSConfig.TrustRootsSource {
        .certificates([.file(path: try text("ca"), format: .pem)])
    }
}

struct BenchError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
