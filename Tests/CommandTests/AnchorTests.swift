import BuildEngine
import BuildGraph
import BuildTestSupport
import Buildfile
import Glibc
import Testing

/// What is told of a commit by its differences from the workspace's last state is what its whole tree tells.
@Suite struct AnchorTests {
    private let program = Program()

    /// LMSBUILD_TEST_SEED makes other histories.
    private static var seeds: [UInt64] {
        let seed = getenv("LMSBUILD_TEST_SEED").flatMap { UInt64(String(cString: $0)) } ?? 1
        return (0..<6).map { seed &* 1000 &+ 700 &+ $0 }
    }

    @Test(arguments: Self.seeds)
    func aCommitToldByItsDifferencesIsTheCommit(seed: UInt64) async throws {
        let repository = try await TestRepository()
        let state = try TemporaryFolder()
        let files = StateFiles(in: state.path)
        let settings = ResolutionSettings()
        var history = try RandomMonorepo(repository, seed: seed)
        var random = SeededGenerator(seed: seed)
        var commits = [try await repository.commitAll()]
        let git = try #require(
            try await GitRepository.discover(
                from: repository.path, runner: ProcessRunner.ofTests, environment: repository.environment))
        let objects = git.objects()
        var told = 0
        for step in 0..<60 {
            let change = step == 0 ? "start" : (try? history.change()) ?? "nothing"
            if step % 3 != 1 { commits.append(try await repository.commitAll(change)) }
            let options = try await git.workingTreeOptions(root: repository.path)
            let index = FileIndex(at: state("index"), trustingFingerprints: true)
            let tree = try WorkingTree.look(options, index: index, files)
            let head = try tree.hashed(files, settings) ?? HashedGraph(try #require(resolve(tree, settings).graph))
            try tree.save(head, files, settings)
            for _ in 0..<3 {
                let commit = try #require(commits.randomElement(using: &random))
                let whole = try await git.tree(at: commit, objects: objects)
                let truth = try HashedGraph(try #require(resolve(whole, settings).graph))
                let snapshot = try #require(WorkspaceSnapshot.open(files))
                func anchored() throws {
                    try StateAnchor(commit, whole.entries, against: snapshot, digest: whole.knownDigest).write(files)
                }
                guard let anchor = StateAnchor.open(files, of: snapshot) else {
                    try anchored()
                    continue
                }
                let found = try await CommitState.hashed(
                    git, commit: commit, prefix: .root, snapshot: snapshot, anchor: anchor, objects: objects, settings)
                guard let found else {
                    try anchored()
                    continue
                }
                told += 1
                #expect(found.hashes == truth.hashes, "seed \(seed), step \(step): \(change), \(commit)")
                #expect(found.graph.targets.map(\.label) == truth.graph.targets.map(\.label))
                for target in found.graph.targets.indices {
                    #expect(try found.manifest(of: target) == truth.manifest(of: target))
                }
                let affected = AffectedSet(base: found, head: head).targets.map { head.graph.targets.label($0) }
                let expected = AffectedSet(base: truth, head: head).targets.map { head.graph.targets.label($0) }
                #expect(affected == expected, "seed \(seed), step \(step): \(change), \(commit)")
            }
        }
        #expect(told > 1, "seed \(seed): told \(told) times")
    }

    /// A file that no target took in when the state was written down, and one takes in now.
    @Test(arguments: [false, true])
    func whatNobodyTookInIsAskedOfGit(wasEdited: Bool) async throws {
        let repository = try await TestRepository()
        func write(_ source: String, _ other: String) throws {
            for (name, text) in [
                ("Buildfile", "service a\n    build: \(source) -> out\n        cp src/x out\n"), ("src/x", "1\n"),
                ("other/x", other),
            ] where (try? readFile(repository.path.appending(name).shown)) != Array(text.utf8) {
                try repository.write(name, text)
            }
            // Times that no later write can have: what is not touched again is known by them.
            try repository.folder.settle(by: "clock")
        }
        func affected() async throws -> [String] {
            let outcome = try await program.run("affected", "--base", "HEAD", "--targets", in: repository.path)
            #expect(outcome.status == 0, "\(outcome.errors)")
            return outcome.lines
        }
        try write("src/**", "1\n")
        try await repository.commitAll()
        if wasEdited { try write("src/**", "2\n") }
        #expect(try await affected() == [])
        try write("src/** other/**", "2\n")
        _ = try await program.hashes(in: repository.path)
        try write("src/** other/**", "1\n")
        try await repository.commitAll()
        try write("src/** other/**", "2\n")
        #expect(try await affected() == ["a:build"])
        try write("src/** other/**", "1\n")
        #expect(try await affected() == [])
    }

    @Test func aDamagedStateIsMadeAgain() async throws {
        let repository = try await TestRepository()
        try repository.write("Buildfile", "service a\n    build: src/** -> out\n        cp src/x out\n")
        try repository.write("src/x", "1\n")
        try await repository.commitAll()
        try repository.write("src/x", "2\n")
        _ = try await program.hashes(in: repository.path)
        for name in ["anchor", "graph", "workspace"] {
            let first = try await program.run("affected", "--base", "HEAD", "--targets", in: repository.path)
            #expect(first.lines == ["a:build"])
            let file = repository.path.appending(".lmsbuild").appending(name)
            var bytes = try readFile(file.shown)
            bytes[bytes.count / 2] ^= 0xFF
            try createFile(file, bytes: bytes)
            let second = try await program.run("affected", "--base", "HEAD", "--targets", in: repository.path)
            #expect(second.lines == ["a:build"])
            #expect(second.errors.contains("is damaged") == (name == "workspace"), "\(second.errors)")
        }
    }
}
