import BuildEngine
import BuildGraph
import BuildTestSupport
import Glibc
import Testing

/// A registry that has been cleaned up since: the next push brings back what is missing, and nothing else.
@Suite(
    .enabled(
        if: geteuid() == 0 && access("/usr/bin/buildah", X_OK) == 0 && access("/usr/bin/skopeo", X_OK) == 0
            && RegistryServer.isInstalled), .serialized)
struct PushRepairTests {
    /// What a push says of one image.
    private struct Said {
        let state: String
        let digest: String
    }

    private let program = Program()

    @Test func whatWasCollectedIsPushedAgain() async throws {
        let store = try TemporaryFolder()
        let environment = try store.imageStore()
        let server = try await RegistryServer()
        let repository = try await TestRepository()
        try repository.write(
            "Buildfile",
            "registry = \(server.address)/lms\n"
                + ["a", "b"].map { "service \($0)\n    dir \($0)\n    image: Dockerfile\n" }.joined())
        for name in ["a", "b"] {
            try repository.write("\(name)/Dockerfile", "FROM scratch\nCOPY app /app\n")
            try repository.write("\(name)/app", String(repeating: name, count: 1000))
        }
        try await repository.commitAll()
        func run(_ words: String...) async throws -> Program.Outcome {
            try await program.run(
                words, in: repository.path, environment: environment)
        }
        func states() async throws -> [String: Said] {
            let pushed = try await run("push", "--format", "json")
            #expect(pushed.status == 0, "\(pushed)")
            let images = try JSONValue.parse(Array(pushed.output.utf8)).member("images")?.members ?? []
            return Dictionary(
                images.map {
                    ($0.0, Said(state: $0.1.member("state")?.text ?? "", digest: $0.1.member("digest")?.text ?? ""))
                },
                uniquingKeysWith: { $1 })
        }
        #expect(try await run("run", ":image", "--driver", "buildah").status == 0)
        let first = try await states()
        #expect(first.mapValues(\.state) == ["a": "pushed", "b": "pushed"])
        try await server.forget("lms/a", first["a"]?.digest ?? "")
        let again = try await states()
        #expect(again.mapValues(\.state) == ["a": "pushed", "b": "there"])
        #expect(again.mapValues(\.digest) == first.mapValues(\.digest))
        #expect(try await states().mapValues(\.state) == ["a": "there", "b": "there"])
        // All of it can be had: the layer was brought again, not only what names it.
        var fetch = Command(
            [
                "skopeo", "copy", "--src-tls-verify=false",
                "docker://\(server.address)/lms/a@\(first["a"]?.digest ?? "")",
                "dir:\(store("copy").shown)",
            ], environment: ["PATH": "/usr/bin:/bin", "HOME": "/nonexistent"], folder: store.path)
        fetch.separateErrors = true
        let fetched = try await ProcessRunner.ofTests.run(fetch)
        #expect(fetched.succeeded, "\(String(decoding: fetched.errors, as: UTF8.self))")
    }
}
