import BuildGraph
import BuildTestSupport
import Testing

@testable import BuildEngine

@Suite struct RunLogTests {
    let one = Label(component: "one", stage: "build")
    let two = Label(component: "two", stage: "build")
    let manifest = [ManifestField(.file, key: Array("a\nb".utf8), value: [1, 2, 3]), ManifestField(.tool, value: [])]

    func entry(_ label: Label, time: Int, succeeded: Bool = true) -> [UInt8] {
        RunLog.entry(
            label, InputHash(SHA256Value.of([UInt8(time)])), manifest, time: time, succeeded: succeeded)
    }

    @Test func theLastEntryOfALabelCounts() throws {
        let bytes = entry(one, time: 1) + entry(two, time: 2) + entry(one, time: 3, succeeded: false)
        var log = RunLog(bytes: bytes)
        let found = log.last(of: one)
        let last = try #require(found)
        #expect(last.time == 3)
        #expect(!last.succeeded)
        #expect(last.state.hashes == ["one:build": InputHash(SHA256Value.of([3]))])
        #expect(last.state.manifests == ["one:build": manifest])
        let (second, third) = (log.last(of: two), log.last(of: Label(component: "three", stage: "build")))
        #expect(second?.time == 2)
        #expect(third == nil)
        #expect(log.live == entry(two, time: 2) + entry(one, time: 3, succeeded: false))
    }

    @Test func anEntryIsRepeatedAsItWouldBeMade() throws {
        let hash = InputHash(SHA256Value.of([1]))
        var log = RunLog(bytes: entry(two, time: 1) + entry(one, time: 1))
        for succeeded in [true, false] {
            let repeated = log.repeated(one, hash, time: 1 << 40, succeeded: succeeded)
            #expect(repeated == RunLog.entry(one, hash, manifest, time: 1 << 40, succeeded: succeeded))
        }
        // Of other inputs, or of a label that never ran, there is nothing to repeat.
        let (other, none) = (
            log.repeated(one, InputHash(SHA256Value.of([2])), time: 2, succeeded: true),
            log.repeated(Label(component: "three", stage: "build"), hash, time: 2, succeeded: true)
        )
        #expect(other == nil)
        #expect(none == nil)
    }

    @Test func aDamagedEntryIsNotRepeated() {
        let bytes = entry(one, time: 1)
        for place in bytes.indices {
            var damaged = bytes
            damaged[place] ^= 1
            var log = RunLog(bytes: damaged)
            let repeated = log.repeated(one, InputHash(SHA256Value.of([1])), time: 2, succeeded: true)
            #expect(repeated == nil)
        }
    }

    @Test func whoAsksForManyGetsTheSameAsWhoAsksForOne() {
        let labels = (0..<40).map { Label(component: "c\($0)", stage: "build") }
        let bytes = [1, 2].flatMap { round in
            labels.enumerated().flatMap { entry($1, time: round * 100 + $0, succeeded: $0 % 3 > 0) }
        }
        var many = RunLog(bytes: bytes)
        for (number, label) in labels.enumerated() {
            var one = RunLog(bytes: bytes)
            let (last, alone) = (many.last(of: label), one.last(of: label))
            #expect(last?.time == 200 + number)
            #expect(last?.time == alone?.time)
            #expect(last?.succeeded == (number % 3 > 0))
        }
        let other = many.last(of: one)
        #expect(other == nil)
    }

    @Test func aDamagedEntryIsNone() {
        let first = entry(one, time: 1)
        let bytes = first + entry(two, time: 2)
        for place in first.indices {
            var damaged = bytes
            damaged[place] ^= 1
            var log = RunLog(bytes: damaged)
            let last = log.last(of: one)
            #expect(last == nil)
        }
        // What is not the entry's length leaves the next one alone.
        var damaged = bytes
        damaged[first.count - 1] ^= 1
        var log = RunLog(bytes: damaged)
        let last = log.last(of: two)
        #expect(last?.time == 2)
    }

    @Test func everyCutIsReadWithoutHarm() {
        let size = entry(one, time: 1).count
        let bytes = entry(one, time: 1) + entry(two, time: 2)
        for count in 0..<bytes.count {
            var log = RunLog(bytes: Array(bytes.prefix(count)))
            let (first, second) = (log.last(of: one), log.last(of: two))
            #expect((first != nil) == (count >= size))
            #expect(second == nil)
        }
    }
}
