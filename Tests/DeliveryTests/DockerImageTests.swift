import BuildEngine
import BuildGraph
import BuildTestSupport
import Buildfile
import Delivery
import Glibc
import Testing

@Suite(.enabled(if: isInstalled("docker") && isInstalled("dockerd") && geteuid() == 0), .serialized)
struct DockerImageTests {
    private let store = MemoryContentStore()

    @Test(.timeLimit(.minutes(3))) func buildsFindsAndPinsImages() async throws {
        try await DockerEngine.during(swarm: false) { engine in
            try await check(engine)
            await engine.stop()
            try await checkThatItIsGone(engine)
        }
    }

    private func checkThatItIsGone(_ engine: DockerEngine) async throws {
        let runner = ImageActionRunner(
            store: store,
            drivers: DriverProvider(.docker, runner: ProcessRunner.ofTests, environment: engine.environment),
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
            drivers: DriverProvider(.docker, runner: ProcessRunner.ofTests, environment: engine.environment),
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
