import RingPolicy
import RingProtocol

/// What the loop shares with others, to be touched only between `commons.enter` and `commons.leave`. By way of a copy of the
/// reference, for the reason that `Commons.entered` gives.
extension GatewayLoop {
    var devices: DeviceTable {
        _read {
            assert(commons.isEntered)
            yield commons.devices
        }
        _modify {
            let commons = commons
            assert(commons.isEntered)
            yield &commons.devices
        }
    }

    var leases: LeaseTable {
        _read {
            assert(commons.isEntered)
            yield commons.leases
        }
        _modify {
            let commons = commons
            assert(commons.isEntered)
            yield &commons.leases
        }
    }

    var consoles: [DeviceTable.Index: Console] {
        _read {
            assert(commons.isEntered)
            yield commons.consoles
        }
        _modify {
            let commons = commons
            assert(commons.isEntered)
            yield &commons.consoles
        }
    }

    /// The session of that number, if it is this loop's and not over.
    func find(session number: UInt64) -> SessionPointer? {
        guard let session = numbers[number], !session.pointee.isOver else { return nil }
        return session
    }
}
