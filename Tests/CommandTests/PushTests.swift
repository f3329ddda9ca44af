import BuildEngine
import BuildGraph
import BuildTestSupport
import Glibc
import Testing

/// Root's store needs no user namespace.
private let canRun =
    geteuid() == 0 && access("/usr/bin/buildah", X_OK) == 0 && access("/usr/bin/skopeo", X_OK) == 0
    && RegistryServer.isInstalled

/// `lmsbuild push` as a user meets it, with buildah's real store and registries on this machine.
@Suite(.enabled(if: canRun), .serialized)
struct PushTests {
    private let program = Program()
    private let store: TemporaryFolder
    private let environment: [String: String]

    init() throws {
        store = try TemporaryFolder()
        environment = try store.imageStore()
    }

    private static let buildfile = """
        registry ?= localhost/lms
        service base
            dir base
            image: Dockerfile
        service catalog
            dir catalog
            image: Dockerfile base:image
        service lending
            dir lending
            image: Dockerfile base:image

        """

    private func repository() async throws -> TestRepository {
        let repository = try await TestRepository()
        try repository.write("Buildfile", Self.buildfile)
        try repository.write("base/Dockerfile", "FROM scratch\nCOPY shared /shared\n")
        try repository.write("base/shared", String(repeating: "shared\n", count: 1000))
        for name in ["catalog", "lending"] {
            try repository.write("\(name)/Dockerfile", "ARG base\nFROM ${base}\nCOPY app /app\n")
            try repository.write("\(name)/app", name + "\n")
        }
        try await repository.commitAll()
        return repository
    }

    private func run(_ words: String..., at address: String, in repository: TestRepository) async throws
        -> Program.Outcome
    {
        try await program.run(words + ["registry=\(address)/lms"], in: repository.path, environment: environment)
    }

    /// What skopeo finds in the registry.
    private func digest(of reference: String) async throws -> String {
        var command = Command(
            ["skopeo", "inspect", "--raw", "--tls-verify=false", "docker://" + reference],
            environment: ["PATH": "/usr/bin:/bin", "HOME": "/nonexistent"], folder: store.path)
        command.separateErrors = true
        let result = try await ProcessRunner.ofTests.run(command)
        return result.succeeded ? "sha256:" + SHA256Value.of(result.output).hex : ""
    }

