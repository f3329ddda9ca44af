import BuildEngine
import BuildGraph
import BuildTestSupport
import Glibc
import Testing

/// `lmsbuild watch --background` as a user meets it: runs that ask it are as right as runs that look at everything.
@Suite struct BackgroundWatchTests {
    private let program = Program()

    /// A repository with a watcher, which ends with it.
    private final class Watched: Sendable {
        let repository: TestRepository
        let path: BytePath
        private let program = Program()

        /// In the folder `below` the repository's top.
        init(below: String = "") async throws {
            repository = try await TestRepository()
            path = repository.path.appending(below)
            try write("Buildfile", "service app\n    dir app\n    build: src/**\n        cat src/main > /dev/null\n")
            try write(".gitignore", "*.log\n.lmsbuild/\n")
            try write("app/src/main", "main\n")
            try write("app/src/deep/other", "other\n")
            try await repository.commitAll()
        }

        deinit { if let process { kill(process, SIGKILL) } }

        func write(_ name: String, _ text: String) throws {
            try createFile(path.appending(name), bytes: Array(text.utf8))
        }

        /// Who holds the lock, as its file says.
        var process: pid_t? { WatchLock.holder(WatchPlace(in: path.appending(".lmsbuild"))) }

        /// A base, a watcher, and a look that both know of.
        func start() async throws {
            _ = try await program.run(["run", "--sandbox", "off"], in: path)
            let started = try await program.run(["watch", "--background"], in: path)
            try #require(started.status == 0, "\(started.errors)")
            #expect(started.errors.hasPrefix("watching "), "\(started.errors)")
            try await settle()
        }

        /// Runs until the watcher is asked with success: what was just written is not believed at once.
        func settle() async throws {
            for _ in 0..<200 {
                if try await look().hasPrefix("looked at ") { return }
                usleep(10_000)
            }
            Issue.record("the watcher is never believed: \(try await look())")
        }

        /// What a run with nothing to do says of its look.
        func look() async throws -> String {
            let lines = try await program.run(["run", "-n", "-v"], in: path).errors.split(separator: "\n")
            return lines.first { $0.contains("looked at") }.map(String.init) ?? ""
        }

        /// The answers with and without the watcher, which must be the same; gives what the former said of its look.
        @discardableResult
        func compare(_ what: String) async throws -> String {
            let look = try await look()
            let fast = try await program.run(["hash", "--format", "json", "--inputs"], in: path)
            let slow = try await program.run(
                ["hash", "--format", "json", "--inputs"], in: path, environment: ["LMSBUILD_SLOW": "watch"])
            #expect(fast.status == slow.status, "\(what)")
            #expect(fast.output == slow.output, "\(what)")
            #expect(fast.errors == slow.errors, "\(what)")
            return look
        }
    }

    @Test func startsOnceAnswersAndEnds() async throws {
        let watched = try await Watched()
        try await watched.start()
        let process = try #require(watched.process)
        let again = try await program.run("watch", "--background", in: watched.path)
        #expect(again.status == 0)
        #expect(again.errors == "process \(process) watches this workspace already\n")
        let foreground = try await program.run("watch", in: watched.path)
        #expect(foreground.errors == again.errors)
        #expect(try await program.run("watch", "--status", in: watched.path).output == "watching 4 folders\n")

        #expect(try await watched.compare("nothing").hasSuffix("files and folders: the watcher knows of no others"))
        try watched.write("app/src/main", "edited\n")
        #expect(try await watched.compare("an edit").hasPrefix("looked at "))
        let run = try await program.run("run", "--sandbox", "off", in: watched.path)
        #expect(run.errors.contains("ran 1, cached 0"))

        #expect(try await program.run("watch", "--stop", in: watched.path).errors == "the watcher has ended\n")
        #expect(watched.process == nil)
        #expect(try await program.run("watch", "--stop", in: watched.path).errors == "nobody watches\n")
        #expect(try await program.run("watch", "--status", in: watched.path).output == "nobody watches\n")
        #expect(try await watched.compare("nobody watches") == "")
    }

    @Test func outputsThatCameInManyFoldersAreNoDoubt() async throws {
        let watched = try await Watched()
        let count = 150
        let rules = (0..<count).map {
            "service s\($0)\n    dir many/\($0)\n    build: src -> made/out\n        echo > made/out\n"
        }
        try watched.write("Buildfile", rules.joined())
        for number in 0..<count { try watched.write("many/\(number)/src", "\(number)\n") }
        try watched.write(".gitignore", "made\n.lmsbuild/\n")
        try await watched.start()
        let run = try await program.run("run", "--sandbox", "off", in: watched.path)
        #expect(run.errors.hasPrefix("nothing to do: \(count) targets up to date"), "\(run.errors)")
        #expect(try await watched.compare("nothing").hasSuffix("files and folders: the watcher knows of no others"))
    }

    @Test func twoAtOnceAreOne() async throws {
        let watched = try await Watched()
        async let first = program.run("watch", "--background", in: watched.path)
        async let second = program.run("watch", "--background", in: watched.path)
        let said = try await [first, second]
        #expect(said.map(\.status) == [0, 0])
        #expect(said.count { $0.errors.contains("already") } <= 1)
        let process = try #require(watched.process)
        #expect(kill(process, 0) == 0)
    }

