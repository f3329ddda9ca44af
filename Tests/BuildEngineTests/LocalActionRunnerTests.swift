import BuildEngine
import BuildGraph
import BuildTestSupport
import Buildfile
import Glibc
import Testing

/// A workspace, a store and a runner of a test's own.
struct RunnerFixture {
    static let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"

    /// Whether this machine can have the sandbox at all.
    static func sandboxWorks() async -> Bool {
        (try? await ResolvedSandbox.resolve(.on, commands: ProcessRunner(), path: path)) != nil
    }

    let folder: TemporaryFolder
    let store: LocalContentStore
    let runner: LocalActionRunner

    init(_ mode: SandboxMode) async throws {
        folder = try TemporaryFolder()
        store = try LocalContentStore.open(folder: folder("store"))
        try folder.write("repo/undeclared.txt", "undeclared")
        let commands = ProcessRunner(grace: .milliseconds(100), drain: .milliseconds(50))
        let sandbox = try await ResolvedSandbox.resolve(mode, commands: commands, path: Self.path)
        runner = LocalActionRunner(
            workspace: folder("repo"), state: folder("repo/.lmsbuild"), store: store, commands: commands,
            sandbox: sandbox, path: Self.path)
    }

    /// An action of `shop:build` in the folder `shop`, whose inputs are stored and written to the workspace.
    func action(
        _ script: String, inputs: [String: String] = [:], outputs: [String] = [],
        change: (inout ActionAttributes) -> Void = { _ in }
    ) throws -> Action {
        try action(script, inputs: inputs, outputs: outputs, environment: [:], change: change)
    }

    func action(
        _ script: String, inputs: [String: String], outputs: [String], environment: [String: String],
        secrets: [String: String] = [:], change: (inout ActionAttributes) -> Void = { _ in }
    ) throws -> Action {
        var attributes = ActionAttributes()
        change(&attributes)
        var stored: [ActionInput] = []
        for (path, text) in inputs.sorted(by: { $0.key < $1.key }) {
            let isExecutable = text.hasPrefix("#!")
            try folder.write("repo/" + path, text, mode: isExecutable ? 0o755 : 0o644)
            stored.append(
                ActionInput(
                    path: BytePath(path), kind: isExecutable ? .executable : .file,
                    digest: try store.write(Array(text.utf8))))
        }
        return Action(
            label: Label(component: "shop", stage: "build"),
            command: .recipe(interpreter: ["/bin/sh", "-eu"], script: script, folder: BytePath("shop")),
            inputs: stored, environment: environment, unhashedEnvironment: secrets, secretNames: Set(secrets.keys),
            outputs: outputs.map { path in
                path.hasSuffix("/")
                    ? ActionOutput(path: BytePath(String(path.dropLast())), isFolder: true)
                    : ActionOutput(path: BytePath(path), isFolder: false)
            }, attributes: attributes)
    }

