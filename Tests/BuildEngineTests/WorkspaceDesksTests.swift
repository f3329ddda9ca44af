import BuildGraph
import BuildTestSupport
import Glibc
import Testing

@testable import BuildEngine

@Suite struct WorkspaceDesksTests {
    let folder: TemporaryFolder
    let desks: WorkspaceDesks

    init() throws {
        folder = try TemporaryFolder()
        desks = WorkspaceDesks(folder("tmp"))
    }

    func script(_ desk: WorkspaceDesk) throws -> String {
        String(decoding: try readFile(desk.script.shown), as: UTF8.self)
    }

    @Test func aDeskThatWasLeftAsItWasIsUsedAgain() throws {
        let first = try desks.take(script: Array("a long script\n".utf8))
        #expect(try script(first) == "a long script\n")
        desks.giveBack(first)
        let second = try desks.take(script: Array("short\n".utf8))
        #expect(second.folder == first.folder)
        #expect(try script(second) == "short\n")
        // Two at a time are two.
        #expect(try desks.take(script: []).folder != second.folder)
    }

    static let touches = [
        "echo x > home/file", "mkdir tmp/folder", "echo x > beside", "rm -rf tmp; mkdir -m 700 tmp", "rm recipe",
        "rm -f recipe; echo mine > recipe; chmod 444 recipe", "chmod 755 home", "chmod 644 recipe", "rmdir home",
        "ln recipe tmp/other",
    ]

    @Test(arguments: touches) func aDeskThatWasTouchedIsNotUsedAgain(command: String) async throws {
        try await expectNoReuse(of: try desks.take(script: Array("script\n".utf8)), after: command)
    }

    /// Such a one is looked at by the times of its folders alone.
    @Test(arguments: touches + ["echo x > tmp/file; rm tmp/file"])
    func aDeskOfSomeAgeThatWasTouchedIsNotUsedAgain(command: String) async throws {
        let desk = try desks.take(script: Array("script\n".utf8))
        desks.giveBack(desk)
        let start = ContinuousClock.now
        while ContinuousClock.now - start < .milliseconds(80) { sched_yield() }
        let again = try desks.take(script: Array("script\n".utf8))
        #expect(again.folder == desk.folder)
        try await expectNoReuse(of: again, after: command)
    }

    @Test func aScriptThatWasWrittenToIsWrittenAnew() throws {
        let desk = try desks.take(script: Array("script\n".utf8))
        // As root may.
        let descriptor = desk.script.withCString { open($0, O_RDWR) }
        #expect(descriptor >= 0)
        #expect(pwrite(descriptor, "tricks", 6, 0) == 6)
        close(descriptor)
        desks.giveBack(desk)
        #expect(try script(desks.take(script: Array("script\n".utf8))) == "script\n")
    }

    func expectNoReuse(of desk: WorkspaceDesk, after command: String) async throws {
        let result = try await ProcessRunner().run(
            Command(["/bin/sh", "-euc", command], environment: ["PATH": "/usr/bin:/bin"], folder: desk.folder))
        #expect(result.succeeded)
        desks.giveBack(desk)
        var status = stat()
        #expect(desk.folder.withCString { lstat($0, &status) } == -1)
        let next = try desks.take(script: Array("next\n".utf8))
        #expect(next.folder != desk.folder)
        #expect(try script(next) == "next\n")
    }

    @Test func nothingIsLeftAfterwards() throws {
        for desk in try (0..<20).map({ try desks.take(script: [UInt8($0)]) }) { desks.giveBack(desk) }
        #expect(!folder.files.isEmpty)
        desks.clear()
        #expect(folder.files.isEmpty)
        desks.remove(try desks.take(script: [1]))
        #expect(folder.files.isEmpty)
    }
}
