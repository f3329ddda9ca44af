import BuildGraph
import BuildTestSupport
import Buildfile
import Testing

@testable import BuildEngine

/// The engine in memory: files, store, cache and runners are faked; nothing is started.
@Suite struct EngineTests {
    private static let buildfile = """
        service a
            dir a
            build: src
                make
            unit: :build | b:build
                test
        service b
            dir b
            build: src
                make
            [pool narrow]
            lint: src
                lint
            [pool narrow]
            check: src
                check

        """

    private let store = MemoryContentStore()
    private let cache = MemoryActionCache()

    private func engine(
        _ runner: FakeActionRunner, buildfile: String = buildfile, times: RecordedTimes = RecordedTimes(),
        change: (inout RunOptions) -> Void = { _ in }
    ) async throws -> Engine {
        let files = MemoryFileSystem(["Buildfile": buildfile, "a/src": "a", "b/src": "b"])
        let resolution = try resolve(files, ResolutionSettings())
        let graph = try #require(resolution.graph, "\(resolution.diagnostics)")
        for text in ["a", "b"] { _ = await store.write(Array(text.utf8)) }
        var options = RunOptions()
        change(&options)
        let parts = EngineParts(
            workspace: BytePath("/nowhere"), state: BytePath("/nowhere/.lmsbuild"), store: store, cache: cache,
            recipes: runner, images: runner, commands: RecordingCommandRunner(), environment: ["PATH": "/bin"],
            placed: { _ in nil })
        return Engine(try HashedGraph(graph), parts, options, times: times) { _ in }
    }

    private func all(_ engine: Engine) -> [Int] { Array(engine.hashed.graph.targets.indices) }

    private func label(_ text: String) -> Label {
        let parts = text.split(separator: ":").map(String.init)
        return Label(component: parts[0], stage: parts[1])
    }

    @Test func prerequisitesAndGatesComeFirst() async throws {
        let runner = FakeActionRunner()
        let engine = try await engine(runner)
        let (summary, _) = await engine.run(all(engine), coldCache: true, isSandboxed: false)
        #expect(summary.ran == 5)
        let order = await runner.started.map(\.description)
        let unit = try #require(order.firstIndex(of: "a:unit"))
        #expect(order[..<unit].contains("a:build"))
        #expect(order[..<unit].contains("b:build"))
    }

    @Test func theLongestRecordedChainStartsFirst() async throws {
        let runner = FakeActionRunner()
        var times = RecordedTimes()
        times.record(.seconds(1), for: label("a:build"))
        times.record(.seconds(1), for: label("a:unit"))
        times.record(.seconds(30), for: label("b:lint"))
        times.record(.seconds(20), for: label("b:check"))
        let engine = try await engine(runner, times: times)
        _ = await engine.run(all(engine), coldCache: true, isSandboxed: false)
        #expect(await runner.started.prefix(2).map(\.description) == ["b:lint", "b:check"])
    }

    @Test func aPoolRunsOneAtATimeWhateverTheJobs() async throws {
        let runner = FakeActionRunner()
        await runner.hold(label("b:lint"))
        var times = RecordedTimes()
        times.record(.seconds(9), for: label("b:lint"))
        let engine = try await engine(runner, times: times) { $0.jobs = 8 }
        async let run = engine.run(all(engine), coldCache: true, isSandboxed: false)
        await runner.waitForStart(of: label("a:unit"))
        #expect(await !runner.started.contains(label("b:check")))
        await runner.resume(label("b:lint"))
        #expect(await run.0.ran == 5)
    }

    /// A hundred services that need one library each, on four jobs.
    @Test func runsAsManyAtOnceAsThereAreJobsAndNoMore() async throws {
        let runner = FakeActionRunner()
        var text = ""
        for number in 100..<200 {
            text += "service s\(number)\n    dir a\n    build: src\n        make\n    unit: :build\n        test\n"
        }
        for number in 100..<104 { await runner.hold(label("s\(number):build")) }
        let engine = try await engine(runner, buildfile: text) {
            $0.jobs = 4
            // Equal actions would find each other's results.
            $0.ignoresCache = true
        }
        async let run = engine.run(all(engine), coldCache: true, isSandboxed: false)
        for number in 100..<104 { await runner.waitForStart(of: label("s\(number):build")) }
        #expect(await runner.started.count == 4)
        for number in 100..<104 { await runner.resume(label("s\(number):build")) }
        #expect(await run.0.ran == 200)
        #expect(await runner.peak == 4)
        #expect(await Set(runner.started).count == 200)
    }

