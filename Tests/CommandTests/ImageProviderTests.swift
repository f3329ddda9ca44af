import BuildEngine
import BuildGraph
import BuildTestSupport
import Foundation
import Glibc
import Testing

/// Providers that are verified as their built images, by real engines. Skipped where buildah, podman or a static busybox are missing,
/// or podman starts no container on this machine.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct ImageProviderTests {
    private struct Engine {
        let folder: TemporaryFolder
        let environment: [String: String]

        /// Nil where podman starts no container here.
        init?() async throws {
            let needed = ["/usr/bin/podman", "/usr/bin/buildah", "/usr/bin/busybox"]
            guard geteuid() == 0, needed.allSatisfy({ access($0, X_OK) == 0 }) else { return nil }
            folder = try TemporaryFolder()
            let root = folder.path.shown
            // Without the right to raise limits, and beside two kinds of cgroups, podman's own choices do not work.
            try folder.write(
                "containers.conf",
                """
                [containers]
                default_ulimits = ["nofile=20000:20000", "nproc=1024:1024"]
                [engine]
                runtime = "runc"
                cgroup_manager = "cgroupfs"
                events_logger = "file"
                tmp_dir = "\(root)/libpod"

                """)
            environment = try folder.imageStore().merging([
                "PATH": getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin", "HOME": root,
                "CONTAINERS_CONF": "\(root)/containers.conf",
            ]) { $1 }
            try folder.write("try/Dockerfile", "FROM scratch\nCOPY busybox /busybox\n")
            try folder.write("try/busybox", bytes: try readFile("/usr/bin/busybox"), mode: 0o755)
            _ = try await output("buildah", "bud", "-t", "localhost/try", "\(root)/try")
            let said = try await output(
                "podman", "run", "--rm", "--network", "host", "localhost/try", "/busybox", "echo", "up")
            guard said.contains("up\n") else {
                print("SKIPPED ImageProviderTests: podman starts no container on this machine: \(said)")
                return nil
            }
        }

        func output(_ arguments: String...) async throws -> String {
            let command = Command(arguments, environment: environment, folder: BytePath("/"))
            return String(decoding: try await ProcessRunner.ofTests.run(command).output, as: UTF8.self)
        }

        var containers: [String] {
            get async throws {
                try await output("podman", "ps", "-a", "--format", "{{.Names}}").split(separator: "\n").map(String.init)
            }
        }
    }

    private static let serving =
        #"echo the shelves of $HOST; exec /busybox httpd -f -p $HOST:$PORT -h /www -c /httpd.conf"#

    private func workspace(_ attributes: String, command: String = serving) async throws -> TestRepository {
        let repository = try await TestRepository()
        try repository.write(
            "Buildfile",
            """
            registry = localhost/lms

            service catalog
                dir catalog
                image:
                \(attributes)
                verify:

            service lending
                dir lending
                consumes catalog by contract.json

            """)
        try repository.write("catalog/httpd.conf", ".json:application/json\n")
        try FileManager.default.copyItem(
            atPath: "/usr/bin/busybox", toPath: "\(repository.path.shown)/catalog/busybox")
        try repository.write("catalog/www/books/1.json", #"{ "id": 1, "title": "Emma" }"#)
        try repository.write(
            "catalog/Dockerfile",
            "FROM scratch\nCOPY busybox /busybox\nCOPY httpd.conf /httpd.conf\nCOPY www /www\n"
                + "CMD [\"/busybox\", \"sh\", \"-c\", \"\(command)\"]\n")
        try repository.write(
            "lending/contract.json",
            """
            {
              "consumer": { "name": "lending" }, "provider": { "name": "catalog" },
              "interactions": [
                { "description": "a book", "request": { "path": "/books/1.json" },
                  "response": { "status": 200, "body": { "id": 1, "title": "Emma" } } },
                { "description": "no book", "request": { "path": "/books/2.json" }, "response": { "status": 404 } }
              ],
              "metadata": { "pactSpecification": { "version": "3.0.0" } }
            }

            """)
        return repository
    }

    private func run(_ repository: TestRepository, _ engine: Engine, _ arguments: String...) async throws
        -> Program.Outcome
    {
        try await Program().run(["run"] + arguments, in: repository.path, environment: engine.environment)
    }

    @Test func theImageIsVerifiedAndEnded() async throws {
        guard let engine = try await Engine() else { return }
        let repository = try await workspace("[pact image health=/books/1.json]")
        let first = try await run(repository, engine)
        #expect(first.status == 0, "\(first.errors)")
        #expect(first.errors.contains("(2 of 2 interactions)"), "\(first.errors)")
        #expect(try await run(repository, engine).errors.contains("nothing to do"))
        #expect(try await engine.containers == [])
        // Another image is another provider, and the verdict is not taken over.
        try repository.write("catalog/www/books/1.json", #"{ "id": 1, "title": "Persuasion" }"#)
        let second = try await run(repository, engine)
        #expect(second.status == 3)
        #expect(second.errors.contains("in 1 of 2 interactions"), "\(second.errors)")
        #expect(second.errors.contains("| the shelves of 127.0.0.1"), "\(second.errors)")
        #expect(try await engine.containers == [])
    }

    @Test func anImageThatEndsShowsWhatItSaid() async throws {
        guard let engine = try await Engine() else { return }
        let repository = try await workspace("[pact image]", command: "echo no shelves at all; exit 7")
        let outcome = try await run(repository, engine)
        #expect(outcome.status == 3)
        #expect(outcome.errors.contains("it ended before it was ready: exit status 7"), "\(outcome.errors)")
        #expect(outcome.errors.contains("| no shelves at all"))
        #expect(try await engine.containers == [])
    }

    /// Starts a run whose provider never gets ready, and waits until its container runs.
    private func hanging(_ repository: TestRepository, _ engine: Engine) async throws -> RunningProgram {
        let running = try RunningProgram(
            [Program().path, "run"], in: repository.path, environment: engine.environment)
        let end = ContinuousClock.now + .seconds(100)
        while try await engine.output("podman", "ps", "-q").isEmpty, ContinuousClock.now < end {
            try await Task.sleep(for: .milliseconds(50))
        }
        return running
    }

    @Test func anInterruptedVerificationLeavesNoContainer() async throws {
        guard let engine = try await Engine() else { return }
        let repository = try await workspace("[pact image wait=90s]", command: "exec /busybox sleep 1000")
        let running = try await hanging(repository, engine)
        #expect(try await engine.containers.count == 1)
        #expect(try await running.end(by: SIGINT) == 130)
        #expect(try await engine.containers == [])
    }

    /// Nobody ends the container of a run that was killed, until the next run looks.
    @Test func theNextRunRemovesWhatAKilledOneLeft() async throws {
        guard let engine = try await Engine() else { return }
        let repository = try await workspace("[pact image wait=90s]", command: "exec /busybox sleep 1000")
        let running = try await hanging(repository, engine)
        let left = try await engine.containers
        #expect(left.count == 1 && left[0].hasPrefix("lmsbuild-verify-"))
        #expect(try await running.end(by: SIGKILL) == 128 + SIGKILL)
        #expect(try await engine.containers == left)
        try repository.write(
            "catalog/Dockerfile",
            "FROM scratch\nCOPY busybox /busybox\nCMD [\"/busybox\", \"sh\", \"-c\", \"exit 1\"]\n")
        #expect(try await run(repository, engine).status == 3)
        #expect(try await engine.containers == [])
    }

    @Test func withoutAnEngineThatStartsItAWayOutIsShown() async throws {
        guard let engine = try await Engine() else { return }
        let tools = engine.folder("tools")
        mkdir(tools.shown, 0o755)
        let programs = ["buildah", "unshare", "git", "curl", "sh", "runc", "newuidmap", "newgidmap", "bwrap"]
        for program in programs {
            for folder in ["/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin"]
            where access("\(folder)/\(program)", X_OK) == 0 {
                symlink("\(folder)/\(program)", "\(tools.shown)/\(program)")
                break
            }
        }
        let repository = try await workspace("[pact image]")
        var environment = engine.environment
        environment["PATH"] = tools.shown
        let outcome = try await Program().run(["run"], in: repository.path, environment: environment)
        #expect(outcome.status == 34, "\(outcome.errors)")
        #expect(outcome.errors.contains("buildah builds images, but cannot start one"), "\(outcome.errors)")
        #expect(outcome.errors.contains("install podman"))
    }

    @Test func mistakesAreShown() async throws {
        let repository = try await TestRepository()
        try repository.write("lending/contract.json", "{}")
        for (rule, words) in [
            ("[pact image]\n    verify:\n        exec ./serve\n", "has a recipe that nobody runs"),
            ("[pact]\n    verify:\n", "[pact image] starts the component's image"),
            ("[pact image]\n    verify:\n", "'[pact image]' stands in 'catalog', which builds no image"),
        ] {
            try repository.write(
                "Buildfile",
                "service catalog\n    \(rule)\nservice lending\n    dir lending\n    consumes catalog by contract.json\n"
            )
            let outcome = try await Program().run("check", in: repository.path)
            #expect(outcome.status == 3)
            #expect(outcome.errors.contains(words), "\(outcome.errors)")
        }
    }
}
