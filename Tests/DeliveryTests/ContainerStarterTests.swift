import BuildEngine
import BuildTestSupport
import Buildfile
import Delivery
import Testing

/// How images are started, asked of a stand-in; `ImageProviderTests` starts them.
@Suite struct ContainerStarterTests {
    /// Answers as an engine whose containers are `names`; `missing` programs cannot be started.
    private func runner(_ names: [String] = [], missing: Set<String> = []) -> RecordingCommandRunner {
        RecordingCommandRunner(answer: { command in
            let program = command.arguments.first ?? ""
            if missing.contains(program) { throw SpawnError(program: program, errno: 2) }
            let isListing = command.arguments.contains("ps")
            return CommandResult(
                ending: .exited(0), output: isListing ? Array(names.map { $0 + "\n" }.joined().utf8) : [])
        })
    }

    private func starter(_ choice: DriverChoice, _ runner: RecordingCommandRunner) -> ContainerStarter {
        let environment = ["DOCKER_HOST": "unix:///x", "TOKEN": "hunter2", "TMPDIR": "/elsewhere"]
        return ContainerStarter(
            DriverProvider(choice, runner: runner, environment: environment), runner: runner, environment: environment)
    }

    @Test func eachStartHasANameOfItsOwnAndItsRemoval() async throws {
        let starter = starter(.docker, runner())
        let first = try await starter.start(of: "reg/app:t")
        let second = try await starter.start(of: "reg/app:t")
        let name = try #require(first.run.firstIndex(of: "--name").map { first.run[$0 + 1] })
        #expect(first.run.prefix(5) == ["docker", "run", "--rm", "--pull", "never"] && first.run.last == "reg/app:t")
        #expect(first.run.contains("PORT") && first.run.contains("HOST=127.0.0.1"))
        #expect(first.remove == ["docker", "rm", "-f", name])
        #expect(!second.run.contains(name))
        #expect(first.environment["DOCKER_HOST"] == "unix:///x")
        #expect(first.environment["TOKEN"] == nil && first.environment["TMPDIR"] == nil)
    }

    /// Only what belonged to a process that was here and is no more.
    @Test func removesOnceWhatNobodyAnswersFor() async throws {
        let own = try await starter(.podman, runner()).start(of: "x")
        let name = try #require(own.run.firstIndex(of: "--name").map { own.run[$0 + 1] })
        let parts = name.split(separator: "-").map(String.init)
        let gone = "lmsbuild-verify-\(parts[2])-\(parts[3])-1-7"
        let elsewhere = "lmsbuild-verify-0123456789ab-\(parts[3])-1-7"
        let runner = runner([name, gone, elsewhere, "somebody-elses"])
        let starter = starter(.podman, runner)
        _ = try await starter.start(of: "x")
        _ = try await starter.start(of: "x")
        let removed = runner.commands.map(\.arguments).filter { $0.contains("rm") }
        #expect(removed == [["podman", "rm", "-f", "-i", gone]])
    }

    @Test func buildahNeedsPodmanToStartWhatItBuilt() async throws {
        #expect(try await starter(.buildah, runner()).start(of: "x").run.first == "podman")
        await #expect {
            _ = try await starter(.buildah, runner(missing: ["podman"])).start(of: "x")
        } throws: { error in
            guard let failure = error as? ActionFailure else { return false }
            return failure.kind == .unavailable && failure.diagnostic.code == .engineUnavailable
                && failure.diagnostic.hint?.contains("install podman") == true
        }
    }
}
