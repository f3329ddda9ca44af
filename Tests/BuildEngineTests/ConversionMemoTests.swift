import BuildEngine
import BuildGraph
import BuildTestSupport
import Buildfile
import Glibc
import Testing

/// What git stores of a file is remembered, and never longer than it is so.
@Suite struct ConversionMemoTests {
    private func opened(_ attributes: String, _ files: [String: String]) async throws -> RememberedRepository {
        let repository = try await TestRepository()
        try repository.write(".gitignore", "ignored/\n")
        if !attributes.isEmpty { try repository.write(".gitattributes", attributes) }
        for (name, text) in files { try repository.write(name, text) }
        try await repository.commitAll()
        return try RememberedRepository(repository)
    }

    @Test(arguments: ["* text=auto\n", "*.txt text eol=crlf\n", "* text\nb/* -text\n", "*.txt text=auto eol=lf\n"])
    func aFileThatStaysIsNeverAskedForAgain(attributes: String) async throws {
        let seen = try await opened(attributes, ["a.txt": "1\r\n2\r\n", "b/c.txt": "1\n", "b/d": "\r\n\0"])
        try seen.repository.write("a.txt", "1\r\n2\r\n3\r\n")
        let truth = try await seen.truth()
        try await seen.remember()
        #expect(try await seen.look() == truth)
    }

    @Test func aFileThatChangesIsLookedAtAgain() async throws {
        let seen = try await opened("* text=auto\n", ["a.txt": "1\n2\n", "b.txt": "1\n"])
        try await seen.remember()
        try seen.repository.write("a.txt", "1\r\n2\n")
        #expect(try await seen.look() == seen.truth())
        try await seen.remember()
        // As many bytes as before, and the same time.
        var status = stat()
        let path = seen.top.appending("a.txt").shown
        #expect(lstat(path, &status) == 0)
        try seen.repository.write("a.txt", "1\n2\r\n")
        let times = [status.st_atim, status.st_mtim]
        #expect(times.withUnsafeBufferPointer { utimensat(AT_FDCWD, path, $0.baseAddress, 0) } == 0)
        #expect(try await seen.look() == seen.truth())
        try seen.repository.write("a.txt", "1\r2\n\n")
        #expect(try await seen.look() == seen.truth())
    }

    @Test(arguments: ["forms", "git", "workspace"])
    func whatIsLostOrDamagedIsAskedForAgain(name: String) async throws {
        let seen = try await opened("* text=auto\n", ["a.txt": "1\n2\n", "b.txt": "1\n"])
        try seen.repository.write("a.txt", "1\r\n2\r\n")
        try await seen.remember()
        let truth = try await seen.truth()
        let file = seen.root.appending(".lmsbuild").appending(BytePath(name)).shown
        var bytes = try readFile(file)
        bytes[bytes.count / 2] ^= 255
        try createFile(BytePath(file), bytes: bytes)
        #expect(try await seen.look() == truth)
        unlink(file)
        #expect(try await seen.look() == truth)
        #expect(try await seen.look() == truth)
    }

    /// Of many paths that no pattern tells apart git is asked about one.
    @Test(arguments: [
        ("* text=auto\n", 1), ("*.txt text\nx.c -text\n", 3), ("*.t?t text\n", 42), ("*.txt linguist-generated\n", 1),
        ("a/*.txt text\n", 42),
    ])
    func gitIsAskedAboutOnePathOfEachKind(attributes: String, asked: Int) async throws {
        var files: [String: String] = ["x.c": "1\r\n"]
        for number in 0..<40 { files["a/b\(number % 3)/n\(number).txt"] = "1\n" }
        let seen = try await opened("", files)
        try seen.repository.write(".git/info/attributes", attributes)
        let truth = try await seen.truth()
        seen.runner.countInput(of: "check-attr")
        #expect(try await seen.lookInCI() == truth)
        #expect(seen.runner.inputs == asked)
    }

    // MARK: Anything that happens

    private struct History {
        let seen: RememberedRepository
        var generator: SeededGenerator

