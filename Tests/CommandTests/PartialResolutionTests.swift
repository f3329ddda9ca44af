import BuildEngine
import BuildGraph
import BuildTestSupport
import Buildfile
import Glibc
import Testing

/// A graph of which a part was resolved again is the one that resolving and hashing everything gives.
@Suite struct PartialResolutionTests {
    /// LMSBUILD_TEST_SEED makes other histories.
    private static var seeds: [UInt64] {
        let seed = getenv("LMSBUILD_TEST_SEED").flatMap { UInt64(String(cString: $0)) } ?? 1
        return (0..<12).map { seed &* 1000 &+ 700 &+ $0 }
    }

    @Test(arguments: Self.seeds)
    func editsOfWhatShapesTheGraph(seed: UInt64) async throws {
        let repository = try await TestRepository()
        let state = try TemporaryFolder()
        var history = try RandomBuildfiles(repository, seed: seed)
        try await repository.commitAll()
        let git = try #require(
            try await GitRepository.discover(
                from: repository.path, runner: ProcessRunner.ofTests, environment: repository.environment))
        let files = StateFiles(in: state.path)
        var taken = 0
        var mistakes = 0
        var sound = history
        for step in 0..<100 {
            var changes = "start"
            // What was a mistake is most often mended soon.
            if mistakes > 0, step % 3 != 0 {
                changes = "mended"
                try history.mend(to: sound)
            } else if step > 0 {
                changes = try history.change()
            }
            let options = try await git.workingTreeOptions(root: repository.path)
            let index = FileIndex(at: state("index"), trustingFingerprints: true)
            let tree = try WorkingTree.look(options, index: index, files)
            let moved = try tree.hashed(files, ResolutionSettings())
            let resolution = try resolve(try WorkingTree.scan(options), ResolutionSettings())
            guard let graph = resolution.graph else {
                // Only resolving it all tells of mistakes.
                mistakes += 1
                #expect(moved == nil, "seed \(seed), step \(step): \(changes)")
                continue
            }
            mistakes = 0
            sound = history
            let truth = try HashedGraph(graph)
            let here: Comment = "seed \(seed), step \(step): \(changes)"
            if let moved {
                taken += 1
                try expectSame(moved, truth, resolution.diagnostics, here)
            }
            let own = try moved ?? HashedGraph(try #require(resolve(tree, ResolutionSettings()).graph, here))
            #expect(own.hashes == truth.hashes, here)
            // Now and then nothing is kept, so that several changes come together.
            if step % 9 < 3 { try tree.save(own, files, ResolutionSettings()) }
        }
        #expect(taken > 20, "seed \(seed): the snapshot was of use in \(taken) of 100 steps")
    }

    private func expectSame(
        _ moved: HashedGraph, _ truth: HashedGraph, _ diagnostics: [Diagnostic], _ here: Comment
    ) throws {
        #expect(moved.graph.warnings.map { told($0) } == diagnostics.map { told($0) }, here)
        #expect(moved.graph.components.map { told($0) } == truth.graph.components.map { told($0) }, here)
        #expect(moved.graph.targets.map(\.label) == truth.graph.targets.map(\.label), here)
        guard moved.graph.targets.count == truth.graph.targets.count else { return }
        for index in truth.graph.targets.indices {
            #expect(try told(moved, index) == told(truth, index), here)
        }
        #expect(moved.graph.defaults.map { told($0) } == truth.graph.defaults.map { told($0) }, here)
        #expect(moved.graph.environments.map { told($0.name) } == truth.graph.environments.map { told($0.name) }, here)
        #expect(moved.graph.registry == truth.graph.registry, here)
        var seen: Set<Int> = []
        for target in moved.graph.order {
            let needs = moved.graph.targets[target].edges.map(\.target)
            #expect(needs.allSatisfy { seen.contains($0) }, here)
            seen.insert(target)
        }
        #expect(seen.count == truth.graph.targets.count, here)
    }

    private func told(_ span: SourceSpan?) -> String {
        span.map { "\($0.source.name):\($0.lineAndColumn)+\($0.length)" } ?? "nowhere"
    }

    private func told(_ word: Word) -> String { "\(word.text) at \(told(word.span))" }

    private func told(_ diagnostic: Diagnostic) -> String {
        let notes = diagnostic.notes.map { "\($0.message) \(told($0.span))" }
        return "\(diagnostic.code) \(diagnostic.severity) \(diagnostic.message) \(told(diagnostic.span)) \(notes)"
            + " \(diagnostic.hint ?? "")"
    }

    private func told(_ component: Component) -> String {
        let consumes = component.consumes.map { "\($0.provider) \($0.contracts) \(told($0.span))" }
        return "\(component.name) \(component.kind) \(component.folder.shown) \(component.uses) \(consumes)"
            + " \(component.owners) \(told(component.span))"
    }

    private func told(_ hashed: HashedGraph, _ index: Int) throws -> [String] {
        let graph = hashed.graph
        let target = graph.targets[index]
        var making = "group"
        switch target.making {
        case .group: break
        case .recipe(let recipe, let shell): making = "\(recipe.text) \(told(recipe.span)) \(shell)"
        case .image(let rule):
            let images = rule.imagePrerequisites.sorted { $0.key < $1.key }
                .map { "\($0.key) \(graph.targets[$0.value].label)" }
            making =
                "\(rule.dockerfile) \(rule.context) \(rule.arguments) \(images) \(rule.takesDockerfile) \(rule.externalBases.sorted { $0.key < $1.key })"
        }
        let gates = target.attributes.gates.map {
            "\($0.metric) \($0.subject) \($0.threshold) \($0.file) \($0.failsIfUnknown) \(told($0.span))"
        }
        let attributes = target.attributes
        return [
            "\(target.label) \(told(target.span)) \(making)", "\(hashed.hashes[index])",
            "\(try hashed.manifest(of: index))",
            "\(target.edges.map { "\($0.kind) \(graph.targets[$0.target].label) \(told($0.span))" })",
            "\(target.outputs.map { "\($0.path.shown) \($0.isFolder) \(told($0.span))" })",
            "\(attributes.timeout ?? .zero) \(attributes.retries) \(attributes.pool ?? "") \(attributes.uncached) \(gates)",
            "\(target.tools) \(target.passed) \(target.secrets)",
        ]
    }
}
