// Releases, attestations and images of a real registry, as people meet them.
import BuildEngine
import BuildGraph
import BuildTestSupport
import Glibc
import Testing

private let canRun =
    geteuid() == 0 && access("/usr/bin/buildah", X_OK) == 0 && access("/usr/bin/skopeo", X_OK) == 0
    && RegistryServer.isInstalled

@Suite(.enabled(if: canRun), .serialized)
struct ReleaseRegistryTests {
    private let program = Program()
    private let store: TemporaryFolder
    private let environment: [String: String]

    init() throws {
        store = try TemporaryFolder()
        environment = try store.imageStore()
    }

    private func repository() async throws -> TestRepository {
        let repository = try await TestRepository()
        try repository.write(
            "Buildfile",
            """
            registry ?= localhost/lms
            environment staging
                stack compose.yml
                engine plan
            service catalog
                dir catalog
                image: Dockerfile

            """)
        try repository.write("compose.yml", "services: {catalog: {image: catalog}}\n")
        try repository.write("catalog/Dockerfile", "FROM scratch\nCOPY app /app\n")
        try repository.write("catalog/app", "1\n")
        try repository.write(".gitignore", "*.pem\n*.json\nkeys.txt\n")
        try await repository.commitAll()
        return repository
    }

    private func ask(
        _ words: String..., at address: String, in folder: BytePath, status: Int32 = 0,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> Program.Outcome {
        let outcome = try await program.run(words + ["registry=\(address)/lms"], in: folder, environment: environment)
        #expect(outcome.status == status, "\(outcome.errors)\(outcome.output)", sourceLocation: sourceLocation)
        return outcome
    }

    private func key(_ name: String, in repository: TestRepository) async throws {
        let made = try await ProcessRunner.ofTests.run(
            Command(
                ["openssl", "genpkey", "-algorithm", "ed25519", "-out", "\(name).pem"],
                environment: ["PATH": "/usr/bin:/bin"], folder: repository.path))
        #expect(made.succeeded)
    }

    private func put(_ text: String, at file: BytePath) throws {
        _ = file.withCString { unlink($0) }
        try createFile(file, bytes: Array(text.utf8))
    }

    private func clone(_ repository: TestRepository, _ name: String) async throws -> BytePath {
        let folder = repository.folder(name)
        try await repository.git(["clone", "--quiet", repository.path.shown, folder.shown])
        return folder
    }

    @Test(.timeLimit(.minutes(3))) func aReleaseGoesToTheRegistryAndIsFoundThereByItsName() async throws {
        let (repository, server) = (try await repository(), try await RegistryServer())
        let here = repository.path
        // Nothing that the registry lacks is released there.
        let unbuilt = try await ask("release", "--push", at: server.address, in: here, status: 2)
        #expect(unbuilt.errors.contains("the registry has no image of what is released of: catalog"))
        _ = try await ask("run", ":image", "--driver", "buildah", at: server.address, in: here)
        #expect(
            try await ask("release", "--push", at: server.address, in: here, status: 2).errors
                .contains("'lmsbuild push catalog' brings it there"))
        _ = try await ask("push", at: server.address, in: here)
        try await key("ops", in: repository)
        let line = try await ask("release", "--push", "-o", "r.json", at: server.address, in: here).output
        #expect(line.hasPrefix("pushed \(server.address)/lms/lmsbuild/releases:"))
        let name = try #require(
            line.split(separator: " ").dropFirst().first?.split(separator: ":").last.map(String.init))
        #expect(name.utf8.count == 64)
        // Again it is the same.
        #expect(try await ask("release", "--push", at: server.address, in: here).output == line)

