// Two states of the files that differ in few contents, compared without hashing what is the same. Does not know where they
// come from.

extension HashedGraph {
    /// `graph` and the same graph over `files`, where these differ from its own files in contents alone, and there at
    /// most at the places `suspects` (ascending); nil where they may differ in what decides the graph.
    ///
    /// What stands for the hashes says which targets differ, and is no input hash: it compares the two, and nothing else. A
    /// target differs where a file does that it takes in, or a target that it takes in: its manifest covers nothing else
    /// that could.
    package static func pair(
        _ graph: Graph, _ files: any FileSystem, suspects: [Int]
    ) throws(FileSystemError) -> (other: HashedGraph, own: HashedGraph)? {
        let own = graph.tree.files
        for path in graph.origin.shapedBy {
            guard let place = graph.tree.index(of: path) else { return nil }
            guard suspects.contains(sorted: place) else { continue }
            if try own.digest(of: path) != files.digest(of: path) { return nil }
        }
        var taken: Set<Int> = []
        var suspected: [(target: Int, places: [Int])] = []
        for (index, target) in graph.targets.enumerated() {
            var places: [Int] = []
            for range in target.files.ranges { places += suspects.sorted(in: range) }
            if places.isEmpty { continue }
            taken.formUnion(places)
            suspected.append((index, places))
        }
        let asked = taken.sorted()
        let paths = asked.map { graph.tree.entries[$0].path }
        let before = try digests(files, asked, paths)
        let after = try digests(own, asked, paths)
        let differing = Set(zip(asked, zip(before, after)).filter { $0.1.0 != $0.1.1 }.map(\.0))
        var isChanged = [Bool](repeating: false, count: graph.targets.count)
        for (target, places) in suspected where places.contains(where: differing.contains) { isChanged[target] = true }
        if !differing.isEmpty {
            for index in graph.order where !isChanged[index] {
                isChanged[index] = graph.targets[index].edges.contains { $0.kind != .gate && isChanged[$0.target] }
            }
        }
        func standIns(_ side: UInt64) -> [InputHash] {
            isChanged.enumerated().map { index, isChanged in
                InputHash(SHA256Value(words: (UInt64(index), isChanged ? side : 0, 0, 0)))
            }
        }
        func hashed(_ graph: Graph, _ side: UInt64) -> HashedGraph {
            HashedGraph(graph, EntryDigests(graph.tree) { _ in nil }, [], hashes: standIns(side))
        }
        return (hashed(graph.placed(in: files), 1), hashed(graph, 2))
    }

    private static func digests(
        _ files: any FileSystem, _ places: [Int], _ paths: [BytePath]
    ) throws(FileSystemError) -> [Digest?] {
        if let found = try files.digests(at: places) { return places.map(found) }
        return try files.digests(of: paths)
    }
}

extension [Int] {
    /// The first place whose number is not less than `number`.
    private func lowerBound(_ number: Int) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if self[middle] < number { low = middle + 1 } else { high = middle }
        }
        return low
    }

    fileprivate func sorted(in range: Range<Int>) -> ArraySlice<Int> {
        self[lowerBound(range.lowerBound)..<lowerBound(range.upperBound)]
    }

    fileprivate func contains(sorted number: Int) -> Bool { !sorted(in: number..<number + 1).isEmpty }
}
