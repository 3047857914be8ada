import RingPolicy
import RingProtocol

extension Entry {
    /// Refuses an entry that sets fields its operation does not use.
    func requireZero(slot: Bool = false, offset: Bool = false, argument: Bool = false) throws(Refusal) {
        guard subOpcode.code == 0, offset || self.offset == 0, slot || self.slot.index == 0,
            argument || self.argument.count == 0
        else { throw Refusal(.shape, "a field that this operation does not use is not zero") }
    }

    /// Refuses flags or a deadline that the entry has no use for.
    @inline(__always)
    func requirePlausible() throws(Refusal) {
        guard flags.isEmpty || flagsFit else {
            throw Refusal(
                .shape,
                "skip_success is for elements of a chain but the last, multishot for a read, poll, list or lease alone"
            )
        }
        guard timeout == 0 || timeoutFits else {
            throw Refusal(.shape, "an entry of this kind has no deadline; timeout_ms must be 0")
        }
    }

    /// Refuses a deadline where the gateway itself works, which is not given up half-way.
    func requireNoDeadline() throws(Refusal) {
        guard timeout == 0 else {
            throw Refusal(
                .shape, "procedures and the gateway's own commands have no deadline; timeout_ms must be 0")
        }
    }

    /// Nanoseconds that a timeout entry waits.
    func requiredDelay() throws(Refusal) -> UInt64 {
        guard let delay else {
            throw Refusal(
                .shape, "a timeout waits 1 ns to \(Limits.delay) ns, told in offset, and has nothing else")
        }
        return delay
    }

    /// Refuses operations of features that the session does not have.
    func requireFeature(in features: Features) throws(Refusal) {
        guard let operation, features.isSuperset(of: operation.feature) else {
            throw Refusal(.unsupported, "the operation is unknown, or its feature was not granted")
        }
    }
}
