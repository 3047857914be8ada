import Foundation
import RingProtocol

/// The entry point of libFuzzer; RINGGATE_FUZZ names what its inputs are tried on.
///
/// Whatever the bytes are, nothing may trap, hang, or take more memory than a file or a frame may.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    target(UnsafeRawBufferPointer(start: start, count: count))
    return 0
}

private let target: @Sendable (UnsafeRawBufferPointer) -> Void = {
    let name = ProcessInfo.processInfo.environment["RINGGATE_FUZZ"] ?? ""
    guard let target = Target.all[name] else {
        let known = Target.all.keys.sorted().joined(separator: ", ")
        FileHandle.standardError.write(Data("set RINGGATE_FUZZ to one of: \(known)\n".utf8))
        exit(64)
    }
    return target
}()
