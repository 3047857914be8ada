import Glibc
import RingEngine
import Synchronization

/// A device whose node is not what it was.
struct DeviceChange: Sendable, Equatable {
    enum Kind: Sendable {
        /// There is none any more.
        case gone
        /// There is one again, or for the first time.
        case back
        /// There is another one than before.
        case replaced
    }

    let name: String
    let kind: Kind
}

/// Notices devices that are unplugged and plugged in: a thread that looks at the nodes of the policy's devices when a
/// directory they lie in changes, and every two seconds for what inotify(7) does not tell.
///
/// It knows nodes by their numbers only: who opens one proves what it is. A node that goes and comes back with the same
/// numbers between two looks, on a file system that does not know when files were made (devpts), is not noticed.
final class DeviceWatch: Sendable {
    private let orders: WatchOrders
    private let ending: LoopEnding

    /// Starts the thread, which watches nothing yet. `report` is called on that thread, never with nothing, and not
    /// after `stop` has returned.
    init(
        interval: UInt64 = GatewayLimits.watchInterval, report: @escaping @Sendable ([DeviceChange]) -> Void
    ) throws(EngineError) {
        let orders = WatchOrders(wake: try WakeSignal())
        let ending = LoopEnding()
        (self.orders, self.ending) = (orders, ending)
        try DetachedThread.spawn {
            var eye = DeviceEye(orders, interval: interval, report)
            eye.run()
            ending.arrive()
        }
    }

    deinit { orders.stop() }

    /// Watches these devices and no others, from now on; returns at once. What a device was stays known when it was
    /// watched under the same name and path before. Of a new one only what happens after the first look is told, which
    /// is soon. Leave out what has no node: TCP devices, and the gateway itself. At most
    /// `GatewayLimits.watchedDevices` are watched.
    func watch(_ devices: [WatchedDevice]) {
        orders.watch(Array(devices.prefix(GatewayLimits.watchedDevices)))
    }

    /// How often the nodes were looked at.
    var looks: Int { orders.looks.load(ordering: .acquiring) }

    /// Ends the thread, and returns when it has ended. Not from within `report`.
    func stop() {
        orders.stop()
        ending.wait()
    }
}

/// What the thread is told from others.
private final class WatchOrders: Sendable {
    let wake: WakeSignal
    let looks = Atomic(0)
    private let state = Mutex((devices: [WatchedDevice]?.none, isStopping: false))

    init(wake: WakeSignal) { self.wake = wake }

    func watch(_ devices: [WatchedDevice]) {
        state.withLock { $0.devices = devices }
        wake.signal()
    }

    func stop() {
        state.withLock { $0.isStopping = true }
        wake.signal()
    }

    /// Other devices than before, if so, and whether to end.
    func take() -> (devices: [WatchedDevice]?, isStopping: Bool) {
        state.withLock { state in
            defer { state.devices = nil }
            return state
        }
    }
}

/// The thread's own state.
private struct DeviceEye: ~Copyable {
    private let orders: WatchOrders
    private var directories = DirectoryWatch()
    private let interval: UInt64
    private let report: @Sendable ([DeviceChange]) -> Void
    private var devices: [WatchedDevice] = []
    /// What each device was at the last look. A device that has not been looked at is not in it.
    private var nodes: [WatchedDevice: DeviceNode?] = [:]
    /// When to look next, in nanoseconds of CLOCK_MONOTONIC.
    private var nextLook: UInt64
    /// Whether something has happened, and the look it calls for is near.
    private var isResting = false

    init(
        _ orders: WatchOrders, interval: UInt64, _ report: @escaping @Sendable ([DeviceChange]) -> Void
    ) {
        self.orders = orders
        self.interval = interval
        self.report = report
        nextLook = KernelClock.monotonic() &+ interval
    }

    mutating func run() {
        while true {
            sleep()
            let order = orders.take()
            guard !order.isStopping else { return }
            if let devices = order.devices { change(to: devices) }
            if KernelClock.monotonic() >= nextLook { look() }
        }
    }

    /// Until there is an order, an event, or it is time to look.
    private mutating func sleep() {
        var files = [
            pollfd(fd: orders.wake.descriptor, events: Int16(POLLIN), revents: 0),
            // While it rests it is not woken by more events: they are all answered by the look that comes.
            pollfd(fd: isResting ? -1 : directories.descriptor, events: Int16(POLLIN), revents: 0),
        ]
        let now = KernelClock.monotonic()
        let wait = nextLook > now ? (nextLook - now) / 1_000_000 + 1 : 0
        poll(&files, 2, Int32(clamping: wait))
        if files[0].revents != 0 {
            var count: UInt64 = 0
            _ = read(orders.wake.descriptor, &count, 8)
            orders.wake.acknowledge()
        }
        if files[1].revents != 0 {
            isResting = true
            nextLook = min(nextLook, KernelClock.monotonic() &+ GatewayLimits.watchRest)
        }
    }

    private mutating func change(to new: [WatchedDevice]) {
        devices = new
        let known = Set(new)
        nodes = nodes.filter { known.contains($0.key) }
        look()
    }

    /// Directories first: what happens to a node after it was looked at is then told by an event.
    private mutating func look() {
        directories.drain()
        directories.watch(Set(devices.flatMap(\.directories)))
        var changes: [DeviceChange] = []
        for device in devices {
            let node = DeviceNode(device)
            let before = nodes.updateValue(node, forKey: device)
            if let before, let kind = DeviceChange.Kind(from: before, to: node) {
                changes.append(DeviceChange(name: device.name, kind: kind))
            }
        }
        isResting = false
        nextLook = KernelClock.monotonic() &+ interval
        orders.looks.add(1, ordering: .acquiringAndReleasing)
        if !changes.isEmpty { report(changes) }
    }
}

extension DeviceChange.Kind {
    /// nil when nothing has changed.
    fileprivate init?(from old: DeviceNode?, to new: DeviceNode?) {
        guard old != new else { return nil }
        switch (old, new) {
        case (_, nil): self = .gone
        case (nil, _): self = .back
        default: self = .replaced
        }
    }
}
