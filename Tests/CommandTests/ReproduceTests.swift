import BuildEngine
import BuildGraph
import BuildTestSupport
import Glibc
import Testing

/// `reproduce` with a real engine, in a store of the test's own. Skipped where buildah or skopeo cannot be used, or there is
/// no program that runs in an empty image.
@Suite(.enabled(if: canReproduce()), .serialized)
struct ReproduceTests {
    private let program = Program()
    private let documents = DocumentCheck()

    private func repository() async throws -> TestRepository {
        let repository = try await TestRepository()
        try repository.write(
            "Buildfile",
            """
            registry = localhost:5999/lms
            service base
                dir base
                image: Dockerfile busybox
            service web
                dir web
                image: Dockerfile src base:image

            """)
        try repository.folder.write(
            "repository/base/busybox", bytes: try readFile("/bin/busybox"), mode: 0o755)
        try repository.write("base/Dockerfile", "FROM scratch\nCOPY busybox /bin/busybox\n")
        try repository.write("web/src", "1\n")
        try repository.write("web/Dockerfile", "ARG base\nFROM ${base}\nARG token\nCOPY src /src\n")
        try await repository.commitAll()
        return repository
    }

    private func ask(
        _ arguments: [String], in repository: TestRepository, status: Int32 = 0,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> Program.Outcome {
        let outcome = try await program.run(
            arguments, in: repository.path,
            environment: repository.folder.imageStore().merging(["TMPDIR": repository.folder.path.shown]) { $1 })
        #expect(outcome.status == status, "\(outcome.errors)\(outcome.output)", sourceLocation: sourceLocation)
        return outcome
    }

    @Test func theSameCommitGivesTheSameImagesElsewhere() async throws {
        let repository = try await repository()
        _ = try await ask(["run", ":image", "--driver", "buildah"], in: repository)
        let lock = try await ask(["release", "-o", "lock.json"], in: repository)
        #expect(!lock.errors.contains("LMS710"))
        let text = String(decoding: try readFile(repository.path.appending("lock.json").shown), as: UTF8.self)
        #expect(try await documents.problems(text, schema: "release") == "")
        let document = try JSONValue.parse(Array(text.utf8))
        #expect(document.member("services")?.member("web")?.member("layers")?.elements?.count == 2)
        #expect(document.member("tools")?.member("engine")?.text?.hasPrefix("buildah 1.") == true)
        let verified = try await ask(["release", "verify", "lock.json"], in: repository).output
        #expect(verified.contains("ok      image     base\nok      image     web\n"))
        // What is at hand, and what else lies in the engine, does not matter.
        try repository.write("web/src", "2\n")
        let outcome = try await ask(["reproduce", "lock.json"], in: repository)
        #expect(outcome.lines.map { $0.prefix(14) } == ["same     base ", "same     web  "])
        // It did build, and nothing of it stays.
        #expect(outcome.errors.contains("ran 2, cached 0"))
        #expect(!repository.folder.files.contains { $0.contains("lmsbuild-reproduce") })
    }

    @Test func whatDependsOnTheTimeIsNamed() async throws {
        let repository = try await repository()
        try repository.write(
            "web/Dockerfile",
            """
            ARG base
            FROM ${base}
            COPY src /src
            RUN ["/bin/busybox", "sh", "-c", "/bin/busybox cat /proc/sys/kernel/random/uuid > /stamp"]

            """)
        try await repository.commitAll()
        _ = try await ask(["run", ":image", "--driver", "buildah"], in: repository)
        _ = try await ask(["release", "-o", "lock.json"], in: repository)
        let outcome = try await ask(["reproduce", "lock.json", "web"], in: repository, status: 3)
        #expect(outcome.output.hasPrefix("differs  web  sha256:"))
        #expect(outcome.lines.last == "  layer 2 of 2: stamp: content")
        let json = try await ask(["reproduce", "lock.json", "--format", "json"], in: repository, status: 3).output
        #expect(try await documents.problems(json, schema: "reproduce") == "")
        #expect(json.contains("\"path\": \"stamp\""))
    }

    @Test func imagesAreAttestedFromWhatIsKnown() async throws {
        let repository = try await repository()
        try repository.write("Buildfile", Self.withSecretArgument)
        try await repository.commitAll()
        _ = try await ask(["run", ":image", "--driver", "buildah"], in: repository)
        _ = try await ask(["release", "-o", "lock.json"], in: repository)
        _ = try await ask(["release", "attest", "lock.json", "-o", "one"], in: repository)
        try repository.write("web/src", "2\n")
        let said = try await ask(["release", "attest", "lock.json", "-o", "two", "web"], in: repository).output
        #expect(said.split(separator: "\n").count == 2)
        for kind in ["provenance", "bom"] {
            let name = "web.\(kind).dsse.json"
            let bytes = try readFile(repository.path.appending(BytePath("one/" + name)).shown)
            #expect(try bytes == readFile(repository.path.appending(BytePath("two/" + name)).shown))
            let text = try await payload(bytes)
            #expect(!text.contains("hunter2"))
            #expect(text.contains("\"web/src\""))
            let statement = try JSONValue.parse(Array(text.utf8))
            let lock = try JSONValue.parse(try readFile(repository.path.appending("lock.json").shown))
            let digest = lock.member("services")?.member("web")?.member("digest")?.text
            #expect(
                "sha256:"
                    + (statement.member("subject")?.elements?.first?.member("digest")?.member("sha256")?.text ?? "")
                    == digest)
        }
        let provenance = try await payload(
            try readFile(repository.path.appending("one/web.provenance.dsse.json").shown))
        let base = try JSONValue.parse(try readFile(repository.path.appending("lock.json").shown)).member("services")?
            .member("base")?.member("digest")?.text
        #expect(provenance.contains(String((base ?? "none").dropFirst(7))))
        #expect(provenance.contains("\"arguments\":[\"token\"]"))
    }

