import Glibc
import RingPolicy
import Testing

@testable import RingEngine

/// The kernel is the witness: read(2) into memory that may not be touched is EFAULT, where touching it is the
/// end.
@Suite struct GuardedPlacesTests {
    @Test(arguments: [1, 2, 8, 36, 4_095, 4_096, 4_097, CommandShape.maximumSize])
    func theByteAfterABlockCannotBeTouched(size: Int) throws {
        let places = try GuardedPlaces(count: 3, size: CommandShape.maximumSize)
        let memory = places.place(1, size)
        #expect(memory.count == size)
        let zero = Glibc.open("/dev/zero", O_RDONLY | O_CLOEXEC)
        defer { Glibc.close(zero) }
        let start = try #require(memory.baseAddress)
        #expect(Glibc.read(zero, start, size) == size)
        #expect(memory.allSatisfy { $0 == 0 })
        #expect(Glibc.read(zero, start + size, 1) == -1 && errno == EFAULT)
        // A whole page behind it is closed.
        #expect(Glibc.read(zero, start + size + 4_095, 1) == -1 && errno == EFAULT)
    }

    @Test func theByteAfterABlockCannotBeReadEither() throws {
        let places = try GuardedPlaces(count: 3, size: 8)
        let start = try #require(places.place(2, 8).baseAddress)
        let pair = try FencedRing.socketPair()
        defer {
            Glibc.close(pair.0)
            Glibc.close(pair.1)
        }
        #expect(Glibc.write(pair.0, start, 8) == 8)
        #expect(Glibc.write(pair.0, start + 8, 1) == -1 && errno == EFAULT)
    }
}
