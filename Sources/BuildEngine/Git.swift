// What git says of a repository. Does not know what a build does with it; never writes to the repository.
package import BuildGraph
import Buildfile
import Glibc

/// The repository that a workspace is in, asked through the `git` program.
///
/// The repository is untrusted: nothing its configuration names is run, no hook, no file-system monitor; nothing a
/// user or a branch's author wrote is taken for an option. What goes wrong is a `Diagnostic`: LMS304 for a revision,
/// LMS305 where git itself is missing or refuses.
package struct GitRepository: Sendable {
    /// The top of the working tree, absolute and without links in it; for a bare repository its folder.
    package let top: BytePath
    /// What all working trees of the repository share: absolute.
    package let commonFolder: BytePath
    package let isBare: Bool
    let runner: any CommandRunner
    let environment: [String: String]

    /// The repository that the absolute `folder` is in; nil where there is none. `environment` is what git gets of the
    /// user's, without what would point it elsewhere; by default what git needs of this process's. With `believingMemos`
    /// git is not asked where `.lmsbuild/git` of a workspace that `folder` is in tells.
    package static func discover(
        from folder: BytePath, runner: any CommandRunner, environment: [String: String]? = nil,
        believingMemos: Bool = false
    ) async throws -> GitRepository? {
        guard hasRepository(above: folder) else {
            return isBareRepository(folder) ? bare(at: folder, runner: runner, environment: environment) : nil
        }
        let environment = environment ?? GitAsker.ownEnvironment()
        let asker = GitAsker(runner: runner, environment: environment, folder: folder, gitFolder: nil)
        if believingMemos, let memo = GitMemo.find(from: folder, asker) {
            return GitRepository(
                top: memo.place.top, commonFolder: memo.place.commonFolder, isBare: false, runner: runner,
                environment: environment)
        }
        let result = try await asker.run(["rev-parse", "--path-format=absolute", "--show-toplevel", "--git-common-dir"])
        guard result.succeeded else {
            let text = String(decoding: result.errors, as: UTF8.self)
            // A `.git` that is no repository at all is none, as for git.
            if text.contains("not a git repository (or any") { return nil }
            throw asker.refusal("rev-parse", result)
        }
        var lines = result.output.split(separator: UInt8(ascii: "\n")).map(Array.init)
        if lines.count != 2 {
            // Some folder has a newline in its name.
            lines = [
                Array(try await asker.output(["rev-parse", "--show-toplevel"]).dropLast()),
                Array(try await asker.output(["rev-parse", "--path-format=absolute", "--git-common-dir"]).dropLast()),
            ]
        }
        return GitRepository(
            top: BytePath(bytes: lines[0]), commonFolder: BytePath(bytes: lines[1]), isBare: false, runner: runner,
            environment: environment)
    }

    /// The bare repository at the absolute `folder`: it has trees and commits, and no working tree. Only where the
    /// user named it: a folder of someone's sources may pose as one.
    package static func bare(
        at folder: BytePath, runner: any CommandRunner, environment: [String: String]? = nil
    ) -> GitRepository {
        GitRepository(
            top: folder, commonFolder: folder, isBare: true, runner: runner,
            environment: environment ?? GitAsker.ownEnvironment())
    }

    /// Whether `folder` itself, in no working tree, is laid out as a bare repository. The user stands in it or named it.
    private static func isBareRepository(_ folder: BytePath) -> Bool {
        func kind(_ name: String) -> mode_t? {
            var status = stat()
            return folder.appending(BytePath(name)).withCString({ lstat($0, &status) }) == 0
                ? status.st_mode & S_IFMT : nil
        }
        return kind("HEAD") == S_IFREG && kind("objects") == S_IFDIR && kind("refs") == S_IFDIR
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

    var asker: GitAsker { asker(in: top) }

    func asker(in folder: BytePath) -> GitAsker {
        GitAsker(runner: runner, environment: environment, folder: folder, gitFolder: isBare ? top : nil)
    }

    /// The id (40 or 64 hex digits) of the commit that `revision` names.
    package func resolve(_ revision: String) async throws -> String {
        if let id = try await known(revision) { return id }
        throw try await unknown(revision)
    }

    /// What to say of a revision that names no commit here.
    func unknown(_ revision: String) async throws -> Diagnostic {
        let name = BytePath(revision).shown
        var hint = "name a branch, a tag or a commit of this repository"
        if try await known("refs/remotes/origin/" + revision) != nil {
            hint = "did you mean 'origin/\(revision)'?"
        } else if try await isShallow() {
            hint =
                "this clone is shallow and may lack it: for a branch, run 'git fetch --unshallow origin "
                + "+refs/heads/\(name):refs/remotes/origin/\(name)' and name 'origin/\(name)'"
        } else if let near = nearestWord(to: name, among: try await names()) {
            hint = "did you mean '\(near)'?"
        }
        return Diagnostic(.badRevision, .error, "unknown revision '\(name)'", hint: hint)
    }

    /// Branches, remote ones with their remote, and tags.
    private func names() async throws -> [String] {
        let question = ["for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/remotes", "refs/tags"]
        return try await asker.output(question).split(separator: UInt8(ascii: "\n")).map {
            BytePath(bytes: Array($0)).shown
        }
    }

    /// As `resolve`; nil for what names no commit.
    package func known(_ revision: String) async throws -> String? {
        guard !revision.isEmpty, !revision.hasPrefix("-"), !revision.utf8.contains(0) else { return nil }
        let question = ["rev-parse", "--verify", "--quiet", "--end-of-options", revision + "^{commit}"]
        let result = try await asker.run(question)
        guard result.succeeded else { return nil }
        return ObjectID(hex: result.output.prefix { $0 != UInt8(ascii: "\n") })?.hex
    }

    /// The commit that is checked out; nil where there is none yet.
    package var headCommit: String? {
        get async throws { try await known("HEAD") }
    }

    /// Whether the clone's history is cut off.
    package func isShallow() async throws -> Bool {
        try await asker.output(["rev-parse", "--is-shallow-repository"]).starts(with: "true".utf8)
    }

    /// Whether `revision` is a branch's name, local or remote.
    package func isBranch(_ revision: String) async throws -> Bool {
        guard !revision.isEmpty, !revision.hasPrefix("-"), !revision.utf8.contains(0) else { return false }
        let question = ["rev-parse", "--verify", "--quiet", "--symbolic-full-name", "--end-of-options", revision]
        let name = try await asker.run(question).output
        return name.starts(with: "refs/heads/".utf8) || name.starts(with: "refs/remotes/".utf8)
    }

    /// What a scan of the workspace at the absolute `root`, in the repository's working tree, has to know from git.
    package func workingTreeOptions(root: BytePath) async throws -> WorkingTreeOptions {
        guard !isBare else {
            throw Diagnostic(
                .gitUnavailable, .error, "'\(top.shown)' is a bare repository: it has no working tree",
                hint: "name the commit to look at with '--head', or run in a clone or a linked working tree")
        }
        guard let prefix = root.relative(to: top) ?? Self.withoutLinks(root).relative(to: top) else {
            throw Diagnostic(
                .gitUnavailable, .error, "'\(root.shown)' is not in the repository '\(top.shown)'",
                hint: "enter the repository's own folder")
        }
        var options = WorkingTreeOptions(root: root)
        options.prefix = prefix
        let asker = asker(in: root)
        async let ignored = asker.output(Self.ignoredQuestion)
        async let staged = asker.output(Self.stagedQuestion)
        options.ignoreFiles = try ignoreFiles(above: prefix, excludes: try await excludesFile())
        options.trackedIgnored = try await Self.paths(ignored)
        options.submodules = Self.submodules(in: try await staged)
        return options
    }

    private static func withoutLinks(_ path: BytePath) -> BytePath {
        guard let real = path.withCString({ realpath($0, nil) }) else { return path }
        defer { free(real) }
        return BytePath(bytes: Array(UnsafeRawBufferPointer(start: real, count: strlen(real))))
    }

    /// The gitlinks in the output of `ls-files --stage -z`: `mode SP id SP stage TAB path NUL`.
    static func submodules(in output: [UInt8]) -> [BytePath: [UInt8]] {
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
    func ignoreFiles(above prefix: BytePath, excludes: BytePath?) throws -> [IgnoreFile] {
        var files: [IgnoreFile?] = []
        if let file = excludes {
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
    func excludesFile() async throws -> BytePath? {
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

    private static let kept: Set = ["GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"]

    /// What git needs of this process's environment: to be found, to find its configuration, to fetch what a partial
    /// clone lacks.
    static func ownEnvironment() -> [String: String] {
        let names = [
            "PATH", "HOME", "XDG_CONFIG_HOME", "SSH_AUTH_SOCK", "http_proxy", "https_proxy", "HTTPS_PROXY", "no_proxy",
            "NO_PROXY",
        ]
        var found: [String: String] = [:]
        for name in names + kept {
            if let value = getenv(name) { found[name] = String(cString: value) }
        }
        return found
    }

    func command(_ arguments: [String]) -> Command {
        var words = ["git", "--no-optional-locks", "--literal-pathspecs"]
        let settings = [
            "core.fsmonitor=false", "core.hooksPath=/dev/null", "safe.bareRepository=explicit",
            "protocol.ext.allow=never", "core.quotePath=false",
        ]
        for setting in settings { words += ["-c", setting] }
        if let gitFolder { words += ["--git-dir=" + String(decoding: gitFolder.bytes, as: UTF8.self)] }
        // Which configuration files are read is the user's choice; nothing else of git's own is.
        var clean = environment.filter { !$0.key.hasPrefix("GIT_") || Self.kept.contains($0.key) }
        clean["LC_ALL"] = "C"
        clean["GIT_TERMINAL_PROMPT"] = "0"
        var command = Command(words + arguments, environment: clean, folder: folder)
        command.separateErrors = true
        command.outputLimit = 1 << 40
        return command
    }

    /// `index` is what git takes for its index; without it the repository's.
    func run(_ arguments: [String], index: BytePath? = nil) async throws -> CommandResult {
        var command = command(arguments)
        if let index { command.environment["GIT_INDEX_FILE"] = String(decoding: index.bytes, as: UTF8.self) }
        do {
            return try await runner.run(command)
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
