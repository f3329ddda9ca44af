import BuildEngine
import BuildGraph
import BuildTestSupport
import Buildfile
import Delivery
import Glibc
import Testing

/// An engine of the test's own: its files in a temporary folder, its socket there too.
private final class DockerEngine: Sendable {
    let folder: TemporaryFolder
    let processes = ProcessRunner()
    let environment: [String: String]

    /// Nil where no engine can be started on this machine.
    init?() async throws {
        folder = try TemporaryFolder()
        let socket = "unix://" + folder("sock").shown
        environment = hostEnvironment().merging(["DOCKER_HOST": socket, "DOCKER_CONFIG": folder("config").shown]) { $1 }
        let root = folder.path.shown
        let start = """
            setsid dockerd --bridge=none --iptables=false --storage-driver=vfs --data-root \(root)/data \
            --exec-root \(root)/exec --pidfile \(root)/pid -H \(socket) >\(root)/log 2>&1 </dev/null &
            for i in $(seq 100); do docker version >/dev/null 2>&1 && exit 0; sleep 0.2; done; exit 1
            """
        let result = try await processes.run(
            Command(["/bin/sh", "-c", start], environment: environment, folder: BytePath("/")))
        if !result.succeeded {
            await stop()
            return nil
        }
    }

    func stop() async {
        let root = folder.path.shown
        let stop = """
            pid=$(cat \(root)/pid 2>/dev/null) && kill "$pid" && while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
            for mount in \(root)/exec/netns/*; do umount "$mount" 2>/dev/null; done; true
            """
        _ = try? await processes.run(
            Command(["/bin/sh", "-c", stop], environment: environment, folder: BytePath("/")))
    }

    func output(_ arguments: String...) async throws -> String {
        String(
            decoding: try await processes.run(
                Command(arguments, environment: environment, folder: BytePath("/"))
            ).output, as: UTF8.self)
    }
}

@Suite(.enabled(if: isInstalled("docker") && isInstalled("dockerd") && geteuid() == 0), .serialized)
struct DockerImageTests {
    private let store = MemoryContentStore()

    @Test(.timeLimit(.minutes(3))) func buildsFindsAndPinsImages() async throws {
        guard let engine = try await DockerEngine() else {
            print("SKIPPED DockerImageTests.buildsFindsAndPinsImages: dockerd does not start on this machine")
            return
        }
        do {
            try await check(engine)
        } catch {
            await engine.stop()
            throw error
        }
        await engine.stop()
        let runner = ImageActionRunner(
            store: store,
            drivers: DriverProvider(.docker, runner: engine.processes, environment: engine.environment),
            staging: engine.folder("staging"))
        let action = await ImageFixture().action(in: store)
        await #expect {
            _ = try await runner.run(action)
        } throws: {
            ($0 as? ActionFailure)?.kind == .unavailable
                && ($0 as? ActionFailure)?.diagnostic.code == .engineUnavailable
        }
    }

    private func check(_ engine: DockerEngine) async throws {
        let runner = ImageActionRunner(
            store: store,
            drivers: DriverProvider(.docker, runner: engine.processes, environment: engine.environment),
            staging: engine.folder("staging"))
        var base = ImageFixture(repository: "localhost:5999/lms/base").with("app/a", "x", .executable)
        base.dockerfile =
            "FROM scratch AS tests\nCOPY gone /\nFROM scratch\nCOPY a /a\nHEALTHCHECK --interval=5s CMD [\"/a\"]\n"
        let action = await base.action(in: store)
        let first = try await runner.run(action)
        let reference = "\(base.repository):\(base.tag)"
        #expect(await runner.isPresent(action, first))
        #expect(try await runner.run(action).log == nil)
        let check = try await engine.output(
            "docker", "image", "inspect", "--format", "{{json .Config.Healthcheck}} {{json .Config.Labels}}", reference)
        #expect(check.contains(#"{"Test":["CMD","/a"],"Interval":5000000000}"#))
        #expect(check.contains(base.tag))
        var child = ImageFixture().with("app/b", "y")
        child.repository = "localhost:5999/lms/child"
        child.dockerfile = "ARG base\nFROM ${base}\nCOPY b /b\n"
        child.arguments = ["base": reference]
        child.imageArguments = ["base"]
        #expect(try await runner.run(await child.action(in: store)).imageDigest != first.imageDigest)
    }
}
