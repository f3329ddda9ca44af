import BuildEngine
import BuildGraph
import BuildTestSupport
import Buildfile
import Delivery
import Testing

private func request(_ arguments: [String: String] = [:], platforms: [String] = []) -> ImageRequest {
    ImageRequest(
        repository: "reg/app", tag: "t", context: BytePath("app"),
        dockerfile: ActionInput(path: BytePath("app/Dockerfile"), kind: .file, digest: Digest.of([])),
        targetStage: "final", arguments: arguments, imageArguments: [], platforms: platforms)
}

private func ok(_ text: String = "") -> CommandResult {
    CommandResult(ending: .exited(0), output: Array(text.utf8))
}

private func failed(_ text: String, _ code: Int32 = 1) -> CommandResult {
    CommandResult(ending: .exited(code), output: Array(text.utf8), errors: Array(text.utf8))
}

private let context = BytePath("/s/context")
private let dockerfile = BytePath("/s/Dockerfile")

@Suite struct BuildahDriverTests {
    private func engine(_ build: CommandResult = ok()) -> RecordingCommandRunner {
        RecordingCommandRunner(answer: { command in
            guard command.arguments.contains("inspect") else { return build }
            let isPodman = command.arguments.first == "podman"
            return ok(isPodman ? #"[{"Digest":"sha256:d"}]"# : #"{"FromImageDigest":"sha256:d"}"#)
        })
    }

    @Test func fixesEveryFlagThatChangesTheDigest() async throws {
        let runner = engine()
        let driver = BuildahDriver(runner: runner, environment: ["PATH": "/bin", "SHELL": "x"], isRoot: true)
        let built = try await driver.build(
            request(["b": "2", "a": "1"], platforms: ["linux/amd64"]), context: context, dockerfile: dockerfile,
            options: ImageBuildOptions())
        #expect(built.digest == "sha256:d")
        let words = runner.commands.first?.arguments.joined(separator: " ")
        #expect(
            words
                == "unshare --net -- buildah bud --isolation chroot --format oci --timestamp 0 --no-cache"
                + " --layers=false --pull=false --http-proxy=false --ignorefile /s/Dockerfile.dockerignore"
                + " --build-arg a=1 --build-arg b=2 --annotation io.lmsbuild.input-hash=t"
                + " --label io.lmsbuild.input-hash=t --target final --platform linux/amd64 --iidfile /s/iid"
                + " -t reg/app:t -f /s/Dockerfile /s/context")
        #expect(runner.commands.first?.environment == ["PATH": "/bin", "LC_ALL": "C.UTF-8"])
    }

