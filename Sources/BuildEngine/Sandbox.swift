// What an action sees of the machine, as arguments of bubblewrap. Does not know the action's inputs or what it runs.
import BuildGraph
package import Buildfile
import Glibc

/// What `--sandbox` asks for.
package enum SandboxMode: String, Sendable, CaseIterable {
    /// The sandbox where this machine can have one, and a notice where it can't.
    case auto
    /// The sandbox, or no run at all.
    case on
    case off
}

/// What this machine can do of what was asked for; decided once a run.
package struct ResolvedSandbox: Sendable {
    /// The absolute path of `bwrap`; nil: actions run in the workspace itself.
    package let program: String?
    /// Whether actions run as user 1000 of a user namespace rather than as the caller.
    package let mapsUser: Bool
    /// To be told once, where `auto` came to nothing.
    package let notice: Diagnostic?

    package var isActive: Bool { program != nil }

    package static let off = ResolvedSandbox(program: nil, mapsUser: false, notice: nil)

    package init(program: String?, mapsUser: Bool, notice: Diagnostic?) {
        self.program = program
        self.mapsUser = mapsUser
        self.notice = notice
    }

    /// Tries bubblewrap out. Throws `ActionFailure` of kind `.machine` (LMS507) where `mode` is `.on` and it does not
    /// work. `path` is the PATH that actions get.
    package static func resolve(
        _ mode: SandboxMode, commands: any CommandRunner, path: String
    ) async throws -> ResolvedSandbox {
        if mode == .off { return .off }
        var cause = "bwrap is not in PATH"
        var hint = "apt-get install bubblewrap, or --sandbox off to run without"
        if let program = ProgramSearch(path: path).file(named: "bwrap") {
            for mapsUser in [true, false] {
                let sandbox = ResolvedSandbox(program: program, mapsUser: mapsUser, notice: nil)
                let arguments =
                    sandbox.isolation(network: false) + ["--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev"]
                var command = Command(
                    [program] + arguments + ["--", "true"], environment: ["PATH": path], folder: BytePath("/"))
                command.timeout = .seconds(20)
                do {
                    let result = try await commands.run(command)
                    if result.succeeded { return sandbox }
                    let line = result.output.split(separator: UInt8(ascii: "\n")).first ?? []
                    cause = BytePath(bytes: Array(line)).shown
                } catch let error as SpawnError {
                    cause = "\(error.program): \(String(cString: strerror(error.errno)))"
                }
            }
            hint =
                "allow user namespaces (sysctl kernel.unprivileged_userns_clone=1 user.max_user_namespaces=10000), "
                + "or --sandbox off to run without"
        }
        if mode == .auto {
            let notice = Diagnostic(
                .sandboxUnavailable, .notice, "actions run without a sandbox: \(cause)", hint: hint)
            return ResolvedSandbox(program: nil, mapsUser: false, notice: notice)
        }
        throw ActionFailure(
            kind: .machine,
            diagnostic: Diagnostic(.sandboxUnavailable, .error, "the sandbox can't be used: \(cause)", hint: hint))
    }

    /// Namespaces and rights; no files yet.
    func isolation(network: Bool) -> [String] {
        var arguments = ["--unshare-all"]
        if network { arguments.append("--share-net") }
        if mapsUser { arguments += ["--unshare-user", "--uid", "1000", "--gid", "1000"] }
        return arguments + ["--hostname", "lmsbuild", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    }
}

/// The host's files that every action may read: its installed software and settings, never its users' files.
struct SandboxSystem: Sendable {
    private static let folders = [
        "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/opt", "/var/lib", "/nix",
    ]
    /// What a tool outside those folders needs from beside its own folder.
    private static let siblings = [
        "bin", "sbin", "shims", "lib", "lib64", "libexec", "versions", "version", "plugins", "toolchains", "pyenv.d",
        "completions",
    ]

    /// Hidden wherever they lie: the workspace's own repository, the state, the store.
    let hidden: [BytePath]
    let path: String
    /// The user's own home folder, of which nothing is shown but tools in PATH.
    let home: BytePath

    /// Read-only binds, links and hidden folders, in the order in which they must be made.
    func arguments(network: Bool) -> [String] {
        var arguments: [String] = []
        var shown: [BytePath] = []
        for folder in Self.folders.map({ BytePath($0) }) {
            guard let status = Disk.status(folder) else { continue }
            if status.isLink {
                if let text = try? Disk.linkText(folder), let target = String(validating: text, as: UTF8.self) {
                    arguments += ["--symlink", target, folder.shown]
                }
            } else {
                arguments += ["--ro-bind", folder.shown, folder.shown]
                shown.append(folder)
            }
        }
        arguments += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/dev/shm", "--perms", "1777", "--tmpfs", "/tmp"]
        arguments += ["--dir", "/tmp/home"]
        for folder in tools(beside: shown) { arguments += ["--ro-bind-try", folder.shown, folder.shown] }
        if network, let file = Disk.realPath(BytePath("/etc/resolv.conf")),
            !shown.contains(where: { file.isInside($0) })
        {
            arguments += ["--ro-bind", file.shown, file.shown]
        }
        for folder in hidden.compactMap({ Disk.realPath($0) }) where shown.contains(where: { folder.isInside($0) }) {
            arguments += ["--tmpfs", folder.shown]
        }
        return arguments
    }

    /// Binds for those of `programs`, absolute paths, that `arguments` does not show.
    func showing(_ programs: [BytePath]) -> [String] {
        let ownHidden = hidden.flatMap { [$0, Disk.realPath($0) ?? $0] }
        return programs.flatMap { program -> [String] in
            let isShown = Self.folders.contains { program.isInside(BytePath($0)) }
            guard !isShown || ownHidden.contains(where: { program.isInside($0) }),
                let text = String(validating: program.bytes, as: UTF8.self)
            else { return [] }
            return ["--ro-bind-try", text, text]
        }
    }

    /// Folders in PATH that `shown` does not hold, and what belongs to them beside them.
    private func tools(beside shown: [BytePath]) -> [BytePath] {
        let ownHidden = hidden.flatMap { [$0, Disk.realPath($0) ?? $0] }
        func isAllowed(_ folder: BytePath) -> Bool {
            !shown.contains { folder.isInside($0) } && Disk.followed(folder)?.isFolder == true
                && !ownHidden.contains { folder.isInside($0) || $0.isInside(folder) } && !isHome(folder)
        }
        var found: [BytePath] = []
        for entry in ProgramSearch(path: path).folders.map({ BytePath($0) }) where isAllowed(entry) {
            found.append(entry)
            if isHome(entry.parent) { continue }
            for name in Self.siblings where isAllowed(entry.parent.appending(name)) {
                found.append(entry.parent.appending(name))
            }
        }
        // A folder comes before what lies in it, and nothing comes twice.
        return found.sorted().reduce(into: []) { kept, folder in
            if !kept.contains(where: { folder.isInside($0) }) { kept.append(folder) }
        }
    }

    private func isHome(_ folder: BytePath) -> Bool {
        let text = folder.shown
        return folder == home || ["/", "/root", "/home", "/tmp", "/run", "/var"].contains(text)
            || folder.parent == BytePath("/home")
    }
}
