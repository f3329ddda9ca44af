import BuildTestSupport
import Buildfile
import Testing

@testable import BuildGraph

@Suite struct ImageSelectionTests {
    private static let names = ["a", "b", "src", "src-1", "x.py", "dist"]
    private static let sources = [
        "COPY src /x", "COPY . /x", "COPY src/a /x", "COPY a b /x", "COPY none /x", "COPY ../src /x",
        "COPY src/*.py /x", "ADD --exclude=src/a src /x", "COPY dist/ /x", "COPY src/a/b x.py /x",
    ]

    private static func randomFiles(
        _ random: inout SeededGenerator, links: Bool, ignore: String, in context: BytePath
    ) -> MemoryFileSystem {
        var files = MemoryFileSystem()
        for _ in 0..<60 {
            let depth = Int.random(in: 1..<5, using: &random)
            let parts = (0..<depth).map { _ in names.randomElement(using: &random) ?? "a" }
            let isLink = links && Int.random(in: 0..<12, using: &random) == 0
            files.set(
                BytePath(parts.joined(separator: "/")), isLink ? .link : .file,
                contents: Array((isLink ? "src/a" : "").utf8))
        }
        files.set(context.appending(".dockerignore"), contents: Array(ignore.utf8))
        // A path is a file or a folder.
        for path in files.entries.map(\.path) where !files.entries.range(inside: path).isEmpty { files.remove(path) }
        return files
    }

    /// However an image's files are found, they are those that its Dockerfile's sources take of everything in the context.
    @Test(arguments: [false, true]) func selectionIsThatOfAllFiles(links: Bool) throws {
        var random = SeededGenerator(seed: 5)
        for round in 0..<300 {
            let context = BytePath(["", "src", "a/src"].randomElement(using: &random) ?? "")
            let ignore = ["", "**/b", "src\n!src/a"].randomElement(using: &random) ?? ""
            let files = Self.randomFiles(&random, links: links, ignore: ignore, in: context)
            let tree = FileTree(files)
            let copies = (0..<Int.random(in: 1..<4, using: &random)).map { _ in
                Self.sources.randomElement(using: &random) ?? "COPY . /x"
            }
            let text = SourceText(name: "Dockerfile", text: "FROM scratch\n" + copies.joined(separator: "\n"))
            let read = DockerfileInputs.read(text, arguments: [:], targetStage: nil)
            var outputs = OutputTable()
            if Bool.random(using: &random) {
                let span = SourceSpan(text, offset: 0, length: 0)
                outputs.add(DeclaredOutput(path: context.appending("dist"), isFolder: true, span: span), of: 0)
            }
            outputs.finish()
            let rule = ImageRule(
                dockerfile: context.appending("Dockerfile"), context: context, targetStage: nil, arguments: [:],
                imagePrerequisites: [:], takesDockerfile: false, externalBases: [:])
            let found = try ImageSelection(read, rule, tree: tree, outputs: outputs)

            let seen = tree.entries.filter { $0.path.isInside(context) && outputs.owner(of: $0.path) == nil }
            let wanted = read.select(
                from: seen.compactMap { entry in
                    entry.path.relative(to: context).map { FileEntry(path: $0, kind: entry.kind) }
                }, ignore: DockerIgnore.parse(Array(ignore.utf8))
            ) { try? files.contents(of: context.appending($0)) }
            #expect(
                found.places.map { tree.entries[$0].path } == wanted.files.map { context.appending($0.path) },
                "round \(round): \(copies) in '\(context.shown)'")
            let takenOutputs = Set(found.takenOutputs.map(\.source.span))
            #expect(
                found.unserved.map(\.span)
                    == wanted.unmatched.filter { !$0.isOptional && !takenOutputs.contains($0.span) }.map(\.span))
        }
    }

    /// A Dockerfile that says what another says is read as if the other weren't there.
    @Test func equalDockerfilesAreReadAlike() {
        let text = "FROM $base\nADD https://example.org/x /x\nCOPY none $unknown/y /x\nNONSENSE\n"
        var memory = DockerfileMemory()
        for (path, value) in [("a/Dockerfile", "x"), ("b/Dockerfile", "x"), ("b/Dockerfile", "y")] {
            let found = memory.read(
                BytePath(path), Array(text.utf8), arguments: ["base": value], targetStage: nil)
            let wanted = DockerfileInputs.read(
                SourceText(name: path, text: text), arguments: ["base": value], targetStage: nil)
            #expect(places(found) == places(wanted))
            #expect(Set(found.sources.map(\.span.source.name)) == [path])
            #expect(found.reachedText == wanted.reachedText)
        }
    }

    private func places(_ read: DockerfileInputs) -> [String] {
        func place(_ span: SourceSpan?) -> String {
            span.map { "\($0.source.name):\($0.offset)+\($0.length)" } ?? "nowhere"
        }
        return read.diagnostics.map { "\($0.code) \($0.severity) \($0.message) \(place($0.span)) \($0.hint ?? "")" }
            + read.sources.map { "\($0.text) \(place($0.span)) \($0.isOptional)" }
            + read.remoteSources.map { "\($0.text) \(place($0.span)) \($0.isPinned)" }
            + read.baseImages.map { "\($0.reference) \(place($0.span)) \($0.isResolved) \($0.argumentName ?? "")" }
    }
}
