import BuildEngine
import BuildGraph
import BuildTestSupport
import Glibc
import Testing

/// `lmsbuild run` as a user meets it: what runs, what it says, and its exit status.
@Suite struct RunTests {
    private let program = Program()

    private static let buildfile = """
        library lib
            dir lib
            build: *.c -> out/lib.a
                cat *.c > out/lib.a

        service app
            dir app
            uses lib
            build: src/** -> out/app
                grep -v '^#' src/main ../lib/out/lib.a > out/app
            pack: :build -> out/packed
                cat out/app > out/packed
            unit: :build tests/** | :pack
                cat tests/t

        """

    private func repository(_ buildfile: String = buildfile, _ files: [(String, String)] = []) async throws
        -> TestRepository
    {
        let repository = try await TestRepository()
        try repository.write("Buildfile", buildfile)
        try repository.write(".gitignore", "out/\n")
        try repository.write("lib/a.c", "int a;\n")
        try repository.write("app/src/main", "main\n")
        try repository.write("app/tests/t", "test\n")
        for (name, text) in files { try repository.write(name, text) }
        try await repository.commitAll()
        return repository
    }

    private func ran(_ outcome: Program.Outcome) -> [String] {
        outcome.errors.split(separator: "\n").filter { $0.hasPrefix("ok ") }
            .map { String($0.dropFirst(8).prefix { $0 != " " }) }.sorted()
    }

    @Test func runsWhatHasNoResultAndNothingElse() async throws {
        let repository = try await repository()
        let first = try await program.run("run", in: repository.path)
        #expect(first.status == 0)
        #expect(ran(first) == ["app:build", "app:pack", "app:unit", "lib:build"])
        #expect(first.errors.contains("cold cache: 4 targets to run"))

        let second = try await program.run("run", in: repository.path)
        #expect(second.status == 0)
        #expect(second.errors.hasPrefix("nothing to do: 4 targets up to date in "))

        try repository.write("Buildfile", Self.buildfile + "# a comment\n")
        #expect(ran(try await program.run("run", in: repository.path)) == [])

        try repository.write("app/tests/t", "another test\n")
        #expect(ran(try await program.run("run", in: repository.path)) == ["app:unit"])

        try repository.write("lib/a.c", "int b;\n")
        let after = try await program.run("run", in: repository.path)
        #expect(ran(after) == ["app:build", "app:pack", "app:unit", "lib:build"])
    }

    @Test func stopsWhereAnOutputIsWhatItWas() async throws {
        let repository = try await repository()
        _ = try await program.run("run", in: repository.path)
        let hash = try await program.hashes(in: repository.path)
        try repository.write("app/src/main", "# only a comment\nmain\n")
        let outcome = try await program.run("run", in: repository.path)
        #expect(ran(outcome) == ["app:build"])
        #expect(try await program.hashes(in: repository.path)["app:pack"] != hash["app:pack"])
    }

    @Test func restoresOutputs() async throws {
        let repository = try await repository()
        _ = try await program.run("run", in: repository.path)
        let output = repository.path.appending("app/out/app")
        let text = try readFile(output.shown)
        _ = output.withCString { unlink($0) }
        try repository.write("app/out/packed", "edited by hand")
        let outcome = try await program.run("run", in: repository.path)
        #expect(ran(outcome) == [])
        #expect(try readFile(output.shown) == text)
        #expect(try readFile(repository.path.appending("app/out/packed").shown) == text)
    }

    private static let failing = """
        service app
            dir app
            good: src/**
                true
            build: src/** -> out/x
                echo told; echo more >&2; exit 7
            image-of: :build
                true
            unit: src/**
                exit 1
            [timeout 1s]
            slow: src/**
                sleep 60
            forgets: src/** -> out/missing
                true
            strays: src/** -> stray/x
                echo > stray/x; echo > stray/y
            peeks: src/**
                cat tests/t
            writes: src/**
                echo > src/new

        """

    @Test(arguments: [
        ("app:build", 1, "LMS501"), ("app:unit", 3, "LMS501"), ("app:slow", 1, "LMS502"), ("app:forgets", 1, "LMS503"),
        ("app:strays", 1, "LMS504"), ("app:peeks", 1, "the sandbox shows only declared inputs"),
        ("app:writes", 1, "LMS501"), ("app:nope", 4, "LMS303"), ("nope:", 2, "LMS301"),
    ]) func exitStatusTellsWhatFailed(label: String, status: Int32, words: String) async throws {
        let repository = try await repository(Self.failing)
        let outcome = try await program.run("run", "--sandbox", "on", label, in: repository.path)
        #expect(outcome.status == status, "\(outcome.errors)")
        #expect(outcome.errors.contains(words), "\(outcome.errors)")
    }

    @Test func aFailureIsShownWhole() async throws {
        let repository = try await repository(Self.failing)
        let outcome = try await program.run("run", "app:image-of", in: repository.path)
        let shown = outcome.errors.replacing(#/[0-9.]+m?s\b/#, with: "0ms")
        #expect(
            shown == """
                cold cache: 2 targets to run
                FAILED  app:build  exit 7  0ms
                ──── app:build ─────────────────────────────────────────────
                told
                more
                ────────────────────────────────────────────────────────────
                error[LMS501]: 'app:build' failed: exit status 7
                skipped app:image-of because app:build failed
                ran 0, cached 0, failed 1, skipped 1 in 0ms
                lmsbuild: exit 1: an action failed

                """)
    }

    @Test func keepsGoingWithWhatDoesNotNeedTheFailure() async throws {
        let repository = try await repository(Self.failing)
        let outcome = try await program.run(
            "run", "-k", "-j", "1", "app:build", "app:unit", "app:good", in: repository.path)
        #expect(outcome.status == 1)
        #expect(ran(outcome) == ["app:good"])
        #expect(outcome.errors.contains("ran 1, cached 0, failed 2, skipped 0"))
    }

