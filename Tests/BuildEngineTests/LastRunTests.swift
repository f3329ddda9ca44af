import BuildGraph
import BuildTestSupport
import Buildfile
import Glibc
import Synchronization
import Testing

@testable import BuildEngine

/// A workspace on the disk whose recipes are played: what they put out is told by what they take in.
private final class PlayedWorkspace: Sendable {
    let folder: TemporaryFolder
    let state: TemporaryFolder
    let remembers: Bool
    private let runs = Atomic<Int>(0)

    init(remembers: Bool) throws {
        folder = try TemporaryFolder()
        state = try TemporaryFolder()
        self.remembers = remembers
    }

    var record: BytePath { state("last") }

    struct Told: Equatable {
        var outcomes: [String: String] = [:]
        /// What standard output of `run -n` would have said before.
        var planned: [String] = []
        var files: [String: String] = [:]
    }

    /// One run of everything, as a program of its own would do it.
    func run(change: (inout RunOptions) -> Void = { _ in }) async throws -> (told: Told, doneAtOnce: Int) {
        let tree = try WorkingTree.scan(WorkingTreeOptions(root: folder.path))
        let resolution = try resolve(tree, ResolutionSettings())
        let hashed = try HashedGraph(try #require(resolution.graph, "\(resolution.diagnostics.map(\.message))"))
        let store = try LocalContentStore.open(folder: state("store"))
        let cache = try LocalActionCache.open(folder: state("store"))
        let index = FileIndex(at: state("outputs"), trustingFingerprints: true)
        let runner = FakeActionRunner { action in try self.play(action, store) }
        let told = Mutex(Told())
        let root = folder.path
        var options = RunOptions()
        options.jobs = 2
        options.keepsGoing = true
        change(&options)
        let parts = EngineParts(
            workspace: root, state: state.path, store: store, cache: cache, recipes: runner, images: runner,
            commands: RecordingCommandRunner(), environment: ["PATH": "/bin"],
            placed: { PlacedFile(at: $0, in: root, index: index) },
            last: remembers ? LastRun(at: record, workspace: root) : nil)
        let engine = Engine(hashed, parts, options, times: RecordedTimes()) { event in
            for report in event.reports {
                told.withLock { $0.outcomes[report.label.description] = Self.text(report) }
            }
        }
        let plan = await engine.plan(engine.scope(Array(hashed.graph.targets.indices)))
        let (summary, _) = await engine.run(plan, coldCache: cache.isEmpty, isSandboxed: false)
        try index.save()
        var answer = told.withLock { $0 }
        answer.planned = engine.dryRun(plan).map { "\($0.label) \($0.why)" }
        answer.outcomes["summary"] =
            "\(summary.ran) \(summary.cached) \(summary.failed) \(summary.skipped) \(summary.saved) \(summary.exitCode)"
        for file in folder.files { answer.files[file] = look(file) }
        return (answer, plan.doneCount)
    }

    private static func text(_ report: TargetReport) -> String {
        switch report.outcome {
        case .ran(let reason): "ran \(reason) \(report.inputHash.short)"
        case .cached(let restored): "cached \(restored) \(report.inputHash.short) \(report.saved) \(report.isCheck)"
        case .failed: "failed"
        // Where several fail at once, time alone tells which of them is named.
        case .skipped(let because): because == nil ? "skipped" : "skipped for another"
        case .notStarted: "not started"
        case .nothing: "nothing"
        }
    }

    private func look(_ file: String) -> String {
        var status = stat()
        let path = folder(file)
        guard path.withCString({ lstat($0, &status) }) == 0 else { return "gone" }
        return "\(status.st_mode) \((try? readFile(path.shown)).map { String(decoding: $0, as: UTF8.self) } ?? "?")"
    }

    private func play(_ action: Action, _ store: LocalContentStore) throws -> ActionResult {
        guard case .recipe(_, let script, _) = action.command else { throw CancellationError() }
        var text = script
        for input in action.inputs {
            let bytes = try store.read(input.digest)
            if String(decoding: bytes, as: UTF8.self).contains("fail") {
                throw ActionFailure(kind: .failed, diagnostic: Diagnostic(.actionFailed, "no"), exitCode: 1)
            }
            text += " \(input.path.shown) \(input.digest.hash.hex)"
        }
        // An action that is never cached puts out another thing each time.
        if script.contains("always") { text += " \(runs.add(1, ordering: .relaxed).newValue)" }
        var outputs: [OutputFile] = []
        for output in action.outputs {
            let names = output.isFolder ? ["one", "deep/two"] : [""]
            for name in names {
                let path = output.path.appending(name)
                // Inputs that differ only in what a recipe passes over give the same output.
                let content = script.contains("constant") ? "constant" : text
                outputs.append(
                    OutputFile(
                        path: path, kind: name == "one" ? .executable : .file,
                        digest: try store.write(Array(content.utf8))))
            }
            if output.isFolder {
                outputs.append(
                    OutputFile(
                        path: output.path.appending("link"), kind: .link, digest: try store.write(Array("one".utf8))))
            }
        }
        return ActionResult(
            exitCode: 0, outputs: outputs.sorted { $0.path < $1.path }, imageDigest: nil, log: nil,
            duration: .milliseconds(script.utf8.count))
    }

    /// Returns when no file or folder is so new that its next change might not show in its times.
    func settle() {
        while !isSettled(folder.path) { usleep(1000) }
    }

    private func isSettled(_ path: BytePath) -> Bool {
        guard FileStatus.settled(path) != nil else { return false }
        return ((try? Disk.names(in: path)) ?? []).allSatisfy { isSettled(path.appending($0)) }
    }
}

extension Event {
    /// Of the targets that it tells of.
    fileprivate var reports: [TargetReport] {
        switch self {
        case .targetFinished(let report): [report]
        case .targetsUpToDate(let targets): Array(targets)
        default: []
        }
    }
}

@Suite struct LastRunTests {
    /// LMSBUILD_TEST_SEED makes other histories.
    private static var seeds: [UInt64] {
        let seed = getenv("LMSBUILD_TEST_SEED").flatMap { UInt64(String(cString: $0)) } ?? 1
        return (0..<6).map { seed &* 1000 &+ 900 &+ $0 }
    }