    @Test func aKilledWatcherLeavesNothingInTheWay() async throws {
        let watched = try await Watched()
        try await watched.start()
        let process = try #require(watched.process)
        kill(process, SIGKILL)
        while watched.process != nil { usleep(1000) }
        try watched.write("app/src/main", "after it was killed\n")
        #expect(try await watched.compare("killed") == "")
        try await watched.start()
        #expect(watched.process != process)
        try watched.write("app/src/main", "and again\n")
        #expect(try await watched.compare("started again").hasPrefix("looked at "))
    }

    @Test func aWatcherThatHangsHoldsNobodyUp() async throws {
        let watched = try await Watched()
        try await watched.start()
        let process = try #require(watched.process)
        kill(process, SIGSTOP)
        try watched.write("app/src/main", "while it hangs\n")
        #expect(try await watched.compare("hangs").contains("did not answer in time"))
        #expect(try await program.run("watch", "--stop", in: watched.path).errors == "the watcher has ended\n")
        #expect(watched.process == nil)
    }

    /// It sleeps while the kernel's queue of events runs over.
    @Test func lostEventsAreADoubt() async throws {
        let watched = try await Watched()
        try await watched.start()
        let process = try #require(watched.process)
        kill(process, SIGSTOP)
        let limit = String(decoding: try readFile("/proc/sys/fs/inotify/max_queued_events"), as: UTF8.self)
        let count = Int(limit.split(separator: "\n").first ?? "") ?? 16384
        let path = watched.path.appending("app/src/x.log")
        for _ in 0...count / 2 {
            try createFile(path, bytes: [])
            _ = path.withCString { unlink($0) }
        }
        try watched.write("app/src/main", "unheard\n")
        kill(process, SIGCONT)
        #expect(try await watched.compare("overflow").hasPrefix("everything was looked at"))
        try await watched.settle()
        try watched.write("app/src/main", "heard\n")
        #expect(try await watched.compare("after that").hasPrefix("looked at "))
    }

    @Test func theRulesAndGitMayChange() async throws {
        let watched = try await Watched()
        let repository = watched.repository
        try await watched.start()
        try watched.write("app/src/new.txt", "new\n")
        try await watched.compare("a file came")
        try watched.write(".gitignore", "*.log\n.lmsbuild/\n*.txt\n")
        try await watched.compare("it is ignored")
        try await repository.git(["add", "-f", "app/src/new.txt"])
        try await watched.compare("it is tracked although it is ignored")
        try watched.write("app/src/new.txt", "newer\n")
        try await watched.compare("it changed")
        try watched.write("app/src/deep/.gitignore", "other\n")
        try await watched.compare("further rules")
        try await repository.commitAll()
        try await repository.git(["checkout", "--quiet", "-b", "branch"])
        try watched.write("Buildfile", "service app\n    dir app\n    look: src/**\n        true\n")
        try watched.write("app/src/more/x", "x\n")
        try await repository.git(["rm", "--quiet", "app/src/main"])
        try await repository.commitAll()
        try await watched.compare("another branch")
        try await repository.git(["checkout", "--quiet", "main"])
        try await watched.compare("the branch before")
        try await watched.settle()
        try await repository.git(["config", "core.excludesFile", watched.repository.folder("excludes").shown])
        try watched.repository.folder.write("excludes", "main\n")
        try await watched.compare("the user's excludes")
        try await repository.git(["rm", "-r", "--quiet", "--cached", "app/src/deep"])
        try await watched.compare("less is tracked")
    }

    @Test func anotherProcessMayWriteANewBase() async throws {
        let watched = try await Watched()
        try await watched.start()
        for step in 0..<6 {
            try watched.write(
                "Buildfile", "service app\n    dir app\n    build: src/**\n        echo \(step) > /dev/null\n")
            try watched.write("app/f\(step)/x", "x\n")
            _ = try await program.run(
                ["run", "--sandbox", "off"], in: watched.path, environment: ["LMSBUILD_SLOW": "watch"])
            try watched.write("app/src/main", "edit \(step)\n")
            try await watched.compare("base \(step)")
            try watched.write("app/f\(step)/x", "edit \(step)\n")
            try await watched.compare("base \(step), in a folder that came")
        }
        try await watched.settle()
        _ = watched.path.appending(".lmsbuild/workspace").withCString { unlink($0) }
        try await watched.compare("no base")
        try watched.write("app/src/main", "after that\n")
        try await watched.compare("a base again")
    }

    @Test func aFolderThatOthersMayEnterIsNotTrusted() async throws {
        let watched = try await Watched()
        try await watched.start()
        let folder = watched.path.appending(".lmsbuild/watch")
        _ = folder.withCString { chmod($0, 0o755) }
        #expect(try await watched.compare("open to others").contains("open to others"))
        _ = folder.withCString { chmod($0, 0o700) }
        #expect(try await watched.compare("private").hasPrefix("looked at "))
        if geteuid() == 0 {
            _ = folder.withCString { chown($0, 65534, 65534) }
            #expect(try await watched.compare("another user's").contains("another user's"))
            _ = folder.withCString { chown($0, 0, 0) }
        }
    }

