// The descriptors that the event loop waits for. Does not know whose they are.
import CLinux
import Glibc

/// What an event is about: a child's end or one of its streams, or a call from another thread.
struct EventKey: Hashable {
    enum Source: UInt64 {
        case end, output, errors, input
    }

    let child: Int
    let source: Source

    init(_ child: Int, _ source: Source) {
        self.child = child
        self.source = source
    }

    /// Nil for a call from another thread.
    init?(_ raw: UInt64) {
        guard raw != Self.wakeUp, let source = Source(rawValue: raw & 3) else { return nil }
        self.init(Int(raw >> 2), source)
    }

    var raw: UInt64 { UInt64(child) << 2 | source.rawValue }

    static let wakeUp = UInt64.max
}

/// An `epoll` set: what is ready costs something, what is waited for does not. May be added to from any thread while
/// another one waits.
struct EventSet: Sendable {
    /// -1 where the kernel gave none.
    let descriptor: Int32

    func add(_ other: Int32, forWriting: Bool = false, _ key: UInt64) -> Bool {
        clinux_events_add(descriptor, other, forWriting ? 1 : 0, key) == 0
    }

    /// A program that is just being started may hold a copy for an instant, so closing alone would not take it out.
    func close(_ other: Int32) {
        clinux_events_remove(descriptor, other)
        Glibc.close(other)
    }

    /// The keys of what is ready, after at most `milliseconds` (-1: for ever).
    func wait(_ milliseconds: Int32) -> [UInt64] {
        [UInt64](unsafeUninitializedCapacity: 64) { buffer, count in
            count = Int(clinux_events_wait(descriptor, buffer.baseAddress, Int32(buffer.count), milliseconds))
        }
    }
}