    @Test(arguments: Self.seeds)
    func whatTheLastRunVouchesForIsWhatLookingAtItWouldFind(seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let pair = [try PlayedWorkspace(remembers: true), try PlayedWorkspace(remembers: false)]
        let targets = Int.random(in: 4...9, using: &random)
        let buildfile = Self.buildfile(targets, &random)
        for workspace in pair {
            try workspace.folder.write("Buildfile", buildfile)
            for number in 0..<targets { try workspace.folder.write("s\(number)/src", "start \(number)") }
        }
        var atOnce = 0
        for step in 0..<30 {
            var edits: [String] = []
            for _ in 0..<[0, 0, 1, 1, 2, 4][Int.random(in: 0..<6, using: &random)] {
                let files = pair[0].folder.files.filter { !$0.hasPrefix("Buildfile") }
                let edit = Edit.random(files, &random)
                for workspace in pair { edit.apply(to: workspace.folder) }
                edits.append(edit.description)
            }
            let forces = Int.random(in: 0..<12, using: &random) == 0
            // Some edits come as soon as they can, and some when all others are old.
            if Int.random(in: 0..<3, using: &random) > 0 { for workspace in pair { workspace.settle() } }
            let remembered = try await pair[0].run { $0.ignoresCache = forces }
            let looked = try await pair[1].run { $0.ignoresCache = forces }
            #expect(remembered.told == looked.told, "seed \(seed), step \(step): \(edits)\n\(buildfile)")
            #expect(!forces || remembered.doneAtOnce == 0)
            atOnce += remembered.doneAtOnce
        }
        #expect(atOnce > 20, "seed \(seed): the last run was of use for \(atOnce) targets")
    }

