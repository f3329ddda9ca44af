/// A graph with the input hash of every target: a function of the files and the settings alone.
package struct HashedGraph: Sendable {
    package let graph: Graph
    /// Parallel to `graph.targets`.
    package let hashes: [InputHash]
    /// Parallel to the tree's entries: nil for files that are no target's input.
    package let digests: [Digest?]

    /// Reads the files that targets take in and hashes every target. Throws the first file that cannot be read.
    package init(_ graph: Graph) throws(FileSystemError) {
        var digests = [Digest?](repeating: nil, count: graph.tree.entries.count)
        let wanted = Set(graph.targets.flatMap(\.files)).sorted()
        let found = try graph.tree.files.digests(of: wanted.map { graph.tree.entries[$0].path })
        for (index, digest) in zip(wanted, found) { digests[index] = digest }
        var hashes = [InputHash?](repeating: nil, count: graph.targets.count)
        for target in graph.order {
            var hasher = ManifestHasher(domain: "lmsbuild input hash 1")
            let known = hashes
            try graph.walkManifest(of: target, naming: Self.names(graph, digests, known), &hasher)
            hashes[target] = InputHash(hasher.digest().hash)
        }
        self.graph = graph
        self.digests = digests
        self.hashes = hashes.compactMap { $0 }
    }

    private static func names(_ graph: Graph, _ digests: [Digest?], _ hashes: [InputHash?]) -> ManifestNames {
        ManifestNames(
            file: { index throws(FileSystemError) in
                guard let digest = digests[index] else {
                    return try graph.tree.files.digest(of: graph.tree.entries[index].path)
                }
                return digest
            },
            prerequisite: { hashes[$0]?.value.bytes ?? [] }, imageTag: { hashes[$0]?.value.bytes ?? [] })
    }

    /// The walk that gave `target` its input hash.
    package func manifest(of target: Int) throws(FileSystemError) -> [ManifestField] {
        var recorder = ManifestRecorder()
        try graph.walkManifest(of: target, naming: Self.names(graph, digests, hashes), &recorder)
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
        let digests = digests
        let hashes = hashes
        let graph = graph
        let names = ManifestNames(
            file: Self.names(graph, digests, hashes).file, prerequisite: outputs,
            imageTag: { hashes[$0].value.bytes })
        try graph.walkManifest(of: target, naming: names, &hasher)
        return ActionKey(hasher.digest())
    }
}
