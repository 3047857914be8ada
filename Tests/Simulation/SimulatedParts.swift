import RingProtocol

@testable import RingEngine
@testable import RingGateway

/// What the simulated gateway is made of.
extension SimulatedGateway {
    /// One entry at a device.
    struct Call: Hashable {
        let session: UInt64
        let id: UInt64
    }
    final class Session {
        let number: UInt64
        let token: SessionToken
        var state: SessionState
        var link: VirtualNetwork<[UInt8]>.Link?
        var deadline = UInt64.max
        /// Completions that were written while no frame was sent.
        var output: [(CompletionHeader, [UInt8])] = []

        init(_ number: UInt64, _ token: SessionToken, _ state: consuming SessionState) {
            self.number = number
            self.token = token
            self.state = state
        }
    }
    struct Device {
        var queue = FairQueue<Call>(quantum: 4)
        var hardware: VirtualDevice<Call>
        var running: Call?
        var isVacated = false
    }
}
