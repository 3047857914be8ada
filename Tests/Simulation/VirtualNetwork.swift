import TestSupport

/// Connections between a client's and a gateway's end, like TCP: what is sent arrives in order, after a delay, until
/// the connection is cut. What is on its way then is lost from some point on, and nobody is told from which.
struct VirtualNetwork<Message> {
    enum End: Hashable, CaseIterable {
        case client, gateway
        var other: End { self == .client ? .gateway : .client }
    }

    struct Link: Hashable {
        fileprivate let number: Int
    }

    /// What an end hears.
    enum Arrival {
        case message(Message)
        /// The peer has ended its stream: all it had sent has arrived.
        case end
        /// The connection is lost: nothing comes any more, and what was sent may not have arrived.
        case lost
    }

    /// What the links of a network are like.
    struct Manner {
        /// Nanoseconds from sending to arrival, drawn for each message.
        var delay: ClosedRange<UInt64> = 1_000...100_000
        /// Nanoseconds until an end hears that the connection was cut; a silent peer is noticed late.
        var notice: ClosedRange<UInt64> = 0...1_000_000
        /// Chance in percent that a message cuts the connection.
        var loss = 0
    }

    private struct State {
        /// When the last message towards an end arrives; the next must not overtake it.
        var lastArrival: [End: UInt64] = [:]
        var ended: Set<End> = []
        var isCut = false
    }

    var manner: Manner
    private var random: SeededRandom
    private var links: [State] = []
    private var events = EventQueue<(link: Link, end: End, arrival: Arrival)>()

    init(_ manner: Manner = Manner(), random: SeededRandom) {
        self.manner = manner
        self.random = random
    }

    /// When the next thing arrives.
    var next: UInt64? { events.next }

    mutating func connect() -> Link {
        links.append(State())
        return Link(number: links.count - 1)
    }

    /// Whether an end may still send. An end that does not know of a cut may think so, too.
    func isOpen(_ link: Link, for end: End) -> Bool {
        !links[link.number].isCut && !links[link.number].ended.contains(end)
    }

    /// Sends from an end. What is sent over a cut connection goes nowhere.
    mutating func send(_ message: Message, from end: End, on link: Link, now: UInt64) {
        guard isOpen(link, for: end) else { return }
        if random.happens(manner.loss) { return cut(link, now: now) }
        deliver(.message(message), to: end.other, link, now)
    }

    /// Ends an end's stream behind what it has sent.
    mutating func end(_ link: Link, from end: End, now: UInt64) {
        guard isOpen(link, for: end) else { return }
        links[link.number].ended.insert(end)
        deliver(.end, to: end.other, link, now)
    }

    /// Cuts the connection, unless both ends have ended it. Of what is on its way to each end, a first part of
    /// random length still arrives; then the end hears of the loss.
    mutating func cut(_ link: Link, now: UInt64) {
        guard !links[link.number].isCut, links[link.number].ended.count < 2 else { return }
        links[link.number].isCut = true
        for end in End.allCases {
            let lastArrival = now &+ random.number(0...manner.delay.upperBound)
            events.removeAll { due, event in
                event.link == link && event.end == end && due > lastArrival
            }
            events.add((link, end, .lost), at: max(lastArrival, now &+ random.number(manner.notice)))
        }
    }

    /// The next thing that arrives.
    mutating func takeDue(_ now: UInt64) -> (link: Link, end: End, arrival: Arrival)? {
        events.takeDue(now)
    }

    private mutating func deliver(_ arrival: Arrival, to end: End, _ link: Link, _ now: UInt64) {
        let due = max(now &+ random.number(manner.delay), links[link.number].lastArrival[end] ?? 0)
        links[link.number].lastArrival[end] = due
        events.add((link, end, arrival), at: due)
    }
}