    private static func buildfile(_ count: Int, _ random: inout SeededGenerator) -> String {
        var text = ""
        for number in 0..<count {
            text += "service s\(number)\n    dir s\(number)\n"
            var needs = ""
            for other in 0..<number where Int.random(in: 0..<3, using: &random) == 0 {
                needs += " s\(other):" + (Int.random(in: 0..<4, using: &random) == 0 ? "both" : "build")
            }
            let isUncached = Int.random(in: 0..<6, using: &random) == 0
            if isUncached { text += "    [uncached]\n" }
            let output = Int.random(in: 0..<3, using: &random) == 0 ? "out/" : "made"
            let word = isUncached ? "always" : Int.random(in: 0..<3, using: &random) == 0 ? "constant" : "make"
            text += "    build: src\(needs) -> \(output)\n        \(word) \(number)\n"
            text += "    unit: :build\n        test \(number)\n"
            text += "    lint: src | :unit -> report\n        lint \(number)\n"
            text += "    both: :build :lint\n"
        }
        return text
    }

    private struct Edit: CustomStringConvertible {
        let kind: Int
        let path: String
        let number: Int

        static func random(_ files: [String], _ random: inout SeededGenerator) -> Edit {
            Edit(
                kind: Int.random(in: 0..<11, using: &random), path: files.randomElement(using: &random) ?? "",
                number: Int.random(in: 0..<3, using: &random))
        }

        private var isInput: Bool { path.hasSuffix("/src") }

        var description: String { "\(kind) \(path) \(number)" }

        func apply(to folder: TemporaryFolder) {
            let name = folder(path).shown
            // Inputs are there, and files.
            if isInput {
                try? folder.write(path, ["fail", "one \(path)", "two \(path)"][number])
                return
            }
            switch kind {
            case 0: unlink(name)
            case 1: try? folder.write(path, "edited \(number)")
            case 2: overwrite(name)
            case 3: utimensat(AT_FDCWD, name, nil, AT_SYMLINK_NOFOLLOW)
            case 4: chmod(name, number == 0 ? 0o755 : number == 1 ? 0o644 : 0o600)
            case 5: try? folder.write(path + ".stray", "stray")
            case 6:
                unlink(name)
                symlink("nowhere", name)
            case 7:
                // The same bytes in another file.
                if let bytes = try? readFile(name) {
                    unlink(name)
                    try? folder.write(path, bytes: bytes)
                }
            case 8: Disk.remove(folder(path).parent.appending("deep"))
            case 9:
                rename(name, name + ".moved")
                rename(name + ".moved", name)
            default: mkdir(folder(path).parent.appending("empty\(number)").shown, 0o755)
            }
        }

        /// The first byte of a file, in place.
        private func overwrite(_ name: String) {
            let descriptor = open(name, O_WRONLY | O_NOFOLLOW)
            guard descriptor >= 0 else { return }
            pwrite(descriptor, "#", 1, 0)
            close(descriptor)
        }
    }

    private static let small = """
        service a
            dir a
            build: src -> out/
                make
            unit: :build
                test

        """

    private func workspace() throws -> PlayedWorkspace {
        let workspace = try PlayedWorkspace(remembers: true)
        try workspace.folder.write("Buildfile", Self.small)
        try workspace.folder.write("a/src", "one")
        return workspace
    }

    /// The second run sees what the first left, the third believes the second.
    private func runTwice(_ workspace: PlayedWorkspace) async throws {
        _ = try await workspace.run()
        workspace.settle()
        _ = try await workspace.run()
    }

    @Test func aRunWithNothingToDoWritesNothing() async throws {
        let workspace = try workspace()
        try await runTwice(workspace)
        let before = FileStatus.settled(workspace.record)
        while FileStatus.settled(workspace.record) == nil { usleep(1000) }
        let known = FileStatus.settled(workspace.record)
        let again = try await workspace.run()
        #expect(again.doneAtOnce == 2)
        #expect(FileStatus.settled(workspace.record) == known)
        #expect(before == nil || before == known)
    }

