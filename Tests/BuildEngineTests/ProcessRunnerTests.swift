import BuildEngine
import BuildGraph
import BuildTestSupport
import Glibc
import Testing

@Suite struct ProcessRunnerTests {
    static let path = "/usr/bin:/bin"

    func shell(_ script: String, _ change: (inout Command) -> Void = { _ in }) -> Command {
        var command = Command(["sh", "-c", script], environment: ["PATH": Self.path], folder: BytePath("/"))
        change(&command)
        return command
    }

    func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    @Test func givesStatusAndBothStreamsInTheOrderWritten() async throws {
        let result = try await ProcessRunner().run(shell("echo one; echo two >&2; echo three; exit 7"))
        #expect(result.ending == .exited(7))
        #expect(text(result.output) == "one\ntwo\nthree\n")
        #expect(result.errors.isEmpty)
        #expect(!result.succeeded)
    }

    @Test func separatesErrorsWhereAsked() async throws {
        let result = try await ProcessRunner().run(shell("echo one; echo two >&2") { $0.separateErrors = true })
        #expect(text(result.output) == "one\n")
        #expect(text(result.errors) == "two\n")
        #expect(result.succeeded)
    }

    @Test func tellsTheSignalThatEndedAProgram() async throws {
        let result = try await ProcessRunner().run(shell("kill -SEGV $$"))
        #expect(result.ending == .signalled(SIGSEGV))
    }

    @Test func givesTheEnvironmentAndFolderAndNothingElse() async throws {
        let folder = try TemporaryFolder()
        let environment = ["PATH": Self.path, "VALUE": "a b\nc"]
        let shown = try await ProcessRunner().run(
            Command(["env"], environment: environment, folder: folder.path))
        #expect(text(shown.output) == "PATH=\(Self.path)\nVALUE=a b\nc\n")
        let place = try await ProcessRunner().run(Command(["pwd"], environment: environment, folder: folder.path))
        #expect(text(place.output) == folder.path.shown + "\n")
    }

    @Test func standardInputIsEmptyUnlessGiven() async throws {
        let result = try await ProcessRunner().run(shell("cat; echo end"))
        #expect(text(result.output) == "end\n")
    }

    @Test func feedsAndReadsMuchAtTheSameTime() async throws {
        let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let result = try await ProcessRunner().run(shell("cat") { $0.input = bytes })
        #expect(result.output == bytes)
    }

    @Test func inputThatNobodyReadsDoesNoHarm() async throws {
        let bytes = [UInt8](repeating: 1, count: 1_000_000)
        let result = try await ProcessRunner().run(shell("exec 0<&-; echo done") { $0.input = bytes })
        #expect(text(result.output) == "done\n")
        #expect(result.succeeded)
    }

    @Test func cutsOutputAndSaysSo() async throws {
        let result = try await ProcessRunner().run(
            shell("head -c 100000 /dev/zero | tr '\\0' x") { $0.outputLimit = 10 })
        #expect(text(result.output) == "xxxxxxxxxx\n[output cut: 99990 bytes more]\n")
    }

    @Test func timeoutEndsAProgramThatIgnoresTerm() async throws {
        let runner = ProcessRunner(grace: .milliseconds(100))
        let command = shell("trap '' TERM; echo started; while :; do sleep 60; done") {
            $0.timeout = .milliseconds(300)
        }
        let result = try await runner.run(command)
        #expect(result.ending == .timedOut)
        #expect(text(result.output).hasPrefix("started\n"))
    }

    @Test func timeoutReachesTheWholeGroup() async throws {
        let result = try await ProcessRunner().run(shell("sleep 60 | sleep 60") { $0.timeout = .milliseconds(100) })
        #expect(result.ending == .timedOut)
    }

    @Test func aProcessLeftBehindDoesNotHoldTheRun() async throws {
        let runner = ProcessRunner(drain: .milliseconds(50))
        let result = try await runner.run(shell("sleep 1000 & echo $!"))
        #expect(result.ending == .exited(0))
        let pid = try #require(pid_t(text(result.output).dropLast()))
        // It was killed with its group; only its entry may still wait for init.
        let state = (try? String(decoding: readFile("/proc/\(pid)/stat"), as: UTF8.self)) ?? ""
        #expect(state.isEmpty || state.contains(") Z "))
    }

