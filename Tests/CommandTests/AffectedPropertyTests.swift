import BuildEngine
import BuildGraph
import BuildTestSupport
import Buildfile
import Glibc
import Testing

/// The law of `affected`, on random histories of small monorepos: a target is affected exactly when its input hash
/// differs between two checkouts, or it is new.
@Suite struct AffectedPropertyTests {
    private let program = Program()

    /// The same history in each run; LMSBUILD_TEST_SEED makes another.
    private var seed: UInt64 {
        getenv("LMSBUILD_TEST_SEED").flatMap { UInt64(String(cString: $0)) } ?? 1
    }

    @Test func affectedIsTheSetOfTargetsWhoseHashDiffers() async throws {
        let seed = seed
        print("random history with LMSBUILD_TEST_SEED=\(seed)")
        let repository = try await TestRepository()
        var history = try RandomMonorepo(repository, seed: seed)
        try await repository.commitAll()
        // The truth is looked at as a whole; the answers may come from what was remembered.
        let slow = ["LMSBUILD_SLOW": "all"]
        var before = try await program.hashes(in: repository.path, environment: slow)
        for step in 1...60 {
            let change = try history.change()
            if step.isMultiple(of: 4) {
                // Uncommitted and untracked files count where no head is given.
                let now = try await program.hashes(in: repository.path, environment: slow)
                #expect(try await program.hashes(in: repository.path) == now, "seed \(seed), step \(step): \(change)")
                let affected = try await program.run("affected", "--base", "HEAD", "--targets", in: repository.path)
                #expect(affected.lines == differing(before, now), "seed \(seed), step \(step): \(change), uncommitted")
            }
            try await repository.commitAll(change)
            let now = try await program.hashes(in: repository.path, environment: slow)
            let affected = try await program.run(
                "affected", "--base", "HEAD~1", "--head", "HEAD", "--targets", in: repository.path)
            #expect(affected.status == 0, "seed \(seed), step \(step): \(affected.errors)")
            #expect(affected.lines == differing(before, now), "seed \(seed), step \(step): \(change)")
            before = now
        }
    }

    /// 2,000 pairs of commits of eight histories. The checkouts are hashed from disk, everything from the start; the
    /// answers come from git's objects, as `affected` and `replay` get them.
    @Test(arguments: 0..<8)
    func everyPairOfCommits(_ number: Int) async throws {
        let seed = seed &* 1000 &+ UInt64(number)
        print("random history \(number) with LMSBUILD_TEST_SEED=\(self.seed)")
        let repository = try await TestRepository()
        var history = try RandomMonorepo(repository, seed: seed)
        let git = try #require(
            try await GitRepository.discover(
                from: repository.path, runner: ProcessRunner.ofTests, environment: repository.environment))
        var checkouts: [[Label: InputHash]] = []
        var commits: [(id: String, change: String)] = []
        for step in 0..<60 {
            let change = step == 0 ? "start" : try history.change()
            commits.append((try await repository.commitAll(change), change))
            let tree = try WorkingTree.scan(try await git.workingTreeOptions(root: repository.path), index: nil)
            checkouts.append(hashes(try HashedGraph(try graph(tree))))
        }
        let objects = git.objects()
        var trees: [GitTree] = []
        var hashed: [HashedGraph] = []
        for commit in commits {
            trees.append(try await git.tree(at: commit.id, naming: .objectID, objects: objects))
            hashed.append(try HashedGraph(try graph(try #require(trees.last))))
        }
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<250 {
            let from = Int.random(in: 0..<60, using: &generator)
            let to = Int.random(in: 0..<60, using: &generator)
            let base = try hashed[to].moved(to: trees[from]) ?? hashed[from]
            let affected = AffectedSet(base: base, head: hashed[to])
            let labels = affected.targets.map { hashed[to].graph.targets[$0].label }
            #expect(labels == differing(checkouts[from], checkouts[to]), "seed \(seed): \(from) to \(to)")
            #expect(try affected.targets.allSatisfy { try !affected.why($0).isEmpty }, "seed \(seed): \(from) to \(to)")
        }
        var replay = try Replay(try await git.emptyTree(), ResolutionSettings()) { _, _ in true }
        for (step, commit) in try await git.firstParentLine(.last(1000), prefix: .root).enumerated() {
            let told = try replay.next(commit)
            #expect(commit.id == commits[step].id)
            #expect(told.problem == nil)
            #expect(
                told.affected == differing(step == 0 ? [:] : checkouts[step - 1], checkouts[step]),
                "seed \(seed), step \(step): \(commits[step].change)")
            #expect(told.all.count == checkouts[step].count)
            #expect(Set(told.missed).isSubset(of: told.affected) && Set(told.missed).isDisjoint(with: told.byPrefix))
            #expect(Set(told.extra).isSubset(of: told.byPrefix) && Set(told.extra).isDisjoint(with: told.affected))
        }
    }

    private func graph(_ files: any FileSystem) throws -> Graph {
        let resolution = try resolve(files, ResolutionSettings())
        return try #require(resolution.graph, "\(resolution.diagnostics.map(\.message))")
    }

    private func hashes(_ hashed: HashedGraph) -> [Label: InputHash] {
        Dictionary(zip(hashed.graph.targets.map(\.label), hashed.hashes), uniquingKeysWith: { first, _ in first })
    }

    private func differing(_ old: [Label: InputHash], _ new: [Label: InputHash]) -> [Label] {
        new.filter { old[$0.key] != $0.value }.keys.sorted()
    }

    private func differing(_ old: [String: String], _ new: [String: String]) -> [String] {
        new.filter { old[$0.key] != $0.value }.keys.sorted { label($0) < label($1) }
    }

    private func label(_ text: String) -> Label {
        let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
        let stage = parts[1].split(separator: "[").map(String.init)
        return Label(
            component: parts[0], stage: stage[0], consumer: stage.count > 1 ? String(stage[1].dropLast()) : nil)
    }

    @Test func theSameCommitHasTheSameHashesWhereverItIsCheckedOut() async throws {
        let repository = try await TestRepository()
        _ = try RandomMonorepo(repository, seed: 7)
        try repository.write("services/s0/src/run", "#!/bin/sh\n", executable: true)
        try await repository.git(["-C", ".", "add", "--all"])
        try await repository.commitAll()
        let here = try await program.hashes(in: repository.path)
        let elsewhere = try TemporaryFolder()
        try await repository.git(["clone", "-q", ".", elsewhere("deeper/copy").shown])
        let there = try await program.hashes(
            in: elsewhere("deeper/copy"), environment: ["LANG": "de_DE.UTF-8", "USER": "somebody", "port": "1"],
            before: ["sh", "-c", "umask 077; exec \"$@\"", "sh"])
        #expect(here == there)
        #expect(here.count > 10)
        if geteuid() == 0 {
            chmod(elsewhere.path.shown, 0o755)
            let status = try await ProcessRunner.ofTests.run(
                Command(
                    ["chown", "-R", "65534:65534", elsewhere.path.shown], environment: ["PATH": "/usr/bin:/bin"],
                    folder: BytePath("/")))
            #expect(status.succeeded)
            let asNobody = try await program.hashes(
                in: elsewhere("deeper/copy"), before: ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"])
            #expect(here == asNobody)
        }
    }
}
