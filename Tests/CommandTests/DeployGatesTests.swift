import BuildEngine
import BuildGraph
import BuildTestSupport
import Glibc
import Testing

/// What must hold before anything goes to a protected environment: each condition is named, all of them at once, exit 3.
@Suite(.enabled(if: access("/usr/sbin/dockerd", X_OK) == 0 && geteuid() == 0), .serialized)
struct DeployGatesTests {
    @Test(.timeLimit(.minutes(12))) func whatAProtectedEnvironmentAsksFor() async throws {
        try await DockerEngine.during(swarm: true) { engine in
            var place = DeployedWorkspace(engine: engine, repository: try await TestRepository(), program: Program())
            place.further =
                "environment strict\n    stack stack.yml\n    engine swarm\n    after test\n    policy clean signed\n"
            try await check(place)
        }
    }

    private func check(_ place: DeployedWorkspace) async throws {
        try place.fill()
        try await place.serve("one")
        // Built from what nobody has committed, deployed nowhere, signed by nobody.
        try place.repository.folder.write("repository/web/www/health", "of nobody's commit")
        #expect(try await place.run("run", ":image", "--driver", "docker", "--progress", "none").status == 0)
        let refused = try await place.run("deploy", "--to", "strict")
        #expect(refused.status == 3, "\(refused)")
        for reason in [
            "'strict' takes releases of a commit alone", "'strict' comes after 'test': nothing is known to run there",
            "'strict' takes signed releases alone",
        ] { #expect(refused.errors.contains(reason), "\(refused.errors)") }
        #expect(try await place.shell("docker service ls -q") == "")

        try await place.serve("one")
        for words in [["deploy", "--to", "test"], ["release", "-o", ".lmsbuild/one.json"]] {
            let outcome = try await place.run(words)
            #expect(outcome.status == 0, "\(outcome)")
        }
        let folder = place.repository.path.shown
        for key in ["ops", "other"] {
            try await place.shell("openssl genpkey -algorithm ed25519 -out \(folder)/.lmsbuild/\(key).pem")
        }
        func toStrict(_ words: String...) async throws -> Program.Outcome {
            try await place.run(["deploy", "--to", "strict", "--dry-run", ".lmsbuild/one.json"] + words)
        }
        let unsigned = try await toStrict("--keys", ".lmsbuild/keys.txt")
        #expect(unsigned.status != 0)
        let signed = try await place.run("release", "sign", "--key", ".lmsbuild/ops.pem", ".lmsbuild/one.json")
        #expect(signed.status == 0, "\(signed)")
        // Signed, but the key does not count; then it does.
        try place.repository.folder.write("repository/.lmsbuild/keys.txt", "# nobody\n")
        let unknown = try await toStrict("--keys", ".lmsbuild/keys.txt")
        #expect(unknown.status == 3 && unknown.errors.contains("nobody whose key counts has signed"), "\(unknown)")
        #expect(!unknown.errors.contains("comes after") && !unknown.errors.contains("of a commit alone"))
        try place.repository.folder.write("repository/.lmsbuild/keys.txt", signed.output)
        let good = try await toStrict("--keys", ".lmsbuild/keys.txt")
        #expect(good.status == 0 && good.output.hasPrefix("new  web  "), "\(good)")
        // What runs in the environment before is not what was deployed: that counts as not having come up there.
        try await place.shell("docker service scale --detach workspace-test_web=0")
        let drifted = try await toStrict("--keys", ".lmsbuild/keys.txt")
        #expect(
            drifted.status == 3 && drifted.errors.contains("what runs there is not what was deployed"), "\(drifted)")
    }
}
