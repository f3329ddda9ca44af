// What git says of a repository. Does not know what a build does with it; never writes to the repository.
package import BuildGraph
import Buildfile
import CLinux
import Glibc

/// The repository that a workspace is in, asked through the `git` program.
///
/// The repository is untrusted: nothing its configuration names is run, no hook, no file-system monitor; nothing a
/// user or a branch's author wrote is taken for an option. What goes wrong is a `Diagnostic`: LMS304 for a revision,
/// LMS305 where git itself is missing or refuses.
package struct GitRepository: Sendable {
    /// The top of the working tree, absolute and without links in it; nil for a bare repository.
    package let top: BytePath?
    /// Absolute: `.git`, or where a worktree's or submodule's `.git` file points.
    package let gitFolder: BytePath
    /// Absolute: as `gitFolder`, but the main repository's for a worktree.
    package let commonFolder: BytePath
    /// The workspace's root relative to `top`.
    package let prefix: BytePath
    let runner: any CommandRunner
    private let environment: [String: String]

    /// The workspace's root, absolute; nil for a bare repository.
    package var root: BytePath? { top?.appending(prefix) }

    /// The repository that the absolute `folder` is in; nil where there is none. `environment` is what git gets of the
    /// user's (PATH, HOME, …), without what would point it elsewhere.
    package static func discover(
        from folder: BytePath, runner: any CommandRunner, environment: [String: String]
    ) async throws -> GitRepository? {
        guard hasRepository(above: folder) else { return nil }
        let asker = GitAsker(runner: runner, environment: environment, folder: folder, gitFolder: nil)
        let questions = [
            ["--show-toplevel"], ["--absolute-git-dir"], ["--path-format=absolute", "--git-common-dir"],
            ["--show-prefix"],
        ]
        let result = try await asker.run(["rev-parse"] + questions.flatMap { $0 })
        guard result.succeeded else {
            let text = String(decoding: result.errors, as: UTF8.self)
            // A `.git` that is no repository at all is none, as for git.
            if text.contains("not a git repository (or any") { return nil }
            throw asker.refusal("rev-parse", result)
        }
        var lines = result.output.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map(Array.init)
        if lines.count != questions.count + 1 {
            // Some folder has a newline in its name.
            lines = []
            for question in questions {
                lines.append(Array(try await asker.output(["rev-parse"] + question).dropLast()))
            }
        }
        let prefix = lines[3].last == UInt8(ascii: "/") ? Array(lines[3].dropLast()) : lines[3]
        return GitRepository(
            top: BytePath(bytes: lines[0]), gitFolder: BytePath(bytes: lines[1]),
            commonFolder: BytePath(bytes: lines[2]), prefix: BytePath(bytes: prefix), runner: runner,
            environment: environment)
    }

    /// The bare repository at the absolute `gitFolder`: it has trees and commits, and no working tree. Only where the
    /// user named it: a folder of someone's sources may pose as one.
    package static func bare(
        at gitFolder: BytePath, runner: any CommandRunner, environment: [String: String]
    ) -> GitRepository {
        GitRepository(
            top: nil, gitFolder: gitFolder, commonFolder: gitFolder, prefix: .root, runner: runner,
            environment: environment)
    }

    private static func hasRepository(above folder: BytePath) -> Bool {
        var folder = folder
        while true {
            var status = stat()
            if folder.appending(".git").withCString({ lstat($0, &status) }) == 0 { return true }
            if folder.parent == folder { return false }
            folder = folder.parent
        }
    }

    var asker: GitAsker {
        GitAsker(
            runner: runner, environment: environment, folder: root ?? gitFolder, gitFolder: top == nil ? gitFolder : nil
        )
    }

    /// The id (40 or 64 hex digits) of the commit that `revision` names.
    package func resolve(_ revision: String) async throws -> String {
        if let id = try await commit(revision) { return id }
        var hint = "name a branch, a tag or a commit of this repository"
        if try await commit("refs/remotes/origin/" + revision) != nil {
            hint = "did you mean 'origin/\(revision)'?"
        } else if try await isShallow {
            hint = "this clone is shallow, the commit may be missing here: run 'git fetch --unshallow'"
        }
        throw Diagnostic(.badRevision, .error, "unknown revision '\(BytePath(revision).shown)'", hint: hint)
    }

    /// Nil for what names no commit.
    private func commit(_ revision: String) async throws -> String? {
        guard !revision.isEmpty, !revision.hasPrefix("-"), !revision.utf8.contains(0) else { return nil }
        let question = ["rev-parse", "--verify", "--quiet", "--end-of-options", revision + "^{commit}"]
        let result = try await asker.run(question)
        guard result.succeeded else { return nil }
        return ObjectID(hex: result.output.prefix { $0 != UInt8(ascii: "\n") })?.hex
    }

    /// The commit that is checked out; nil where there is none yet.
    package var headCommit: String? {
        get async throws { try await commit("HEAD") }
    }

    /// Whether the clone's history is cut off.
    package var isShallow: Bool {
        get async throws {
            try await asker.output(["rev-parse", "--is-shallow-repository"]).starts(with: "true".utf8)
        }
    }

    /// The best common ancestor of two revisions. That there is none is an error: to go on without would mean to
    /// take nothing, or everything, for changed.
    package func mergeBase(_ one: String, _ other: String) async throws -> String {
        let ids = (try await resolve(one), try await resolve(other))
        let result = try await asker.run(["merge-base", ids.0, ids.1])
        if result.succeeded, let id = ObjectID(hex: result.output.prefix { $0 != UInt8(ascii: "\n") }) { return id.hex }
        guard result.ending == .exited(1) else { throw asker.refusal("merge-base", result) }
        let names = "'\(BytePath(one).shown)' and '\(BytePath(other).shown)'"
        if try await isShallow {
            throw Diagnostic(
                .badRevision, .error, "\(names) have no common commit in this shallow clone",
                hint: "run 'git fetch --unshallow', or check out with the whole history (fetch-depth: 0)")
        }
        throw Diagnostic(
            .badRevision, .error, "\(names) have no common commit: their histories are unrelated",
            hint: "name a base from the same history")
    }

    /// What a scan of the workspace has to know from git.
    package func workingTreeOptions() async throws -> WorkingTreeOptions {
        guard let top, let root else {
            throw Diagnostic(
                .gitUnavailable, .error, "'\(gitFolder.shown)' is a bare repository: it has no working tree")
        }
        var options = WorkingTreeOptions(root: root)
        options.prefix = prefix
        async let ignored = asker.output(["ls-files", "-z", "--cached", "--ignored", "--exclude-standard"])
        async let staged = asker.output(["ls-files", "-z", "--stage"])
        options.ignoreFiles = try await ignoreFiles(top)
        options.trackedIgnored = try await ignored.split(separator: 0).map { BytePath(bytes: Array($0)) }
        options.submodules = Self.submodules(in: try await staged)
        return options
    }

    /// The gitlinks in the output of `ls-files --stage -z`: `mode SP id SP stage TAB path NUL`.
    private static func submodules(in output: [UInt8]) -> [BytePath: [UInt8]] {
        var found: [BytePath: [UInt8]] = [:]
        var start = 0
        while start < output.count {
            let end = output[start...].firstIndex(of: 0) ?? output.count
            if output[start..<end].starts(with: "160000 ".utf8), let tab = output[start..<end].firstIndex(of: 9) {
                let id = output[(start + 7)..<tab].prefix { $0 != UInt8(ascii: " ") }
                found[BytePath(bytes: Array(output[(tab + 1)..<end]))] = Array(id)
            }
            start = end + 1
        }
        return found
    }

    /// The ignore files from outside the workspace, lowest precedence first.
    private func ignoreFiles(_ top: BytePath) async throws -> [IgnoreFile] {
        var files: [IgnoreFile?] = []
        if let file = try await excludesFile(top) {
            files.append(try IgnoreFile.read(file, folder: .root, followingLinks: true))
        }
        let exclude = commonFolder.appending("info/exclude")
        files.append(try IgnoreFile.read(exclude, folder: .root, followingLinks: true))
        var folder = BytePath.root
        for part in prefix.components {
            files.append(try IgnoreFile.read(top.appending(folder).appending(".gitignore"), folder: folder))
            folder = folder.appending(BytePath(bytes: Array(part)))
        }
        return files.compactMap { $0 }
    }

    /// `core.excludesFile`, or where git looks without it.
    private func excludesFile(_ top: BytePath) async throws -> BytePath? {
        let result = try await asker.run(["config", "-z", "--type=path", "--get", "core.excludesFile"])
        if result.succeeded {
            let path = BytePath(bytes: Array(result.output.prefix { $0 != 0 }))
            return path.isEmpty ? nil : path.isAbsolute ? path : top.appending(path)
        }
        if let folder = environment["XDG_CONFIG_HOME"], !folder.isEmpty {
            return BytePath(folder).appending("git/ignore")
        }
        guard let home = environment["HOME"], !home.isEmpty else { return nil }
        return BytePath(home).appending(".config/git/ignore")
    }
}

