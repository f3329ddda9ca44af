// Images that a Docker engine built, in a registry and back: the engine names them otherwise than the registry does.
import BuildEngine
import BuildGraph
import BuildTestSupport
import Glibc
import Testing

@Suite(
    .enabled(
        if: geteuid() == 0 && access("/usr/sbin/dockerd", X_OK) == 0 && access("/usr/bin/skopeo", X_OK) == 0
            && RegistryServer.isInstalled), .serialized)
struct DockerPushTests {
    private let program = Program()

    @Test(.timeLimit(.minutes(4))) func whatDockerBuiltIsPushedReleasedAndTakenElsewhere() async throws {
        let server = try await RegistryServer()
        try await DockerEngine.during(swarm: false, registry: server.address) { engine in
            try await check(engine, server)
        }
    }

    private func check(_ engine: DockerEngine, _ server: RegistryServer) async throws {
        let repository = try await TestRepository()
        try repository.write(
            "Buildfile",
            """
            registry ?= localhost/lms
            service base
                dir base
                image: Dockerfile
            service web
                dir web
                image: Dockerfile base:image

            """)
        try repository.folder.write(
            "repository/base/busybox", bytes: try readFile("/bin/busybox"), mode: 0o755)
        try repository.write("base/Dockerfile", "FROM scratch\nCOPY busybox /bin/busybox\n")
        try repository.write("web/Dockerfile", "ARG base\nFROM $base\nCOPY app /app\n")
        try repository.write("web/app", "1\n")
        try repository.write(".gitignore", "*.json\n")
        try await repository.commitAll()
        func ask(_ words: String..., status: Int32 = 0) async throws -> Program.Outcome {
            let outcome = try await program.run(
                words + ["registry=\(server.address)/lms"], in: repository.path, environment: engine.environment)
            #expect(outcome.status == status, "\(outcome.errors)\(outcome.output)")
            return outcome
        }
        _ = try await ask("run", ":image", "--driver", "docker")
        let pushed = try await ask("push", "--driver", "docker").lines
        #expect(pushed.count == 2 && pushed.allSatisfy { $0.hasPrefix("pushed ") })
        let again = try await ask("push", "--driver", "docker").lines
        #expect(again == pushed.map { $0.replacing("pushed ", with: "there ") })
        // The registry has the very configuration that the engine calls the image.
        let web = try #require(pushed.last?.split(separator: " ").map(String.init))
        let (reference, digest) = (web[1], web[2])
        let id = try await engine.output("docker", "image", "inspect", "--format", "{{.Id}}", reference)
        let release = try await ask("release", "--driver", "docker", "-o", "r.json")
        #expect(release.status == 0)
        let lock = try JSONValue.parse(try readFile(repository.path.appending("r.json").shown))
        #expect(
            lock.member("services")?.member("web")?.member("digest")?.text
                == id.split(separator: "\n").first.map(String.init))
        #expect(
            try await ask("release", "push", "r.json").output.hasPrefix(
                "pushed \(server.address)/lms/lmsbuild/releases:"))
        // Attested is what the registry has.
        let attested = try await ask("release", "attest", "r.json", "web", "--push").lines
        #expect(attested.count == 2 && attested.allSatisfy { $0.hasSuffix(" to \(digest)") }, "\(attested)")
        // Taken away here, it comes back from there as it was.
        _ = try await engine.output("docker", "image", "rm", "--force", reference)
        #expect(
            try await ask("run", ":image", "--driver", "docker", "--from-registry").errors.contains(digest.prefix(19)))
        let by = reference.split(separator: ":").dropLast().joined(separator: ":") + "@" + digest
        _ = try await engine.output("docker", "pull", "-q", by)
        #expect(try await engine.output("docker", "image", "inspect", "--format", "{{.Id}}", by) == id)
        try await server.end()
        _ = try await ask("push", "--driver", "docker", status: 34)
    }
}
