import BuildGraph
import BuildTestSupport
import Testing

@Suite struct IgnoreRulesTests {
    private func ignores(_ text: String, _ path: String, isFolder: Bool = false) -> Bool {
        IgnoreRules([IgnoreFile(Array(text.utf8), folder: .root)])
            .ignoresWithParents(BytePath(path), isFolder: isFolder)
    }

    @Test(arguments: [
        ("*.o", "a/b.o", true), ("/x", "x", true), ("/x", "a/x", false), ("a/x", "b/a/x", false), ("d/", "d", false),
        ("d/", "d/f", true), ("*.o\n!k.o", "k.o", false), ("d/\n!d/k", "d/k", true), ("#a", "#a", false),
        ("\\#a", "#a", true), ("\\!a", "!a", true), ("a  ", "a", true), ("a\\ ", "a ", true), ("a\r\n", "a", true),
        ("\u{FEFF}a", "a", true), ("a\r\r\n", "a\r", true), ("", "a", false), ("/", "a", false), ("**/t", "a/t", true),
        ("a\\", "a", false), ("d//", "d/f", false), ("*\n!*/\n!*.c", "x/y.c", false), ("*\n!*/\n!*.c", "x/y.h", true),
    ])
    func rows(text: String, path: String, ignored: Bool) {
        #expect(ignores(text, path) == ignored)
    }

    @Test func deeperFilesComeFirst() {
        let rules = IgnoreRules([
            IgnoreFile(Array("*.log".utf8), folder: .root),
            IgnoreFile(Array("!keep.log\n/only".utf8), folder: BytePath("a")),
        ])
        #expect(rules.ignores(BytePath("keep.log"), isFolder: false))
        #expect(!rules.ignores(BytePath("a/b/keep.log"), isFolder: false))
        #expect(rules.ignores(BytePath("a/only"), isFolder: false))
        #expect(!rules.ignores(BytePath("ab/only"), isFolder: false))
    }

    /// More than 10,000 pairs of generated ignore files on three levels and names, beside `git check-ignore`.
    @Test func agreesWithGit() async throws {
        let seed: UInt64 = 77
        var random = SeededGenerator(seed: seed)
        let repository = try await TestRepository()
        var differences: [String] = []
        var ignored = 0
        for _ in 0..<130 {
            let files = [("", 12), ("a/", 4), ("ab/", 4), ("a/b/", 4)].map { folder, count in
                (folder: folder, text: Self.ignoreText(&random, lines: count))
            }
            for file in files { try repository.write(file.folder + ".gitignore", file.text) }
            let exclude = Self.ignoreText(&random, lines: 3)
            try repository.write(".git/info/exclude", exclude)
            let paths = Set((0..<80).map { _ in GeneratedPaths.path(&random) }).sorted()
            // What is not on disk is a file for git, unless it ends with a slash.
            let output = try await repository.git(
                ["check-ignore", "--no-index", "-z", "--stdin"], input: Array(paths.map { $0 + "\0" }.joined().utf8),
                statuses: [0, 1])
            let expected = Set(output.split(separator: 0).map { String(decoding: $0, as: UTF8.self) })
            ignored += expected.count
            let base = IgnoreRules([IgnoreFile(Array(exclude.utf8), folder: .root)])
            for path in paths where !["a", "ab", "a/b"].contains(path) {
                let mine = Self.walk(base, files, path)
                if mine != expected.contains(path) { differences.append("\(path) \(mine) \(files)") }
            }
        }
        #expect(ignored > 500)
        #expect(differences.isEmpty, "seed \(seed): \(differences.count) \(differences.prefix(3))")
    }

    private static func ignoreText(_ random: inout SeededGenerator, lines: Int) -> String {
        (0..<lines).map { _ -> String in
            var pattern = GeneratedPaths.pattern(&random)
            while GeneratedPaths.startsLikeGitsOldMistake(pattern) { pattern = GeneratedPaths.pattern(&random) }
            let start = ["", "", "!", "/", "!/", "#"].randomElement(using: &random) ?? ""
            let end = ["", "", "/", " ", "\\ ", "\r", "  ", "//"].randomElement(using: &random) ?? ""
            return start + pattern + end + "\n"
        }.joined()
    }

    /// As a scan does: down the path, one ignore file more in each folder, until a folder is ignored.
    private static func walk(_ base: IgnoreRules, _ files: [(folder: String, text: String)], _ path: String) -> Bool {
        var rules = base
        let parts = path.split(separator: "/").map(String.init)
        for count in 0..<parts.count {
            let folder = parts.prefix(count).joined(separator: "/")
            if let file = files.first(where: { $0.folder == (folder.isEmpty ? "" : folder + "/") }) {
                rules = rules.adding(IgnoreFile(Array(file.text.utf8), folder: BytePath(folder)))
            }
            let below = parts.prefix(count + 1).joined(separator: "/")
            if rules.ignores(BytePath(below), isFolder: count + 1 < parts.count) { return true }
        }
        return false
    }
}