    @Test func letsRunReachTheNetworkOnlyWhereAllowed() async throws {
        let runner = engine()
        var options = ImageBuildOptions()
        options.network = true
        options.timeout = .seconds(3)
        _ = try await BuildahDriver(runner: runner, environment: [:], isRoot: true).build(
            request(), context: context, dockerfile: dockerfile, options: options)
        #expect(runner.commands.first?.arguments.prefix(4) == ["buildah", "bud", "--isolation", "chroot"])
        #expect(runner.commands.first?.timeout == .seconds(3))
        let rootless = engine()
        _ = try await BuildahDriver(runner: rootless, environment: [:], program: "podman", isRoot: false).build(
            request(), context: context, dockerfile: dockerfile, options: ImageBuildOptions())
        #expect(
            rootless.commands.first?.arguments.prefix(6)
                == ["podman", "build", "--isolation", "rootless", "--network", "none"])
    }

    @Test func fetchesBasesBeforeTheBuild() async throws {
        let runner = RecordingCommandRunner(answer: { command in
            if command.arguments.last == "alpine:3", command.arguments.contains("inspect") {
                return failed("Error: alpine:3: image not known", 125)
            }
            return ok(#"{"FromImageDigest":"sha256:d"}"#)
        })
        var options = ImageBuildOptions()
        options.baseImages = ["alpine:3"]
        _ = try await BuildahDriver(runner: runner, environment: [:], isRoot: true).build(
            request(), context: context, dockerfile: dockerfile, options: options)
        #expect(runner.commands[1].arguments == ["buildah", "pull", "alpine:3"])
    }

    @Test(arguments: [
        ("manifest unknown", ActionFailure.Kind.failed), ("dial tcp: i/o timeout", ActionFailure.Kind.unavailable),
    ]) func tellsAWrongBaseFromADeadRegistry(_ output: String, _ kind: ActionFailure.Kind) async throws {
        let runner = RecordingCommandRunner(answer: { command in
            command.arguments.contains("pull") ? failed(output) : failed("image not known")
        })
        var options = ImageBuildOptions()
        options.baseImages = ["alpine:3"]
        let driver = BuildahDriver(runner: runner, environment: [:], isRoot: true)
        await #expect {
            _ = try await driver.build(request(), context: context, dockerfile: dockerfile, options: options)
        } throws: {
            ($0 as? ActionFailure)?.kind == kind
        }
    }

    @Test func reportsAFailedBuildWithItsOutput() async throws {
        let driver = BuildahDriver(runner: engine(failed("STEP 2\nError: boom\n", 7)), environment: [:], isRoot: true)
        await #expect {
            _ = try await driver.build(
                request(), context: context, dockerfile: dockerfile, options: ImageBuildOptions())
        } throws: { error in
            guard let failure = error as? ActionFailure else { return false }
            return failure.kind == .failed && failure.exitCode == 7 && failure.diagnostic.code == .actionFailed
                && failure.diagnostic.message == "buildah could not build 'reg/app' (exit status 7): Error: boom"
                && String(decoding: failure.output, as: UTF8.self).contains("STEP 2")
        }
    }

    @Test func reportsATimeout() async throws {
        let driver = BuildahDriver(
            runner: engine(CommandResult(ending: .timedOut, output: [])), environment: [:], isRoot: true)
        await #expect {
            _ = try await driver.build(
                request(), context: context, dockerfile: dockerfile, options: ImageBuildOptions())
        } throws: {
            ($0 as? ActionFailure)?.kind == .timeout
        }
    }

    @Test func tellsNoImageFromNoAnswer() async throws {
        let missing = BuildahDriver(
            runner: RecordingCommandRunner(answer: { _ in failed("Error: x: image not known", 125) }), environment: [:])
        #expect(try await missing.digest(of: "x:1") == nil)
        #expect(try await missing.pinned("x:1") == nil)
        let broken = BuildahDriver(
            runner: RecordingCommandRunner(answer: { _ in failed("permission denied", 125) }), environment: [:])
        await #expect {
            _ = try await broken.digest(of: "x:1")
        } throws: {
            ($0 as? ActionFailure)?.kind == .unavailable
        }
    }

    @Test(arguments: [
        ("localhost:5000/a/b:t", "localhost:5000/a/b@sha256:d"), ("localhost:5000/a", "localhost:5000/a@sha256:d"),
        ("a:t@sha256:0", "a@sha256:d"),
    ]) func pinsByDigest(_ reference: String, _ pinned: String) async throws {
        let driver = BuildahDriver(runner: engine(), environment: [:])
        #expect(try await driver.pinned(reference) == pinned)
    }

    @Test func refusesRemoteSourcesWithoutNetworkAndSeveralPlatforms() async throws {
        let driver = BuildahDriver(runner: engine(), environment: [:])
        var options = ImageBuildOptions()
        options.hasRemoteSources = true
        await #expect(throws: ActionFailure.self) {
            _ = try await driver.build(request(), context: context, dockerfile: dockerfile, options: options)
        }
        await #expect(throws: ActionFailure.self) {
            _ = try await driver.build(
                request(platforms: ["linux/amd64", "linux/arm64"]), context: context, dockerfile: dockerfile,
                options: ImageBuildOptions())
        }
    }
}

@Suite struct DockerDriverTests {
    private let image = #"[{"Id":"sha256:i","RepoDigests":["reg/app@sha256:r"],"RepoTags":["reg/app:t"]}]"#

