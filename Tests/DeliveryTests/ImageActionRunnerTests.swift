import BuildEngine
import BuildGraph
import BuildTestSupport
import Buildfile
import Delivery
import Glibc
import Testing

@Suite struct ImageActionRunnerTests {
    private let store = MemoryContentStore()

    private func runner(_ driver: FakeDriver, _ folder: TemporaryFolder) -> ImageActionRunner {
        ImageActionRunner(
            store: store, drivers: DriverProvider(fixed: driver, runner: RecordingCommandRunner()),
            staging: folder("staging"))
    }

    @Test func stagesExactlyTheInputsWithModesAndTimesOfNobody() async throws {
        let folder = try TemporaryFolder()
        let driver = FakeDriver()
        let action = await ImageFixture().with("app/bin/run", "x", .executable).with("app/data", "y")
            .with("app/link", "data", .link).with("other/file", "z").action(in: store)
        let result = try await runner(driver, folder).run(action)
        #expect(result.imageDigest == "sha256:built")
        let time = "315532800.0000000000"
        #expect(
            driver.builds.first?.files == [
                "bin d 755 \(time) ", "bin/run f 755 \(time) ", "data f 644 \(time) ", "link l 777 \(time) data",
            ])
        #expect(folder.files == [])
    }

    @Test func keepsTheLog() async throws {
        let folder = try TemporaryFolder()
        let result = try await runner(FakeDriver(), folder).run(await ImageFixture().action(in: store))
        let log = try #require(result.log)
        #expect(try await store.read(log) == Array("log".utf8))
    }

    @Test func buildsNothingWhereTheEngineHasTheImage() async throws {
        let folder = try TemporaryFolder()
        let fixture = ImageFixture()
        let driver = FakeDriver(["\(fixture.repository):\(fixture.tag)": "sha256:there"])
        let action = await fixture.action(in: store)
        let result = try await runner(driver, folder).run(action)
        #expect(result.imageDigest == "sha256:there")
        #expect(driver.builds.isEmpty)
        #expect(await runner(driver, folder).isPresent(action, result))
        #expect(await !runner(FakeDriver(), folder).isPresent(action, result))
    }

    @Test func pinsImagePrerequisites() async throws {
        let folder = try TemporaryFolder()
        let driver = FakeDriver(["localhost/base:1": "sha256:base"])
        var fixture = ImageFixture()
        fixture.dockerfile = "ARG base\nFROM $base\nCOPY a /a\n"
        fixture.arguments = ["base": "localhost/base:1", "mode": "fast"]
        fixture.imageArguments = ["base"]
        _ = try await runner(driver, folder).run(await fixture.action(in: store))
        #expect(driver.builds.first?.request.arguments == ["base": "pinned@sha256:base", "mode": "fast"])
        #expect(driver.builds.first?.options.baseImages == ["pinned@sha256:base"])
        #expect(driver.builds.first?.options.bottomImage == "pinned@sha256:base")
    }

    @Test func refusesAMissingPrerequisite() async throws {
        let folder = try TemporaryFolder()
        var fixture = ImageFixture()
        fixture.arguments = ["base": "localhost/base:1"]
        fixture.imageArguments = ["base"]
        let action = await fixture.action(in: store)
        await #expect {
            _ = try await runner(FakeDriver(), folder).run(action)
        } throws: { error in
            guard let failure = error as? ActionFailure else { return false }
            return failure.kind == .failed
                && failure.diagnostic.message
                    == "'app:image' starts from 'localhost/base:1', which fake does not have"
        }
    }

    @Test func emptiesStagesThatAreNotReached() async throws {
        let folder = try TemporaryFolder()
        let driver = FakeDriver()
        var fixture = ImageFixture()
        fixture.dockerfile = "FROM scratch AS test\nCOPY gone /\nFROM scratch\nCOPY a /\nHEALTHCHECK CMD x\n"
        fixture.network = true
        fixture.timeout = .seconds(5)
        _ = try await runner(driver, folder).run(await fixture.action(in: store))
        let build = try #require(driver.builds.first)
        #expect(build.dockerfile == "FROM scratch AS test\n\nFROM scratch\nCOPY a /\nHEALTHCHECK CMD x\n")
        #expect(build.options.healthcheck?.test == ["CMD-SHELL", "x"])
        #expect(build.options.network)
        #expect(build.options.timeout == .seconds(5))
    }

    @Test func saysWhichInputIsLost() async throws {
        let folder = try TemporaryFolder()
        let action = await ImageFixture().with("app/a", "x").action(in: store)
        await store.remove(action.inputs[0].digest)
        await #expect {
            _ = try await runner(FakeDriver(), folder).run(action)
        } throws: { error in
            (error as? ActionFailure)?.diagnostic.code == .storeDamaged && (error as? ActionFailure)?.kind == .machine
        }
        #expect(folder.files == [])
    }
}
