import BuildGraph
import Buildfile
import Testing

private func entries(_ paths: [String]) -> [FileEntry] {
    paths.map { path in
        path.hasSuffix("@")
            ? FileEntry(path: BytePath(String(path.dropLast())), kind: .link)
            : FileEntry(path: BytePath(path), kind: .file)
    }
}

private func read(_ copies: String...) -> DockerfileInputs {
    DockerfileInputs.read(
        SourceText(name: "Dockerfile", text: "FROM scratch\n" + copies.joined(separator: "\n")), arguments: [:],
        targetStage: nil)
}

private func taken(_ copy: String, _ paths: [String], ignore: String = "") -> [String] {
    read(copy).select(from: entries(paths), ignore: DockerIgnore.parse(Array(ignore.utf8))).files.map(\.path.shown)
}

@Suite struct DockerSelectionTests {
    static let tree = ["Dockerfile", "a", "b.txt", "src/lib/x.c", "src/lib/y.h", "src/main.c", "srcs/z"]

    @Test(arguments: [
        ("COPY . /x", tree),
        ("COPY / /x", tree),
        ("COPY ../.. /x", tree),
        ("COPY src /x", ["src/lib/x.c", "src/lib/y.h", "src/main.c"]),
        ("COPY ./src/ /x", ["src/lib/x.c", "src/lib/y.h", "src/main.c"]),
        ("COPY /src/../a /x", ["a"]),
        ("COPY ../../a /x", ["a"]),
        ("COPY *.txt /x", ["b.txt"]),
        ("COPY src/* /x", ["src/lib/x.c", "src/lib/y.h", "src/main.c"]),
        ("COPY src/*/x.? /x", ["src/lib/x.c"]),
        ("COPY src* /x", ["src/lib/x.c", "src/lib/y.h", "src/main.c", "srcs/z"]),
        ("COPY [^a-c] b* /x", ["b.txt"]),
        ("COPY ?.txt /x", ["b.txt"]),
        ("COPY src/**/x.c /x", ["src/lib/x.c", "src/lib/y.h", "src/main.c"]),
        ("COPY --exclude=**/*.h src /x", ["src/lib/x.c", "src/main.c"]),
        ("COPY --exclude=*.h --exclude=**/lib . /x", ["Dockerfile", "a", "b.txt", "src/main.c", "srcs/z"]),
        ("RUN --mount=source=src/lib,target=/x true", ["src/lib/x.c", "src/lib/y.h"]),
    ]) func takes(_ copy: String, _ files: [String]) {
        #expect(taken(copy, Self.tree) == files)
    }

    @Test func takesOddNames() {
        #expect(taken("COPY [\"a[[]0].txt\", \"/x\"]", ["a[0].txt", "a0.txt"]) == ["a[0].txt"])
        #expect(taken("COPY ? /x", ["é", "ab"]) == ["é"])
    }

    @Test func namesSourcesWithoutAFile() {
        let selection = read("COPY a nothing /x", "COPY ign/ored /y").select(
            from: entries(["a", "ign/ored"]), ignore: DockerIgnore.parse(Array("ign".utf8)))
        #expect(selection.unmatched.map(\.text) == ["nothing", "ign/ored"])
        #expect(read("COPY *.none /x").sources.map(\.isOptional) == [true])
    }

    @Test func takesAllButIgnoredFilesWhereAWordIsUnknown() {
        #expect(taken("COPY $x /y", ["a", "b", "c"], ignore: "b") == ["a", "c"])
    }

    @Test func followsLinksThatASourceNames() {
        let tree = entries(["bin@", "real/tool", "real/more@", "other", "deep/x"])
        let links = ["bin": "real", "real/more": "/deep"]
        func files(_ copy: String) -> [String] {
            read(copy).select(from: tree, ignore: .nothing) { links[$0.shown].map { Array($0.utf8) } }
                .files.map(\.path.shown)
        }
        #expect(files("COPY bin /x") == ["bin", "real/more", "real/tool"])
        #expect(files("COPY bin/tool /x") == ["bin", "real/tool"])
        #expect(files("COPY bin/more/x /x") == ["bin", "deep/x", "real/more"])
        #expect(files("COPY real /x") == ["real/more", "real/tool"])
        #expect(read("COPY bin /x").select(from: tree, ignore: .nothing).isWhole)
    }

    @Test func survivesLinksThatGoRound() {
        let tree = entries(["a@", "b@"])
        let selection = read("COPY a/x /x").select(from: tree, ignore: .nothing) { $0.shown == "a" ? [98] : [97] }
        #expect(selection.files.map(\.path.shown) == ["a", "b"])
    }

    @Test func knowsWhatItMayTake() {
        let inputs = read("COPY dist/*.bin /x", "COPY out /y")
        #expect(inputs.mayTake(BytePath("dist/a.bin"), isFolder: false))
        #expect(!inputs.mayTake(BytePath("dist/a.txt"), isFolder: false))
        #expect(inputs.mayTake(BytePath("dist"), isFolder: true))
        #expect(!inputs.mayTake(BytePath("dist"), isFolder: false))
        #expect(inputs.mayTake(BytePath("out/deep/er"), isFolder: false))
        #expect(!inputs.mayTake(BytePath("outside"), isFolder: true))
        #expect(read("COPY $x /x").mayTake(BytePath("any"), isFolder: false))
    }
}
