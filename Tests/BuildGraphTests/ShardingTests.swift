import BuildGraph
import BuildTestSupport
import Testing

@Suite struct ShardingTests {
    private func cut(_ items: [(name: String, weight: Int)], _ count: Int) -> [[String]] {
        balancedShards(items, count: count).map { $0.map { items[$0].name } }
    }

    @Test func theHeaviestFirst() {
        #expect(cut([("a", 1), ("b", 9), ("c", 4), ("d", 4)], 2) == [["b"], ["a", "c", "d"]])
    }

    @Test func theOrderGivenDoesNotMatter() {
        var generator = SeededGenerator(seed: 7)
        var items = (0..<50).map { (name: "n\($0)", weight: Int.random(in: 0...5, using: &generator)) }
        let first = cut(items, 6)
        items.shuffle(using: &generator)
        #expect(cut(items, 6) == first)
    }

    @Test func everyItemIsInOneShard() {
        var generator = SeededGenerator(seed: 8)
        for _ in 0..<200 {
            let items = (0..<Int.random(in: 0...40, using: &generator)).map {
                (name: "n\($0)", weight: Int.random(in: -3...1000, using: &generator))
            }
            let count = Int.random(in: 1...12, using: &generator)
            let shards = balancedShards(items, count: count)
            #expect(shards.count == count)
            #expect(shards.flatMap { $0 }.sorted() == Array(items.indices))
        }
    }

    @Test func weightlessItemsSpread() {
        #expect(cut([("a", 0), ("b", 0), ("c", 0), ("d", 0)], 2) == [["a", "c"], ["b", "d"]])
    }
}