    private static let withSecretArgument = """
        registry = localhost:5999/lms
        service base
            dir base
            image: Dockerfile busybox
        service web
            dir web
            [arg token=hunter2]
            image: Dockerfile src base:image

        """

    /// What an envelope is about.
    private func payload(_ envelope: [UInt8]) async throws -> String {
        let text = try #require(try JSONValue.parse(envelope).member("payload")?.text)
        var command = Command(["base64", "-d"], environment: ["PATH": "/usr/bin:/bin"], folder: BytePath("/"))
        command.input = Array(text.utf8)
        return String(decoding: try await ProcessRunner.ofTests.run(command).output, as: UTF8.self)
    }

    /// Every command of docs/releases.md, in its order, with the names that releases have here.
    @Test func theDocumentsCommandsRun() async throws {
        let repository = try await repository()
        try repository.write(
            "Buildfile",
            """
            registry = localhost:5999/lms
            service base
                dir base
                image: Dockerfile busybox
                verify: busybox
                    test -f "$contract"
            service web
                dir web
                consumes base by contract.json
                image: Dockerfile src base:image

            """)
        try repository.write("web/contract.json", "{}\n")
        try await repository.commitAll()
        let page = BytePath(#filePath).parent.parent.parent.appending("docs/releases.md").shown
        let commands = String(decoding: try readFile(page), as: UTF8.self).split(separator: "\n").filter {
            $0.hasPrefix("$ ")
        }
        #expect(commands.count >= 8)
        var (name, key) = ("", "")
        for command in commands {
            var words = command.dropFirst(2).split(separator: " ").map {
                $0 == "3d1f" ? String(name.prefix(6)) : String($0)
            }
            if words.removeFirst() == "openssl" {
                let made = try await ProcessRunner.ofTests.run(
                    Command(["openssl"] + words, environment: ["PATH": "/usr/bin:/bin"], folder: repository.path))
                #expect(made.succeeded)
                continue
            }
            if words.contains("keys.txt") { try repository.write("keys.txt", key) }
            let outcome = try await ask(words, in: repository)
            if words.first == "release", outcome.output.hasPrefix("trusted ") { key = outcome.output }
            if words == ["release", "-o", "release.json"] {
                let line = try #require(outcome.errors.split(separator: "\n").first { $0.hasPrefix("release ") })
                name = String(line.dropFirst(8))
            }
        }
    }

    @Test func whatCannotBeReproducedIsSaid() async throws {
        let repository = try await repository()
        _ = try await ask(["release", "-o", "lock.json"], in: repository)
        #expect(try await ask(["reproduce", "lock.json"], in: repository, status: 4).errors.contains("LMS710"))
        #expect(try await ask(["reproduce", "lock.json", "wbe"], in: repository, status: 4).errors.contains("'web'?"))
        _ = try await ask(["reproduce"], in: repository, status: 2)
    }
}

private func canReproduce() -> Bool {
    for program in ["/usr/bin/buildah", "/usr/bin/skopeo", "/bin/busybox"] where access(program, X_OK) != 0 {
        return false
    }
    return geteuid() == 0
}
