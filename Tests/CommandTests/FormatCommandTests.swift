import BuildGraph
import BuildTestSupport
import Buildfile
import Foundation
import Glibc
import Testing

/// `fmt` as its users meet it.
@Suite struct FormatCommandTests {
    private let program = Program()

    private func workspace() throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        try folder.write("Buildfile", "include */Buildfile\nx=1\n")
        try folder.write("a/Buildfile", "service a\n  build: x\n    echo\n")
        try folder.write("b/Buildfile", "library b\n    inputs x\n")
        try folder.write("c/d/Buildfile", "library  not-included\n")
        return folder
    }

    private func text(_ folder: TemporaryFolder, _ name: String) throws -> String {
        String(decoding: try readFile(folder(name).shown), as: UTF8.self)
    }

    @Test func formatsTheRootAndWhatItIncludes() async throws {
        let folder = try workspace()
        let outcome = try await program.run("fmt", in: folder.path)
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.output == "Buildfile\na/Buildfile\n")
        #expect(try text(folder, "Buildfile") == "include */Buildfile\nx = 1\n")
        #expect(try text(folder, "a/Buildfile") == "service a\n    build: x\n        echo\n")
        #expect(try text(folder, "c/d/Buildfile") == "library  not-included\n")
        let again = try await program.run("fmt", in: folder.path)
        #expect(again.status == 0 && again.output == "")
        #expect(try await program.run("fmt", "--check", in: folder.path).status == 0)
    }

    @Test func checkPrintsADiffAndWritesNothing() async throws {
        let folder = try workspace()
        let outcome = try await program.run("fmt", "--check", in: folder("a"))
        #expect(outcome.status == 3)
        #expect(
            outcome.output == """
                --- a/Buildfile
                +++ b/Buildfile
                @@ -1,2 +1,2 @@
                 include */Buildfile
                -x=1
                +x = 1
                --- a/a/Buildfile
                +++ b/a/Buildfile
                @@ -1,3 +1,3 @@
                 service a
                -  build: x
                -    echo
                +    build: x
                +        echo

                """)
        #expect(try text(folder, "Buildfile") == "include */Buildfile\nx=1\n")
        #expect(folder.files == ["Buildfile", "a/Buildfile", "b/Buildfile", "c/d/Buildfile"])
    }

    @Test func formatsNamedFiles() async throws {
        let folder = try workspace()
        let outcome = try await program.run("fmt", "-C", "c", "d/Buildfile", "../a/Buildfile", in: folder.path)
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.output == "d/Buildfile\n../a/Buildfile\n")
        #expect(try text(folder, "c/d/Buildfile") == "library not-included\n")
        #expect(try text(folder, "Buildfile") == "include */Buildfile\nx=1\n")
    }

    @Test func aFileWithMistakesIsNotTouchedAndTheOthersAre() async throws {
        let folder = try workspace()
        try folder.write("b/Buildfile", "library  b\n    inptus x\n")
        let outcome = try await program.run("fmt", in: folder.path)
        #expect(outcome.status == 2)
        #expect(outcome.output == "Buildfile\na/Buildfile\n")
        #expect(outcome.errors.contains("b/Buildfile:2:5") && outcome.errors.contains("^^^^^^"), "\(outcome.errors)")
        #expect(try text(folder, "b/Buildfile") == "library  b\n    inptus x\n")
        #expect(try await program.run("fmt", "--check", in: folder.path).status == 2)
    }

    @Test func anIncludeOfNothingIsTold() async throws {
        let folder = try workspace()
        try folder.write("Buildfile", "include none/Buildfile\nx=1\n")
        let outcome = try await program.run("fmt", in: folder.path)
        #expect(outcome.status == 2 && outcome.errors.contains("LMS111"))
        #expect(try text(folder, "Buildfile") == "include none/Buildfile\nx = 1\n")
    }

    @Test func standardInputGoesToStandardOutput() async throws {
        let folder = try TemporaryFolder()
        try folder.write("in", "x=1\n")
        func run(_ arguments: String, _ input: String = "in") async throws -> Program.Outcome {
            try await program.run(
                [], in: folder.path, before: ["/bin/sh", "-c", "exec \"$0\" \(arguments) < \(input)"])
        }
        let outcome = try await run("fmt -")
        #expect(outcome.status == 0 && outcome.output == "x = 1\n")
        let checked = try await run("fmt --check -")
        #expect(checked.status == 3)
        #expect(checked.output == "--- a/Buildfile\n+++ b/Buildfile\n@@ -1 +1 @@\n-x=1\n+x = 1\n")
        try folder.write("in", "x y\n")
        let refused = try await run("fmt -")
        #expect(refused.status == 2 && refused.output == "" && refused.errors.contains("standard input:1:1"))
        #expect(try await run("fmt - in").status == 2)
        #expect(try await run("fmt -", "/dev/null").output == "")
    }

    @Test func modeAndLinkStay() async throws {
        let folder = try workspace()
        _ = folder("Buildfile").withCString { chmod($0, 0o640) }
        _ = folder("link").withCString { symlink("Buildfile", $0) }
        let outcome = try await program.run("fmt", "link", in: folder.path)
        #expect(outcome.status == 0 && outcome.output == "link\n")
        var status = stat()
        #expect(folder("link").withCString { lstat($0, &status) } == 0 && status.st_mode & S_IFMT == S_IFLNK)
        #expect(folder("Buildfile").withCString { lstat($0, &status) } == 0 && status.st_mode & 0o7777 == 0o640)
        #expect(try text(folder, "Buildfile") == "include */Buildfile\nx = 1\n")
        #expect(!folder.files.contains { $0.contains(".lmsbuild-fmt") })
    }

    @Test func whatIsNoFileIsRefused() async throws {
        let folder = try workspace()
        _ = folder("fifo").withCString { mkfifo($0, 0o644) }
        for name in ["missing", "a", "fifo"] {
            let outcome = try await program.run("fmt", name, in: folder.path)
            #expect(outcome.status == 2 && outcome.errors.contains("LMS302"), "\(name): \(outcome.errors)")
        }
    }

    /// What the repository shows is as `fmt` would have it.
    @Test func theBuildfilesOfThisRepositoryAreCanonical() throws {
        let root = URL(filePath: #filePath).appending(path: "../../..").standardizedFileURL
        func check(_ text: String, _ name: String) {
            let source = SourceText(name: name, text: text)
            // What is wrong on purpose has no canonical form.
            guard parseBuildfile(source).diagnostics.isEmpty else { return }
            do {
                #expect(String(decoding: try canonicalForm(of: source), as: UTF8.self) == text, "\(name)")
            } catch {
                Issue.record("\(name): \(error)")
            }
        }
        let services = try FileManager.default.subpathsOfDirectory(atPath: root.appending(path: "services").path)
        let buildfiles = services.filter { $0.hasSuffix("/Buildfile") || $0 == "Buildfile" }.map { "services/" + $0 }
        #expect(buildfiles.count > 5)
        for name in buildfiles + ["Buildfile.example"] {
            check(try String(contentsOf: root.appending(path: name), encoding: .utf8), name)
        }
        let pages = try FileManager.default.subpathsOfDirectory(atPath: root.appending(path: "docs").path)
            .filter { $0.hasSuffix(".md") }
        for name in pages.map({ "docs/" + $0 }) + ["services/README.md"] {
            let parts = try String(contentsOf: root.appending(path: name), encoding: .utf8).components(
                separatedBy: "```")
            for (place, block) in parts.enumerated() where place % 2 == 1 && block.hasPrefix("make\n") {
                check(String(block.dropFirst(5)), "\(name), block \(place / 2 + 1)")
            }
        }
    }
}
