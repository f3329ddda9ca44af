import BuildEngine
import BuildGraph
import BuildTestSupport
import Buildfile
import Glibc
import Testing

@testable import lmsbuild

/// `lmsbuild run --watch` as a user meets it. Every test waits for the program's own lines, never for time to pass.
@Suite struct WatchTests {
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
                cat src/main ../lib/out/lib.a > out/app
            unit: tests/**
                ! grep -q wrong tests/t

        """

    private func repository(_ buildfile: String = buildfile, ignoring rules: String = "out/\n*.log\n") async throws
        -> TestRepository
    {
        let repository = try await TestRepository()
        try repository.write("Buildfile", buildfile)
        try repository.write(".gitignore", rules)
        try repository.write("lib/a.c", "int a;\n")
        try repository.write("app/src/main", "main\n")
        try repository.write("app/tests/t", "test\n")
        try await repository.commitAll()
        return repository
    }

    private func start(_ arguments: String..., in folder: BytePath) throws -> RunningProgram {
        try program.start(["run", "--watch"] + arguments, in: folder)
    }

    /// The labels that ran.
    private func ran(_ text: String) -> [String] {
        text.split(separator: "\n").filter { $0.hasPrefix("ok ") }
            .map { String($0.dropFirst(8).prefix { $0 != " " }) }.sorted()
    }

    /// The next re-run, up to where it waits again.
    private func rerun(_ running: RunningProgram, after path: String) async throws -> String {
        let said = try await running.expect("changed: '\(path)'")
        #expect(said == "changed: '\(path)'")
        return try await running.expect("Ctrl-C ends it\n")
    }

    private func text(_ path: BytePath) throws -> String { String(decoding: try readFile(path.shown), as: UTF8.self) }

    @Test func runsOnceAndThenWhatASaveAffects() async throws {
        let repository = try await repository()
        let running = try start(in: repository.path)
        let first = try await running.expect("watching 5 folders; Ctrl-C ends it\n")
        #expect(ran(first) == ["app:build", "app:unit", "lib:build"])

        try repository.write("app/tests/t", "another\n")
        #expect(ran(try await rerun(running, after: "app/tests/t")) == ["app:unit"])

        // As editors save: beside it, and renamed over it.
        try repository.write("app/src/.main.tmp", "edited\n")
        let main = repository.path.appending("app/src/main")
        _ = repository.path.appending("app/src/.main.tmp").withCString { old in
            main.withCString { rename(old, $0) }
        }
        try await running.expect("changed: 'app/src/main'")
        #expect(ran(try await running.expect("Ctrl-C ends it\n")) == ["app:build"])
        #expect(try text(repository.path.appending("app/out/app")).hasPrefix("edited\n"))

        // What git ignores says nothing; a save without a change has nothing to run.
        try repository.write("app/src/x.log", "noise\n")
        try repository.write("app/out/app", "by hand\n")
        try repository.write("lib/a.c", "int a;\n")
        let idle = try await rerun(running, after: "lib/a.c")
        #expect(idle.contains("nothing to do: 3 targets up to date"))
        #expect(ran(idle) == [])
        #expect(try text(repository.path.appending("app/out/app")).hasPrefix("edited\n"))

        #expect(try await running.end() == 128 + SIGINT)
    }

    @Test func aFailureOrAMistakeWaitsToBeMended() async throws {
        let repository = try await repository()
        try repository.write("app/tests/t", "wrong\n")
        let running = try start("app:unit", in: repository.path)
        #expect(try await running.expect("Ctrl-C ends it\n").contains("FAILED  app:unit  exit 1"))
        try repository.write("app/tests/t", "right\n")
        #expect(ran(try await rerun(running, after: "app/tests/t")) == ["app:unit"])

        try repository.write("Buildfile", Self.buildfile + "servce x\n")
        #expect(try await rerun(running, after: "Buildfile").contains("error[LMS004]: unknown directive 'servce'"))
        try repository.write("app/tests/t", "still broken\n")
        #expect(try await rerun(running, after: "app/tests/t").contains("LMS004"))
        try repository.write("Buildfile", Self.buildfile)
        #expect(ran(try await rerun(running, after: "Buildfile")) == ["app:unit"])

        _ = repository.path.appending("Buildfile").withCString { unlink($0) }
        #expect(try await rerun(running, after: "Buildfile").contains("LMS302"))
        try repository.write("Buildfile", Self.buildfile)
        #expect(try await rerun(running, after: "Buildfile").contains("nothing to do"))
        #expect(try await running.end(by: SIGTERM) == 128 + SIGTERM)
    }

    @Test func aBrokenBuildfileAtTheStartIsWaitedFor() async throws {
        let repository = try await repository(Self.buildfile + "servce x\n")
        let running = try start(in: repository.path)
        #expect(try await running.expect("Ctrl-C ends it\n").contains("LMS004"))
        try repository.write("Buildfile", Self.buildfile)
        #expect(ran(try await rerun(running, after: "Buildfile")).count == 3)
        #expect(try await running.end() == 128 + SIGINT)
    }

    @Test func anotherBranchIsFollowedWithItsFolders() async throws {
        let repository = try await repository()
        try await repository.git(["checkout", "--quiet", "-b", "other"])
        try repository.write("extra/src/deep/x", "on the other branch\n")
        try repository.write(
            "Buildfile", Self.buildfile + "service extra\n    dir extra\n    look: src/**\n        cat src/deep/x\n")
        try await repository.commitAll()
        try await repository.git(["checkout", "--quiet", "main"])
        let running = try start(in: repository.path)
        try await running.expect("watching 5 folders; Ctrl-C ends it\n")
        try await repository.git(["checkout", "--quiet", "other"])
        try await running.expect("ok      extra:look")
        try await running.expect("watching 8 folders; Ctrl-C ends it\n")
        try repository.write("extra/src/deep/x", "edited\n")
        try await running.expect("ok      extra:look")
        try await running.expect("watching 8 folders; Ctrl-C ends it\n")
        try await repository.git(["checkout", "--quiet", "--force", "main"])
        try await running.expect("watching 5 folders; Ctrl-C ends it\n")
        #expect(try await running.end() == 128 + SIGINT)
    }

    /// In the folder that a branch does not have, and after it came back.
    @Test func theFolderItWasStartedInMayGoAndComeBack() async throws {
        let repository = try await repository()
        try await repository.git(["checkout", "--quiet", "-b", "without"])
        try await repository.git(["rm", "-r", "--quiet", "app/tests"])
        try repository.write("Buildfile", "service app\n    dir app\n    build: src/**\n        true\n")
        try await repository.commitAll()
        try await repository.git(["checkout", "--quiet", "main"])
        let running = try program.start(["-C", "app/tests", "run", "--watch"], in: repository.path)
        try await running.expect("watching 5 folders; Ctrl-C ends it\n")
        try await repository.git(["checkout", "--quiet", "without"])
        try await running.expect("cannot enter")
        try await running.expect("watching ")
        try await repository.git(["checkout", "--quiet", "main"])
        try await running.expect("nothing to do: 3 targets up to date")
        try await running.expect("watching 5 folders; Ctrl-C ends it\n")
        #expect(try await running.end() == 128 + SIGINT)
    }

    @Test func ignoreRulesMayChange() async throws {
        let repository = try await repository(ignoring: "out/\nextra/\n")
        try repository.write("app/src/extra/x", "1\n")
        let running = try start(in: repository.path)
        try await running.expect("watching 5 folders; Ctrl-C ends it\n")
        try repository.write(".gitignore", "out/\n")
        #expect(try await rerun(running, after: ".gitignore").contains("watching 6 folders"))
        try repository.write("app/src/extra/x", "2\n")
        #expect(ran(try await rerun(running, after: "app/src/extra/x")) == ["app:build"])
        try repository.write(".git/info/exclude", "extra/\n")
        #expect(try await rerun(running, after: ".git/info/exclude").contains("watching 5 folders"))
        try repository.write("app/src/extra/x", "3\n")
        try repository.write("lib/a.c", "int b;\n")
        #expect(ran(try await rerun(running, after: "lib/a.c")) == ["app:build", "app:unit", "lib:build"])
        #expect(try await running.end() == 128 + SIGINT)
    }

    /// Outputs that git does not ignore, written by the recipes themselves.
    @Test func whatRunsWriteIsNoReasonToRun() async throws {
        let repository = try await repository(ignoring: "nothing\n")
        for sandbox in ["off", "auto"] {
            let running = try start("--sandbox", sandbox, "-B", in: repository.path)
            let first = try await running.expect("Ctrl-C ends it\n")
            #expect(ran(first) == ["app:build", "app:unit", "lib:build"])
            #expect(!first.contains("changed:"))
            try repository.write("lib/a.c", "int \(sandbox);\n")
            #expect(ran(try await rerun(running, after: "lib/a.c")) == ["app:build", "app:unit", "lib:build"])
            try repository.write("app/tests/t", "\(sandbox)\n")
            #expect(ran(try await rerun(running, after: "app/tests/t")) == ["app:build", "app:unit", "lib:build"])
            #expect(try await running.end() == 128 + SIGINT)
        }
    }

    @Test func aRecipeThatEditsItsInputHoldsNothingElseUp() async throws {
        let repository = try await repository(
            """
            service app
                dir app
                build: src/**
                    date +%N >> src/main
                unit: tests/**
                    true

            """)
        let running = try start("--sandbox", "off", in: repository.path)
        try await running.expect("'app/src/main' changed during each of the last 3 runs")
        try await running.expect("Ctrl-C ends it\n")
        try repository.write("app/tests/t", "a save\n")
        try await running.expect("changed: 'app/src/main' and 1 more")
        try await running.expect("ok      app:unit")
        #expect(try await running.end() >= 128)
    }

    @Test func whatItSaysIntoAFileIsNoReasonToRun() async throws {
        let repository = try await repository(ignoring: "out/\n")
        let log = repository.path.appending("log")
        let running = try program.start(
            ["run", "--watch"], in: repository.path, before: ["/bin/sh", "-c", "exec \"$@\" 2> log", "sh"])
        func expect(_ words: String) async throws {
            while (try? text(log))?.contains(words) != true { try await Task.sleep(for: .milliseconds(5)) }
        }
        try await expect("Ctrl-C ends it\n")
        try repository.write("app/tests/t", "a save\n")
        try await expect("changed: 'app/tests/t'\n")
        #expect(try !text(log).contains("changed: 'log'"))
        #expect(try await running.end() == 128 + SIGINT)
    }

    /// As `tee` does with what we say.
    @Test func aFileThatAnswersEachRunIsSlowedDown() async throws {
        let repository = try await repository(ignoring: "out/\n")
        let running = try start(in: repository.path)
        try await running.expect("Ctrl-C ends it\n")
        while !running.text.contains("'log' changed after each of the last 3 runs") {
            try repository.write("log", running.text)
            _ = try await rerun(running, after: "log")
        }
        try repository.write("log", running.text)
        try repository.write("app/tests/t", "a save is heard at once\n")
        try await running.expect("changed: 'log' and 1 more")
        try await running.expect("ok      app:unit")
        #expect(try await running.end() == 128 + SIGINT)
    }

    @Test func linkedWorkingTreesAndFoldersWithoutGitAreWatched() async throws {
        let repository = try await repository()
        try await repository.git(["worktree", "add", "--quiet", "-b", "linked", "../linked"])
        let linked = repository.folder("linked")
        let running = try start(in: linked)
        try await running.expect("watching 5 folders; Ctrl-C ends it\n")
        try repository.folder.write("linked/app/tests/t", "linked\n")
        #expect(ran(try await rerun(running, after: "app/tests/t")) == ["app:unit"])
        // What happens in the other working tree is not heard; another branch here is.
        try repository.write("app/tests/t", "main\n")
        try await repository.git(["checkout", "--quiet", "-b", "third"], in: linked)
        let said = try await running.expect("Ctrl-C ends it\n")
        #expect(said.contains(".git/worktrees/linked/"))
        #expect(said.contains("nothing to do"))
        #expect(try await running.end() == 128 + SIGINT)

        let plain = try TemporaryFolder()
        try plain.write("Buildfile", Self.buildfile)
        for path in ["lib/a.c", "app/src/main", "app/tests/t"] { try plain.write(path, "x\n") }
        let second = try start(in: plain.path)
        #expect(ran(try await second.expect("Ctrl-C ends it\n")).count == 3)
        try plain.write("app/tests/t", "2\n")
        #expect(ran(try await rerun(second, after: "app/tests/t")) == ["app:unit"])
        #expect(try await second.end() == 128 + SIGINT)
    }

    @Test func aGivenBuildfileElsewhereIsWatched() async throws {
        let repository = try await repository()
        try repository.folder.write("given", Self.buildfile)
        let running = try program.start(["-f", "../given", "run", "--watch"], in: repository.path)
        try await running.expect("Ctrl-C ends it\n")
        try repository.folder.write("given", Self.buildfile.replacing("! grep", with: "true; ! grep"))
        try await running.expect("changed: ")
        #expect(ran(try await running.expect("Ctrl-C ends it\n")) == ["app:unit"])
        #expect(try await running.end() == 128 + SIGINT)
    }

    @Test func anInterruptEndsARunAsWithoutWatching() async throws {
        let repository = try await repository(
            "service app\n    dir app\n    slow: src/**\n        echo $$ > pid; exec sleep 300\n")
        let running = try start("--sandbox", "off", in: repository.path)
        let file = repository.path.appending("app/pid")
        var child: pid_t?
        while child == nil {
            child = (try? text(file)).flatMap { $0.hasSuffix("\n") ? pid_t($0.dropLast()) : nil }
            try await Task.sleep(for: .milliseconds(5))
        }
        #expect(try await running.end() == 128 + SIGINT)
        #expect(running.text.contains("interrupted by signal 2: stopping 1 running"))
        #expect(running.text.hasSuffix("lmsbuild: exit 130: ended by signal 2\n"))
        #expect(kill(try #require(child), 0) == -1, "the recipe's process is still there")
    }

    @Test func otherRunsMayHaveTheWorkspaceMeanwhile() async throws {
        let repository = try await repository()
        let running = try start("-q", in: repository.path)
        while !repository.folder.files.contains("repository/app/out/app") {
            try await Task.sleep(for: .milliseconds(5))
        }
        let other = try await program.run("run", in: repository.path)
        #expect(other.status == 0)
        #expect(try await running.end() == 128 + SIGINT)
        #expect(running.text == "")
    }

    @Test func aDryRunIsNotWatched() async throws {
        let repository = try await repository()
        let outcome = try await program.run("run", "-n", "--watch", in: repository.path)
        #expect(outcome.status == 2)
        #expect(outcome.errors.contains("error[LMS301]: '-n' and '--watch' exclude one another"))
        #expect(try await program.run("run", "--watch", "-j", "0", in: repository.path).status == 2)
        let nothing = try TemporaryFolder()
        #expect(try await program.run("run", "--watch", in: nothing.path).status == 2)
    }

    @Test func whatChangesWithEachRunIsTold() {
        func paths(_ names: String...) -> [BytePath] { names.map { BytePath($0) } }
        var repeated = RepeatedChanges()
        for changed in [paths("a", "b"), paths("b", "c"), paths("a"), paths(), paths("a"), paths("a", "x")] {
            repeated.take(changed)
            #expect(repeated.lasting.isEmpty)
        }
        repeated.take(paths("x", "a"))
        #expect(repeated.lasting == paths("a"))
        #expect(repeated.notice("during")?.message.contains("'a' changed during each of the last 3 runs") == true)
        repeated.take(paths("a"))
        #expect(repeated.lasting == paths("a"))
        #expect(repeated.notice("during") == nil)
        repeated.take([])
        #expect(repeated.lasting.isEmpty)
    }
}
