import BuildEngine
package import BuildGraph
import Glibc

/// A real git repository in a temporary folder, untouched by the machine's git configuration.
package struct TestRepository: Sendable {
    package let folder: TemporaryFolder
    /// Where git runs: the folder itself, or below it.
    package let path: BytePath
    private let runner = ProcessRunner.ofTests

    /// `options` go to `git init`.
    package init(_ options: String...) async throws {
        folder = try TemporaryFolder()
        path = folder("repository")
        let home = folder("home")
        _ = home.withCString { mkdir($0, 0o755) }
        _ = path.withCString { mkdir($0, 0o755) }
        try await git(["init", "--quiet", "--initial-branch=main"] + options + ["."])
    }

    /// What a git of this repository's own sees of the environment.
    package var environment: [String: String] {
        let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"
        return [
            "PATH": path, "HOME": folder("home").shown, "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C",
            "GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@example.com", "GIT_AUTHOR_DATE": "1700000000 +0000",
            "GIT_COMMITTER_NAME": "t", "GIT_COMMITTER_EMAIL": "t@example.com",
            "GIT_COMMITTER_DATE": "1700000000 +0000",
        ]
    }

    /// Runs git, by default at the top, and gives what it printed. Throws `GitFailed` unless it exits with one of
    /// `statuses`.
    @discardableResult
    package func git(
        _ arguments: [String], in folder: BytePath? = nil, input: [UInt8] = [], statuses: Set<Int32> = [0]
    ) async throws -> [UInt8] {
        var command = Command(["git"] + arguments, environment: environment, folder: folder ?? path)
        command.input = input
        command.separateErrors = true
        let result = try await runner.run(command)
        guard case .exited(let status) = result.ending, statuses.contains(status) else {
            throw GitFailed(arguments: arguments, errors: String(decoding: result.errors, as: UTF8.self))
        }
        return result.output
    }

    /// As `git`, for what prints one line.
    package func line(_ arguments: String...) async throws -> String {
        String(decoding: try await git(arguments).prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    }

    /// Writes a file below the top.
    package func write(_ name: String, _ text: String, executable: Bool = false) throws {
        try folder.write("repository/" + name, text, mode: executable ? 0o755 : 0o644)
    }

    /// Commits all that git does not ignore, and gives the commit's id.
    @discardableResult
    package func commitAll(_ message: String = "change") async throws -> String {
        try await git(["add", "--all"])
        try await git(["commit", "--quiet", "--allow-empty", "-m", message])
        return try await line("rev-parse", "HEAD")
    }
}

package struct GitFailed: Error {
    package let arguments: [String]
    package let errors: String
}

/// Random numbers that are the same in each run (SplitMix64).
package struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    package init(seed: UInt64) {
        state = seed
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
