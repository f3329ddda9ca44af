import BuildEngine
import BuildGraph
import BuildTestSupport
import Buildfile
import Glibc
import Testing

/// Whatever happens to a repository between two looks, the second sees what git alone would say.
@Suite struct GitMemoPropertyTests {
    /// LMSBUILD_TEST_SEED makes other histories.
    private static var seeds: [UInt64] {
        let seed = getenv("LMSBUILD_TEST_SEED").flatMap { UInt64(String(cString: $0)) } ?? 1
        return (0..<8).map { seed &* 1000 &+ 900 &+ $0 }
    }

    private struct History {
        let seen: RememberedRepository
        var generator: SeededGenerator

        private static let folders = ["", "a/", "a/b/", "a/b/c/", "d/", "out/", "out/e/"]
        private static let names = ["x.txt", "y.log", "z.c", "w.md", ".gitignore", ".gitattributes"]
        private static let rules = [
            "*.log", "out/", "*.md", "!y.log", "/a/b", "b/", "!*.md", "/d/*", "*", "!*/", "x.*",
        ]

        mutating func pick<Element>(_ some: [Element]) -> Element {
            some[Int.random(in: 0..<some.count, using: &generator)]
        }

        mutating func file() -> String { pick(Self.folders) + pick(Self.names.dropLast(2)) }

        mutating func ruleText() -> String {
            (0..<Int.random(in: 0...3, using: &generator)).map { _ in pick(Self.rules) + "\n" }.joined()
        }

        private func git(_ words: String...) async throws { try await seen.repository.git(words) }

        private func remove(_ name: String) {
            _ = seen.top.appending(name).withCString { unlink($0) }
        }

        private func move(_ from: String, _ to: String) {
            _ = seen.top.appending(from).withCString { from in
                seen.top.appending(to).withCString { rename(from, $0) }
            }
        }

        /// What was done. Much of it is refused where something else is in its way, which is as good.
        mutating func change() async throws -> String {
            let number = Int.random(in: 0..<32, using: &generator)
            let name = file()
            do {
                try await change(number, name)
            } catch is GitFailed {
            } catch is FileSystemError {
            }
            return "\(number) \(name)"
        }

        private mutating func change(_ number: Int, _ name: String) async throws {
            switch number {
            case 0...4: try seen.repository.write(name, "\(Int.random(in: 0...3, using: &generator))\r\n")
            case 5, 6: remove(name)
            case 7, 8: try seen.repository.write(pick(Self.folders) + ".gitignore", ruleText())
            case 9: remove(pick(Self.folders) + ".gitignore")
            case 10: try seen.repository.write(".git/info/exclude", ruleText())
            case 11, 12: try await git("add", "--force", "--", name)
            case 13, 14: try await git("add", "--all")
            case 15: try await git("rm", "--quiet", "--cached", "--force", "--", name)
            case 16, 17: try await git("commit", "--quiet", "--allow-empty", "--all", "-m", "change")
            case 18:
                try await git("checkout", "--quiet", "--force", "-B", "b\(Int.random(in: 0...2, using: &generator))")
            case 19: try await git("checkout", "--quiet", "--force", "b\(Int.random(in: 0...2, using: &generator))")
            case 20: try await git("reset", "--quiet", "--hard", "HEAD~1")
            case 21: try await git("status")
            case 22: try seen.repository.folder.write("home/.config/git/ignore", ruleText())
            case 23:
                try seen.repository.folder.write("home/excludes", ruleText())
                try await git("config", "--global", "core.excludesFile", pick(["~/excludes", "~/nothing"]))
            case 24: move(pick(["a", "a/b", "a/b/c", "d", "out"]), pick(["a/n", "d/m", "out/e", "k", "a"]))
            case 25: try await git("update-index", "--index-version", pick(["2", "3", "4"]))
            case 26:
                try await git(
                    "update-index", pick(["--split-index", "--no-split-index", "--no-split-index", "--no-split-index"]))
            case 27: try await git("config", "core.autocrlf", pick(["true", "false", "input"]))
            case 28:
                let id = String(repeating: pick(["1", "2"]), count: 40)
                try await git("update-index", "--add", "--cacheinfo", "160000,\(id),\(pick(["s", "a/s", "out/s"]))")
                _ = seen.top.appending(pick(["s", "a/s", "out/s"])).withCString { mkdir($0, 0o755) }
            case 29:
                let folder = pick(["a/b", "d", "k"])
                try await git("init", "--quiet", folder)
                if Bool.random(using: &generator) { move(folder + "/.git", "out/git") }
            case 30:
                let folder = pick(["a/b", "d", "out"])
                move(folder, "moved")
                _ = seen.top.appending(folder).withCString { symlink("moved", $0) }
            default:
                try await git("sparse-checkout", "set", "--no-cone", "/.gitignore", pick(["/a/", "/d/", "*.txt"]))
                if Bool.random(using: &generator) { try await git("sparse-checkout", "disable") }
            }
        }
    }

    @Test(arguments: Self.seeds)
    func aLookSeesTheTruth(seed: UInt64) async throws {
        let repository = try await TestRepository()
        try repository.write(".gitignore", "*.log\nout/\n")
        try await repository.commitAll()
        let seen = try RememberedRepository(repository)
        var history = History(seen: seen, generator: SeededGenerator(seed: seed))
        var silent = 0
        for step in 0..<60 {
            var changes: [String] = []
            for _ in 0..<Int.random(in: 0...2, using: &history.generator) { changes.append(try await history.change()) }
            if Bool.random(using: &history.generator) { try seen.settle() }
            guard let truth = try? await seen.truth() else {
                // Nothing is seen where git refuses.
                await #expect(throws: (any Error).self) { try await seen.look() }
                continue
            }
            _ = seen.runner.takeCommands()
            let looked = try await seen.look()
            if !seen.runner.takeCommands().contains(where: { $0.hasPrefix("ls-files -z --cached") }) { silent += 1 }
            let isSame = looked == truth
            #expect(isSame, "seed \(seed), step \(step): \(changes): \(difference(looked, truth))")
            if !isSame { return }
        }
        #expect(silent > 3, "seed \(seed): git was not asked in \(silent) of 60 steps")
    }

    private func difference(_ one: RememberedRepository.Seen, _ other: RememberedRepository.Seen) -> String {
        let paths = Set(one.files.keys).union(other.files.keys).filter { one.files[$0] != other.files[$0] }
        let lines = paths.sorted().map { "\($0): \(one.files[$0] ?? "-") is \(other.files[$0] ?? "-")" }
        return lines.joined(separator: ", ") + (one.submodules == other.submodules ? "" : ", submodules")
    }
}