    @Test func aMistakeRunsNothing() async throws {
        let repository = try await repository(Self.failing + "servce x\n")
        let outcome = try await program.run("run", in: repository.path)
        #expect(outcome.status == 2)
        #expect(outcome.errors.contains("error[LMS004]: unknown directive 'servce'"))
        #expect(ran(outcome) == [])
    }

    @Test func secretsAndToolsAreCheckedOnThisMachine() async throws {
        let repository = try await repository(
            """
            tool sh 99.7
                echo 1.2.3
            service app
                dir app
                secret TOKEN
                keep: src/**
                    echo "got $TOKEN"
            service other
                dir lib
                needs sh
                build: a.c
                    true

            """)
        let missing = try await program.run("run", "app", in: repository.path)
        #expect(missing.status == 2)
        #expect(missing.errors.contains("LMS307"))
        let given = try await program.run(
            "run", "-v", "app", in: repository.path, environment: ["TOKEN": "hunter2hunter2"])
        #expect(given.status == 0)
        #expect(given.errors.contains("got ***"))
        #expect(!given.errors.contains("hunter2"))
        let tool = try await program.run("run", "other", in: repository.path)
        #expect(tool.status == 36)
        #expect(tool.errors.contains("LMS506"))
    }

    @Test func theGateReadsTheScore() async throws {
        let repository = try await repository(
            """
            service app
                dir app
                score ?= 90
                [gate mutation >= 80 reports/m.json]
                mutation: src/** -> reports/m.json
                    echo "{\\"score\\": $score}" > reports/m.json

            """)
        #expect(try await program.run("run", in: repository.path).status == 0)
        let low = try await program.run("run", "score=79.5", in: repository.path)
        #expect(low.status == 3)
        #expect(low.errors.contains("LMS505"))
        try repository.write(
            "Buildfile",
            String(decoding: readFile(repository.path.appending("Buildfile").shown), as: UTF8.self).replacing(
                ">=", with: "!="))
        #expect(try await program.run("run", "score=80", in: repository.path).status == 3)
    }

    @Test func strangeNamesAreInputsLikeAnyOther() async throws {
        let repository = try await repository(
            "service app\n    dir app\n    list: src/**\n        ls src | wc -l\n",
            [("app/src/new\nline", "1"), ("app/src/-rf", "2"), ("app/src/ü", "3"), ("app/src/u\u{308}", "4")])
        try repository.folder.write(
            "repository/app/src/plain", bytes: [1])
        createFileNotUTF8(repository)
        let outcome = try await program.run("run", "-v", "app:list", in: repository.path)
        #expect(outcome.status == 0, "\(outcome.errors)")
        // A newline in a name counts as one more line.
        #expect(outcome.errors.contains("\n8\n"), "\(outcome.errors)")
        let inputs = try await program.run("inputs", "app:list", in: repository.path)
        #expect(inputs.lines.contains("app/src/new\\nline"))
        #expect(inputs.lines.contains("app/src/\\xff"))
    }

    private func createFileNotUTF8(_ repository: TestRepository) {
        let path = BytePath(bytes: repository.path.bytes + Array("/app/src/".utf8) + [0xFF])
        _ = path.withCString { close(creat($0, 0o644)) }
    }

    @Test func aPipeInAGlobIsRefusedAndNotRead() async throws {
        let repository = try await repository()
        _ = repository.path.appending("app/src/pipe").withCString { mkfifo($0, 0o644) }
        let outcome = try await program.run("run", in: repository.path)
        #expect(outcome.status == 36)
        #expect(outcome.errors.contains("error[LMS402]: 'app/src/pipe' is a fifo, which cannot be an input"))
    }

    @Test func withoutTheSandboxTheSameRuns() async throws {
        let repository = try await repository()
        let outcome = try await program.run("run", "--sandbox", "off", in: repository.path)
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(ran(outcome) == ["app:build", "app:pack", "app:unit", "lib:build"])
        #expect(try await program.run("run", in: repository.path).errors.hasPrefix("nothing to do"))
    }

    @Test func anInterruptEndsChildrenAndLeavesNothingHalf() async throws {
        let slow =
            "service app\n    dir app\n    slow: src/** -> out/x\n        echo half > out/x; echo $$ > pid; exec sleep 60\n"
        let repository = try await repository(slow)
        let program = program
        let folder = repository.path
        let run = Task { try await program.run("run", "--sandbox", "off", in: folder) }
        let pidFile = folder.appending("app/pid").shown
        var pid: pid_t?
        while pid == nil {
            let text = (try? readFile(pidFile)).map { String(decoding: $0, as: UTF8.self) } ?? ""
            if text.hasSuffix("\n") {
                pid = pid_t(text.dropLast())
            } else {
                try await Task.sleep(for: .milliseconds(5))
            }
        }
        run.cancel()
        await #expect(throws: CancellationError.self) { try await run.value }
        let child = try #require(pid)
        #expect(kill(child, 0) == -1, "the recipe's process is still there")
        #expect((try? readFile(folder.appending("app/out/x").shown)) == nil)
        try repository.write("Buildfile", slow.replacing("exec sleep 60", with: "true"))
        let next = try await program.run("run", "--sandbox", "off", in: folder)
        #expect(next.status == 0, "\(next.errors)")
    }

    @Test func whatIsNotBuiltSaysSo() async throws {
        let repository = try await repository()
        for arguments in [["cache"], ["affected", "--since", "env:prod"]] {
            let outcome = try await program.run(arguments, in: repository.path)
            #expect(outcome.status == 2)
            #expect(outcome.errors.contains("is not built yet"))
        }
    }
}
