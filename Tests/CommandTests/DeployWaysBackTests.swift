import BuildEngine
import BuildGraph
import BuildTestSupport
import Glibc
import Testing

/// Ways back on a real swarm, and where there is none: an older release really runs again, data that cannot be taken back is
/// not taken back unasked, an engine that restarts is waited for.
@Suite(.enabled(if: access("/usr/sbin/dockerd", X_OK) == 0 && geteuid() == 0), .serialized)
struct DeployWaysBackTests {
    private func during(
        hasRotatingSecret: Bool = false, isPair: Bool = false, _ body: (DeployedWorkspace) async throws -> Void
    ) async throws {
        try await DockerEngine.during(swarm: true) { engine in
            var place = DeployedWorkspace(
                engine: engine, repository: try await TestRepository(), program: Program(), isPair: isPair)
            place.hasRotatingSecret = hasRotatingSecret
            try place.fill()
            try await body(place)
        }
    }

    private func expect(
        _ status: Int32, _ outcome: Program.Outcome, says words: String = "",
        at location: SourceLocation = #_sourceLocation
    ) {
        #expect(outcome.status == status && outcome.errors.contains(words), "\(outcome)", sourceLocation: location)
    }

    @Test(.timeLimit(.minutes(12))) func anOlderReleaseRunsAgain() async throws {
        try await during { place in
            try await place.serve("one")
            expect(0, try await place.run("deploy", "--to", "test"))
            expect(0, try await place.run("release", "-o", ".lmsbuild/one.json"))
            // Deployed twice, an engine's own memory of what was before is the same release.
            try await place.serve("two")
            expect(0, try await place.run("deploy", "--to", "test"))
            expect(0, try await place.run("deploy", "--to", "test"))
            #expect(try await place.answer() == "two")
            expect(0, try await place.run("rollback", "--env", "test"))
            #expect(try await place.answer() == "one")
            expect(0, try await place.run("deploy", "--to", "test"))
            #expect(try await place.answer() == "two")
            // Named by its file.
            expect(0, try await place.run("deploy", "--to", "test", ".lmsbuild/one.json"))
            #expect(try await place.answer() == "one")
            try await checkThatOnlyOneDeploys(place)
            try await checkRestart(place)
        }
    }

    /// One that takes its time is under way: another waits, or is told to come again.
    private func checkThatOnlyOneDeploys(_ place: DeployedWorkspace) async throws {
        try await place.serve(nil)
        let deploying = try place.start("deploy", "--to", "test")
        try await deploying.expect("is with the engine")
        expect(
            9, try await place.run("rollback", "--env", "test", "--no-wait"),
            says: "is being changed by another (tester")
        #expect(try await deploying.end(by: 0) == 50, "\(deploying.text)")
        try await place.serve("two")
    }

    /// The engine goes away and comes back while a release is brought there.
    private func checkRestart(_ place: DeployedWorkspace) async throws {
        let deploying = try place.start("deploy", "--to", "test")
        try await deploying.expect("is with the engine")
        #expect(try await place.engine.restart())
        // No signal: it ends by itself.
        #expect(try await deploying.end(by: 0) == 0, "\(deploying.text)")
        #expect(try await place.answer() == "two")
        expect(0, try await place.run("status", "--env", "test"))
    }

    @Test(.timeLimit(.minutes(12))) func dataThatCannotBeTakenBack() async throws {
        try await during { start in
            var place = start
            try await place.serve("one")
            expect(0, try await place.run("deploy", "--to", "test"))
            expect(0, try await place.run("release", "-o", ".lmsbuild/one.json"))

            place.dataVersion = 1
            try await place.serve("two")
            expect(3, try await place.run("deploy", "--to", "test"), says: "there is no way back by itself")
            #expect(try await place.answer() == "one")
            expect(0, try await place.run("deploy", "--to", "test", "--allow-irreversible"))
            #expect(try await place.answer() == "two")
            expect(0, try await place.run("status", "--env", "test"))

            // Neither as a rollback nor as a deployment of what ran before, whose stack is the one at hand.
            let cannot = "web: its data has version 1, which this release, made for version 0, cannot read"
            expect(3, try await place.run("rollback", "--env", "test"), says: cannot)
            expect(3, try await place.run("deploy", "--to", "test", ".lmsbuild/one.json"), says: cannot)
            expect(
                3, try await place.run("rollback", "--env", "test"), says: "'--allow-irreversible' does it all the same"
            )
            #expect(try await place.answer() == "two")
            expect(0, try await place.run("rollback", "--env", "test", "--allow-irreversible"))
            #expect(try await place.answer() == "one")

            // What does not come up is not taken back past its migration: nothing else would be truth than that it is broken.
            place.dataVersion = 2
            try await place.serve(nil)
            let bad = try await place.run("deploy", "--to", "test", "--allow-irreversible")
            expect(52, bad, says: "not taken back: its data has version 2")
            expect(3, try await place.run("status", "--env", "test"))
            // A release that mends it needs no permission.
            try await place.serve("three")
            expect(0, try await place.run("deploy", "--to", "test"))
            #expect(try await place.answer() == "three")
            expect(0, try await place.run("status", "--env", "test"))

            let stack = place.repository.path.appending("stack.yml")
            let text = String(decoding: try readFile(stack.shown), as: UTF8.self)
            try place.repository.folder.write(
                "repository/stack.yml", text.replacing("io.lmsbuild.data: \"2\"", with: "io.lmsbuild.data: two"))
            expect(2, try await place.run("deploy", "--to", "test"), says: "is no version: 'two'")
        }
    }

    /// Somebody changes a secret while a release goes out: all of it gets one value.
    @Test(.timeLimit(.minutes(12))) func aSecretIsReadOnce() async throws {
        try await during(hasRotatingSecret: true, isPair: true) { place in
            try await place.serve("one")
            expect(0, try await place.run("deploy", "--to", "test"))
            #expect(try await place.shell("cat \(place.repository.path.shown)/calls") == "call\n")
            for service in ["web", "west"] {
                let value = try await place.shell(
                    "docker exec $(docker ps -q --filter name=workspace-test_\(service)) /bin/busybox cat /run/secrets/TOKEN"
                )
                #expect(value.hasPrefix("value-1"), "\(service): \(value)")
            }
            expect(0, try await place.run("status", "--env", "test"))
            #expect(try await place.shell("cat \(place.repository.path.shown)/calls") == "call\n")
        }
    }
}