/// Starts git so that neither the environment nor a repository's configuration makes it run or look at anything else.
struct GitAsker: Sendable {
    let runner: any CommandRunner
    let environment: [String: String]
    let folder: BytePath
    /// Given where git must not look for the repository itself.
    let gitFolder: BytePath?

    func command(_ arguments: [String]) -> Command {
        var words = ["git", "--no-optional-locks", "--literal-pathspecs"]
        let settings = [
            "core.fsmonitor=false", "core.hooksPath=/dev/null", "safe.bareRepository=explicit",
            "protocol.ext.allow=never", "core.quotePath=false",
        ]
        for setting in settings { words += ["-c", setting] }
        if let gitFolder { words += ["--git-dir=" + String(decoding: gitFolder.bytes, as: UTF8.self)] }
        // The one that only ever takes something away may stay.
        var clean = environment.filter { !$0.key.hasPrefix("GIT_") || $0.key == "GIT_CONFIG_NOSYSTEM" }
        clean["LC_ALL"] = "C"
        clean["GIT_TERMINAL_PROMPT"] = "0"
        var command = Command(words + arguments, environment: clean, folder: folder)
        command.separateErrors = true
        command.outputLimit = 1 << 40
        return command
    }

    func run(_ arguments: [String]) async throws -> CommandResult {
        do {
            return try await runner.run(command(arguments))
        } catch let error as SpawnError {
            throw Self.missing(error)
        }
    }

