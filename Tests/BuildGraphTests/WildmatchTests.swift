import BuildGraph
import BuildTestSupport
import Testing

@Suite struct WildmatchTests {
    @Test(arguments: [
        ("*.py", "a.py", true), ("*.py", "src/a.py", false), ("src/*.py", "src/a.py", true),
        ("src/**/*.py", "src/a.py", true), ("src/**/*.py", "src/a/b/c.py", true), ("src/**/*.py", "lib/a.py", false),
        ("**/a", "a", true), ("**/a", "x/y/a", true), ("**/a", "xa", false), ("a/**", "a", false),
        ("a/**", "a/b/c", true), ("a/**/b", "a/b", true), ("a/**/b", "a/x/y/b", true), ("a**b", "a/b", false),
        ("a**b", "axb", true), ("**", "a/b", true), ("src/", "src/a/b", true), ("src/", "src", false),
        ("src", "src/a", false), ("/a", "a", true), ("a?c", "abc", true), ("a?c", "a/c", false),
        ("[a-c]x", "bx", true), ("[!a-c]x", "bx", false), ("[^a-c]x", "dx", true), ("a[/]b", "a/b", false),
        ("[]-]", "]", true), ("[]-]", "-", true), ("[[:digit:][:upper:]]", "7", true), ("[[:digit:]]", "a", false),
        ("[[:nonsense:]]", "a", false), ("\\*", "*", true), ("\\*", "a", false), ("[", "[", false), ("a\\", "a", false),
        ("a\\", "a\\", false), ("[a\\-z]", "-", true), ("[a\\-z]", "b", false), ("é*", "éa", true), ("", "a", false),
        ("**/**/a", "a", true), ("***/a", "x/a", true), ("a/**/", "a/b", true), ("**/x/**/y", "x/a/x/b/y", true),
    ])
    func rowsOfTheRules(pattern: String, path: String, matches: Bool) {
        #expect(PathPattern(pattern).matches(BytePath(path)) == matches)
    }

    @Test(arguments: [
        ("src/*/Dockerfile", "src/cart/Dockerfile", ["cart"]), ("services/*", "services/a", ["a"]),
        ("**/Dockerfile", "a/b/Dockerfile", ["a/b"]), ("**/Dockerfile", "Dockerfile", [""]),
        ("svc-[ab]*/x", "svc-abc/x", ["abc"]), ("*-*", "a-b-c", ["a", "b-c"]), ("a/**", "a/b/c", ["b/c"]),
        ("a/**/b?/*.c", "a/x/y/b1/m.c", ["x/y", "1", "m"]), ("a", "a", []),
    ])
    func captures(pattern: String, path: String, captures: [String]) {
        #expect(PathPattern(pattern).captures(BytePath(path)) == captures.map { Array($0.utf8) })
    }

    @Test func noMatchHasNoCaptures() {
        #expect(PathPattern("src/*/Dockerfile").captures(BytePath("src/Dockerfile")) == nil)
    }

    @Test func bytesThatAreNotUTF8AreBytes() {
        #expect(PathPattern("?").matches(BytePath(bytes: [0xFF])))
        #expect(!PathPattern("?").matches(BytePath("é")))
        #expect(!PathPattern("caf\u{E9}").matches(BytePath("cafe\u{301}")))
    }

    @Test(arguments: [
        ("src/lib/*.py", "src/lib"), ("src/a.py", "src"), ("*", ""), ("src/", "src"), ("a\\*b/c*/d", "a*b"),
        ("a/**/b/c", "a"),
    ])
    func literalPrefix(pattern: String, prefix: String) {
        #expect(PathPattern(pattern).literalPrefix == Array(prefix.utf8))
    }

    @Test func literals() {
        #expect(PathPattern("a/b\\*").isLiteral)
        #expect(PathPattern("a/b\\*").literalPath == BytePath("a/b*"))
        #expect(!PathPattern("a/").isLiteral)
        #expect(!PathPattern("a/?").isLiteral)
        #expect(PathPattern.hasWildcards(Array("a[b".utf8)))
        #expect(!PathPattern.hasWildcards(Array("a\\[b\\\\".utf8)))
    }

    @Test(arguments: [
        ("src/**/*.py", "src", true), ("src/**/*.py", "src/a/b", true), ("src/*.py", "src/a", false),
        ("src/*.py", "", true), ("src/*.py", "lib", false), ("a/*/c", "a/b", true), ("a/*/c", "a/b/c", false),
        ("**/x", "anything/at/all", true), ("src/", "src/deep", true),
    ])
    func mayMatchInside(pattern: String, folder: String, may: Bool) {
        #expect(PathPattern(pattern).mayMatchInside(BytePath(folder)) == may)
    }

    @Test(arguments: [
        ("*.py", "a/b", "a/b/x.py", true), ("../c/*", "a/b", "a/c/x", true), ("/top", "a/b", "top", true),
        ("./x", "a", "a/x", true), (".", "a", "a/deep/x", true), ("/", "a", "anything/x", true),
        ("*", "a[b]*", "a[b]*/x", true), ("*", "a[b]*", "ab/x", false), ("src/", "a", "a/src/x/y", true),
    ])
    func patternsWrittenInAFolder(text: String, folder: String, path: String, matches: Bool) throws {
        let pattern = try #require(PathPattern.resolving(Array(text.utf8), in: BytePath(folder)))
        #expect(pattern.matches(BytePath(path)) == matches)
    }

