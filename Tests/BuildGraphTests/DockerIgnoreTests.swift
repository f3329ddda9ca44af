import BuildGraph
import Testing

@Suite struct DockerIgnoreTests {
    @Test(arguments: [
        ("*.md", "a.md", true),
        ("*.md", "x/a.md", false),
        ("**/*.md", "a.md", true),
        ("**/*.md", "x/y/a.md", true),
        ("**/*.md", "x/y/a.mdx", false),
        ("**", "x/y", true),
        ("x/**", "x/y/z", true),
        ("x/**", "x", false),
        ("x/**/z", "x/z", true),
        ("x/**/z", "x/a/b/z", true),
        ("x/**/z", "x/a/bz", false),
        ("/x", "x", true),
        ("x/", "x/y/z", true),
        ("x", "y/x", false),
        ("x", "xy", false),
        ("./x/../y", "y", true),
        ("# x\nx", "x", true),
        ("#x", "#x", false),
        (" x \r\ny", "x", true),
        ("x\n!x/keep", "x/keep", false),
        ("x\n!x/keep", "x/keep/all", false),
        ("x\n!x/keep", "x/other", true),
        ("!x\nx", "x", true),
        ("*\n!a\nab*", "a", false),
        ("*\n!src\nsrc/*.o", "src/a.o", true),
        ("*\n!src\nsrc/*.o", "src/a.c", false),
        ("a?c", "abc", true),
        ("a?c", "a/c", false),
        ("a?c", "aéc", true),
        ("a[a-c]d", "abd", true),
        ("a[^a-c]d", "abd", false),
        ("a\\*", "a*", true),
        ("a\\*", "ab", false),
        ("a.b", "axb", false),
        ("a[", "a[", false),
        ("!", "x", false),
        ("", "x", false),
        ("/", "x", false),
    ]) func decides(_ text: String, _ path: String, _ excluded: Bool) {
        #expect(DockerIgnore.parse(Array(text.utf8)).excludes(BytePath(path)) == excluded)
    }

    @Test func endsOnHostilePatterns() {
        let pattern = String(repeating: "*a", count: 1_000) + "b"
        #expect(!DockerIgnore.parse(Array(pattern.utf8)).excludes(BytePath(String(repeating: "a", count: 1_000))))
    }

    @Test func knowsFoldersOfWhichNothingIsSeen() {
        #expect(DockerIgnore.parse(Array("x".utf8)).excludesAll(below: BytePath("x")))
        #expect(!DockerIgnore.parse(Array("x\n!x/y".utf8)).excludesAll(below: BytePath("x")))
    }
}
