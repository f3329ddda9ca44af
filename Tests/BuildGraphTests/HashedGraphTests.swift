import BuildTestSupport
import Testing

@testable import BuildGraph

@Suite struct HashedGraphTests {
    private static let files = [
        "Buildfile": """
        include lib/Buildfile

        service app
            uses lib
            build: src/** -> dist/app
                make
            publish: :build tests/**
                echo $tag
            image: Dockerfile :build
        """,
        "lib/Buildfile": "library lib\n    inputs *.c", "lib/a.c": "", "src/a": "", "src/b": "", "tests/t": "",
        "Dockerfile": "FROM scratch\nCOPY dist/app conf/link/ /\n", ".dockerignore": "*.md", "conf/real/x": "",
        "README.md": "", "other": "",
    ]

    private func hashed(_ files: MemoryFileSystem) throws -> HashedGraph {
        try HashedGraph(try #require(try resolve(files, ResolutionSettings()).graph))
    }

    private func tree(_ changes: [String: String] = [:]) -> MemoryFileSystem {
        var tree = MemoryFileSystem(Self.files)
        tree.set(BytePath("conf/link"), .link, contents: Array("real".utf8))
        for (path, text) in changes { tree[path] = text }
        return tree
    }

    /// What is taken over from a graph is what resolving anew gives.
    @Test(arguments: ["lib/a.c", "src/a", "tests/t", "conf/real/x", "README.md", "other"])
    func contentsAreTakenOver(path: String) throws {
        let files = tree([path: "changed"])
        let moved = try #require(try hashed(tree()).moved(to: files))
        let anew = try hashed(files)
        #expect(moved.hashes == anew.hashes)
        #expect(moved.graph.targets.map(\.label) == anew.graph.targets.map(\.label))
        let before = try hashed(tree())
        let back = try #require(try moved.moved(to: tree()))
        #expect(back.hashes == before.hashes)
        for target in moved.graph.targets.indices {
            #expect(try moved.manifest(of: target) == anew.manifest(of: target))
        }
    }

    @Test(arguments: [
        ("Buildfile", "x = 1"), ("lib/Buildfile", "library lib\n    inputs *.h"), ("Dockerfile", "FROM scratch"),
        (".dockerignore", "*"), ("src/c", ""), ("new/file", ""), ("conf/link", "x"),
    ]) func whatShapesTheGraphIsNot(path: String, text: String) throws {
        #expect(try hashed(tree()).moved(to: tree([path: text])) == nil)
    }

    @Test func aFileThatIsGoneOrOfAnotherKindIsNot() throws {
        var files = tree()
        files["other"] = nil
        #expect(try hashed(tree()).moved(to: files) == nil)
        files.set(BytePath("other"), .executable)
        #expect(try hashed(tree()).moved(to: files) == nil)
    }
}
