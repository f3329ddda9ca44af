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

    @Test(arguments: [
        "echo x > home/file", "mkdir tmp/folder", "echo x > beside", "rm -rf tmp; mkdir -m 700 tmp", "rm recipe",
        "rm -f recipe; echo mine > recipe; chmod 444 recipe", "chmod 755 home", "chmod 644 recipe", "rmdir home",
        "ln recipe tmp/other",
    ]) func aDeskThatWasTouchedIsNotUsedAgain(command: String) async throws {
        let desk = try desks.take(script: Array("script\n".utf8))
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
