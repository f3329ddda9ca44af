import BuildEngine
import BuildGraph
import BuildTestSupport
import Glibc
import Testing

/// `rollback --to` a release that this machine has no file of, or whose stack of then is not kept: the registry has it, or
/// nothing is changed.
@Suite(
    .enabled(
        if: access("/usr/sbin/dockerd", X_OK) == 0 && access("/usr/bin/skopeo", X_OK) == 0 && geteuid() == 0
            && RegistryServer.isInstalled), .serialized)
struct RollbackElsewhereTests {
    @Test(.timeLimit(.minutes(12))) func theRegistryHasIt() async throws {
        let server = try await RegistryServer()
        try await DockerEngine.during(swarm: true, registry: server.address) { engine in
            var place = DeployedWorkspace(
                engine: engine, repository: try await TestRepository(), program: Program())
            place.registry = "\(server.address)/lms"
            try await check(place)
        }
    }

    private func expect(
        _ status: Int32, _ outcome: Program.Outcome, says words: String = "",
        at location: SourceLocation = #_sourceLocation
    ) {
        #expect(outcome.status == status && outcome.errors.contains(words), "\(outcome)", sourceLocation: location)
    }

    /// Puts `text` to work and gives the release's name.
    private func deploy(_ text: String, _ place: DeployedWorkspace, pushes: Bool) async throws -> String {
        try await place.serve(text)
        expect(0, try await place.run("push", "--driver", "docker"))
        let release = try await place.run(["release"] + (pushes ? ["--push"] : []))
        expect(0, release)
        expect(0, try await place.run("deploy", "--to", "test"))
        let status = try await place.run("status", "--env", "test", "--format", "json")
        return try #require(try JSONValue.parse(Array(status.output.utf8)).member("release")?.text)
    }

    private func check(_ place: DeployedWorkspace) async throws {
        let one = try await deploy("one", place, pushes: true)
        let two = try await deploy("two", place, pushes: false)
        // Made and pushed, and never deployed.
        try await place.serve("three")
        expect(0, try await place.run("push", "--driver", "docker"))
        let pushed = try await place.run("release", "--push")
        let three = try #require(pushed.output.split(separator: " ").dropFirst().first?.split(separator: ":").last)
        let kept = place.repository.path.appending(".lmsbuild/releases").shown

        // How it was deployed is kept by the engine; its file is taken from the registry, for other questions.
        try await place.shell("rm -rf \(kept)")
        expect(0, try await place.run("rollback", "--env", "test", "--to", String(one.prefix(8))))
        #expect(try await place.answer() == "one")
        #expect(try await place.shell("ls \(kept)") == "\(one).json\n")

        // Not kept by the engine any more: by its file, which comes from the registry.
        expect(0, try await place.run("deploy", "--to", "test", String(three)))
        #expect(try await place.answer() == "three")
        try await place.shell(
            "rm -rf \(kept); docker config ls -q --filter label=io.lmsbuild.kind=stack | xargs docker config rm")
        expect(
            0, try await place.run("rollback", "--env", "test", "--to", String(one.prefix(8))),
            says: "was deployed is not kept any more")
        #expect(try await place.answer() == "one")
        let history = try await place.run("history", "--env", "test")
        #expect(history.lines.first?.contains("rollback \(one.prefix(12))") == true, "\(history)")
        expect(0, try await place.run("status", "--env", "test"))

        // The registry has not got it: nothing is changed.
        expect(
            3, try await place.run("rollback", "--env", "test", "--to", String(two.prefix(8))),
            says: "the release is neither here nor in the registry")
        for digits in ["0000000", "prod"] {
            expect(
                2, try await place.run("rollback", "--env", "test", "--to", digits),
                says: "no release that begins with '\(digits)' has come up in 'test', is kept here or in the registry")
        }
        #expect(try await place.answer() == "one")

        // A machine whose engine knows nothing of what was there.
        try await place.shell(
            "rm -rf \(kept); docker config ls -q --filter label=io.lmsbuild.kind=ledger | xargs docker config rm")
        expect(
            0, try await place.run("rollback", "--env", "test", "--to", String(three)),
            says: "has never come up in 'test', as far as is known there")
        #expect(try await place.answer() == "three")
    }
}
