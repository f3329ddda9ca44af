// Secrets of images: given to RUN, found wherever else they are. On the real builders.
import BuildEngine
import BuildGraph
import BuildTestSupport
import Buildfile
import Glibc
import Testing

@testable import Delivery

/// What a builder is to be shown to do with secrets, whichever it is.
struct SecretCase {
    static let value = "canary-" + "value/with+signs\nand a second line of it"

    let store = MemoryContentStore()
    let choice: DriverChoice
    let environment: [String: String]
    let folder: TemporaryFolder

    func runner(_ secrets: [String: String]) throws -> ImageActionRunner {
        let key = try #require(SecretKey(Array("0123456789abcdef".utf8)))
        let state = folder("state")
        _ = state.withCString { mkdir($0, 0o755) }
        return ImageActionRunner(
            store: store,
            drivers: DriverProvider(choice, runner: ProcessRunner.ofTests, environment: environment),
            staging: folder("staging"),
            secrets: BuildSecrets(
                secrets, key: key, state: state, runner: ProcessRunner.ofTests, environment: environment))
    }

    func fixture(_ run: String, _ tag: Character = "a", secret: String = value) throws -> ImageFixture {
        var fixture = ImageFixture().with("app/busybox", try #require(staticShell()), .executable)
        fixture.repository = "localhost:5999/lms/secret"
        fixture.tag = String(repeating: tag, count: 64)
        fixture.dockerfile = """
            FROM scratch
            COPY busybox /bin/busybox
            COPY busybox /bin/sh
            RUN --mount=type=secret,id=TOKEN \(run)

            """
        fixture.secrets = ["TOKEN": secret]
        return fixture
    }

    func reference(_ fixture: ImageFixture) -> String { "\(fixture.repository):\(fixture.tag)" }

    /// Files below the test's folder with any trace of the value, as far as they are no images' of other tests.
    func traces() -> [String] {
        let traces = SecretMask.traces(of: Self.value)
        return folder.files.filter { file in
            guard let bytes = try? readFile(folder(file).shown), !bytes.isEmpty else { return false }
            let text = bytes
            return traces.contains { text.firstRange(of: $0) != nil }
        }
    }

    func check() async throws {
        let driver = try await choice.driver(runner: ProcessRunner.ofTests, environment: environment)
        // It reaches RUN, whole; what RUN says of it is masked.
        let good = try fixture(
            "/bin/busybox wc -c /run/secrets/TOKEN && /bin/busybox cat /run/secrets/TOKEN && /bin/busybox env > /env")
        let runner = try runner(good.secrets)
        let action = await good.action(in: store)
        #expect(await !runner.hasSameSecrets(action))
        let built = try await runner.run(action)
        let log = String(decoding: try await store.read(try #require(built.log)), as: UTF8.self)
        #expect(log.contains("\(Self.value.utf8.count) /run/secrets/TOKEN"), "\(log)")
        #expect(log.contains("***") && !log.contains("canary"))
        #expect(try await driver.digest(of: reference(good)) == built.imageDigest)
        #expect(traces() == [])
        // The same secret: nothing to do. Another one: it is built again, although the engine has it.
        #expect(await runner.hasSameSecrets(action))
        #expect(await runner.isPresent(action, built))
        let rotated = try self.fixture("/bin/busybox true", secret: "another-" + Self.value)
        let rotatedAction = await rotated.action(in: store)
        let other = try self.runner(rotated.secrets)
        #expect(await !other.hasSameSecrets(rotatedAction))
        #expect(try await other.run(rotatedAction).log != nil)
        #expect(await other.hasSameSecrets(rotatedAction))
        // In a layer, and in a layer in another form: refused, and gone.
        for (index, leak) in [
            "/bin/busybox cat /run/secrets/TOKEN > /kept",
            "/bin/busybox mkdir /etc2 && (echo -n x; /bin/busybox cat /run/secrets/TOKEN) | /bin/busybox base64 -w0 > /etc2/kept",
        ].enumerated() {
            let leaking = try self.fixture(leak, index == 0 ? "b" : "c")
            let failure = try await #require(throws: ActionFailure.self) {
                try await runner.run(await leaking.action(in: store))
            }
            #expect(failure.diagnostic.code == .secretInImage)
            #expect(failure.diagnostic.message.contains("the secret 'TOKEN': layer "))
            #expect(failure.diagnostic.message.contains(index == 0 ? "'kept'" : "'etc2/kept'"))
            #expect(!"\(failure)".contains("canary"))
            #expect(try await driver.digest(of: reference(leaking)) == nil)
        }
        // In the configuration, by an argument that somebody misuses; nothing mounts it.
        var exposed = try self.fixture("/bin/busybox true", "d")
        exposed.secrets = [:]
        exposed.dockerfile = "FROM scratch\nARG given\nENV TOKEN=\"$given\"\nCOPY busybox /bin/busybox\n"
        exposed.arguments = ["given": "canary-of-one-line&more"]
        let failure = try await #require(throws: ActionFailure.self) {
            try await self.runner(["TOKEN": "canary-of-one-line&more"]).run(await exposed.action(in: store))
        }
        #expect(failure.diagnostic.code == .secretInImage)
        #expect(failure.diagnostic.message.contains("the configuration, "), "\(failure.diagnostic.message)")
        #expect(try await driver.digest(of: reference(exposed)) == nil)
        // A RUN that fails with it on its lips.
        let failing = try self.fixture("/bin/busybox cat /run/secrets/TOKEN >&2; exit 7", "e")
        let said = try await #require(throws: ActionFailure.self) {
            try await runner.run(await failing.action(in: store))
        }
        let words = "\(said.diagnostic)" + String(decoding: said.output, as: UTF8.self)
        #expect(said.diagnostic.code == .actionFailed && words.contains("***"))
        #expect(!words.contains("canary") && !words.contains("a second line"), "\(words)")
    }
}

