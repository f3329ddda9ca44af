/// A graph with the input hash of every target: a function of the files and the settings alone.
package struct HashedGraph: Sendable {
    package let graph: Graph
    /// Parallel to `graph.targets`.
    package let hashes: [InputHash]
    /// Parallel to `graph.targets`: what each covers but its prerequisites (`ManifestHasher.own`).
    let ownHashes: [SHA256Value]
    /// Of the places in the tree's entries.
    let contents: EntryDigests

    private static let domain = "lmsbuild input hash 2"

    /// Reads the files that targets take in and hashes every target. Throws the first file that cannot be read.
    package init(_ graph: Graph) throws(FileSystemError) {
        let contents = try EntryDigests(reading: graph)
        let owns = try Threads.map(graph.targets.count) { target throws(FileSystemError) in
            // Not `contents.digest`, which would count references for each file, and all threads at the same place.
            try graph.ownHash(of: target) { place throws(FileSystemError) in try contents.digest(place) }
        }
        self.init(graph, contents, owns, hashes: [])
    }

    /// With `hashes` of all targets, or none, which makes them.
    init(_ graph: Graph, _ contents: EntryDigests, _ owns: [SHA256Value], hashes: [InputHash]) {
        self.graph = graph
        self.contents = contents
        ownHashes = owns
        self.hashes = hashes.isEmpty ? Self.hashes(graph, owns) : hashes
    }

    private static func hashes(_ graph: Graph, _ owns: [SHA256Value]) -> [InputHash] {
        var hashes = [InputHash?](repeating: nil, count: owns.count)
        for target in graph.order {
            hashes[target] = hash(graph, graph.targets[target], owns[target]) { hashes[$0] }
        }
        return hashes.compactMap { $0 }
    }

    /// The second step of the hash of `node`.
    static func hash(
        _ graph: Graph, _ node: Target, _ own: SHA256Value, _ hashes: (Int) -> InputHash?
    ) -> InputHash {
        func name(_ index: Int) -> [UInt8] { hashes(index)?.value.bytes ?? [] }
        let fields = graph.prerequisiteFields(of: node, prerequisite: name, imageTag: name)
        return InputHash(ManifestHasher.digest(domain: domain, own: own, fields).hash)
    }

    /// This hashed graph for `files`, where they differ from its own in the contents of files alone, and in none that
    /// decide what the graph is; nil where they may differ in more. It is what resolving and hashing them would give.
    ///
    /// Both trees must name contents alike.
    package func moved(to files: any FileSystem) throws(FileSystemError) -> HashedGraph? {
        let shape = graph.origin.shapedBy
        guard files.entries == graph.tree.entries,
            try files.digests(of: shape) == graph.tree.files.digests(of: shape)
        else { return nil }
        let graph = graph.placed(in: files)
        let contents = try EntryDigests(reading: graph)
        let changed = EntryRanges(
            graph.tree.entries.indices.lazy.filter { contents.known($0) != self.contents.known($0) })
        return try rehashed(graph, contents) { target in
            changed.ranges.contains { range in target.files.overlaps(range) }
        }
    }

    /// The same targets over other contents: those that `isChanged` have their files hashed anew, and those whose
    /// prerequisites changed are hashed from what is known.
    private func rehashed(
        _ graph: Graph, _ contents: EntryDigests, _ isChanged: (Target) -> Bool
    ) throws(FileSystemError) -> HashedGraph {
        var owns = ownHashes
        var hashes = hashes
        var isNew = [Bool](repeating: false, count: hashes.count)
        for index in graph.order {
            let target = graph.targets[index]
            let ownIsNew = isChanged(target)
            if ownIsNew { owns[index] = try graph.ownHash(of: index, file: contents.digest) }
            guard ownIsNew || target.edges.contains(where: { $0.kind != .gate && isNew[$0.target] }) else { continue }
            let hash = Self.hash(graph, target, owns[index]) { hashes[$0] }
            isNew[index] = hash != hashes[index]
            hashes[index] = hash
        }
        return HashedGraph(graph, contents, owns, hashes: hashes)
    }

    /// The walk that gave `target` its input hash.
    package func manifest(of target: Int) throws(FileSystemError) -> [ManifestField] {
        var recorder = ManifestRecorder()
        let names = ManifestNames(
            file: contents.digest, prerequisite: { hashes[$0].value.bytes }, imageTag: { hashes[$0].value.bytes })
        try graph.walkManifest(of: target, naming: names, &recorder)
        return recorder.fields
    }

    /// What `target`, a `verify` instance, is hashed by but its contracts, with `prerequisite` for what it takes in.
    package func providerHash(
        of target: Int, prerequisite: (Int) -> [UInt8]
    ) throws(FileSystemError) -> SHA256Value {
        let node = graph.targets[target]
        let own = try graph.ownHashWithoutContracts(of: node, file: contents.digest)
        let fields = graph.prerequisiteFields(
            of: node, withContracts: false, prerequisite: prerequisite, imageTag: { hashes[$0].value.bytes })
        return ManifestHasher.digest(domain: "lmsbuild verification 1", own: own, fields).hash
    }

    /// `providerHash` of each of `targets` with their prerequisites' input hashes, by several threads.
    package func providerHashes(of targets: [Int]) throws(FileSystemError) -> [SHA256Value] {
        try Threads.map(targets.count) { place throws(FileSystemError) in
            try providerHash(of: targets[place]) { hashes[$0].value.bytes }
        }
    }

    package func digest(ofEntry index: Int) throws(FileSystemError) -> Digest { try contents.digest(index) }

    /// The hash of the same fields with `outputs` (what stands for each prerequisite's outputs) in place of input hashes: it
    /// keys the action cache, so a rebuilt prerequisite whose outputs did not change stops there.
    package func actionKey(of target: Int, outputs: (Int) -> [UInt8]) -> ActionKey {
        let fields = graph.prerequisiteFields(
            of: graph.targets[target], prerequisite: outputs, imageTag: { hashes[$0].value.bytes })
        return ActionKey(ManifestHasher.digest(domain: "lmsbuild action 2", own: ownHashes[target], fields))
    }
}

/// The digests of a tree's files by their places: kept where targets take them in, found where somebody asks.
struct EntryDigests: Sendable {
    private let find: @Sendable (Int) -> Digest?
    private let tree: FileTree

    /// Reads every file that a target of `graph` takes in, as fast as its tree can.
    init(reading graph: Graph) throws(FileSystemError) {
        let entries = graph.tree.entries
        var isWanted = [Bool](repeating: false, count: entries.count)
        for target in graph.targets {
            for range in target.files.ranges { for index in range { isWanted[index] = true } }
        }
        let wanted = isWanted.indices.filter { isWanted[$0] }
        tree = graph.tree
        if let found = try graph.tree.files.digests(at: wanted) {
            find = found
            return
        }
        let found = try graph.tree.files.digests(of: wanted.map { entries[$0].path })
        var digests = [Digest?](repeating: nil, count: entries.count)
        for (index, digest) in zip(wanted, found) { digests[index] = digest }
        find = { [digests] in digests[$0] }
    }

    init(_ tree: FileTree, _ known: @escaping @Sendable (Int) -> Digest?) {
        find = known
        self.tree = tree
    }

    func known(_ index: Int) -> Digest? { find(index) }

    func digest(_ index: Int) throws(FileSystemError) -> Digest {
        if let digest = find(index) { return digest }
        return try tree.files.digest(of: tree.entries[index].path)
    }
}