    @Test func fallsBackToTheClassicBuilder() async throws {
        let runner = RecordingCommandRunner(answer: { [image] command in
            if command.arguments.contains("inspect") { return ok(image) }
            if command.environment["DOCKER_BUILDKIT"] == "1" {
                return failed("ERROR: BuildKit is enabled but the buildx component is missing or broken.")
            }
            return ok("built")
        })
        let driver = DockerDriver(runner: runner, environment: ["DOCKER_HOST": "unix:///x"])
        let built = try await driver.build(
            request(["a": "1"]), context: context, dockerfile: dockerfile, options: ImageBuildOptions())
        #expect(built.digest == "sha256:i")
        let builds = runner.commands.filter { $0.arguments.contains("build") }
        #expect(builds.map { $0.environment["DOCKER_BUILDKIT"] } == ["1", "0"])
        #expect(builds.first?.environment["DOCKER_HOST"] == "unix:///x")
        #expect(
            builds.last?.arguments.joined(separator: " ")
                == "docker build --network none --build-arg a=1 --label io.lmsbuild.input-hash=t --target final"
                + " --iidfile /s/iid -t reg/app:t -f /s/Dockerfile /s/context")
    }

    @Test func doesNotBuildTwiceWhereTheDockerfileIsWrong() async throws {
        let runner = RecordingCommandRunner(answer: { _ in failed("unknown instruction: FOO") })
        let driver = DockerDriver(runner: runner, environment: [:])
        await #expect(throws: ActionFailure.self) {
            _ = try await driver.build(
                request(), context: context, dockerfile: dockerfile, options: ImageBuildOptions())
        }
        #expect(runner.commands.count == 1)
    }

    @Test func pinsByDigestElseById() async throws {
        let pushed = DockerDriver(runner: RecordingCommandRunner(answer: { [image] _ in ok(image) }), environment: [:])
        #expect(try await pushed.pinned("reg/app:t") == "reg/app@sha256:r")
        let local = DockerDriver(
            runner: RecordingCommandRunner(answer: { _ in ok(#"[{"Id":"sha256:i","RepoDigests":[]}]"#) }),
            environment: [:])
        #expect(try await local.pinned("reg/app:t") == "sha256:i")
    }
}

@Suite struct DriverChoiceTests {
    private func runner(_ usable: Set<String>) -> RecordingCommandRunner {
        RecordingCommandRunner(answer: { command in
            let program = command.arguments.first ?? ""
            if program == "podman" { throw SpawnError(program: "podman", errno: 2) }
            return usable.contains(program) ? ok("x") : failed("Cannot connect")
        })
    }

    @Test(arguments: [
        (DriverChoice.auto, ["buildah", "docker"], "buildah"), (.auto, ["docker"], "docker"),
        (.docker, ["buildah", "docker"], "docker"),
    ]) func takesTheFirstThatWorks(_ choice: DriverChoice, _ usable: [String], _ name: String) async throws {
        #expect(try await choice.driver(runner: runner(Set(usable)), environment: [:]).name == name)
    }

    @Test func saysWhatWasTriedAndAWayOut() async throws {
        await #expect {
            _ = try await DriverChoice.auto.driver(runner: runner([]), environment: [:])
        } throws: { error in
            guard let failure = error as? ActionFailure else { return false }
            return failure.kind == .unavailable && failure.diagnostic.code == .engineUnavailable
                && failure.diagnostic.message == "no container engine can be used"
                && failure.diagnostic.notes.map(\.message) == [
                    "buildah: 'buildah info': Cannot connect", "podman: 'podman' can't be started (errno 2)",
                    "docker: 'docker version --format {{.Server.Version}}': Cannot connect",
                ] && failure.diagnostic.hint?.contains("install buildah") == true
        }
    }

    @Test func asksEnginesOnceAndOnlyWhenAnImageIsWanted() async throws {
        let runner = runner(["buildah"])
        let provider = DriverProvider(.auto, runner: runner, environment: [:])
        #expect(runner.commands.isEmpty)
        _ = try await provider.driver()
        _ = try await provider.driver()
        #expect(runner.commands.count == 1)
    }
}