    @Test func whatTheRegistryLacksGoesThereAndNothingElse() async throws {
        let repository = try await repository()
        let server = try await RegistryServer()
        let built = try await run("run", ":image", "--driver", "buildah", at: server.address, in: repository)
        #expect(built.status == 0, "\(built.errors)")
        let pushed = try await run("push", "--format", "json", at: server.address, in: repository)
        #expect(pushed.status == 0, "\(pushed.errors)")
        #expect(try await DocumentCheck().problems(pushed.output, schema: "push") == "")
        let images = try JSONValue.parse(Array(pushed.output.utf8)).member("images")?.members ?? []
        #expect(images.map(\.0) == ["base", "catalog", "lending"])
        var mounted = 0.0
        for (_, image) in images {
            #expect(image.member("state")?.text == "pushed")
            // buildah's own digest, which the release names.
            #expect(try await digest(of: image.member("image")?.text ?? "") == image.member("digest")?.text)
            mounted += image.member("blobs")?.member("mounted")?.numeric ?? 0
        }
        // The base's layer was sent once.
        #expect(mounted == 2)
        let release = try await run("release", at: server.address, in: repository)
        for (_, image) in images { #expect(release.output.contains(image.member("digest")?.text ?? "none")) }
        let again = try await run("push", at: server.address, in: repository)
        #expect(again.lines.map { $0.prefix(6) } == ["there ", "there ", "there "])
        #expect(!repository.folder.files.contains { $0.contains("/tmp/push-") })
    }

    @Test func whatIsThereCostsOneQuestionEach() async throws {
        let repository = try await repository()
        let server = try ScriptedServer(RegistryScript.answering())
        #expect(try await run("run", ":image", "--driver", "buildah", at: server.address, in: repository).status == 0)
        let first = try await run("push", at: server.address, in: repository)
        #expect(first.status == 0, "\(first.errors)")
        let before = server.requests.count
        let tags = try await run("tag", at: server.address, in: repository).lines
        #expect(try await run("push", at: server.address, in: repository).status == 0)
        let asked = server.requests.dropFirst(before)
        let expected = tags.map { tag in
            let path = tag.dropFirst(server.address.utf8.count + 1).split(separator: ":")
            return "HEAD /v2/\(path[0])/manifests/\(path[1])"
        }
        #expect(asked.sorted() == expected.sorted())
    }

    @Test func aTagIsNeverMoved() async throws {
        let repository = try await repository()
        let server = try ScriptedServer(RegistryScript.answering())
        #expect(try await run("run", ":image", "--driver", "buildah", at: server.address, in: repository).status == 0)
        let tag = try #require(try await run("tag", "catalog", at: server.address, in: repository).lines.first)
        let version = try #require(tag.split(separator: ":").last)
        let exchange = CurlExchange(commands: ProcessRunner.ofTests, program: "/usr/bin/curl")
        let other = Array(#"{"schemaVersion": 2, "layers": []}"#.utf8)
        _ = try await exchange.send(
            HTTPRequest("PUT", "\(server.url)/v2/lms/catalog/manifests/\(version)", body: .bytes(other)))
        let before = server.requests.count
        let outcome = try await run("push", at: server.address, in: repository)
        #expect(outcome.status == 34)
        #expect(outcome.errors.contains("error[LMS607]: '\(tag)' is another image in the registry than here"))
        #expect(outcome.errors.contains("in the registry: sha256:" + SHA256Value.of(other).hex))
        let here = try await run("release", at: server.address, in: repository)
        let digest = try JSONValue.parse(Array(here.output.utf8)).member("services")?.member("catalog")?.member(
            "digest")
        #expect(outcome.errors.contains("here: " + (digest?.text ?? "none")))
        // Neither it nor the others were touched.
        #expect(server.requests.dropFirst(before).allSatisfy { $0.hasPrefix("HEAD") || $0.hasPrefix("GET") })
    }

    @Test func aPushThatBreaksOffTagsNothingAndGoesOn() async throws {
        let repository = try await repository()
        let server = try ScriptedServer(
            RegistryScript.answering(
                faults: """
                    puts = sum(1 for method, path in self.seen if method == "PUT")
                    return self.command == "PUT" and 2 <= puts <= 9 and self.reset()
                    """))
        #expect(try await run("run", ":image", "--driver", "buildah", at: server.address, in: repository).status == 0)
        let broken = try await run("push", "-j", "1", at: server.address, in: repository)
        #expect(broken.status == 34)
        #expect(broken.errors.contains("error[LMS606]: the registry \(server.address): "))
        #expect(!server.requests.contains { $0.hasPrefix("PUT") && $0.contains("/manifests/") })
        let uploads = server.requests.filter { $0.hasPrefix("PUT") }.count
        var status: Int32 = 34
        for _ in 0..<4 where status == 34 {
            status = try await run("push", "-j", "1", at: server.address, in: repository).status
        }
        #expect(status == 0)
        #expect(uploads == 5)
        // What was there after the first is not sent again.
        let sent = server.requests.filter { $0.hasPrefix("PUT") && $0.contains("/blobs/") }
        #expect(Set(sent).count < sent.count)
        #expect(sent.filter { $0 == sent[0] }.count == 1)
    }

    @Test func aRegistryThatIsDownLosesNothing() async throws {
        let repository = try await repository()
        let server = try await RegistryServer()
        let address = server.address
        #expect(try await run("run", ":image", "--driver", "buildah", at: address, in: repository).status == 0)
        try await server.end()
        let outcome = try await run("push", at: address, in: repository)
        #expect(outcome.status == 34)
        #expect(
            outcome.errors.contains(
                """
                error[LMS606]: the registry \(address): it accepts no connections
                   = help: what was built is kept: 'lmsbuild push' goes on where it stopped
                """))
    }

    @Test func whatIsNotBuiltIsNamed() async throws {
        let repository = try await repository()
        let server = try ScriptedServer(RegistryScript.answering())
        let outcome = try await run("push", "catalog", "base", at: server.address, in: repository)
        #expect(outcome.status == 2)
        #expect(
            outcome.errors.contains(
                """
                error[LMS710]: neither the registry nor buildah has the image of: base, catalog
                   = help: 'lmsbuild run base:image catalog:image' builds it
                """))
    }

    @Test func anImageWithoutARegistryIsRefused() async throws {
        let repository = try await repository()
        let outcome = try await program.run(
            "push", "catalog", "registry=me", in: repository.path, environment: environment)
        #expect(outcome.status == 2)
        #expect(outcome.errors.contains("names no registry"))
    }

    // MARK: Lock