@Suite(.enabled(if: isInstalled("buildah") && isInstalled("skopeo") && geteuid() == 0), .serialized)
struct ImageSecretTests {
    @Test(.timeLimit(.minutes(5)), arguments: [DriverChoice.buildah, .podman])
    func onlyRunSeesASecret(_ choice: DriverChoice) async throws {
        guard isInstalled(choice.rawValue) else { return }
        let folder = try TemporaryFolder()
        let environment = try hostEnvironment().merging(folder.imageStore()) { $1 }
        try await SecretCase(choice: choice, environment: environment, folder: folder).check()
    }

    @Test(.enabled(if: isInstalled("docker") && isInstalled("dockerd")), .timeLimit(.minutes(5)))
    func onlyRunSeesASecretOfDockers() async throws {
        try await DockerEngine.during(swarm: false) { engine in
            // Debian's client has BuildKit in itself.
            let environment = engine.environment.merging(["PATH": "/usr/bin:/bin:/usr/sbin:/sbin"]) { $1 }
            let client = try await ProcessRunner.ofTests.run(
                Command(["/usr/bin/docker", "--version"], environment: environment, folder: BytePath("/")))
            guard client.succeeded, String(decoding: client.output, as: UTF8.self).contains("20.10") else { return }
            try await SecretCase(choice: .docker, environment: environment, folder: try TemporaryFolder()).check()
        }
    }

    @Test func aBuilderThatKnowsNoSecretsIsRefused() async throws {
        let runner = RecordingCommandRunner(answer: { command in
            command.arguments.contains("build")
                ? CommandResult(ending: .exited(1), output: Array("ERROR: the buildx component is missing".utf8))
                : CommandResult(ending: .exited(1), output: [], errors: Array("No such image: x".utf8))
        })
        let driver = DockerDriver(runner: runner, environment: [:])
        var options = ImageBuildOptions()
        options.secrets = ["TOKEN": SecretValue(Array("hunter2-hunter2".utf8))]
        let request = ImageRequest(
            repository: "localhost/web", tag: "1", context: .root,
            dockerfile: ActionInput(path: BytePath("Dockerfile"), kind: .file, digest: Digest.of([])), targetStage: nil,
            arguments: [:], imageArguments: [], platforms: [])
        let failure = try await #require(throws: ActionFailure.self) {
            try await driver.build(
                request, context: BytePath("/tmp"), dockerfile: BytePath("/tmp/Dockerfile"), options: options)
        }
        #expect(failure.diagnostic.message.contains("classic builder"))
        let build = try #require(runner.commands.first { $0.arguments.contains("build") })
        #expect(build.arguments.contains("id=TOKEN,env=LMSBUILD_SECRET_TOKEN"))
        #expect(build.arguments.contains("--no-cache"))
        #expect(build.environment["LMSBUILD_SECRET_TOKEN"] == "hunter2-hunter2")
        #expect(!build.arguments.joined(separator: " ").contains("hunter2"))
        #expect(runner.commands.filter { $0.arguments.contains("build") }.count == 1)
    }

    // MARK: Looking

    private func search(_ value: String) throws -> SecretSearch {
        try #require(SecretSearch(["TOKEN": value], runner: RecordingCommandRunner(), environment: [:]))
    }

    @Test func aValueIsFoundInEveryForm() throws {
        let value = "pa55 word&\"äé\""
        let search = try search(value)
        let raw = Array(value.utf8)
        #expect(search.find(in: Array("before ".utf8) + raw)?.offset == 7)
        for before in ["", "x", "xy", "xyz"] {
            let encoded = Base64.encode(Array(before.utf8) + raw + Array("tail".utf8))
            #expect(search.find(in: Array("a: \(encoded)".utf8)) != nil, "\(before)")
        }
        #expect(search.find(in: Array("?q=pa55%20word%26%22%C3%A4%C3%A9%22".utf8)) != nil)
        #expect(search.find(in: Array("?q=pa55%20word%26%22%c3%a4%c3%a9%22".utf8)) != nil)
        #expect(search.find(in: Array("pa55 wor".utf8)) == nil)
        #expect(search.find(in: []) == nil)
        // JSON as Go writes it.
        let document = #"{"config": {"Env": ["A=1", "T=pa55 word\u0026\"äé\""]}}"#
        #expect(search.find(inDocument: Array(document.utf8), "it")?.place == "it, config.Env[1]")
        // A name that is the value is not said.
        let named = #"{"config": {"pa55 word&\"äé\"": 1}}"#
        #expect(search.find(inDocument: Array(named.utf8), "it")?.place == "it, config")
    }

    @Test func whatWouldBeFoundAnywhereIsNotLookedFor() {
        #expect(SecretSearch(["A": "secret", "B": ""], runner: RecordingCommandRunner(), environment: [:]) == nil)
        let key = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIHJ5\n-----END PRIVATE KEY-----"
        let traces = SecretMask.traces(of: key)
        #expect(!traces.contains(Array("-----BEGIN PRIVATE KEY-----".utf8)))
        #expect(traces.contains(Array("MC4CAQAwBQYDK2VwBCIEIHJ5".utf8)))
    }
}
