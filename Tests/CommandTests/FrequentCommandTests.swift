import BuildGraph
import BuildTestSupport
import Testing

/// Frequent commands are parsed by themselves, and answer as though the whole parser had read the line.
@Suite struct FrequentCommandTests {
    private static let names = ["run", "affected", "hash", "check", "inputs", "deps", "rdeps"]
    private let program = Program()
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try folder.write("Buildfile", "service a\n    build: a.c -> a.o\n        cc -c a.c\n")
        try folder.write("a.c", "")
    }

    @Test(arguments: names)
    func helpAndMistakesAreTold(name: String) async throws {
        let help = try await program.run(name, "--help", in: folder.path)
        #expect(help.status == 0)
        #expect(help.output.contains("USAGE: lmsbuild \(name) "))
        #expect(help == (try await program.run("help", name, in: folder.path)))
        let unknown = try await program.run(name, "A=1", "--no-such-option", in: folder.path)
        #expect(unknown.status == 2)
        #expect(unknown.errors.contains("Unknown option '--no-such-option'"))
        #expect(unknown.errors.contains("Usage: lmsbuild \(name) "))
        let version = try await program.run(name, "--version", in: folder.path)
        #expect(version == (try await program.run("--version", in: folder.path)))
    }

    @Test func whatStandsBeforeTheCommandCounts() async throws {
        let plain = try await program.run("hash", "a:build", in: folder.path)
        #expect(plain.output.hasPrefix("a:build "))
        #expect(
            try await program.run("-C", folder.path.shown, "hash", "a:build", in: BytePath("/")).output == plain.output)
        // The name of a command is a word like others behind another command.
        let word = try await program.run("hash", "check", in: folder.path)
        #expect(word.status == 4)
        #expect(word.errors.contains("'check' names no target"))
    }
}