        private static let folders = ["", "a/", "a/b/", "d/", "ignored/"]
        private static let rules = [
            "* text=auto", "*.txt text", "*.txt text eol=crlf", "* -text", "x.txt -text", "*.c ident", "b/** text",
            "*.c working-tree-encoding=UTF-16LE", "y.txt filter=lfs", "z.c filter=own", "[attr]mine text eol=crlf",
            "x.* mine", "*.txt eol=lf", "* crlf=input", "/a/** !text", "*.TXT text", "Y.txt -text", "?.txt eol=crlf",
            "*.t[xy]t -text", "\"x.txt\" text", "!y.txt text", "x.txt binary", "*xt diff=own", "b/*.c text",
        ]

        mutating func pick<Element>(_ some: [Element]) -> Element {
            some[Int.random(in: 0..<some.count, using: &generator)]
        }

        private mutating func file() -> String { pick(Self.folders) + pick(["x.txt", "y.txt", "z.c"]) }

        private mutating func text() -> String {
            (0..<Int.random(in: 0...3, using: &generator)).map { _ in
                pick(["1", "$Id$", "$Id: 1$", "two"]) + pick(["\n", "\r\n", "\r\n", "\r"])
            }.joined()
        }

        private mutating func rules() -> String {
            (0..<Int.random(in: 0...3, using: &generator)).map { _ in pick(Self.rules) + "\n" }.joined()
        }

        private func remove(_ name: String) {
            _ = seen.top.appending(BytePath(name)).withCString { unlink($0) }
        }

        mutating func change() async throws -> String {
            let number = Int.random(in: 0..<20, using: &generator)
            let name = file()
            do {
                try await change(number, name)
            } catch is GitFailed {
            } catch is FileSystemError {
            }
            return "\(number) \(name)"
        }

        private mutating func change(_ number: Int, _ name: String) async throws {
            let git = seen.repository
            switch number {
            case 0...5: try git.write(name, text())
            case 6: remove(name)
            case 7, 8: try git.write(pick(Self.folders) + ".gitattributes", rules())
            case 9: remove(pick(Self.folders) + ".gitattributes")
            case 10: try git.write(".git/info/attributes", rules())
            case 11: try git.folder.write("home/.config/git/attributes", rules())
            case 12:
                try git.folder.write("home/own", rules())
                try await git.git(["config", "--global", "core.attributesFile", pick(["~/own", "~/nothing"])])
            case 13: try await git.git(["config", "--global", "--unset", "core.attributesFile"])
            case 14:
                try await git.git(["config", "core.ignorecase", pick(["true", "false"])])
                try await git.git(["config", "core.autocrlf", pick(["true", "false", "input"])])
            case 15: try await git.git(["add", "--all"])
            case 16: try await git.git(["rm", "--quiet", "--cached", "--force", "--", name])
            case 17: try await git.git(["commit", "--quiet", "--allow-empty", "--all", "-m", "change"])
            case 18: try await git.git(["checkout", "--quiet", "--force", "-B", pick(["b", "c"])])
            default: try await git.git(["checkout", "--quiet", "--force", pick(["b", "c", "HEAD~1"])])
            }
        }
    }

    /// LMSBUILD_TEST_SEED makes other histories.
    private static var seeds: [UInt64] {
        let seed = getenv("LMSBUILD_TEST_SEED").flatMap { UInt64(String(cString: $0)) } ?? 1
        return (0..<4).map { seed &* 1000 &+ 300 &+ $0 }
    }

    @Test(arguments: Self.seeds)
    func aLookSeesTheTruth(seed: UInt64) async throws {
        let seen = try await opened("* text=auto\n", ["x.txt": "1\r\n", "a/b/y.txt": "1\n", "a/z.c": "$Id$\n"])
        var history = History(seen: seen, generator: SeededGenerator(seed: seed))
        var changes: [String] = []
        for step in 0..<50 {
            changes.append("\(step):")
            for _ in 0..<Int.random(in: 0...2, using: &history.generator) { changes.append(try await history.change()) }
            if Bool.random(using: &history.generator) { try seen.settle() }
            guard let truth = try? await seen.truth() else {
                await #expect(throws: (any Error).self) { try await seen.look() }
                continue
            }
            let looked = try await seen.look()
            let names = Set(looked.files.keys).union(truth.files.keys).filter { looked.files[$0] != truth.files[$0] }
            #expect(names.isEmpty, "seed \(seed), step \(step): \(changes): \(names.sorted())")
            if !names.isEmpty { return }
            let inCI = try await seen.lookInCI()
            #expect(inCI == truth, "seed \(seed), step \(step): \(changes)")
            if inCI != truth { return }
        }
    }
}