    func log(_ result: ActionResult) throws -> String {
        String(decoding: try store.read(#require(result.log)), as: UTF8.self)
    }

    /// The failure that running `action` must end with.
    func failure(_ action: Action) async throws -> ActionFailure {
        try #require(await #expect(throws: ActionFailure.self) { try await runner.run(action) })
    }

    /// No run leaves anything in the state but kept folders.
    /// What is left of actions when the runner has nothing more to do.
    var leftovers: [String] {
        runner.tidy()
        return folder.files.filter { $0.hasPrefix("repo/.lmsbuild/tmp") }
    }
}

/// What holds with and without the sandbox.
@Suite(.enabled("bubblewrap does not work here") { await RunnerFixture.sandboxWorks() })
struct LocalActionRunnerTests {
    static let modes: [SandboxMode] = [.on, .off]

    @Test(arguments: modes) func storesOutputsWithTheirKinds(mode: SandboxMode) async throws {
        let fixture = try await RunnerFixture(mode)
        let action = try fixture.action(
            """
            cp src.txt dist/copy
            echo '#!/bin/sh' > dist/tool; chmod 4755 dist/tool
            ln -s copy dist/link
            mkdir -p tree/deep; echo x > tree/deep/file; mkdir tree/__pycache__; echo y > tree/__pycache__/z.pyc
            echo done
            """, inputs: ["shop/src.txt": "text"],
            outputs: ["shop/dist/copy", "shop/dist/link", "shop/dist/tool", "shop/tree/"])
        let result = try await fixture.runner.run(action)
        #expect(result.exitCode == 0)
        #expect(
            result.outputs == [
                OutputFile(path: BytePath("shop/dist/copy"), kind: .file, digest: Digest.of(Array("text".utf8))),
                OutputFile(path: BytePath("shop/dist/link"), kind: .link, digest: Digest.of(Array("copy".utf8))),
                OutputFile(
                    path: BytePath("shop/dist/tool"), kind: .executable, digest: Digest.of(Array("#!/bin/sh\n".utf8))),
                OutputFile(path: BytePath("shop/tree/deep/file"), kind: .file, digest: Digest.of(Array("x\n".utf8))),
            ])
        #expect(try fixture.log(result) == "done\n")
        #expect(fixture.leftovers.isEmpty)
    }

    @Test(arguments: modes) func aFailureTellsStatusAndOutput(mode: SandboxMode) async throws {
        let fixture = try await RunnerFixture(mode)
        let failure = try await fixture.failure(fixture.action("echo why; exit 3"))
        #expect(failure.kind == .failed)
        #expect(failure.exitCode == 3)
        #expect(failure.output == Array("why\n".utf8))
        #expect(failure.diagnostic.code == .actionFailed)
        #expect(failure.diagnostic.message == "'shop:build' failed: exit status 3")
        let signalled = try await fixture.failure(fixture.action("kill -ABRT $$"))
        #expect(signalled.exitCode == 134)
        #expect(signalled.diagnostic.message == "'shop:build' failed: ended by signal 6 (Aborted)")
        #expect(fixture.leftovers.isEmpty)
    }

    @Test(arguments: modes) func aTimeoutNamesItsLimit(mode: SandboxMode) async throws {
        let fixture = try await RunnerFixture(mode)
        let action = try fixture.action("echo begun; sleep 1000") { $0.timeout = .seconds(1) }
        let failure = try await fixture.failure(action)
        #expect(failure.kind == .timeout)
        #expect(failure.diagnostic.message == "'shop:build' was stopped after 1s, the limit of [timeout 1s]")
        #expect(failure.output == Array("begun\n".utf8))
    }

    @Test(arguments: modes) func theEnvironmentHoldsOnlyWhatIsDeclared(mode: SandboxMode) async throws {
        let fixture = try await RunnerFixture(mode)
        let action = try fixture.action(
            "env | cut -d= -f1 | sort; echo $VALUE; ls -A $HOME; test -d $TMPDIR",
            inputs: [:],
            outputs: [], environment: ["VALUE": "a b"])
        let lines = try fixture.log(await fixture.runner.run(action)).split(separator: "\n").map(String.init)
        #expect(lines.filter { $0 != "PWD" } == ["HOME", "LANG", "PATH", "TMPDIR", "VALUE", "a b"])
    }

    @Test(arguments: modes) func secretsNeverShow(mode: SandboxMode) async throws {
        let fixture = try await RunnerFixture(mode)
        let script = "echo \"it is $TOKEN\"; printf %s \"$TOKEN\" | base64; cat /proc/*/cmdline | tr '\\0' ' ' >&2"
        let action = try fixture.action(
            script, inputs: [:], outputs: [], environment: [:], secrets: ["TOKEN": "hunter22!"])
        let text = try fixture.log(await fixture.runner.run(action))
        #expect(text.hasPrefix("it is ***\n***"))
        #expect(!text.contains("hunter22"))
        let failing = try fixture.action(
            "echo $TOKEN; false", inputs: [:], outputs: [], environment: [:], secrets: ["TOKEN": "hunter22!"])
        #expect(try await fixture.failure(failing).output == Array("***\n".utf8))
    }

    @Test(arguments: modes) func aMissingOutputIsNamedWithWhatIsThere(mode: SandboxMode) async throws {
        let fixture = try await RunnerFixture(mode)
        let failure = try await fixture.failure(
            fixture.action("echo x > dist/a", outputs: ["shop/dist/a", "shop/dist/b", "shop/gen/"]))
        #expect(failure.kind == .missingOutput)
        #expect(failure.diagnostic.code == .missingOutput)
        #expect(
            failure.diagnostic.message == "'shop:build' ended well but did not make 'shop/dist/b', 'shop/gen/'")
        #expect(failure.diagnostic.notes.map(\.message) == ["there are 'shop/dist/a'"])
    }

    @Test(arguments: modes) func refusesOutputsThatAreNoFiles(mode: SandboxMode) async throws {
        let fixture = try await RunnerFixture(mode)
        let fifo = try await fixture.failure(fixture.action("mkfifo dist/x", outputs: ["shop/dist/x"]))
        #expect(fifo.diagnostic.message == "the output 'shop/dist/x' of 'shop:build' is a FIFO")
        let folder = try await fixture.failure(fixture.action("mkdir dist/x", outputs: ["shop/dist/x"]))
        #expect(folder.diagnostic.code == .outputUnusable)
        let link = try await fixture.failure(
            fixture.action("rmdir a/b; ln -s /etc a/b; echo x > a/x", outputs: ["shop/a/x", "shop/a/b/hostname"]))
        #expect(link.diagnostic.message.hasSuffix("is reached through a link"))
    }