    @Test func aPinCountsInTheHashAndInTheBuild() async throws {
        let server = try await RegistryServer()
        let base = try await repository()
        #expect(try await run("run", "base:image", "--driver", "buildah", at: server.address, in: base).status == 0)
        #expect(try await run("push", "base", at: server.address, in: base).status == 0)
        let tag = try #require(try await run("tag", "base", at: server.address, in: base).lines.first)

        let repository = try await TestRepository()
        try repository.write(
            "Buildfile",
            "service app\n    dir app\n    image: Dockerfile\nservice plain\n    dir plain\n    image: Dockerfile\n")
        try repository.write("app/Dockerfile", "ARG FLAVOUR=\(tag)\nFROM $FLAVOUR AS a\nFROM a\nCOPY x /x\n")
        try repository.write("plain/Dockerfile", "FROM scratch\nCOPY x /x\n")
        try repository.write("app/x", "x")
        try repository.write("plain/x", "x")
        try await repository.commitAll()
        let before = try await program.hashes(in: repository.path)
        let warned = try await program.run("check", in: repository.path)
        #expect(warned.status == 0)
        #expect(warned.errors.contains("warning[LMS204]: 'app:image' starts from whatever '\(tag)' stands for"))
        #expect(warned.errors.contains("--> app/Dockerfile:2:6"))
        #expect(try await program.run("check", "--locked", in: repository.path).status == 3)
        let refused = try await program.run("run", "--locked", in: repository.path, environment: environment)
        #expect(refused.status == 2)
        #expect(try await program.run("lock", "--check", in: repository.path).status == 3)

        let digest = try await digest(of: tag)
        let locked = try await program.run("lock", in: repository.path)
        #expect(locked.output == "pinned \(tag) \(digest)\n", "\(locked.errors)")
        let file = String(decoding: try readFile(repository.path.appending("Buildfile.lock").shown), as: UTF8.self)
        #expect(file.hasSuffix("\n\(tag) \(digest)\n"))
        let after = try await program.hashes(in: repository.path)
        #expect(after["app:image"] != before["app:image"])
        #expect(after["plain:image"] == before["plain:image"])
        #expect(after == (try await program.hashes(in: repository.path, environment: ["LMSBUILD_SLOW": "all"])))
        for words in [["check", "--locked"], ["lock", "--check"]] {
            let outcome = try await program.run(words, in: repository.path)
            #expect(outcome.status == 0)
            #expect(!outcome.errors.contains("LMS204"))
        }
        let unchanged = try await program.run("lock", in: repository.path)
        #expect(unchanged.output == "kept \(tag) \(digest)\n")

        // The engine's registry configuration has to know that this one is plain.
        try store.write("registries.conf", "[[registry]]\nlocation = \"\(server.address)\"\ninsecure = true\n")
        var environment = environment
        environment["CONTAINERS_REGISTRIES_CONF"] = store("registries.conf").shown
        let built = try await program.run(
            "run", "--locked", "--driver", "buildah", in: repository.path, environment: environment)
        #expect(built.status == 0, "\(built.errors)")
        let log = try await program.run(
            "run", "-v", "--replay-logs", "--driver", "buildah", in: repository.path, environment: environment)
        #expect(log.errors.contains("@" + digest), "\(log.errors)")

        // Another pin is another image; a pin of nothing is told.
        let other = "sha256:" + String(repeating: "0", count: 64)
        try repository.write("Buildfile.lock", "\(tag) \(other)\nz:1 \(other)\n")
        let third = try await program.hashes(in: repository.path)
        #expect(third["app:image"] != after["app:image"])
        let stale = try await program.run("lock", "--check", in: repository.path)
        #expect(stale.status == 3)
        #expect(stale.errors.contains("'Buildfile.lock' pins 'z:1', from which no image starts"))
        #expect(
            try await program.run("lock", "--update", in: repository.path).output
                == "updated \(tag) \(digest)\ndropped z:1\n")
        #expect(try await program.hashes(in: repository.path) == after)
        _ = repository.path.appending("Buildfile.lock").withCString { unlink($0) }
        #expect(try await program.hashes(in: repository.path) == before)
    }

    @Test func whatIsNoPinIsShownWithItsPlace() async throws {
        let repository = try await TestRepository()
        try repository.write("Buildfile", "service app\n    image: Dockerfile\n")
        try repository.write("Dockerfile", "FROM debian:12\n")
        try repository.write("Buildfile.lock", "# pins\n<<<<<<< HEAD\ndebian:12 sha256:12\n")
        let outcome = try await program.run("check", in: repository.path)
        #expect(outcome.status == 3)
        #expect(outcome.errors.contains("error[LMS311]: this is no pin of a base image"))
        #expect(outcome.errors.contains("--> Buildfile.lock:2:1") && outcome.errors.contains("--> Buildfile.lock:3:1"))
    }
}
