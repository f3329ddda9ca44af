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
        let log = RunLog(bytes: bytes)
        let last = try #require(log.last(of: one))
        #expect(last.time == 3)
        #expect(!last.succeeded)
        #expect(last.state.hashes == ["one:build": InputHash(SHA256Value.of([3]))])
        #expect(last.state.manifests == ["one:build": manifest])
        #expect(log.last(of: two)?.time == 2)
        #expect(log.last(of: Label(component: "three", stage: "build")) == nil)
        #expect(log.live == entry(two, time: 2) + entry(one, time: 3, succeeded: false))
    }

    @Test func aDamagedEntryIsNone() {
        let first = entry(one, time: 1)
        let bytes = first + entry(two, time: 2)
        for place in first.indices {
            var damaged = bytes
            damaged[place] ^= 1
            #expect(RunLog(bytes: damaged).last(of: one) == nil)
        }
        // What is not the entry's length leaves the next one alone.
        var damaged = bytes
        damaged[first.count - 1] ^= 1
        #expect(RunLog(bytes: damaged).last(of: two)?.time == 2)
    }

    @Test func everyCutIsReadWithoutHarm() {
        let first = entry(one, time: 1)
        let bytes = first + entry(two, time: 2)
        for count in 0..<bytes.count {
            let log = RunLog(bytes: Array(bytes.prefix(count)))
            #expect((log.last(of: one) != nil) == (count >= first.count))
            #expect(log.last(of: two) == nil)
        }
    }
}
