import Testing

/// A Dockerfile with a context, and what is known of what it reads.
struct DockerfileExample: Sendable, CustomTestStringConvertible {
    enum Proof: Sendable {
        /// The builder is asked.
        case builder
        /// The builder at hand has not this form: the files are stated from BuildKit's reference.
        case reference([String])
        /// What it reads cannot be told beforehand: the answer may have more, and never less.
        case more
    }

    let name: String
    let dockerfile: String
    var ignore: String?
    var ownIgnore: String?
    var arguments: [String] = []
    var target: String?
    /// `/` for the workspace's root.
    var context: String?
    /// Files beside the usual ones, by path from the workspace's root.
    var files: [String: String] = [:]
    var links: [String: String] = [:]
    var proof = Proof.builder

    var testDescription: String { name }
}

/// The usual files: below `app`, which is the context, and beside it.
let usualFiles = [
    "app/a.txt", "app/b.txt", "app/c.md", "app/dir/x.txt", "app/dir/y.md", "app/dir/sub/z.txt", "app/other/o.txt",
    "app/sp ace.txt", "app/.hidden", "app/A.TXT", "shared/s.txt",
]

let dockerfileCorpus: [DockerfileExample] = [
    // COPY and ADD.
    .init(name: "a file", dockerfile: "FROM scratch\nCOPY a.txt /\n"),
    .init(name: "two files", dockerfile: "FROM scratch\nCOPY a.txt b.txt /d/\n"),
    .init(name: "a folder", dockerfile: "FROM scratch\nCOPY dir /d\n"),
    .init(name: "a folder with a slash", dockerfile: "FROM scratch\nCOPY dir/ /d/\n"),
    .init(name: "everything", dockerfile: "FROM scratch\nCOPY . /\n"),
    .init(name: "everything by a slash", dockerfile: "FROM scratch\nCOPY / /\n"),
    .init(name: "dots in the way", dockerfile: "FROM scratch\nCOPY ./dir/./sub/../x.txt /\n"),
    .init(name: "a leading slash", dockerfile: "FROM scratch\nCOPY /a.txt /\n"),
    .init(name: "a folder and a file", dockerfile: "FROM scratch\nCOPY a.txt dir /d/\n"),
    .init(name: "a star", dockerfile: "FROM scratch\nCOPY *.txt /\n"),
    .init(name: "a star in a folder", dockerfile: "FROM scratch\nCOPY dir/*.md /\n"),
    .init(name: "a star for folders", dockerfile: "FROM scratch\nCOPY d* /d/\n"),
    .init(name: "a star in the middle", dockerfile: "FROM scratch\nCOPY */x.txt /\n"),
    .init(name: "a question mark", dockerfile: "FROM scratch\nCOPY ?.txt /\n"),
    .init(name: "a class", dockerfile: "FROM scratch\nCOPY [a-b].txt /\n"),
    .init(name: "a negated class", dockerfile: "FROM scratch\nCOPY [^a].txt /d/\n"),
    .init(name: "JSON", dockerfile: "FROM scratch\nCOPY [\"a.txt\", \"/\"]\n"),
    .init(name: "JSON with a space", dockerfile: "FROM scratch\nCOPY [\"sp ace.txt\", \"/d/\"]\n"),
    .init(name: "JSON with an escape", dockerfile: "FROM scratch\nCOPY [\"a\\u002etxt\", \"/\"]\n"),
    .init(name: "lower case", dockerfile: "from scratch\ncopy a.txt /\n"),
    .init(name: "ADD", dockerfile: "FROM scratch\nADD a.txt dir /d/\n"),
    .init(name: "ADD in JSON", dockerfile: "FROM scratch\nADD [\"b.txt\", \"/\"]\n"),
    .init(
        name: "a bracket in a name", dockerfile: "FROM scratch\nCOPY [[]br].txt /\n", files: ["app/[br].txt": "1"],
        proof: .reference(["app/[br].txt"])),
    .init(name: "chmod and chown", dockerfile: "FROM scratch\nCOPY --chmod=755 --chown=1:2 a.txt /\n"),
    .init(name: "hidden files", dockerfile: "FROM scratch\nCOPY .hidden /\n"),
    .init(name: "nothing", dockerfile: "FROM scratch\nLABEL a=b\n"),
    // Lines.
    .init(name: "a continuation", dockerfile: "FROM scratch\nCOPY a.txt \\\n    b.txt \\\n    /d/\n"),
    .init(name: "a comment in a continuation", dockerfile: "FROM scratch\nCOPY a.txt \\\n# b.txt \\\n    /d/\n"),
    .init(name: "an empty line in a continuation", dockerfile: "FROM scratch\nCOPY a.txt \\\n\n    /d/\n"),
    .init(name: "the escape directive", dockerfile: "# escape=`\nFROM scratch\nCOPY a.txt `\n  b.txt /d/\n"),
    .init(name: "the syntax directive", dockerfile: "# syntax=docker/dockerfile:1\nFROM scratch\nCOPY a.txt /\n"),
    .init(name: "a comment that looks like COPY", dockerfile: "FROM scratch\n# COPY b.txt /\nCOPY a.txt /\n"),
    .init(name: "CRLF", dockerfile: "FROM scratch\r\nCOPY a.txt /\r\nCOPY dir /d\r\n"),
    .init(name: "indentation", dockerfile: "  FROM scratch\n\tCOPY a.txt /\n"),
    .init(name: "no newline at the end", dockerfile: "FROM scratch\nCOPY a.txt /"),
    // Variables.
    .init(name: "a default", dockerfile: "FROM scratch\nARG f=a.txt\nCOPY $f /\n"),
    .init(name: "a given argument", dockerfile: "FROM scratch\nARG f=a.txt\nCOPY ${f} /\n", arguments: ["f=b.txt"]),
    .init(name: "an argument before FROM", dockerfile: "ARG f=a.txt\nFROM scratch\nARG f\nCOPY $f /\n"),
    .init(
        name: "an argument before FROM, given", dockerfile: "ARG f=a.txt\nFROM scratch\nARG f\nCOPY $f /\n",
        arguments: ["f=dir"]),
    .init(
        name: "a default of its own", dockerfile: "ARG f=a.txt\nFROM scratch\nARG f=b.txt\nCOPY $f /\n"),
    .init(name: "ENV wins over ARG", dockerfile: "FROM scratch\nARG f=a.txt\nENV f=b.txt\nCOPY $f /\n"),
    .init(name: "the old ENV", dockerfile: "FROM scratch\nENV f a.txt\nCOPY $f /\n"),
    .init(name: "ENV of ENV", dockerfile: "FROM scratch\nENV d=dir\nENV f=${d}/x.txt\nCOPY $f /\n"),
    .init(name: "a value in its own line", dockerfile: "FROM scratch\nENV f=a.txt\nENV f=b.txt g=$f\nCOPY $g /\n"),
    .init(name: "a fallback", dockerfile: "FROM scratch\nARG f\nCOPY ${f:-a.txt} /\n"),
    .init(name: "a fallback not needed", dockerfile: "FROM scratch\nARG f=b.txt\nCOPY ${f:-a.txt} /\n"),
    .init(name: "an alternative", dockerfile: "FROM scratch\nARG f=1\nCOPY ${f:+a.txt} /\n"),
    .init(name: "part of a word", dockerfile: "FROM scratch\nARG e=txt\nCOPY a.$e b.${e} /d/\n"),
    .init(
        name: "an escaped dollar", dockerfile: "FROM scratch\nARG e=txt\nCOPY \\$e.txt /\n", files: ["app/$e.txt": "1"]),
    .init(name: "quotes", dockerfile: "FROM scratch\nENV f=\"a.txt\"\nCOPY $f /\n"),
    .init(name: "an argument in FROM", dockerfile: "ARG base=scratch\nFROM $base\nCOPY a.txt /\n"),
    .init(
        name: "a prefix taken away", dockerfile: "FROM scratch\nARG f=x-a.txt\nCOPY ${f#x-} /\n",
        proof: .reference(["app/a.txt"])),
    .init(
        name: "the longest prefix taken away", dockerfile: "FROM scratch\nARG f=x-y-a.txt\nCOPY ${f##*-} /\n",
        proof: .reference(["app/a.txt"])),
    .init(
        name: "a suffix taken away", dockerfile: "FROM scratch\nARG f=a.txt.in\nCOPY ${f%.in} /\n",
        proof: .reference(["app/a.txt"])),
    .init(
        name: "the longest suffix taken away", dockerfile: "FROM scratch\nARG f=dir.a.b\nCOPY ${f%%.*} /d\n",
        proof: .reference(["app/dir/sub/z.txt", "app/dir/x.txt", "app/dir/y.md"])),
    .init(
        name: "a replacement", dockerfile: "FROM scratch\nARG f=q.txt\nCOPY ${f/q/a} /\n",
        proof: .reference(["app/a.txt"])),
    // Stages.
    .init(name: "a stage", dockerfile: "FROM scratch AS one\nCOPY a.txt /\nFROM scratch\nCOPY --from=one /a.txt /\n"),
    .init(name: "a stage by number", dockerfile: "FROM scratch\nCOPY a.txt /\nFROM scratch\nCOPY --from=0 /a.txt /\n"),
    .init(
        name: "a stage in other case",
        dockerfile: "FROM scratch AS One\nCOPY a.txt /\nFROM scratch\nCOPY --from=one /a.txt /\n",
        proof: .reference(["app/a.txt"])),
    .init(name: "a stage from a stage", dockerfile: "FROM scratch AS one\nCOPY a.txt /\nFROM one\nCOPY b.txt /\n"),
    .init(
        name: "a stage that nothing reaches",
        dockerfile:
            "FROM scratch AS one\nCOPY a.txt /\nFROM scratch AS two\nCOPY b.txt /\nFROM scratch\nCOPY --from=two /b.txt /\n"
    ),
    .init(
        name: "a target", dockerfile: "FROM scratch AS one\nCOPY a.txt /\nFROM scratch AS two\nCOPY b.txt /\n",
        target: "one"),
    .init(
        name: "a target in the middle",
        dockerfile: "FROM scratch AS one\nCOPY a.txt /\nFROM one AS two\nCOPY b.txt /\nFROM two\nCOPY c.md /\n",
        target: "two"),
    .init(
        name: "ONBUILD of a stage",
        dockerfile: "FROM scratch AS one\nONBUILD COPY b.txt /\nCOPY a.txt /\nFROM one\nCOPY c.md /\n",
        proof: .reference(["app/a.txt", "app/b.txt", "app/c.md"])),
    .init(name: "ONBUILD that nobody builds on", dockerfile: "FROM scratch\nONBUILD COPY b.txt /\nCOPY a.txt /\n"),
    // Ignore files.
    .init(name: "ignored", dockerfile: "FROM scratch\nCOPY . /\n", ignore: "b.txt\ndir\n"),
    .init(name: "ignored but for one", dockerfile: "FROM scratch\nCOPY . /\n", ignore: "dir/*\n!dir/x.txt\n"),
    .init(name: "everything ignored but for some", dockerfile: "FROM scratch\nCOPY . /\n", ignore: "*\n!a.txt\n!dir\n"),
    .init(name: "the last line wins", dockerfile: "FROM scratch\nCOPY . /\n", ignore: "!a.txt\n*.txt\n!b.txt\n"),
    .init(name: "a pattern is anchored", dockerfile: "FROM scratch\nCOPY . /\n", ignore: "x.txt\n*.md\n"),
    .init(name: "two stars", dockerfile: "FROM scratch\nCOPY . /\n", ignore: "**/*.md\n"),
    .init(name: "two stars at the front", dockerfile: "FROM scratch\nCOPY . /\n", ignore: "**/z.txt\n"),
    .init(name: "comments and empty lines", dockerfile: "FROM scratch\nCOPY . /\n", ignore: "# a.txt\n\n  b.txt  \n"),
    .init(name: "a leading slash is no anchor", dockerfile: "FROM scratch\nCOPY . /\n", ignore: "/a.txt\n/dir/sub/\n"),
    .init(name: "a folder with a slash ignored", dockerfile: "FROM scratch\nCOPY . /\n", ignore: "dir/\n"),
    .init(name: "ignored in a folder that is copied", dockerfile: "FROM scratch\nCOPY dir /d\n", ignore: "dir/sub\n"),
    .init(
        name: "an ignore file of its own", dockerfile: "FROM scratch\nCOPY . /\n", ignore: "a.txt\n",
        ownIgnore: "b.txt\n",
        proof: .reference([
            "app/.dockerignore", "app/.hidden", "app/A.TXT", "app/Dockerfile.dockerignore", "app/a.txt",
            "app/c.md", "app/dir/sub/z.txt", "app/dir/x.txt", "app/dir/y.md", "app/other/o.txt", "app/sp ace.txt",
        ])),
    // Contexts and links.
    .init(name: "a context above", dockerfile: "FROM scratch\nCOPY shared app/a.txt /\n", context: "/"),
    .init(name: "everything of a context above", dockerfile: "FROM scratch\nCOPY . /\n", ignore: nil, context: "/"),
    .init(name: "a link in a folder", dockerfile: "FROM scratch\nCOPY dir /d\n", links: ["app/dir/link": "x.txt"]),
    .init(
        name: "a link to a file as the source", dockerfile: "FROM scratch\nCOPY link /d/\n",
        links: ["app/link": "a.txt"],
        proof: .more),
    // What the builder at hand has not.
    .init(name: "link", dockerfile: "FROM scratch\nCOPY --link a.txt /\n", proof: .reference(["app/a.txt"])),
    .init(
        name: "exclude", dockerfile: "FROM scratch\nCOPY --exclude=**/*.md --exclude=**/sub dir /d\n",
        proof: .reference(["app/dir/x.txt"])),
    .init(
        name: "parents", dockerfile: "FROM scratch\nCOPY --parents ./dir/./sub/z.txt /\n",
        proof: .reference(["app/dir/sub/z.txt"])),
    .init(
        // Builders differ on two stars in a source, so what stands before them is taken whole.
        name: "parents with two stars", dockerfile: "FROM scratch\nCOPY --parents dir/**/z.txt /\n",
        proof: .reference(["app/dir/sub/z.txt", "app/dir/x.txt", "app/dir/y.md"])),
    .init(
        name: "a heredoc", dockerfile: "FROM scratch\nCOPY <<EOF /x\nCOPY b.txt /\nEOF\nCOPY a.txt /\n",
        proof: .reference(["app/a.txt"])),
    .init(
        name: "a heredoc beside a file", dockerfile: "FROM scratch\nCOPY <<EOF a.txt /d/\nEOF2\nEOF\n",
        proof: .reference(["app/a.txt"])),
    .init(
        name: "a heredoc of RUN",
        dockerfile: "FROM scratch AS x\nRUN <<EOF\nCOPY b.txt /\nEOF\nFROM scratch\nCOPY a.txt /\n",
        proof: .reference(["app/a.txt"])),
    .init(
        name: "bind mounts", dockerfile: "FROM base\nRUN --mount=type=bind,source=dir,target=/d cat /d/x.txt\n",
        proof: .reference(["app/dir/sub/z.txt", "app/dir/x.txt", "app/dir/y.md"])),
    .init(
        name: "a bind mount of all", dockerfile: "FROM base\nRUN --mount=target=/src true\n", ignore: "*\n!a.txt\n",
        proof: .reference(["app/a.txt"])),
    .init(
        name: "a bind mount from a stage",
        dockerfile:
            "FROM scratch AS one\nCOPY a.txt /\nFROM base\nRUN --mount=type=bind,from=one,source=/,target=/d true\n",
        proof: .reference(["app/a.txt"])),
    .init(
        name: "cache and secret mounts",
        dockerfile: "FROM base\nRUN --mount=type=cache,target=/c --mount=type=secret,id=s true\nCOPY a.txt /\n",
        proof: .reference(["app/a.txt"])),
    // What cannot be told beforehand.
    .init(name: "a variable that is not set", dockerfile: "FROM scratch\nCOPY a.txt $nothing/d/\n", proof: .more),
]
