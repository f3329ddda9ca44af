import BuildEngine
import BuildGraph
import BuildTestSupport
import Buildfile
import Delivery
import Glibc
import Testing

/// Real builds, in a store of the test's own. Skipped where buildah and skopeo are not installed or not usable here.
@Suite(.enabled(if: isInstalled("buildah") && isInstalled("skopeo") && geteuid() == 0), .serialized)
struct BuildahImageTests {
    private let store = MemoryContentStore()
    private let folder: TemporaryFolder
    private let environment: [String: String]
    private let processes = ProcessRunner()

    init() throws {
        folder = try TemporaryFolder()
        environment = try hostEnvironment().merging(folder.imageStore()) { $1 }
    }

    private func runner(_ choice: DriverChoice = .buildah, staging: String = "staging") -> ImageActionRunner {
        ImageActionRunner(
            store: store, drivers: DriverProvider(choice, runner: processes, environment: environment),
            staging: folder(staging))
    }

    private func output(_ arguments: String...) async throws -> String {
        var command = Command(arguments, environment: environment, folder: BytePath("/"))
        command.separateErrors = true
        return String(decoding: try await processes.run(command).output, as: UTF8.self)
    }

    private func configuration(_ fixture: ImageFixture) async throws -> String {
        try await output(
            "skopeo", "inspect", "--config", "--raw", "containers-storage:\(fixture.repository):\(fixture.tag)")
    }

    @Test func sameInputsHaveTheSameDigestInAnotherFolder() async throws {
        var fixture = ImageFixture().with("app/a", "x").with("app/bin/b", "y", .executable).with("app/l", "a", .link)
        let first = try await runner().run(await fixture.action(in: store))
        let digest = try #require(first.imageDigest)
        #expect(digest.hasPrefix("sha256:"))
        let manifest = try await output(
            "skopeo", "inspect", "--raw", "containers-storage:\(fixture.repository):\(fixture.tag)")
        #expect("sha256:" + SHA256Value.of(Array(manifest.utf8)).hex == digest)
        #expect(manifest.contains("\"io.lmsbuild.input-hash\":\"\(fixture.tag)\""))
        // The same image under another name, staged elsewhere.
        fixture.repository = "localhost/lms/other"
        let second = try await runner(staging: "else/where").run(await fixture.action(in: store))
        #expect(second.imageDigest == digest)
        fixture.repository = "localhost/lms/third"
        let third = try await runner().run(await fixture.with("app/a2", "x").action(in: store))
        #expect(third.imageDigest != digest)
    }

    @Test func buildsOnceAndFindsItAgain() async throws {
        let fixture = ImageFixture().with("app/a", "x")
        let action = await fixture.action(in: store)
        let first = try await runner().run(action)
        #expect(first.log != nil)
        #expect(await runner().isPresent(action, first))
        let second = try await runner().run(action)
        #expect(second.imageDigest == first.imageDigest)
        #expect(second.log == nil)
        _ = try await output("buildah", "rmi", "\(fixture.repository):\(fixture.tag)")
        #expect(await !runner().isPresent(action, first))
        #expect(try await runner().run(action).imageDigest == first.imageDigest)
    }

