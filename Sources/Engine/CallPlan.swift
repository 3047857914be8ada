import Glibc
import RingPolicy
import RingProtocol

/// How to lay out the memory of a command that is more than one struct, and what to make of it afterwards.
///
/// Lies, with the lists it points to, in the payload memory of its operation: the worker needs it later than
/// an `AuthorizedCommand` lives. No byte of a client becomes an address: wherever the argument has an address
/// there is a span, and its own address is written there.
struct CallPlan {
    /// The descriptor that goes to the kernel or comes from it. `slot` is what clients see in its place.
    enum Descriptor {
        case none
        /// `at` is its position in the root; nil when it is the result. `file` is kept free for it.
        case gives(at: Int?, slot: Int32, file: UInt32)
        case takes(at: Int, slot: Int32, file: UInt32, fd: Int32)
    }

    /// The root first; empty when there is no argument.
    let spans: UnsafeBufferPointer<Span>
    /// Where each span lies; unused for inline ones.
    let addresses: UnsafeMutablePointer<UnsafeMutableRawPointer>
    /// Ranges of the root that the reply shows as zeros.
    let redactions: UnsafeBufferPointer<Range<Int>>
    var descriptor = Descriptor.none
    /// The descriptor that the kernel gave, or -1.
    var given: Int32 = -1

    // MARK: Making

    /// `size` rounded up to where a plan may begin.
    static func aligned(_ size: Int) -> Int { (size + 7) & ~7 }

    /// Bytes of the plan for `command`.
    static func size(for command: borrowing AuthorizedCommand) -> Int {
        let redactions = command.extras?.redactions.count ?? 0
        return MemoryLayout<CallPlan>.stride
            + command.spans.count * (MemoryLayout<UnsafeMutableRawPointer>.stride + MemoryLayout<Span>.stride)
            + redactions * MemoryLayout<Range<Int>>.stride
    }

    /// Makes the plan in `memory`, which is aligned to 8 and has `size` bytes. Spans have no addresses yet.
    static func make(
        for command: borrowing AuthorizedCommand, in memory: UnsafeMutableRawPointer
    ) -> UnsafeMutablePointer<CallPlan> {
        let spans = command.spans
        let redactions = command.extras?.redactions ?? []
        let nowhere = UnsafeMutableRawPointer(bitPattern: 1).unsafelyUnwrapped
        let first = memory + MemoryLayout<CallPlan>.stride
        let addresses = first.initializeMemory(
            as: UnsafeMutableRawPointer.self, repeating: nowhere, count: spans.count)
        let second = UnsafeMutableRawPointer(addresses + spans.count)
        let ranges = second.initializeMemory(as: Range<Int>.self, repeating: 0..<0, count: redactions.count)
        for (index, range) in redactions.enumerated() { ranges[index] = range }
        let third = UnsafeMutableRawPointer(ranges + redactions.count).assumingMemoryBound(to: Span.self)
        for (index, span) in spans.enumerated() { (third + index).initialize(to: span) }
        let plan = CallPlan(
            spans: UnsafeBufferPointer(start: third, count: spans.count), addresses: addresses,
            redactions: UnsafeBufferPointer(start: ranges, count: redactions.count))
        return memory.initializeMemory(as: CallPlan.self, repeating: plan, count: 1)
    }

    // MARK: Before the call

    /// Gives every span an address in `memory`, each from a page of its own on; its size is that of
    /// `AuthorizedCommand.pagedSize`.
    func place(in memory: UnsafeMutableRawPointer) {
        var offset = 0
        for index in spans.indices where !spans[index].isInline {
            addresses[index] = memory + offset
            let size = Pages.rounded(Int(spans[index].size))
            // A device that rounds up sees zeros, not what lay there before.
            (memory + offset).initializeMemory(as: UInt8.self, repeating: 0, count: size)
            offset += size
        }
    }

    /// Fills the memory of every span from the argument, and writes the addresses: a span's holder comes before
    /// it.
    func fill(from argument: UnsafeRawPointer, count: Int) {
        for index in spans.indices where !spans[index].isInline {
            let span = spans[index]
            let size = Int(span.size)
            if span.argument >= 0 {
                precondition(Int(span.argument) + size <= count, "a block outside its argument")
                addresses[index].copyMemory(from: argument + Int(span.argument), byteCount: size)
            } else {
                addresses[index].initializeMemory(as: UInt8.self, repeating: 0, count: size)
            }
            guard index > 0 else { continue }
            let place = place(ofPointerTo: span)
            let address = UInt64(UInt(bitPattern: addresses[index]))
            (addresses[Int(span.holder)] + place).storeBytes(of: address, as: UInt64.self)
        }
    }

    private func place(ofPointerTo span: Span) -> Int {
        let (position, size) = (Int(span.position), Int(spans[Int(span.holder)].size))
        precondition(position >= 0 && position <= size - 8, "an address outside its holder")
        return position
    }

    // MARK: After the call

    /// Puts what the client gets back together in `reply`, which has `count` bytes: without addresses, without
    /// descriptors.
    func collect(into reply: UnsafeMutableRawPointer, count: Int) {
        for index in spans.indices where spans[index].reply >= 0 && !spans[index].isInline {
            let (start, size) = (Int(spans[index].reply), Int(spans[index].size))
            precondition(start + size <= count, "a block outside its reply")
            (reply + start).copyMemory(from: addresses[index], byteCount: size)
        }
        for index in spans.indices.dropFirst() where !spans[index].isInline {
            let holder = spans[Int(spans[index].holder)]
            guard holder.reply >= 0 else { continue }
            let place = Int(holder.reply) + place(ofPointerTo: spans[index])
            (reply + place).storeBytes(of: 0, as: UInt64.self)
        }
        guard let root = spans.first, root.reply >= 0 else { return }
        for range in redactions {
            let range = range.clamped(to: 0..<Int(root.size))
            (reply + Int(root.reply) + range.lowerBound).initializeMemory(
                as: UInt8.self, repeating: 0, count: range.count)
        }
        switch descriptor {
        case .gives(let at?, let slot, _), .takes(let at, let slot, _, _):
            precondition(at >= 0 && at + 4 <= Int(root.size), "a descriptor outside its struct")
            (reply + Int(root.reply) + at).storeBytes(of: slot, as: Int32.self)
        case .gives, .none: break
        }
    }
}

extension AuthorizedCommand {
    /// Whether it is one struct or less, without anything to be done around the call.
    @inline(__always)
    var isPlain: Bool { !hasBlocks || (spans.count <= 1 && extras == nil) }

    /// Whether its struct refers to others.
    @inline(__always)
    var hasPointers: Bool { hasBlocks && spans.count > 1 && hasOtherMemory }

    private var hasOtherMemory: Bool {
        for index in spans.indices.dropFirst() where !spans[index].isInline { return true }
        return false
    }

    /// Bytes of all its blocks, each on pages of its own.
    var pagedSize: Int {
        var size = 0
        for index in spans.indices where !spans[index].isInline {
            size += Pages.rounded(Int(spans[index].size))
        }
        return size
    }
}

/// The kernel's pages.
enum Pages {
    static let size = Int(sysconf(Int32(_SC_PAGESIZE)))

    static func rounded(_ count: Int) -> Int { (count + size - 1) / size * size }
}
