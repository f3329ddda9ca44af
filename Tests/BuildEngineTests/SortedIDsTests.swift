import BuildTestSupport
import Testing

@testable import BuildEngine

@Suite struct SortedIDsTests {
    /// Evenly spread or not, below the limit or not.
    @Test(arguments: [0, 1, 65, 66, 3000]) func sorts(count: Int) {
        var generator = SeededGenerator(seed: UInt64(count))
        for most in [UInt64.max, 1 << 40, 1000, 0] {
            for limit in [UInt64.max, most, most / 3, 1, 0] {
                var numbers = (0..<count).map { _ in UInt64.random(in: 0...most, using: &generator) }
                let sorted = numbers.sorted()
                numbers.sortSpread(below: limit)
                #expect(numbers == sorted, "\(count) up to \(most), below \(limit)")
            }
        }
    }

    /// As many as have no share of their own each.
    @Test func sortsMany() {
        var generator = SeededGenerator(seed: 1)
        var numbers = (0..<70_000).map { _ in UInt64.random(in: 0..<(1 << 50), using: &generator) }
        let sorted = numbers.sorted()
        numbers.sortSpread(below: 1 << 50)
        #expect(numbers == sorted)
    }
}