    @Test(arguments: modes) func collectsReportsWhereTheyAre(mode: SandboxMode) async throws {
        let fixture = try await RunnerFixture(mode)
        let action = try fixture.action("mkdir -p reports/sub; echo x > reports/sub/a.xml") {
            $0.reports = [BytePath("shop/reports/**/*.xml"), BytePath("shop/none/*.xml")]
        }
        #expect(try await fixture.runner.run(action).outputs.map(\.path.shown) == ["shop/reports/sub/a.xml"])
    }

    @Test(arguments: modes) func keptFoldersSurvive(mode: SandboxMode) async throws {
        let fixture = try await RunnerFixture(mode)
        let script = "n=$(cat cache/n 2>/dev/null || echo 0); echo $((n + 1)) > cache/n; cp cache/n count"
        let action = try fixture.action(script, outputs: ["shop/count"]) { $0.keep = [BytePath("shop/cache/")] }
        _ = try await fixture.runner.run(action)
        let result = try await fixture.runner.run(action)
        #expect(result.outputs.map(\.digest) == [Digest.of(Array("2\n".utf8))])
    }

    @Test(arguments: modes) func triesAgainAsOftenAsAllowed(mode: SandboxMode) async throws {
        let fixture = try await RunnerFixture(mode)
        let script = "n=$(cat cache/n 2>/dev/null || echo 0); echo $((n + 1)) > cache/n; test $n -ge 2"
        let action = try fixture.action(script) {
            $0.keep = [BytePath("shop/cache")]
            $0.retries = 2
        }
        #expect(try await fixture.runner.run(action).exitCode == 0)
    }

    @Test(arguments: modes) func aCancelledRunLeavesNothing(mode: SandboxMode) async throws {
        let fixture = try await RunnerFixture(mode)
        let pipe = fixture.folder("signal/fifo")
        try fixture.folder.write("signal/x", "")
        #expect(pipe.withCString { mkfifo($0, 0o600) } == 0)
        let signal = fixture.folder("signal")
        let action = try fixture.action("echo > \(pipe.shown); sleep 1000") { $0.keep = [signal] }
        let task = Task { try await fixture.runner.run(action) }
        let path = RunnerFixture.path
        _ = try await ProcessRunner().run(Command(["cat", pipe.shown], environment: ["PATH": path], folder: signal))
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(fixture.leftovers.isEmpty)
    }

    @Test func aShellThatIsNotThereIsTheMachinesFault() async throws {
        let fixture = try await RunnerFixture(.off)
        let action = Action(
            label: Label(component: "shop", stage: "build"),
            command: .recipe(interpreter: ["no-such-shell"], script: "", folder: .root), inputs: [], environment: [:],
            unhashedEnvironment: [:], secretNames: [], outputs: [], attributes: ActionAttributes())
        let failure = try await fixture.failure(action)
        #expect(failure.kind == .machine)
        #expect(failure.diagnostic.code == .toolMissing)
    }

    @Test func aMissingInputIsAStoreFailure() async throws {
        let fixture = try await RunnerFixture(.on)
        let action = try fixture.action("true", inputs: ["shop/a": "a"])
        let hex = action.inputs[0].digest.hash.hex
        _ = fixture.folder("store/cas/\(hex.prefix(2))/\(hex)").withCString { unlink($0) }
        let failure = try await fixture.failure(action)
        #expect(failure.diagnostic.code == .storeDamaged)
    }

    @Test func aFailedRunInTheWorkspacePutsEarlierOutputsBack() async throws {
        let fixture = try await RunnerFixture(.off)
        try fixture.folder.write("repo/shop/dist/a", "earlier")
        try fixture.folder.write("repo/shop/gen/b", "earlier")
        let outputs = ["shop/dist/a", "shop/gen/", "shop/new"]
        let script = "test ! -e dist/a; test ! -e gen/b; echo half > dist/a; echo half > new; false"
        _ = try await fixture.failure(fixture.action(script, outputs: outputs))
        #expect(try readFile(fixture.folder("repo/shop/dist/a").shown) == Array("earlier".utf8))
        #expect(try readFile(fixture.folder("repo/shop/gen/b").shown) == Array("earlier".utf8))
        #expect(fixture.folder.files.filter { $0.hasPrefix("repo/shop") } == ["repo/shop/dist/a", "repo/shop/gen/b"])
    }

    @Test func sweepRemovesOnlyWhatNobodyOwns() async throws {
        let folder = try TemporaryFolder()
        let ended = try await ProcessRunner().run(
            Command(["/bin/sh", "-c", "echo $$"], environment: [:], folder: BytePath("/")))
        let pid = String(decoding: ended.output.dropLast(), as: UTF8.self)
        try folder.write("tmp/\(pid)-1/tree/file", "x")
        #expect(chmod(folder("tmp/\(pid)-1/tree").shown, 0o500) == 0)
        try folder.write("tmp/\(getpid())-1/file", "x")
        LocalActionRunner.sweep(folder.path)
        #expect(folder.files == ["tmp/\(getpid())-1/file"])
    }
}
