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

    /// Folders that are found name by name are those found among all.
    @Test(arguments: [
        "*", "src/*", "*/src", "src/*/a", "src", "*/*/*", "src/[ab]*/*", "none/*", "src/a", "\\*/*", "src/", "a.c/*/b",
    ]) func foldersAreThoseOfAllThatMatch(glob: String) throws {
        var random = SeededGenerator(seed: 12)
        for _ in 0..<20 {
            var files = MemoryFileSystem()
            for _ in 0..<60 {
                let depth = Int.random(in: 1..<6, using: &random)
                let parts = (0..<depth).map { _ in Self.names.randomElement(using: &random) ?? "a" }
                files[parts.joined(separator: "/")] = ""
            }
            let tree = FileTree(files)
            let pattern = PathPattern(glob)
            let wanted = tree.folders(inside: .root).filter { pattern.matches($0) }
            if let found = tree.folders(matching: pattern) { #expect(found == wanted) }
        }
        #expect(FileTree(MemoryFileSystem()).folders(matching: PathPattern("**/a")) == nil)
    }

    @Test func whatOutputsLeaveIsWhatIsNotClaimed() {
        var random = SeededGenerator(seed: 13)
        let span = SourceSpan(SourceText(name: "t", text: ""), offset: 0, length: 0)
        for _ in 0..<200 {
            var files = MemoryFileSystem()
            var outputs = OutputTable()
            func path() -> String {
                (0..<Int.random(in: 1..<4, using: &random)).map { _ in Self.names.randomElement(using: &random) ?? "a" }
                    .joined(separator: "/")
            }
            for _ in 0..<40 { files[path()] = "" }
            for owner in 0..<Int.random(in: 0..<14, using: &random) {
                let isFolder = Bool.random(using: &random)
                outputs.add(DeclaredOutput(path: BytePath(path()), isFolder: isFolder, span: span), of: owner)
            }
            outputs.finish()
            let tree = FileTree(files)
            for folder in ["", "src", "a"] {
                let inside = tree.range(inside: BytePath(folder))
                let wanted = inside.filter { outputs.owner(of: tree.entries[$0].path) == nil }
                let part = outputs.claimed(below: BytePath(folder))
                #expect(Array(part.left(of: EntryRanges(inside), in: tree)) == wanted)
            }
        }
    }
}
