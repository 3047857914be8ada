import Glibc

/// An open file, closed when its owner goes.
struct Descriptor: ~Copyable, Sendable {
    let number: CInt

    /// Takes over a descriptor nobody else closes.
    init(owning number: CInt) {
        self.number = number
    }

    /// Opens a device. Children of this process never inherit it: a leaked slave would keep a board alive.
    init(opening path: String, _ flags: CInt) throws(LabError) {
        let number = open(path, flags | O_CLOEXEC)
        guard number >= 0 else { throw .last("open \(path)") }
        self.number = number
    }

    deinit {
        close(number)
    }
}