    @Test func aGroupHandsOnWhatItsMembersPutOut() async throws {
        let blob = await store.write([1])
        let runner = FakeActionRunner { action in
            let outputs = action.outputs.map { OutputFile(path: $0.path, kind: .file, digest: blob) }
            return ActionResult(exitCode: 0, outputs: outputs, imageDigest: nil, log: nil, duration: .zero)
        }
        let seen = SeenInputs()
        let watching = FakeActionRunner { action in
            await seen.add(action)
            return try await runner.run(action)
        }
        let text = """
            service a
                one: src -> one.out
                    make
                two: src -> two.out
                    make
                both: :one :two
                all: :both
                last: :all
                    use

            """
        let folder = try TemporaryFolder()
        let files = MemoryFileSystem(["Buildfile": text, "src": "a"])
        let graph = try #require(try resolve(files, ResolutionSettings()).graph)
        _ = await store.write(Array("a".utf8))
        let parts = EngineParts(
            workspace: folder.path, state: folder(".lmsbuild"), store: store, cache: cache, recipes: watching,
            images: watching, commands: RecordingCommandRunner(), environment: ["PATH": "/bin"], placed: { _ in nil })
        let engine = Engine(try HashedGraph(graph), parts, RunOptions(), times: RecordedTimes()) { _ in }
        let (summary, _) = await engine.run(all(engine), coldCache: true, isSandboxed: false)
        #expect(summary.ran == 3)
        #expect(await seen.inputs[label("a:last")] == ["one.out", "two.out"])
    }

    private actor SeenInputs {
        var inputs: [Label: [String]] = [:]
        func add(_ action: Action) { inputs[action.label] = action.inputs.map(\.path.shown) }
    }

    @Test func whatHasAResultIsNotRunAgain() async throws {
        let runner = FakeActionRunner()
        let engine = try await engine(runner)
        _ = await engine.run(all(engine), coldCache: true, isSandboxed: false)
        let (again, _) = await engine.run(all(engine), coldCache: false, isSandboxed: false)
        #expect(again.ran == 0)
        #expect(again.cached == 5)
        #expect(await runner.started.count == 5)
    }

    @Test func aFailureStopsTheRunAndWithKeepGoingOnlyWhatNeedsIt() async throws {
        let failing: @Sendable (Action) async throws -> ActionResult = { action in
            guard action.label.description != "a:build" else {
                throw ActionFailure(kind: .failed, diagnostic: Diagnostic(.actionFailed, "no"), exitCode: 1)
            }
            return ActionResult(exitCode: 0, outputs: [], imageDigest: nil, log: nil, duration: .zero)
        }
        let stopping = try await engine(FakeActionRunner(answer: failing))
        let (stopped, _) = await stopping.run(all(stopping), coldCache: true, isSandboxed: false)
        #expect(stopped.failed == 1)
        #expect(stopped.ran == 0)
        #expect(stopped.exitCode == .actionFailed)

        let going = try await engine(FakeActionRunner(answer: failing)) { $0.keepsGoing = true }
        let (rest, _) = await going.run(all(going), coldCache: true, isSandboxed: false)
        #expect((rest.failed, rest.ran, rest.skipped) == (1, 3, 1))
    }

    @Test func cancellingStartsNothingNewAndKeepsNothingHalf() async throws {
        let runner = FakeActionRunner()
        await runner.hold(label("a:build"))
        let engine = try await engine(runner)
        let selected = all(engine)
        let work = Task { await engine.run(selected, coldCache: true, isSandboxed: false) }
        await runner.waitForStart(of: label("a:build"))
        work.cancel()
        let (summary, _) = await work.value
        #expect(summary.ran == 0)
        #expect(summary.skipped == 5)
        #expect(await runner.started == [label("a:build")])
    }

    @Test func anImageTheEngineLostIsBuiltAgain() async throws {
        let runner = FakeActionRunner { _ in
            ActionResult(exitCode: 0, outputs: [], imageDigest: "sha256:1", log: nil, duration: .zero)
        }
        let files = MemoryFileSystem([
            "Buildfile": "service a\n    image: Dockerfile\n", "Dockerfile": "FROM scratch\nCOPY src /\n", "src": "x",
        ])
        let graph = try #require(try resolve(files, ResolutionSettings()).graph)
        for text in ["x", "FROM scratch\nCOPY src /\n"] { _ = await store.write(Array(text.utf8)) }
        let parts = EngineParts(
            workspace: BytePath("/nowhere"), state: BytePath("/nowhere/.lmsbuild"), store: store, cache: cache,
            recipes: runner, images: runner, commands: RecordingCommandRunner(), environment: [:], placed: { _ in nil })
        let engine = Engine(try HashedGraph(graph), parts, RunOptions(), times: RecordedTimes()) { _ in }
        #expect(await engine.run([0], coldCache: true, isSandboxed: false).0.ran == 1)
        #expect(await engine.run([0], coldCache: false, isSandboxed: false).0.cached == 1)
        await runner.forget(label("a:image"))
        #expect(await engine.run([0], coldCache: false, isSandboxed: false).0.ran == 1)
    }
}

@Suite struct ToolCheckTests {
    @Test(arguments: [
        ("Python 3.11.7", "3.11", true), ("Python 3.11", "3.11", true), ("Python 3.1.1", "3.11", false),
        ("Python 13.11", "3.11", false), ("Swift version 6.3.1 (x)", "6.3", true), ("v20.20.2", "20", true),
        ("1.2", "", false), ("3.110", "3.11", false),
    ]) func acceptsTheDeclaredVersionAndItsParts(output: String, version: String, accepted: Bool) {
        #expect(ToolCheck.accepts(output, version) == accepted)
    }
}