    @Test func aCancelledTaskEndsItsProgram() async throws {
        let folder = try TemporaryFolder()
        let runner = ProcessRunner()
        let fifo = folder("started")
        #expect(fifo.withCString { mkfifo($0, 0o600) } == 0)
        let command = shell("echo $$ > started; exec sleep 1000") { $0.folder = folder.path }
        let task = Task { try await runner.run(command) }
        let told = try await runner.run(shell("cat started") { $0.folder = folder.path })
        let pid = try #require(pid_t(text(told.output).dropLast()))
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(kill(pid, 0) == -1)
    }

    @Test func aTaskCancelledBeforeStartsNothing() async throws {
        let runner = ProcessRunner()
        let command = shell("true")
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await runner.run(command)
        }
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test func terminateAllEndsWhatRuns() async throws {
        let folder = try TemporaryFolder()
        let fifo = folder("started")
        #expect(fifo.withCString { mkfifo($0, 0o600) } == 0)
        for immediately in [false, true] {
            let runner = ProcessRunner()
            let command = shell("echo > started; exec sleep 1000") { $0.folder = folder.path }
            async let result = runner.run(command)
            _ = try await ProcessRunner().run(shell("cat started") { $0.folder = folder.path })
            runner.terminateAll(immediately: immediately)
            let ending = try await result.ending
            #expect(ending == .signalled(immediately ? SIGKILL : SIGTERM) || ending == .signalled(SIGTERM))
        }
    }

