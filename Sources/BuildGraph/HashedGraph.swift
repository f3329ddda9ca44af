/// A graph with the input hash of every target: a function of the files and the settings alone.
package struct HashedGraph: Sendable {
    package let graph: Graph
    /// Parallel to `graph.targets`.
    package let hashes: [InputHash]
    /// Parallel to the tree's entries: nil for files that are no target's input.
    package let digests: [Digest?]

    /// Reads the files that targets take in and hashes every target. Throws the first file that cannot be read.
    package init(_ graph: Graph) throws(FileSystemError) {
        try self.init(graph, known: nil)
    }

    /// This hashed graph for `files`, where they differ from its own in the contents of files alone, and in none that
    /// decide what the graph is; nil where they may differ in more. It is what resolving and hashing them would give.
    ///
    /// Both trees must name contents alike.
    package func moved(to files: any FileSystem) throws(FileSystemError) -> HashedGraph? {
        let shape = graph.shapedBy
        guard files.entries == graph.tree.entries,
            try files.digests(of: shape) == graph.tree.files.digests(of: shape)
        else { return nil }
        return try HashedGraph(graph.placed(in: FileTree(files), shapedBy: shape), known: self)
    }

    /// `known` is the same graph over other contents; what did not change has its hashes.
    private init(_ graph: Graph, known: HashedGraph?) throws(FileSystemError) {
        var digests = [Digest?](repeating: nil, count: graph.tree.entries.count)
        var isWanted = [Bool](repeating: false, count: graph.tree.entries.count)
        for target in graph.targets { for index in target.files { isWanted[index] = true } }
        let wanted = isWanted.indices.filter { isWanted[$0] }
        let found = try graph.tree.files.digests(of: wanted.map { graph.tree.entries[$0].path })
        for (index, digest) in zip(wanted, found) { digests[index] = digest }
        self.graph = graph
        self.digests = digests
        var hashes = [InputHash?](repeating: nil, count: graph.targets.count)
        let file = Self.fileNames(graph, digests)
        for target in graph.order {
            if let known, known.has(graph.targets[target], digests, hashes) {
                hashes[target] = known.hashes[target]
                continue
            }
            // Of those it needs alone: a closure that held `hashes` would have it copied for every target.
            var needed: [Int: [UInt8]] = [:]
            for edge in graph.targets[target].edges where edge.kind != .gate {
                needed[edge.target] = hashes[edge.target]?.value.bytes
            }
            var hasher = ManifestHasher(domain: "lmsbuild input hash 1")
            let names = ManifestNames(
                file: file, prerequisite: { [needed] in needed[$0] ?? [] }, imageTag: { [needed] in needed[$0] ?? [] })
            try graph.walkManifest(of: target, naming: names, &hasher)
            hashes[target] = InputHash(hasher.digest().hash)
        }
        self.hashes = hashes.compactMap { $0 }
    }

    /// Whether `target` takes in what it takes in here.
    private func has(_ target: Target, _ digests: [Digest?], _ hashes: [InputHash?]) -> Bool {
        target.files.allSatisfy { digests[$0] == self.digests[$0] }
            && target.edges.allSatisfy { $0.kind == .gate || hashes[$0.target] == self.hashes[$0.target] }
    }

    private static func fileNames(
        _ graph: Graph, _ digests: [Digest?]
    ) -> @Sendable (Int) throws(FileSystemError) -> Digest {
        { index throws(FileSystemError) in
            guard let digest = digests[index] else {
                return try graph.tree.files.digest(of: graph.tree.entries[index].path)
            }
            return digest
        }
    }

    private var names: ManifestNames {
        let hashes = hashes
        return ManifestNames(
            file: Self.fileNames(graph, digests), prerequisite: { hashes[$0].value.bytes },
            imageTag: { hashes[$0].value.bytes })
    }

    /// The walk that gave `target` its input hash.
    package func manifest(of target: Int) throws(FileSystemError) -> [ManifestField] {
        var recorder = ManifestRecorder()
        try graph.walkManifest(of: target, naming: names, &recorder)
        return recorder.fields
    }

    package func digest(ofEntry index: Int) throws(FileSystemError) -> Digest {
        if let digest = digests[index] { return digest }
        return try graph.tree.files.digest(of: graph.tree.entries[index].path)
    }

    /// The same walk with `outputs` (what stands for each prerequisite's outputs) in place of input hashes: it keys the
    /// action cache, so a rebuilt prerequisite whose outputs did not change stops there.
    package func actionKey(
        of target: Int, outputs: @escaping @Sendable (Int) -> [UInt8]
    ) throws(FileSystemError) -> ActionKey {
        var hasher = ManifestHasher(domain: "lmsbuild action 1")
        let known = names
        try graph.walkManifest(
            of: target, naming: ManifestNames(file: known.file, prerequisite: outputs, imageTag: known.imageTag),
            &hasher)
        return ActionKey(hasher.digest())
    }
}