    static func missing(_ error: SpawnError) -> Diagnostic {
        let reason = String(cString: strerror(error.errno))
        return Diagnostic(
            .gitUnavailable, .error, "git cannot be started: \(reason)", hint: "install git, or see that it is in PATH")
    }

    /// Standard output of what must succeed.
    func output(_ arguments: [String]) async throws -> [UInt8] {
        let result = try await run(arguments)
        guard result.succeeded else { throw refusal(arguments.first ?? "", result) }
        return result.output
    }

    /// Git's own words are shown: what it refuses, such as a repository that belongs to someone else, it explains.
    func refusal(_ what: String, _ result: CommandResult) -> Diagnostic {
        let lines = result.errors.split(separator: UInt8(ascii: "\n"))
        let line = lines.first { $0.starts(with: "fatal:".utf8) } ?? lines.last ?? []
        let reason = BytePath(bytes: Array(line)).shown
        let ending =
            switch result.ending {
            case .exited(let status): "exit status \(status)"
            case .signalled(let number): "signal \(number)"
            case .timedOut: "timeout"
            }
        return Diagnostic(
            .gitUnavailable, .error, "git \(what) failed in '\(folder.shown)': \(reason.isEmpty ? ending : reason)",
            hint: "see what 'git status' says there")
    }
}
