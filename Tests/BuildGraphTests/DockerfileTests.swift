import BuildGraph
import Buildfile
import Testing

/// What a small Dockerfile takes, as one word or so per fact.
private func facts(_ text: String, _ arguments: [String: String] = [:], target: String? = nil) -> [String] {
    let inputs = DockerfileInputs.read(
        SourceText(name: "Dockerfile", text: text), arguments: arguments, targetStage: target)
    var facts = inputs.sources.map { source in source.text + source.excludeTexts.map { " -\($0)" }.joined() }
    if inputs.wholeContext { facts = facts.dropLast() + ["WHOLE"] }
    facts += inputs.remoteSources.map { "remote \($0.text)" }
    facts += inputs.baseImages.map { base in
        "image \(base.reference)" + (base.argumentName.map { " by \($0)" } ?? "") + (base.isResolved ? "" : "?")
    }
    return facts
}

private func diagnostics(_ text: String, target: String? = nil) -> [String] {
    DockerfileInputs.read(SourceText(name: "Dockerfile", text: text), arguments: [:], targetStage: target).diagnostics
        .map { "\($0.code.rawValue) \($0.message)" + ($0.hint.map { " | \($0)" } ?? "") }
}

struct DockerfileCase: Sendable, CustomTestStringConvertible {
    let text: String
    let facts: [String]
    let arguments: [String: String]
    let target: String?
    var testDescription: String { text }

    init(_ text: String, _ facts: [String], _ arguments: [String: String] = [:], target: String? = nil) {
        self.text = text
        self.facts = facts
        self.arguments = arguments
        self.target = target
    }
}

private let s = "FROM scratch\n"

@Suite struct DockerfileTests {
    @Test(arguments: [
        (s + "RUN --mount=type=secret,id=A --mount=type=secret,id=B,target=/b true", ["A", "B"]),
        (s + "RUN --mount=type=secret,target=/run/secrets/C true", ["C"]),
        (s + "RUN --mount=type=secret,dst=D,required=true true", ["D"]),
        (s + "ARG n=E\nRUN --mount=type=secret,id=$n true", ["E"]),
        ("FROM scratch AS gone\nRUN --mount=type=secret,id=F true\n" + s, []),
        ("FROM scratch AS base\nONBUILD RUN --mount=type=secret,id=G true\nFROM base", ["G"]),
    ]) func secretsThatRunMounts(text: String, names: [String]) {
        let inputs = DockerfileInputs.read(
            SourceText(name: "Dockerfile", text: text), arguments: [:], targetStage: nil)
        #expect(inputs.secrets.map(\.name) == names)
        #expect(inputs.diagnostics.isEmpty && !inputs.wholeContext)
    }

