import BuildEngine
import BuildGraph
import BuildTestSupport
import Buildfile
import Glibc
import Testing

/// A graph that is taken from the last run's is the one that resolving and hashing everything gives.
@Suite struct SnapshotPropertyTests {
    /// LMSBUILD_TEST_SEED makes other histories.
    private static var seeds: [UInt64] {
        let seed = getenv("LMSBUILD_TEST_SEED").flatMap { UInt64(String(cString: $0)) } ?? 1
        return (0..<8).map { seed &* 1000 &+ 500 &+ $0 }
    }

    @Test(arguments: Self.seeds)
    func aMovedGraphIsTheGraph(seed: UInt64) async throws {
        let repository = try await TestRepository()
        let state = try TemporaryFolder()
        var history = try RandomMonorepo(repository, seed: seed)
        try await repository.commitAll()
        let git = try #require(
            try await GitRepository.discover(
                from: repository.path, runner: ProcessRunner.ofTests, environment: repository.environment))
        let files = StateFiles(in: state.path)
        var taken = 0
        for step in 0..<80 {
            // A change that another has made impossible is none.
            let changes = step == 0 ? "start" : (try? history.change()) ?? "nothing"
            let options = try await git.workingTreeOptions(root: repository.path)
            let index = FileIndex(at: state("index"), trustingFingerprints: true)
            let tree = try WorkingTree.look(options, index: index, files)
            let moved = try tree.hashed(files, ResolutionSettings())
            let resolution = try resolve(try WorkingTree.scan(options), ResolutionSettings())
            let truth = try HashedGraph(try #require(resolution.graph, "seed \(seed), step \(step): \(changes)"))
            if let moved {
                taken += 1
                #expect(try told(moved) == told(truth), "seed \(seed), step \(step): \(changes)")
                #expect(moved.graph.warnings.map(\.message) == resolution.diagnostics.map(\.message))
                #expect(moved.graph.order.count == truth.graph.order.count)
            }
            let own = try moved ?? HashedGraph(try #require(resolve(tree, ResolutionSettings()).graph))
            #expect(own.hashes == truth.hashes, "seed \(seed), step \(step): \(changes)")
            // Now and then nothing is kept, so that several changes come together.
            if step % 7 < 4 {
                try tree.save(own, files, ResolutionSettings())
            }
        }
        #expect(taken > 8, "seed \(seed): the snapshot was of use in \(taken) of 80 steps")
    }

    private struct Told: Equatable {
        let label: Label
        let hash: InputHash
        let manifest: [ManifestField]
        let edges: [String]
        let outline: [String]
        let outputs: [BytePath]
        let place: String
    }

    private func told(_ hashed: HashedGraph) throws -> [Told] {
        try hashed.graph.targets.indices.map { index in
            let target = hashed.graph.targets[index]
            var outline = ["\(hashed.graph.targets.traits(index))"]
            hashed.graph.targets.edges(of: index) { kind, named in
                outline.append("\(kind) \(hashed.graph.targets.label(named))")
                return true
            }
            return Told(
                label: target.label, hash: hashed.hashes[index], manifest: try hashed.manifest(of: index),
                edges: target.edges.map {
                    "\($0.kind) \(hashed.graph.targets[$0.target].label) \($0.span.lineAndColumn)"
                },
                outline: outline, outputs: target.outputs.map(\.path),
                place: "\(target.span.source.name) \(target.span.lineAndColumn) \(target.attributes) \(target.tools)")
        }
    }
}