    @Test func aProgramThatIsNotThereIsAnError() async throws {
        let command = Command(["no-such-program"], environment: ["PATH": Self.path], folder: BytePath("/"))
        await #expect(throws: SpawnError(program: "no-such-program", errno: ENOENT)) {
            try await ProcessRunner().run(command)
        }
        await #expect(throws: SpawnError(program: "/no/such/folder", errno: ENOENT)) {
            try await ProcessRunner().run(self.shell("true") { $0.folder = BytePath("/no/such/folder") })
        }
    }

    @Test func looksProgramsUpInTheCommandsOwnPath() async throws {
        let folder = try TemporaryFolder()
        try folder.write("tool", "#!/bin/sh\necho mine\n", mode: 0o755)
        let command = Command(["tool"], environment: ["PATH": "relative::\(folder.path.shown)"], folder: BytePath("/"))
        #expect(text(try await ProcessRunner().run(command).output) == "mine\n")
    }

    @Test func manyAtOnceLeaveNothingOpen() async throws {
        let runner = ProcessRunner()
        _ = try await runner.run(shell("true"))
        let counts = try await withThrowingTaskGroup(of: CommandResult.self) { group in
            for _ in 0..<200 {
                group.addTask {
                    try await runner.run(
                        Command(["/bin/true"], environment: [:], folder: BytePath("/")))
                }
            }
            return try await group.reduce(into: 0) { $0 += $1.succeeded ? 1 : 0 }
        }
        #expect(counts == 200)
    }

    /// In a process of its own, which handles, ignores and blocks signals.
    @Test func signalsAreAsInANewProgram() async {
        await #expect(processExitsWith: .success) {
            for number in [SIGPIPE, SIGHUP, SIGUSR1] { signal(number, SIG_IGN) }
            signal(SIGUSR2) { _ in }
            var blocked = sigset_t()
            sigaddset(&blocked, SIGTERM)
            pthread_sigmask(SIG_BLOCK, &blocked, nil)
            for isLasting in [true, false] {
                var command = Command(
                    ["cat", "/proc/self/status"], environment: ["PATH": "/usr/bin:/bin"], folder: BytePath("/"))
                command.mayEndWithItsStarter = isLasting
                let result = try await ProcessRunner().run(command)
                let lines = String(decoding: result.output, as: UTF8.self).split(separator: "\n").map(String.init)
                for name in ["SigBlk", "SigIgn", "SigCgt"] {
                    let line = lines.first { $0.hasPrefix(name) }?.dropFirst(name.count + 2)
                    // glibc has 32 and 33 for itself, and what its posix_spawn starts, as this process, ignores them.
                    #expect(line.flatMap { UInt64($0, radix: 16) }.map { $0 & ~0x1_8000_0000 } == 0)
                }
            }
        }
    }

    @Test func noDescriptorReachesAProgram() async throws {
        let runner = ProcessRunner()
        async let other = runner.run(shell("sleep 0.2"))
        let result = try await runner.run(shell("ls /proc/self/fd"))
        #expect(text(result.output) == "0\n1\n2\n3\n")  // 3 is the listing itself
        _ = try await other
    }

    /// In a process of its own, where no other test opens files or starts programs.
    @Test func leavesNoDescriptorAndNoZombie() async {
        await #expect(processExitsWith: .success) {
            /// Pipes, sockets and handles of processes; the language's own runtime opens other kinds when it likes.
            func openFiles() throws -> Int {
                let stream = try #require(opendir("/proc/self/fd"))
                defer { closedir(stream) }
                var count = 0
                while let entry = readdir(stream) {
                    let name = withUnsafeBytes(of: &entry.pointee.d_name) { $0.prefix { $0 != 0 } }
                    var target = [UInt8](repeating: 0, count: 200)
                    let path = "/proc/self/fd/" + String(decoding: name, as: UTF8.self)
                    let size = target.withUnsafeMutableBytes { buffer in
                        buffer.baseAddress.map { readlink(path, $0, buffer.count) } ?? -1
                    }
                    let text = String(decoding: target.prefix(max(0, size)), as: UTF8.self)
                    if ["pipe:", "socket:", "anon_inode:[pidfd]"].contains(where: { text.hasPrefix($0) }) {
                        count += 1
                    }
                }
                return count
            }
            let runner = ProcessRunner(grace: .milliseconds(50), drain: .milliseconds(20))
            func run(_ script: String, timeout: Duration? = nil, input: [UInt8] = []) async throws {
                var command = Command(["/bin/sh", "-c", script], environment: [:], folder: BytePath("/"))
                command.timeout = timeout
                command.input = input
                command.separateErrors = true
                _ = try await runner.run(command)
            }
            try await run("true")
            let before = try openFiles()
            for _ in 0..<20 {
                try await run("exit 1", input: [1, 2, 3])
                try await run("/bin/sleep 100 &")
                try await run("trap '' TERM; /bin/sleep 100", timeout: .milliseconds(20))
                _ = try? await runner.run(Command(["/no/program"], environment: [:], folder: BytePath("/")))
                let pipe = try runner.open(Command(["/bin/cat"], environment: [:], folder: BytePath("/")))
                try pipe.write([1, 10])
                _ = try pipe.readLine()
                pipe.close()
            }
            let after = try openFiles()
            #expect(after == before)
            #expect(waitpid(-1, nil, WNOHANG) == -1)
            #expect(errno == ECHILD)
        }
    }

    @Test func aCompanionAnswers() throws {
        let pipe = try ProcessRunner().open(shell("while read line; do echo \"got $line\"; done"))
        try pipe.write(Array("one\ntwo\n".utf8))
        #expect(try pipe.readLine().map(text) == "got one")
        #expect(try pipe.readLine().map(text) == "got two")
        try pipe.write(Array("three\n".utf8))
        #expect(text(try pipe.read(4)) == "got ")
        #expect(text(try pipe.read(6)) == "three\n")
        pipe.close()
        pipe.close()
    }

    @Test func aCompanionTakesMoreThanItsPipesHold() throws {
        let bytes = [UInt8](repeating: UInt8(ascii: "a"), count: 2_000_000)
        let pipe = try ProcessRunner().open(shell("cat"))
        try pipe.write(bytes)
        #expect(try pipe.read(2_000_000) == bytes)
        pipe.close()
    }

    @Test func aCompanionThatEndedIsSeen() throws {
        let pipe = try ProcessRunner().open(shell("echo last; exec 0<&-"))
        #expect(try pipe.readLine().map(text) == "last")
        #expect(try pipe.readLine() == nil)
        #expect(try pipe.read(3).isEmpty)
        #expect(throws: SpawnError.self) { for _ in 0..<100 { try pipe.write([UInt8](repeating: 0, count: 100_000)) } }
        pipe.close()
    }
}