    /// As root alone: somebody else listens where the watcher did.
    @Test(.enabled(if: geteuid() == 0 && access("/usr/bin/python3", X_OK) == 0))
    func whatAnotherUserSaysIsNotHeard() async throws {
        let watched = try await Watched()
        try await watched.start()
        #expect(try await program.run("watch", "--stop", in: watched.path).status == 0)
        let socket = watched.path.appending(".lmsbuild/watch/socket").shown
        // Bound by root, for the folder is private; listened at by another, whose answer would be that nothing changed.
        let script = """
            import os, socket, sys
            s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1])
            os.setgid(65534); os.setuid(65534); s.listen(8)
            print("listens", file=sys.stderr, flush=True)
            c, _ = s.accept(); print("asked" if c.recv(9) else "left", file=sys.stderr, flush=True)
            """
        let other = try RunningProgram(
            ["/usr/bin/python3", "-c", script, socket], in: watched.path, environment: ["PATH": "/usr/bin:/bin"])
        try await other.expect("listens\n")
        try watched.write("app/src/main", "unseen by the other\n")
        let look = try await watched.look()
        #expect(look.contains("another user's"))
        try await other.expect("left\n")
        _ = try await other.end(by: SIGKILL)
    }

    @Test func endsWhenNobodyAsks() async throws {
        let watched = try await Watched()
        #expect(try await program.run("watch", "--background", "--idle", "1s", in: watched.path).status == 0)
        while watched.process != nil { usleep(10_000) }
        let log = try readFile(watched.path.appending(".lmsbuild/watch/log").shown)
        #expect(String(decoding: log, as: UTF8.self).contains("nobody asked and nothing changed: ended"))
        #expect(try await watched.compare("it has ended") == "")
    }

    @Test func endsWithTheWorkspace() async throws {
        let watched = try await Watched()
        try await watched.start()
        _ = watched.path.withCString { old in
            watched.repository.folder("renamed").withCString { rename(old, $0) }
        }
        let place = WatchPlace(in: watched.repository.folder("renamed/.lmsbuild"))
        while WatchLock.holder(place) != nil { usleep(1000) }
    }

    @Test func aDeepWorkspaceHasASocketAsWell() async throws {
        let deep = (0..<12).map { _ in "a-folder-of-many" }.joined(separator: "/")
        let watched = try await Watched(below: deep)
        try await watched.start()
        try watched.write("app/src/main", "deep\n")
        #expect(try await watched.compare("deep").hasPrefix("looked at "))
    }

    @Test func isNotAskedInCIAndRefusesNonsense() async throws {
        let watched = try await Watched()
        try await watched.start()
        let inCI = try await program.run(["run", "-n", "-v"], in: watched.path, environment: ["CI": "true"])
        #expect(!inCI.errors.contains("looked at"))
        for words in [["--idle", "soon"], ["--idle", "0s"], ["--stop", "--status"], ["--background", "--stop"]] {
            let outcome = try await program.run(["watch"] + words, in: watched.path)
            #expect(outcome.status == 2)
            #expect(outcome.errors.contains("LMS301"))
        }
    }

    private static var seeds: [UInt64] {
        let seed = getenv("LMSBUILD_TEST_SEED").flatMap { UInt64(String(cString: $0)) } ?? 1
        return (0..<2).map { seed &* 1000 &+ 700 &+ $0 }
    }

    @Test(arguments: Self.seeds)
    func aRandomHistoryIsFollowed(seed: UInt64) async throws {
        let repository = try await TestRepository()
        var history = try RandomMonorepo(repository, seed: seed)
        try await repository.commitAll()
        _ = try await program.run("hash", in: repository.path)
        let started = try await program.run("watch", "--background", in: repository.path)
        #expect(started.status == 0)
        var generator = SeededGenerator(seed: seed)
        var few = 0
        for step in 0..<20 {
            let change = (try? history.change()) ?? "nothing"
            if Int.random(in: 0..<6, using: &generator) == 0 { try await repository.commitAll(change) }
            let questions = [["hash", "--format", "json", "--inputs"], ["run", "-n", "-v"]]
            for question in questions {
                let fast = try await program.run(question, in: repository.path)
                let slow = try await program.run(
                    question, in: repository.path, environment: ["LMSBUILD_SLOW": "watch"])
                if fast.errors.contains("\nlooked at ") || fast.errors.hasPrefix("looked at ") { few += 1 }
                #expect(fast.status == slow.status, "seed \(seed), step \(step): \(change): \(fast.errors)")
                #expect(fast.output == slow.output, "seed \(seed), step \(step): \(change)")
            }
        }
        #expect(few > 3, "seed \(seed): the watcher was of use in \(few) of 20 steps")
        #expect(try await program.run("watch", "--stop", in: repository.path).status == 0)
    }
}