    @Test func healthcheckReachesTheConfigurationAndStaysReproducible() async throws {
        var fixture = ImageFixture().with("app/a", "x", .executable)
        fixture.dockerfile = "FROM scratch\nCOPY a /a\nHEALTHCHECK --interval=5s --retries=2 CMD [\"/a\", \"-q\"]\n"
        let first = try await runner().run(await fixture.action(in: store))
        #expect(
            try await configuration(fixture)
                .contains(#""Healthcheck":{"Test":["CMD","/a","-q"],"Interval":5000000000,"Retries":2}"#))
        if isInstalled("podman") {
            let format = "{{.HealthCheck.Test}} {{.HealthCheck.Interval}}"
            let seen = try await output(
                "podman", "image", "inspect", "--format", format, "\(fixture.repository):\(fixture.tag)")
            #expect(seen == "[CMD /a -q] 5s\n")
        }
        let reference = fixture.repository + ":" + fixture.tag
        fixture.repository = "localhost/lms/other"
        #expect(try await runner().run(await fixture.action(in: store)).imageDigest == first.imageDigest)
        #expect(try await output("buildah", "images", "--quiet", "--filter", "dangling=true") == "")
        // A service that starts from it inherits the check, and may take it away.
        var child = ImageFixture().with("app/b", "y")
        child.repository = "localhost/lms/child"
        child.dockerfile = "ARG base\nFROM ${base}\nCOPY b /b\n"
        child.arguments = ["base": reference]
        child.imageArguments = ["base"]
        let built = try await runner().run(await child.action(in: store))
        #expect(try await configuration(child).contains(#""Healthcheck":{"Test":["CMD","/a","-q"]"#))
        #expect(built.imageDigest != first.imageDigest)
        child.repository = "localhost/lms/quiet"
        child.dockerfile += "HEALTHCHECK NONE\n"
        _ = try await runner().run(await child.action(in: store))
        #expect(try await configuration(child).contains(#""Healthcheck":{"Test":["NONE"]}"#))
    }

    @Test func startsFromALocalImageByDigest() async throws {
        let base = ImageFixture(repository: "localhost:5999/lms/base").with("app/base", "x")
        let digest = try #require(try await runner().run(await base.action(in: store)).imageDigest)
        var fixture = ImageFixture().with("app/a", "y")
        fixture.dockerfile = "ARG base\nFROM ${base}\nCOPY a /a\n"
        fixture.arguments = ["base": "\(base.repository):\(base.tag)"]
        fixture.imageArguments = ["base"]
        let result = try await runner().run(await fixture.action(in: store))
        let log = try #require(result.log)
        let text = String(decoding: try await store.read(log), as: UTF8.self)
        #expect(text.contains("FROM localhost:5999/lms/base@\(digest)"))
    }

    @Test func buildsOnlyTheStagesThatAreReached() async throws {
        var fixture = ImageFixture().with("app/a", "x")
        fixture.dockerfile =
            "FROM scratch AS tests\nCOPY gone /\nFROM scratch AS files\nCOPY a /a\nFROM scratch\nCOPY --from=files /a /b\n"
        #expect(try await runner().run(await fixture.action(in: store)).imageDigest != nil)
        fixture.targetStage = "files"
        fixture.repository = "localhost/lms/other"
        #expect(try await runner().run(await fixture.action(in: store)).imageDigest != nil)
    }

    @Test func aFileMissingFromTheContextFailsWithTheEnginesWords() async throws {
        var fixture = ImageFixture().with("app/a", "x")
        fixture.dockerfile = "FROM scratch\nCOPY absent /x\n"
        let action = await fixture.action(in: store)
        await #expect {
            _ = try await runner().run(action)
        } throws: { error in
            guard let failure = error as? ActionFailure else { return false }
            return failure.kind == .failed && failure.diagnostic.code == .actionFailed
                && String(decoding: failure.output, as: UTF8.self).contains("absent")
        }
    }

    @Test(.enabled(if: staticShell() != nil)) func runsWithoutNetworkUnlessAllowed() async throws {
        var fixture = ImageFixture().with("app/busybox", staticShell() ?? [], .executable)
        fixture.dockerfile = """
            FROM scratch AS make
            COPY busybox /bin/busybox
            RUN ["/bin/busybox", "sh", "-c", "/bin/busybox id -u > /who; /bin/busybox cat /proc/net/dev > /net"]
            FROM scratch
            COPY --from=make /who /who
            COPY --from=make /bin/busybox /bin/busybox
            RUN ["/bin/busybox", "sh", "-c", "/bin/busybox grep -q ^0 /who && ! /bin/busybox grep -q eth /proc/net/dev"]

            """
        #expect(try await runner().run(await fixture.action(in: store)).imageDigest != nil)
        fixture.repository = "localhost/lms/slow"
        fixture.dockerfile =
            "FROM scratch\nCOPY busybox /bin/busybox\nRUN [\"/bin/busybox\", \"sleep\", \"60\"]\n"
        fixture.timeout = .milliseconds(700)
        let slow = await fixture.action(in: store)
        await #expect {
            _ = try await runner().run(slow)
        } throws: {
            ($0 as? ActionFailure)?.kind == .timeout
        }
    }

    @Test(.enabled(if: isInstalled("podman"))) func podmanBuildsTheSameImage() async throws {
        var fixture = ImageFixture().with("app/a", "x")
        fixture.dockerfile = "FROM scratch\nCOPY a /a\nHEALTHCHECK CMD [\"/a\"]\n"
        let one = try await runner(.podman).run(await fixture.action(in: store))
        #expect(one.imageDigest != nil)
        // One store: what podman has built, buildah finds.
        #expect(try await runner(.buildah).run(await fixture.action(in: store)).imageDigest == one.imageDigest)
    }
}