/// What is started where it is asked for behaves as what is started on the thread that serves all.
@Suite struct StarterTests {
    static let starters = [false, true]

    func shell(_ script: String, lasting: Bool, folder: BytePath = BytePath("/")) -> Command {
        var command = Command(["sh", "-c", script], environment: ["PATH": "/usr/bin:/bin"], folder: folder)
        command.mayEndWithItsStarter = lasting
        return command
    }

    @Test(arguments: starters) func givesStatusAndOutput(lasting: Bool) async throws {
        var command = shell("cat; echo two >&2; exit 7", lasting: lasting)
        command.input = [UInt8](repeating: 65, count: 300_000)
        command.separateErrors = true
        let result = try await ProcessRunner().run(command)
        #expect(result.ending == .exited(7))
        #expect(result.output == command.input)
        #expect(result.errors == Array("two\n".utf8))
    }

    @Test(arguments: starters) func manyAtOnceEachGetTheirOwnOutput(lasting: Bool) async throws {
        let runner = ProcessRunner()
        let right = try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<200 {
                group.addTask {
                    let result = try await runner.run(self.shell("echo \(number)", lasting: lasting))
                    return result.output == Array("\(number)\n".utf8)
                }
            }
            return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(right == 200)
    }

    @Test(arguments: starters) func aTimeoutStrikesAlthoughNothingElseHappens(lasting: Bool) async throws {
        let runner = ProcessRunner(grace: .milliseconds(50))
        // The first makes the loop wait without an end.
        async let other = runner.run(shell("sleep 0.5", lasting: lasting))
        var command = shell("trap '' TERM; while :; do sleep 60; done", lasting: lasting)
        command.timeout = .milliseconds(50)
        #expect(try await runner.run(command).ending == .timedOut)
        #expect(try await other.succeeded)
    }

    @Test(arguments: starters) func timeoutsStrikeInTheirOrder(lasting: Bool) async throws {
        let runner = ProcessRunner(grace: .milliseconds(50))
        let endings = try await withThrowingTaskGroup(of: CommandResult.Ending.self) { group in
            for number in 0..<20 {
                group.addTask {
                    var command = self.shell(number % 2 == 0 ? "exec sleep 60" : "true", lasting: lasting)
                    command.timeout = number % 2 == 0 ? .milliseconds(200 - 10 * number) : .seconds(60)
                    return try await runner.run(command).ending
                }
            }
            return try await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
        }
        #expect(endings == [.timedOut: 10, .exited(0): 10])
    }

    @Test(arguments: starters) func aCancelledTaskEndsItsProgram(lasting: Bool) async throws {
        let folder = try TemporaryFolder()
        let runner = ProcessRunner()
        #expect(folder("started").withCString { mkfifo($0, 0o600) } == 0)
        let command = shell("echo $$ > started; exec sleep 1000", lasting: lasting, folder: folder.path)
        let task = Task { try await runner.run(command) }
        let told = try await runner.run(shell("cat started", lasting: lasting, folder: folder.path))
        let pid = try #require(pid_t(String(decoding: told.output.dropLast(), as: UTF8.self)))
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(kill(pid, 0) == -1)
    }

    @Test(arguments: starters) func whatCannotBeStartedIsAnError(lasting: Bool) async throws {
        var command = Command(["no-such-program"], environment: ["PATH": "/usr/bin:/bin"], folder: BytePath("/"))
        command.mayEndWithItsStarter = lasting
        let missing = command
        await #expect(throws: SpawnError(program: "no-such-program", errno: ENOENT)) {
            try await ProcessRunner().run(missing)
        }
    }
}
