import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import Glibc

/// Answers `ioctlMethod` with the eight bytes of struct winsize (ioctl_tty(2)) of the device, over mutual TLS.
enum Server {
    static func run(_ arguments: Arguments) async throws {
        let device = open(try arguments.text("device"), O_RDWR | O_NOCTTY)
        guard device >= 0 else {
            throw BenchError("the device cannot be opened: \(String(cString: strerror(errno)))")
        }
        let roots = try arguments.roots()
        let transport = HTTP2ServerTransport.Posix(
            address: .ipv4(host: "127.0.0.1", port: 0),
            transportSecurity: .mTLS(certificateChain: try arguments.chain(), privateKey: try arguments.key())
            {
                $0.trustRoots = roots
            })
        var router = RPCRouter<HTTP2ServerTransport.Posix>()
        router.registerHandler(forMethod: ioctlMethod, deserializer: Bytes(), serializer: Bytes()) {
            request, _ in
            _ = try await ServerRequest(stream: request)
            return StreamingServerResponse(single: ServerResponse(message: try windowSize(of: device)))
        }
        let server = GRPCServer(transport: transport, router: router)
        async let serving: Void = server.serve()
        guard let port = try await transport.listeningAddress.ipv4?.port else { throw BenchError("no port") }
        try "\(port)\n".write(toFile: try arguments.text("port-file"), atomically: true, encoding: .utf8)
        try await serving
    }

    private static func windowSize(of device: CInt) throws -> [UInt8] {
        var size = winsize()
        guard ioctl(device, UInt(TIOCGWINSZ), &size) == 0 else {
            throw RPCError(code: .internalError, message: String(cString: strerror(errno)))
        }
        return withUnsafeBytes(of: size) { Array($0) }
    }
}
