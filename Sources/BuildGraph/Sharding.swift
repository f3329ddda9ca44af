/// Splits items among `count` shards so that the heaviest shard is about as light as can be: heaviest first, each to the
/// lightest shard so far (Graham's longest-processing-time rule, at most 4/3 of the best).
///
/// Complete: every item is in exactly one shard. Stable: a function of names, weights and `count` alone, whatever the
/// order given. Gives the items' places, sorted by name, a list for each shard; a shard may be empty.
package func balancedShards(_ items: [(name: String, weight: Int)], count: Int) -> [[Int]] {
    guard count > 0 else { return [] }
    var shards = [[Int]](repeating: [], count: count)
    var loads = [(weight: Int, items: Int)](repeating: (0, 0), count: count)
    let order = items.indices.sorted {
        items[$0].weight != items[$1].weight
            ? items[$0].weight > items[$1].weight : items[$0].name.utf8.lexicographicallyPrecedes(items[$1].name.utf8)
    }
    for item in order {
        // Of shards with nothing but weightless items, the one with the fewest.
        guard let lightest = loads.indices.min(by: { loads[$0] < loads[$1] }) else { break }
        shards[lightest].append(item)
        loads[lightest].weight += max(0, items[item].weight)
        loads[lightest].items += 1
    }
    return shards.map { shard in
        shard.sorted { items[$0].name.utf8.lexicographicallyPrecedes(items[$1].name.utf8) }
    }
}