        // In another clone, by its first digits, without a word about where it is.
        let other = try await clone(repository, "other")
        let digits = String(name.prefix(12))
        let shown = try await ask("release", "show", digits, at: server.address, in: other)
        #expect(shown.output.hasPrefix("release \(name)\n"))
        #expect(shown.output.contains("environment staging: stack "))
        #expect(shown.errors.contains("release \(digits) taken from \(server.address)/lms"))
        #expect(
            try await ask("release", "verify", digits, at: server.address, in: other).output.contains("ok      stack"))
        #expect(
            try await ask("release", "diff", digits, "HEAD", at: server.address, in: other).output.contains("catalog"))
        // Signed later, by those whose registry it is; pulled with the signature.
        _ = try await program.run(["release", "sign", "--key", "ops.pem", "r.json"], in: here)
        let trusted = try await program.run(["release", "sign", "--key", "ops.pem", "r.json"], in: here).output
        _ = try await ask("release", "push", "r.json", at: server.address, in: here)
        let third = try await clone(repository, "third")
        try put(trusted, at: third.appending("keys.txt"))
        let pulled = try await ask("release", "pull", digits, "-o", "p.json", at: server.address, in: third)
        #expect(pulled.output == name + "\n")
        #expect(pulled.errors.contains("1 signature, not judged"))
        for release in [digits, "p.json"] {
            let table = try await ask(
                "release", "verify", release, "--require-signed", "--keys", "keys.txt", at: server.address, in: third)
            #expect(table.output.contains("by ops"))
        }
        // Who took it before it was signed has no signature, until it is taken again.
        try put(trusted, at: other.appending("keys.txt"))
        let verify = [
            "release", "verify", digits, "--require-signed", "--keys", "keys.txt", "registry=\(server.address)/lms",
        ]
        #expect(try await program.run(verify, in: other, environment: environment).status == 3)
        _ = try await ask("release", "pull", digits, at: server.address, in: other)
        #expect(try await program.run(verify, in: other, environment: environment).status == 0)

        // What is nowhere, and a registry that is down.
        #expect(
            try await ask("release", "pull", "0000", at: server.address, in: third, status: 2).errors
                .contains("no release in the registry"))
        #expect(
            try await ask("release", "show", "00000", at: server.address, in: third, status: 2).errors.contains("00000")
        )
        _ = try await ask("release", "pull", "nothex", at: server.address, in: third, status: 2)
        try await server.end()
        #expect(
            try await ask("release", "show", digits, at: server.address, in: third).output.hasPrefix("release \(name)"))
        _ = try await ask("release", "show", "abcdef", at: server.address, in: third, status: 34)
        _ = try await ask("release", "push", "p.json", at: server.address, in: third, status: 34)
    }

    @Test(.timeLimit(.minutes(3))) func attestationsLieBesideTheImage() async throws {
        let (repository, server) = (try await repository(), try await RegistryServer())
        let here = repository.path
        _ = try await ask("run", ":image", "--driver", "buildah", at: server.address, in: here)
        #expect(
            try await ask("release", "attest", "HEAD", "--push", at: server.address, in: here, status: 2).errors
                .contains("'lmsbuild push catalog' brings it there"))
        _ = try await ask("push", at: server.address, in: here)
        try await key("ops", in: repository)
        let first = try await ask(
            "release", "attest", "HEAD", "--push", "--key", "ops.pem", at: server.address, in: here)
        let attached = first.lines.filter { $0.hasPrefix("attached \(server.address)/lms/catalog@sha256:") }
        #expect(attached.count == 2)
        let image = try #require(attached.first?.split(separator: " ").last.map(String.init))
        // The same again changes nothing; another key adds two.
        #expect(
            try await ask("release", "attest", "HEAD", "--push", "--key", "ops.pem", at: server.address, in: here)
                .output == first.output)
        #expect(try await referrers(of: image, at: server.address).count == 2)
        try await key("other", in: repository)
        _ = try await ask("release", "attest", "HEAD", "--push", "--key", "other.pem", at: server.address, in: here)
        let list = try await referrers(of: image, at: server.address)
        #expect(list.count == 4)
        let types = list.compactMap { $0.member("annotations")?.member("in-toto.io/predicate-type")?.text }
        #expect(Set(types) == ["https://slsa.dev/provenance/v1", "https://cyclonedx.org/bom"])
        _ = try await ask("release", "attest", "HEAD", at: server.address, in: here, status: 2)
        try await server.end()
        _ = try await ask("release", "attest", "HEAD", "--push", at: server.address, in: here, status: 34)
    }

    /// What the fallback tag lists, as skopeo finds it.
    private func referrers(of digest: String, at address: String) async throws -> [JSONValue] {
        var command = Command(
            [
                "skopeo", "inspect", "--raw", "--tls-verify=false",
                "docker://\(address)/lms/catalog:sha256-\(digest.dropFirst(7))",
            ], environment: ["PATH": "/usr/bin:/bin", "HOME": "/nonexistent"], folder: store.path)
        command.separateErrors = true
        let result = try await ProcessRunner.ofTests.run(command)
        #expect(result.succeeded)
        return try JSONValue.parse(result.output).member("manifests")?.elements ?? []
    }

    @Test(.timeLimit(.minutes(3))) func whatTheRegistryHasCountsAsBuilt() async throws {
        let (repository, server) = (try await repository(), try await RegistryServer())
        _ = try await ask("run", ":image", "--driver", "buildah", at: server.address, in: repository.path)
        let pushed = try await ask("push", at: server.address, in: repository.path).lines
        let digest = try #require(pushed.first?.split(separator: " ").last.map(String.init))
        // Another machine: an empty store, another clone.
        let other = try await clone(repository, "other")
        let empty = try TemporaryFolder()
        let elsewhere = try empty.imageStore()
        let words = ["run", ":image", "--from-registry", "--driver", "buildah", "registry=\(server.address)/lms"]
        var outcome = try await program.run(words, in: other, environment: elsewhere)
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.errors.contains(digest.prefix(19)))
        outcome = try await program.run(words, in: other, environment: elsewhere)
        #expect(outcome.errors.contains("nothing to do") || outcome.errors.contains("cached 1"), "\(outcome.errors)")
        // A release of it names what the registry has.
        let release = try await program.run(
            ["release", "--push", "registry=\(server.address)/lms"], in: other, environment: elsewhere)
        #expect(release.status == 0, "\(release.errors)")
        // What it does not have is built, on what it has.
        try put("2\n", at: other.appending("catalog/app"))
        outcome = try await program.run(words, in: other, environment: elsewhere)
        #expect(outcome.status == 0 && !outcome.errors.contains(digest.prefix(19)), "\(outcome.errors)")
        try await server.end()
        try put("3\n", at: other.appending("catalog/app"))
        outcome = try await program.run(words, in: other, environment: elsewhere)
        #expect(outcome.status == 34, "\(outcome.errors)")
        #expect(outcome.errors.contains("without '--from-registry' images are built here"))
    }

    @Test(.timeLimit(.minutes(3))) func wrongCredentialsAndRegistriesThatTakeNothingAreTold() async throws {
        let repository = try await repository()
        for (fault, said) in [
            (
                "if self.command != 'GET' and 'releases' in self.path:\n    return self.say(405)\nreturn False",
                "says no"
            ),
            (
                "if 'releases' in self.path:\n    return self.say(401, {'WWW-Authenticate': 'Basic realm=\"r\"'})\nreturn False",
                "does not let us at"
            ),
            (
                "if self.command == 'PUT' and 'manifests' in self.path and 'releases' in self.path:\n    return self.say(507)\nreturn False",
                "fails"
            ),
        ] {
            let server = try ScriptedServer(RegistryScript.answering(faults: fault))
            _ = try await ask("run", ":image", "--driver", "buildah", at: server.address, in: repository.path)
            _ = try await ask("push", at: server.address, in: repository.path)
            let outcome = try await ask("release", "--push", at: server.address, in: repository.path, status: 34)
            #expect(outcome.errors.contains(said), "\(outcome.errors)")
        }
    }
}
