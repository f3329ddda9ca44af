import BuildTestSupport
import Buildfile
import Testing

@testable import BuildGraph

@Suite struct FileTreeTests {
    private static let names = ["a", "a.c", "b", "src", "src-1", "src.c", "*", "x.py"]

    /// Looking only below a pattern's fixed part, and only at what is behind it, finds what looking at all files does.
    @Test(arguments: [
        "**", "*", "src/**", "src/**/*.py", "src/*", "*/src/**", "src/a/**", "src/a/x.py", "src/a/*.c", "**/x.py",
        "/src/**", "\\*/**", "src/", "**/src/**", "src/**/a/**", "[s]rc/**", "src/a*/**", "none/**", "src",
    ]) func indicesAreThoseOfAllThatMatch(glob: String) throws {
        var random = SeededGenerator(seed: 11)
        for folder in ["", "src", "a/src"] {
            var files = MemoryFileSystem()
            for _ in 0..<200 {
                let depth = Int.random(in: 1..<5, using: &random)
                let parts = (0..<depth).map { _ in Self.names.randomElement(using: &random) ?? "a" }
                files[parts.joined(separator: "/")] = ""
            }
            let tree = FileTree(files)
            let span = SourceSpan(SourceText(name: "t", text: glob), offset: 0, length: 0)
            let found = try #require(FileGlob(Word(glob, span), text: glob, in: BytePath(folder)))
            let expected = tree.entries.indices.filter { found.pattern.matches(tree.entries[$0].path) }
            #expect(tree.indices(matching: found) == expected, "in '\(folder)'")
        }
    }
}
