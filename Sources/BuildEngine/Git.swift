// Asks git about revisions and about what it tracks and ignores. Does not know Buildfiles or targets.
package import BuildGraph
import Buildfile
import Glibc

/// A repository that the workspace lies in. Every call is hardened: no shell, no hooks, no file-system monitor, no
/// optional locks, no `GIT_*` of the environment, revisions never taken for options.
package struct GitRepository: Sendable {
    /// The top of the working tree, absolute.
    package let top: BytePath
    /// What all worktrees share: absolute.
    package let commonFolder: BytePath
    let runner: any CommandRunner
    private let environment: [String: String]

    /// The repository that the absolute `folder` lies in, or nil where there is none. Throws LMS305 where git itself
    /// is missing although there is a repository.
    package static func discover(from folder: BytePath, runner: any CommandRunner) async throws -> GitRepository? {
        let environment = cleanEnvironment()
        let probe = GitRepository(top: folder, commonFolder: folder, runner: runner, environment: environment)
        let result: CommandResult
        do {
            result = try await probe.call(
                ["rev-parse", "--path-format=absolute", "--show-toplevel", "--git-common-dir"], in: folder)
        } catch is SpawnError {
            if !hasGitFolder(at: folder) { return nil }
            throw Diagnostic(
                .gitUnavailable, .error, "there is a git repository here, but no program 'git' in PATH",
                hint: "apt-get install git")
        }
        guard result.succeeded else {
            if !hasGitFolder(at: folder) { return nil }
            throw Diagnostic(
                .gitUnavailable, .error, "git cannot use the repository here: \(firstLine(result.errors))",
                hint: "see what 'git status' says in '\(folder.shown)'")
        }
        let lines = result.output.split(separator: UInt8(ascii: "\n"))
        guard lines.count == 2 else { return nil }
        return GitRepository(
            top: BytePath(bytes: Array(lines[0])), commonFolder: BytePath(bytes: Array(lines[1])), runner: runner,
            environment: environment)
    }

    /// The commit that `revision` names, as hex. Throws LMS304.
    package func resolve(_ revision: String) async throws -> String {
        guard !revision.isEmpty, !revision.hasPrefix("-") else {
            throw Diagnostic(.badRevision, .error, "'\(revision)' is no revision")
        }
        let result = try await call(
            ["rev-parse", "--verify", "--quiet", "--end-of-options", revision + "^{commit}"], in: top)
        if result.succeeded { return Self.firstLine(result.output) }
        if try await isShallow() {
            throw Diagnostic(
                .badRevision, .error, "this clone is shallow and does not hold '\(revision)'",
                hint: "fetch it: 'git fetch --unshallow', or 'git fetch --depth=N origin \(revision)'")
        }
        throw Diagnostic(
            .badRevision, .error, "unknown revision '\(revision)'",
            hint: "'git log --oneline' and 'git branch -a' list what there is; 'git fetch' gets what there is elsewhere"
        )
    }

    /// Whether `revision` is a branch's name, local or remote.
    package func isBranch(_ revision: String) async throws -> Bool {
        let result = try await call(
            ["rev-parse", "--symbolic-full-name", "--end-of-options", revision], in: top)
        let name = Self.firstLine(result.output.filter { _ in result.succeeded })
        return name.hasPrefix("refs/heads/") || name.hasPrefix("refs/remotes/")
    }

    /// The best common ancestor of two commits. Throws LMS304 where there is none or a shallow clone hides it.
    package func mergeBase(_ one: String, _ other: String) async throws -> String {
        let result = try await call(["merge-base", "--end-of-options", one, other], in: top)
        if result.succeeded, !result.output.isEmpty { return Self.firstLine(result.output) }
        if try await isShallow() {
            throw Diagnostic(
                .badRevision, .error,
                "this clone is shallow, so the merge base of \(one.prefix(12)) and \(other.prefix(12)) cannot be known",
                hint: "fetch the history: 'git fetch --unshallow'")
        }
        throw Diagnostic(
            .badRevision, .error, "\(one.prefix(12)) and \(other.prefix(12)) have no common ancestor",
            hint: "name a commit as the base: then the two trees are compared as they are")
    }

    package func isShallow() async throws -> Bool {
        Self.firstLine(try await call(["rev-parse", "--is-shallow-repository"], in: top).output) == "true"
    }

    /// What a scan of the workspace at the absolute `root` needs to know of git.
    package func workingTreeOptions(root: BytePath) async throws -> WorkingTreeOptions {
        var options = WorkingTreeOptions(root: root)
        let prefix = root.relative(to: top) ?? .root
        options.prefix = prefix
        options.ignoreFiles = try await ignoreFiles(above: prefix)
        let tracked = try await output(["ls-files", "-z", "--cached", "--ignored", "--exclude-standard"], in: root)
        options.trackedIgnored = Self.records(tracked).map { BytePath(bytes: $0) }
        for record in Self.records(try await output(["ls-files", "-z", "--stage"], in: root))
        where record.starts(with: Array("160000 ".utf8)) {
            guard let tab = record.firstIndex(of: UInt8(ascii: "\t")) else { continue }
            let fields = record[..<tab].split(separator: UInt8(ascii: " "))
            if fields.count > 1 { options.submodules[BytePath(bytes: Array(record[(tab + 1)...]))] = Array(fields[1]) }
        }
        return options
    }

    /// The user's excludes, the repository's own, and each `.gitignore` from the top to above the workspace.
    private func ignoreFiles(above prefix: BytePath) async throws -> [IgnoreFile] {
        var files: [IgnoreFile] = []
        let configured = try await call(["config", "--type=path", "--get", "core.excludesFile"], in: top)
        var excludes = BytePath(Self.firstLine(configured.output))
        if !configured.succeeded {
            let home = environment["HOME"] ?? ""
            let configuration = environment["XDG_CONFIG_HOME"].flatMap { $0.isEmpty ? nil : $0 } ?? home + "/.config"
            excludes = BytePath(configuration + "/git/ignore")
        }
        for path in [excludes, commonFolder.appending("info/exclude")] {
            if let text = try? Disk.contents(of: path) { files.append(IgnoreFile(text, folder: .root)) }
        }
        var folder = BytePath.root
        for part in prefix.components {
            if let text = try? Disk.contents(of: top.appending(folder).appending(".gitignore")) {
                files.append(IgnoreFile(text, folder: folder))
            }
            folder = folder.appending(BytePath(bytes: Array(part)))
        }
        return files
    }

    // MARK: Calls

    private static let hardening = [
        "git", "--no-optional-locks", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c",
        "safe.bareRepository=explicit", "-c", "protocol.ext.allow=never", "-c", "core.quotePath=false",
    ]

    func command(_ arguments: [String], in folder: BytePath) -> Command {
        var command = Command(Self.hardening + arguments, environment: environment, folder: folder)
        command.separateErrors = true
        command.outputLimit = 1 << 31
        return command
    }

    func call(_ arguments: [String], in folder: BytePath) async throws -> CommandResult {
        try await runner.run(command(arguments, in: folder))
    }

    /// What a call printed; a call that fails is LMS305 with git's own words.
    func output(_ arguments: [String], in folder: BytePath) async throws -> [UInt8] {
        let result = try await call(arguments, in: folder)
        guard result.succeeded else {
            throw Diagnostic(
                .gitUnavailable, .error, "'git \(arguments.first ?? "")' failed: \(Self.firstLine(result.errors))",
                hint: "'git fsck' tells whether the repository is damaged")
        }
        return result.output
    }

    static func records(_ bytes: [UInt8]) -> [[UInt8]] {
        bytes.split(separator: 0).map { Array($0) }
    }

    static func firstLine(_ bytes: [UInt8]) -> String {
        String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    }

    private static func hasGitFolder(at folder: BytePath) -> Bool {
        var folder = folder
        while true {
            if Disk.status(folder.appending(".git")) != nil { return true }
            if folder.bytes.count <= 1 { return false }
            folder = folder.parent
        }
    }

    /// The environment without `GIT_*`, which a hook sets and which would point git elsewhere.
    private static func cleanEnvironment() -> [String: String] {
        var found = ["LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"]
        for name in ["PATH", "HOME", "XDG_CONFIG_HOME", "GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_GLOBAL"] {
            if let value = getenv(name) { found[name] = String(cString: value) }
        }
        return found
    }
}