    @Test func anEmptiedStoreIsNoReasonToRunWhatIsInPlace() async throws {
        let workspace = try workspace()
        try await runTwice(workspace)
        Disk.remove(workspace.state("store"))
        #expect(try await workspace.run().told.outcomes["summary"]?.hasPrefix("0 2 0 0") == true)
        // But an output that is not there has to be made again.
        Disk.remove(workspace.folder("a/out/one"))
        #expect(try await workspace.run().told.outcomes["a:build"]?.hasPrefix("ran") == true)
        Disk.remove(workspace.state("store"))
        let forced = try await workspace.run { $0.ignoresCache = true }
        #expect(forced.told.outcomes["summary"]?.hasPrefix("2 0 0 0") == true)
        try workspace.folder.write("a/src", "two")
        #expect(try await workspace.run().told.outcomes["a:build"]?.hasPrefix("ran") == true)
    }

    @Test func aDamagedRecordIsNone() async throws {
        let workspace = try workspace()
        try await runTwice(workspace)
        let whole = try readFile(workspace.record.shown)
        #expect(try await workspace.run().doneAtOnce == 2)
        for place in stride(from: 0, to: whole.count, by: 7) {
            var damaged = whole
            damaged[place] ^= 0x20
            try createFile(workspace.record, bytes: place % 2 == 0 ? damaged : Array(whole[..<place]), mode: 0o600)
            let last = LastRun(at: workspace.record, workspace: workspace.folder.path)
            #expect(last.count == 0, "damaged at \(place)")
        }
        #expect(try await workspace.run().told.outcomes["summary"]?.hasPrefix("0 2 0 0") == true)
        #expect(try await workspace.run().doneAtOnce == 2)
    }

    @Test func aFailureIsNeverBelieved() async throws {
        let workspace = try workspace()
        try workspace.folder.write("a/src", "fail")
        for _ in 0..<3 {
            let run = try await workspace.run()
            #expect(run.told.outcomes["a:build"] == "failed")
            #expect(run.told.outcomes["a:unit"] == "skipped for another")
            #expect(run.doneAtOnce == 0)
            workspace.settle()
        }
    }

    /// What replays logs has to read them.
    @Test func replayingLogsAsksTheCache() async throws {
        let workspace = try workspace()
        try await runTwice(workspace)
        let run = try await workspace.run { $0.replaysLogs = true }
        #expect(run.doneAtOnce == 0)
        #expect(run.told.outcomes["summary"]?.hasPrefix("0 2 0 0") == true)
    }

    @Test func tenThousandTargetsWithNothingToDoAskTheCacheNothing() async throws {
        var text = ""
        for number in 10_000..<20_000 {
            text += "service s\(number)\n    dir a\n    unit: src\n        test \(number)\n"
        }
        let files = MemoryFileSystem(["Buildfile": text, "a/src": "a"])
        let hashed = try HashedGraph(try #require(try resolve(files, ResolutionSettings()).graph))
        let store = MemoryContentStore()
        _ = await store.write(Array("a".utf8))
        let cache = MemoryActionCache()
        let folder = try TemporaryFolder()
        let runner = FakeActionRunner()
        func run() async -> RunSummary {
            let parts = EngineParts(
                workspace: folder.path, state: folder.path, store: store, cache: cache, recipes: runner, images: runner,
                commands: RecordingCommandRunner(), environment: ["PATH": "/bin"], placed: { _ in nil },
                last: LastRun(at: folder("last"), workspace: folder.path))
            let engine = Engine(hashed, parts, RunOptions(), times: RecordedTimes()) { _ in }
            let all = Array(hashed.graph.targets.indices)
            return await engine.run(all, coldCache: false, isSandboxed: false).0
        }
        #expect(await run().ran == 10_000)
        let asked = await cache.asked.count
        #expect(await run().cached == 10_000)
        #expect(await cache.asked.count == asked)
    }
}
