/// Room for the spans of one argument, at a fixed address, so that working them out neither allocates nor counts
/// references.
///
/// The one place of this module that touches memory unsafely. Sound because the memory lives as long as the buffer,
/// every access is checked against `count`, and `count` never exceeds the capacity.
final class SpanBuffer {
    private let memory: UnsafeMutablePointer<Span>
    private let number: UnsafeMutablePointer<Int>

    init() {
        memory = .allocate(capacity: Span.maximum)
        number = .allocate(capacity: 1)
        number.initialize(to: 0)
    }

    deinit {
        memory.deallocate()
        number.deallocate()
    }

    var count: Int { number.pointee }

    /// False when there is no room.
    func append(_ span: Span) -> Bool {
        guard count < Span.maximum else { return false }
        (memory + count).initialize(to: span)
        number.pointee += 1
        return true
    }

    func removeAll() { number.pointee = 0 }

    subscript(index: Int) -> Span {
        precondition(index >= 0 && index < count, "there is no such span")
        return memory[index]
    }

    /// All of them, for the engine: valid until something else is laid out.
    var all: UnsafeBufferPointer<Span> { UnsafeBufferPointer(start: memory, count: count) }
}
