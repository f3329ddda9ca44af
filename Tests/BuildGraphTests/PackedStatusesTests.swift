import BuildTestSupport
import Testing

@testable import BuildGraph

@Suite struct PackedStatusesTests {
    /// Whatever was added comes back as it was, be it on another device, too large for 32 bits, or of no time.
    @Test(arguments: 1...8 as ClosedRange<UInt64>)
    func statusesComeBackAsTheyWere(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var packed = PackedStatuses()
        var all: [FileStatus] = []
        for _ in 0..<3000 {
            // Most chunks have nothing unusual.
            let isOdd = Int.random(in: 0..<1500, using: &generator) == 0
            let time = Int64.random(in: 0...Int64.max, using: &generator)
            let status = FileStatus(
                device: isOdd ? UInt64.random(in: 0...UInt64.max, using: &generator) : 7,
                inode: isOdd ? UInt64.random(in: 0...UInt64.max, using: &generator) : 5 << 32 | UInt64(all.count),
                size: isOdd ? Int64.random(in: -1...Int64.max, using: &generator) : time % 100_000, modified: time,
                changed: isOdd ? Int64.min : time / 2)
            packed.append(status)
            all.append(status)
        }
        #expect(packed.count == all.count)
        let found = packed.chunks.flatMap { chunk in (0..<chunk.count).map { chunk[$0] } }
        #expect(found == all)
    }
}