    @Test func aSecretWithoutANameIsAMistake() {
        #expect(
            diagnostics(s + "RUN --mount=type=secret true")
                == ["LMS201 the secret 'type=secret' has no id | write --mount=type=secret,id=NAME"])
        #expect(
            diagnostics(s + "RUN --mount=type=secret,id=$what true").first?.contains("'$what' has no value") == true)
    }

    static let copies: [DockerfileCase] = [
        .init(s + "COPY a /b", ["a"]),
        .init(s + "copy a b /c/", ["a", "b"]),
        .init(s + "ADD a.tar /", ["a.tar"]),
        .init(s + "COPY [\"a b\", \"c\", \"/d\"]", ["a b", "c"]),
        .init(s + "COPY [a-c]*.txt /d", ["[a-c]*.txt"]),
        .init(s + "COPY --chown=1:1 --chmod=644 --link a /d", ["a"]),
        .init(s + "COPY --parents ./x/./y /d", ["./x/./y"]),
        .init(s + "COPY --exclude=*.md --exclude=*.txt . /d", [". -*.md -*.txt"]),
        .init(s + "COPY --from=nginx:1 /etc/nginx /d", ["image nginx:1"]),
        .init("FROM scratch AS b\nCOPY x /x\nFROM scratch\nCOPY --from=b /x /y", ["x"]),
        .init("FROM scratch AS b\nCOPY x /x\nFROM scratch\nCOPY --from=0 /x /y", ["x"]),
        .init("FROM scratch AS Build\nCOPY x /x\nFROM BUILD\nCOPY y /y", ["x", "y"]),
        .init("FROM scratch AS b\nCOPY x /x\nFROM scratch\nCOPY y /y", ["y"]),
        .init("FROM scratch AS b\nCOPY x /x\nFROM scratch\nCOPY y /y", ["x"], target: "b"),
        .init("FROM scratch AS b\nCOPY x /x\nFROM scratch\nCOPY y /y", ["x"], target: "0"),
        .init(s + "ADD https://example.org/a.tgz /x", ["remote https://example.org/a.tgz"]),
        .init(s + "ADD https://example.org/${V}.tgz /x", ["remote https://example.org/${V}.tgz"]),
        .init(s + "ADD git@example.org:a/b.git /x", ["remote git@example.org:a/b.git"]),
        .init(s + "ADD --checksum=sha256:00 http://example.org/a b /x", ["b", "remote http://example.org/a"]),
        .init(s + "COPY <<EOF /x\nCOPY secret /y\nEOF\nCOPY a /b", ["a"]),
        .init(s + "COPY <<-\"EOF\" a /x\n\tline\n\tEOF\nCOPY b /b", ["a", "b"]),
        .init(s + "COPY <<A <<B /x\n1\nA\n2\nB\nCOPY c /c", ["c"]),
        .init(s + "RUN <<EOF\nCOPY secret /y\nEOF", []),
        .init(s + "RUN cat <<EOF > /x && echo\nADD secret /y\nEOF\nCOPY a /b", ["a"]),
        .init(s + "RUN cat <<<word\nCOPY a /b", ["a"]),
        .init(s + "RUN echo \"<<EOF\"\nCOPY a /b", ["a"]),
        .init(s + "RUN echo $((1 << 2))\nCOPY a /b", ["a"]),
        .init(s + "RUN --mount=type=bind,source=src,target=/s make", ["src"]),
        .init(s + "RUN --mount=src=a,target=/s --mount=type=cache,target=/c make", ["a"]),
        .init(s + "RUN --mount=target=/s make", ["."]),
        .init(s + "RUN --mount=type=bind,from=golang:1,source=x,target=/s make", ["image golang:1"]),
        .init("FROM scratch AS b\nCOPY x /\nFROM scratch\nRUN --mount=from=b,target=/s make", ["x"]),
        .init(s + "RUN --mount=type=secret,id=x --mount=type=ssh --mount=type=tmpfs,target=/t make", []),
        .init(s + "COPY a \\\n  b \\\n /c", ["a", "b"]),
        .init(s + "COPY a \\\n# comment\n\n  b /c", ["a", "b"]),
        .init(s + "COPY a \\\r\n  b /c\r\n", ["a", "b"]),
        .init("# escape=`\n" + s + "COPY a `\n b /c", ["a", "b"]),
        .init("# syntax=docker/dockerfile:1\n# escape=`\n" + s + "COPY a `\n b`$x /c", ["a", "b$x"]),
        .init("\u{FEFF}" + s + "COPY a /b", ["a"]),
        .init("# comment\n# escape=`\n" + s + "COPY a \\\n b /c", ["a", "b"]),
        .init("FROM scratch AS b\nONBUILD COPY x /x\nFROM b\nCOPY y /y", ["x", "y"]),
        .init(s + "ONBUILD COPY x /x", []),
        .init("FROM scratch AS b\nONBUILD COPY x /x\nFROM b AS c\nFROM c", ["x"]),
    ]

    static let variables: [DockerfileCase] = [
        .init(s + "ARG V=1\nCOPY a$V /b", ["a1"]),
        .init(s + "ARG V=1\nCOPY a${V}c /b", ["a2c"], ["V": "2"]),
        .init("ARG V=1\n" + s + "ARG V\nCOPY a$V /b", ["a1"]),
        .init("ARG V=1\n" + s + "COPY a$V /b", ["WHOLE"]),
        .init("ARG V=1\nARG W=x$V\n" + s + "ARG W\nCOPY $W /b", ["x1"]),
        .init(s + "ENV V=1\nCOPY a$V /b", ["a1"]),
        .init(s + "ENV V one two\nCOPY $V /b", ["one two"]),
        .init(s + "ENV A=1 B=\"2 3\"\nCOPY [\"$A$B\", \"/b\"]", ["12 3"]),
        .init(s + "ENV A=1\nENV A=2 B=$A\nCOPY $B /b", ["1"]),
        .init(s + "ARG V=1\nENV V=2\nCOPY $V /b", ["2"]),
        .init(s + "ENV V=2\nARG V=1\nCOPY $V /b", ["2"]),
        .init("FROM scratch AS b\nENV V=1\nFROM b\nCOPY $V /b", ["1"]),
        .init("FROM scratch AS b\nARG V=1\nFROM b\nCOPY $V /b", ["WHOLE"]),
        .init(s + "COPY ${V:-x} /b", ["x"]),
        .init(s + "ARG V=\nCOPY ${V:-x}${V-y} /b", ["x"]),
        .init(s + "ARG V=1\nCOPY a${V:+x}${W+y} /b", ["ax"]),
        .init(s + "ARG V=1\nCOPY a${V:-${W}} /b", ["a1"]),
        .init(s + "ARG V=a.tar.gz\nCOPY ${V%.*} ${V%%.*} ${V#*.} ${V##*.} /b", ["a.tar", "a", "tar.gz", "gz"]),
        .init(s + "ARG V=a-b-c\nCOPY ${V/-/_} ${V//-/_} /b", ["a_b-c", "a_b_c"]),
        .init(s + "COPY \\$x /b", ["$x"]),
        .init(s + "COPY '$x' /b", ["$x"]),
        .init("FROM python:3\nCOPY ${V:-x} /b", ["WHOLE", "image python:3"]),
        .init(s + "ARG TARGETARCH\nCOPY bin-$TARGETARCH /b", ["WHOLE"]),
        .init(s + "ARG TARGETARCH\nCOPY bin-$TARGETARCH /b", ["bin-arm64"], ["TARGETARCH": "arm64"]),
        .init(s + "ARG V=1\nARG V=2\nCOPY $V /b", ["WHOLE"]),
        .init(s + "COPY $V /b", ["WHOLE"]),
        .init(s + "COPY --frobnicate a /b", ["a", "WHOLE"]),
        .init(s + "COPY \"a /b", ["WHOLE"]),
        .init(s + "COPY ${a /b", ["WHOLE"]),
        .init(s + "COPY a[ /b", ["WHOLE"]),
        .init(s + "RUN --mount=type=strange,source=x true", ["WHOLE"]),
    ]

    static let images: [DockerfileCase] = [
        .init("FROM alpine:3", ["image alpine:3"]),
        .init("FROM --platform=linux/amd64 alpine:3 AS x", ["image alpine:3"]),
        .init("ARG B=alpine:3\nFROM $B", ["image alpine:3 by B"]),
        .init("ARG B=alpine:3\nFROM ${B}", ["image local/b:1 by B"], ["B": "local/b:1"]),
        .init("ARG B=alpine\nFROM $B:3", ["image alpine:3"]),
        .init("ARG B\nFROM $B", ["image $B by B?"]),
        .init("FROM alpine AS a\nFROM scratch\nCOPY x /", ["x"]),
        .init("FROM alpine AS a\nCOPY y /\nARG S=a\nFROM $S", ["y", "image alpine", "image $S by S?"]),
        .init("ARG S=a\nFROM alpine AS a\nCOPY y /\nFROM $S", ["y", "image alpine"]),
    ]

    @Test(arguments: copies) func takes(_ row: DockerfileCase) {
        #expect(facts(row.text, row.arguments, target: row.target) == row.facts)
    }

    @Test(arguments: variables) func substitutes(_ row: DockerfileCase) {
        #expect(facts(row.text, row.arguments) == row.facts)
    }

    @Test(arguments: images) func namesImages(_ row: DockerfileCase) {
        #expect(facts(row.text, row.arguments) == row.facts)
    }

    @Test(arguments: [
        (s + "CPOY a /b", "LMS201 unknown instruction 'CPOY' | did you mean 'COPY'?"),
        (s + "COPY a", "LMS201 COPY needs a source and a destination"),
        ("COPY a /b\n" + s, "LMS201 'COPY' before the first FROM | only ARG may stand there"),
        ("ARG x", "LMS201 no FROM: the Dockerfile builds nothing"),
        (s + "RUN <<EOF\nx", "LMS201 the text of '<<EOF' never ends"),
        (
            s + "HEALTHCHECK --interval=soon CMD x",
            "LMS201 '--interval=soon': not a duration of at least 1ms, such as 30s or 1m30s"
        ),
        (s + "ONBUILD FROM x", "LMS201 ONBUILD can't keep a 'FROM'"),
        (
            s + "COPY $V /b",
            "LMS202 the variable 'V' in '$V' has no value here: every file of the build context counts as an input"
                + " | give 'ARG V' a default, or the rule an [arg V=…]"
        ),
    ]) func says(_ text: String, _ message: String) {
        #expect(diagnostics(text) == [message])
    }

    @Test func namesTheNearestTargetStage() {
        #expect(
            diagnostics("FROM scratch AS runtime", target: "runtme")
                == ["LMS201 unknown target stage 'runtme' | did you mean 'runtime'?"])
    }

    @Test func pointsAtTheWord() {
        let source = SourceText(name: "Dockerfile", text: s + "COPY a \\\n  $nothing /b")
        let read = DockerfileInputs.read(source, arguments: [:], targetStage: nil)
        #expect(read.diagnostics.first?.span?.lineAndColumn.line == 3)
        #expect(read.diagnostics.first?.span?.lineAndColumn.column == 3)
        #expect(read.diagnostics.first?.severity == .notice)
    }

    @Test func listsDeclaredArguments() {
        let text = "ARG A\nFROM scratch\nARG B=1 C=2\nFROM scratch\nARG D"
        let read = DockerfileInputs.read(SourceText(name: "D", text: text), arguments: [:], targetStage: nil)
        #expect(read.usedArguments == ["A", "B", "C", "D"])
    }

    @Test func readsHealthchecks() {
        func check(_ text: String) -> Healthcheck? {
            DockerfileInputs.read(SourceText(name: "D", text: text), arguments: [:], targetStage: nil).healthcheck
        }
        let flags = "--interval=1m30s --timeout=3s --retries=4 --start-period=500ms"
        let full = check(s + "HEALTHCHECK \(flags) CMD [\"/a\", \"-x\"]")
        #expect(full?.test == ["CMD", "/a", "-x"])
        #expect(full?.interval == 90_000_000_000)
        #expect(full?.timeout == 3_000_000_000)
        #expect(full?.startPeriod == 500_000_000)
        #expect(full?.retries == 4)
        #expect(check(s + "HEALTHCHECK CMD a \\\n || exit 1")?.test == ["CMD-SHELL", "a  || exit 1"])
        #expect(check(s + "HEALTHCHECK NONE")?.test == ["NONE"])
        #expect(check("FROM scratch AS a\nHEALTHCHECK CMD x\nFROM a")?.test == ["CMD-SHELL", "x"])
        #expect(check("FROM scratch AS a\nHEALTHCHECK CMD x\nFROM scratch") == nil)
        #expect(check(s + "HEALTHCHECK CMD x\nHEALTHCHECK NONE")?.test == ["NONE"])
    }

    @Test func emptiesStagesThatAreNotReachedOnTheSameLines() {
        let text = "FROM scratch AS dead\nCOPY x /\nRUN y\nFROM scratch\nCOPY a /b\n"
        let read = DockerfileInputs.read(SourceText(name: "D", text: text), arguments: [:], targetStage: nil)
        #expect(
            String(decoding: read.reachedText, as: UTF8.self)
                == "FROM scratch AS dead\n\n\nFROM scratch\nCOPY a /b\n")
    }

    /// Whatever is cut off or changed, reading ends.
    @Test func survivesEveryTruncationAndMutation() {
        let text = """
            # syntax=x
            # escape=`
            ARG A="1 2" B=${A:-x}
            FROM a AS b
            ONBUILD COPY [ "x\\u00e9", "y" ] /z
            FROM b
            ENV A=${A//x*/$B} C='q'
            COPY --from=0 --exclude=[a-z]* a*[^b-c]? ${A%%.*} `
              d /e
            RUN --mount=type=bind,source=${A#?},target=/x cat <<-EOF <<"G"
            \tEOF
            G
            HEALTHCHECK --interval=1h2.5s --retries=3 CMD ["a"]
            """
        let bytes = Array(text.utf8)
        var read = 0
        func tryOut(_ bytes: [UInt8]) {
            let inputs = DockerfileInputs.read(SourceText(name: "D", bytes: bytes), arguments: [:], targetStage: nil)
            _ = inputs.select(
                from: [FileEntry(path: BytePath("a/b"), kind: .file), FileEntry(path: BytePath("d"), kind: .link)],
                ignore: DockerIgnore.parse(bytes))
            read += 1
        }
        for end in 0...bytes.count { tryOut(Array(bytes[..<end])) }
        for start in 0..<bytes.count { tryOut(Array(bytes[start...])) }
        for index in bytes.indices {
            for byte in Array("\n`\"${[".utf8) + [0xFF] {
                var changed = bytes
                changed[index] = byte
                tryOut(changed)
            }
        }
        #expect(read == bytes.count * 9 + 1)
    }

    @Test func endsOnDeepNesting() {
        let deep = s + "COPY " + String(repeating: "${a:-", count: 20_000) + " /b"
        #expect(facts(deep).last == "WHOLE")
        #expect(facts(s + "COPY " + String(repeating: "a*", count: 5_000) + "b /b").count == 1)
    }
}