    @Test func patternsDoNotLeaveTheWorkspace() {
        #expect(PathPattern.resolving(Array("../../x".utf8), in: BytePath("a")) == nil)
    }

    @Test func hostilePatternsEnd() {
        let stars = PathPattern(String(repeating: "a*", count: 5120) + "b")
        #expect(!stars.matches(BytePath(String(repeating: "a", count: 10240))))
        let folders = PathPattern(String(repeating: "**/a*/", count: 1700) + "b")
        #expect(!folders.matches(BytePath(String(repeating: "a/", count: 5119) + "a")))
        let both = PathPattern(
            "**/" + String(repeating: "*a", count: 2500) + "/" + String(repeating: "a*/", count: 1000))
        #expect(!both.matches(BytePath(String(repeating: String(repeating: "a", count: 99) + "/", count: 100) + "b")))
    }

    /// Every pattern against every path, beside git: attributes use the same matcher, for all of them in one process.
    @Test func agreesWithGit() async throws {
        let seed: UInt64 = 20_261_121
        var random = SeededGenerator(seed: seed)
        let paths = Set((0..<400).map { _ in GeneratedPaths.path(&random) }).sorted()
        let patterns = Array(Set((0..<2500).map { _ in GeneratedPaths.pattern(&random) }).sorted()).filter {
            // Git 2.39 takes `**` after the literal start of a pattern for one that stands alone; later ones do not.
            !GeneratedPaths.startsLikeGitsOldMistake($0) && !$0.hasSuffix("/") && !$0.contains("//")
        }
        let repository = try await TestRepository()
        let attributes = patterns.enumerated().map { "\"/\(GeneratedPaths.quoted($1))\" m\($0)\n" }.joined()
        try repository.write(".git/info/attributes", attributes)
        let output = try await repository.git(
            ["check-attr", "-z", "--stdin", "--all"], input: Array(paths.map { $0 + "\0" }.joined().utf8))
        let fields = output.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
        var expected: Set<String> = []
        for index in stride(from: 0, to: fields.count - 2, by: 3) {
            expected.insert(fields[index] + "\0" + fields[index + 1])
        }
        #expect(expected.count > 1000, "seed \(seed)")
        var differences: [String] = []
        for (index, text) in patterns.enumerated() {
            let pattern = PathPattern(text)
            for path in paths {
                let matches = pattern.matches(BytePath(path))
                if matches != expected.contains("\(path)\0m\(index)") {
                    differences.append("\(text) \(path) \(matches)")
                }
                if matches != (pattern.captures(BytePath(path)) != nil) {
                    differences.append("captures \(text) \(path)")
                }
                if matches, !pattern.mayMatchInside(BytePath(path).parent) {
                    differences.append("inside \(text) \(path)")
                }
            }
        }
        #expect(differences.isEmpty, "seed \(seed): \(differences.prefix(10))")
    }

    @Test func agreesWithGitsPathspecs() async throws {
        let repository = try await TestRepository()
        let paths = ["a.py", "src/a.py", "src/x/b.py", "src/x/y/c.txt", "lib/src/a.py", "d/e"]
        for path in paths { try repository.write(path, "x") }
        try await repository.commitAll()
        for text in ["*.py", "src/**/*.py", "**/src/*", "src/**", "**/[a-b].py", "*/*/*", "**/x/**/*.t?t", "[!a]*/*"] {
            let output = try await repository.git(["ls-files", "-z", ":(glob)" + text])
            let listed = output.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
            #expect(paths.filter { PathPattern(text).matches(BytePath($0)) }.sorted() == listed.sorted(), "\(text)")
        }
    }
}

/// Paths and patterns over a small alphabet, so that they often match.
enum GeneratedPaths {
    static func path(_ random: inout SeededGenerator) -> String {
        let pieces = ["a", "b", "c", "ab", "bc", "abc", "a-b", "x1", "A", "]", "!", "a b"]
        return (0..<Int.random(in: 1...4, using: &random)).map { _ in
            (0..<Int.random(in: 1...2, using: &random)).map { _ in pieces.randomElement(using: &random) ?? "a" }
                .joined()
        }.joined(separator: "/")
    }

    static func pattern(_ random: inout SeededGenerator) -> String {
        let pieces = [
            "a", "b", "c", "ab", "-", "1", "*", "*", "**", "?", "[ab]", "[!a]", "[^b-c]", "[[:upper:]]", "[[:digit:]x]",
            "[]a]", "\\a", "\\*", "[a", "[a-]", "[\\]]", "[[:foo:]]", "[a/b]", "\\", "]", "!", " ",
        ]
        return (0..<Int.random(in: 1...4, using: &random)).map { _ in
            Int.random(in: 0..<4, using: &random) == 0
                ? "**"
                : (0..<Int.random(in: 1...3, using: &random)).map { _ in pieces.randomElement(using: &random) ?? "a" }
                    .joined()
        }.joined(separator: "/")
    }

    static func startsLikeGitsOldMistake(_ pattern: String) -> Bool {
        let bytes = Array(pattern.utf8)
        let special = bytes.firstIndex { "*?[\\".utf8.contains($0) } ?? bytes.count
        guard special > 0, special + 1 < bytes.count, bytes[special - 1] != UInt8(ascii: "/") else { return false }
        return bytes[special] == UInt8(ascii: "*") && bytes[special + 1] == UInt8(ascii: "*")
    }

    static func quoted(_ pattern: String) -> String {
        pattern.map { $0 == "\\" || $0 == "\"" ? "\\\($0)" : "\($0)" }.joined()
    }
}
