// The wording of what can go wrong when a recipe runs. Does not decide that it went wrong.
import BuildGraph
import Buildfile
import Glibc

extension ActionFailure {
    /// The machine's fault.
    static func machine(
        _ code: DiagnosticCode, _ message: String, hint: String? = nil, duration: Duration = .zero
    ) -> ActionFailure {
        ActionFailure(kind: .machine, diagnostic: Diagnostic(code, .error, message, hint: hint), duration: duration)
    }

    static func store(_ error: StoreError, _ label: Label) -> ActionFailure {
        switch error {
        case .missing(let digest):
            machine(
                .storeDamaged, "an input of '\(label)' is missing in the store (sha256 \(digest.hash.hex.prefix(12)))",
                hint: "run the command again: what is missing is made anew")
        case .damaged(let digest):
            machine(
                .storeDamaged, "a stored input of '\(label)' was damaged (sha256 \(digest.hash.hex.prefix(12)))",
                hint: "it was removed; run the command again, and it is made anew")
        case .changed(let path):
            ActionFailure(
                kind: .machine,
                diagnostic: Diagnostic(
                    .outputUnusable, .error, "'\(path.shown)' changed while it was stored",
                    hint: "a process that '\(label)' left behind may still write to it"))
        case .system(let operation, let path, let code) where code == ENOSPC || code == EDQUOT:
            noRoom(label, "\(operation) '\(path.shown)': \(systemMessage(code))", path)
        case .system(let operation, let path, let code):
            machine(
                .storeUnusable, "'\(label)' can't be prepared: \(operation) '\(path.shown)': \(systemMessage(code))",
                hint: systemHint(code))
        }
    }

    /// A full disk may be met before an action runs and after it, when what it made is stored.
    private static func noRoom(_ label: Label, _ what: String, _ path: BytePath) -> ActionFailure {
        var notes: [Diagnostic.Note] = []
        var found = statvfs()
        if path.parent.withCString({ statvfs($0, &found) }) == 0 {
            let free = Int(clamping: found.f_bavail).multipliedReportingOverflow(by: Int(clamping: found.f_frsize))
            let bytes = free.overflow ? "much" : "\(free.partialValue / 1024) KiB"
            // Some file systems make inodes as they need them, and tell of none.
            let files = found.f_files == 0 ? "" : " and \(found.f_favail) new files"
            notes.append(.init("that file system has room for \(bytes)\(files)"))
        }
        notes.append(.init("what was stored before is whole; nothing of this action is kept"))
        return ActionFailure(
            kind: .machine,
            diagnostic: Diagnostic(
                .storeUnusable, .error, "there is no room for what '\(label)' needs or has made: \(what)", notes: notes,
                hint: systemHint(ENOSPC)))
    }

    static func timeout(_ label: Label, limit: Duration, output: [UInt8], duration: Duration) -> ActionFailure {
        ActionFailure(
            kind: .timeout,
            diagnostic: Diagnostic(
                .actionTimedOut, .error,
                "'\(label)' was stopped after \(limit.shown), the limit of [timeout \(limit.shown)]",
                hint: "give the rule a longer [timeout …], or find out what it waits for in its output"),
            output: output, duration: duration)
    }

    static func missing(_ outputs: [ActionOutput], there: [BytePath], _ label: Label) -> ActionFailure {
        let names = outputs.map { "'\($0.path.shown)\($0.isFolder ? "/" : "")'" }.joined(separator: ", ")
        let listing = there.prefix(20).map { "'\($0.shown)'" }.joined(separator: ", ")
        let more = there.count > 20 ? " and \(there.count - 20) more" : ""
        return ActionFailure(
            kind: .missingOutput,
            diagnostic: Diagnostic(
                .missingOutput, .error, "'\(label)' ended well but did not make \(names)",
                notes: [.init(there.isEmpty ? "nothing is there" : "there are \(listing)\(more)")],
                hint: "make the recipe write it, or correct the rule's outputs after '->'"),
            exitCode: 0)
    }

    static func undeclared(_ paths: [BytePath], changed: [BytePath], _ label: Label) -> ActionFailure {
        let all = paths + changed
        let names = all.prefix(20).map { "'\($0.shown)'" }.joined(separator: ", ")
        let more = all.count > 20 ? " and \(all.count - 20) more" : ""
        return ActionFailure(
            kind: .undeclaredOutput,
            diagnostic: Diagnostic(
                .undeclaredOutput, .error, "'\(label)' wrote \(names)\(more), which it does not declare",
                notes: changed.prefix(20).map { .init("'\($0.shown)' is an input and was changed") },
                hint: "declare it as an output after '->', keep it with [keep DIR/], or write it below $TMPDIR"),
            exitCode: 0)
    }

    static func unusable(_ path: BytePath, _ what: String, _ label: Label) -> ActionFailure {
        ActionFailure(
            kind: .missingOutput,
            diagnostic: Diagnostic(
                .outputUnusable, .error, "the output '\(path.shown)' of '\(label)' is \(what)",
                hint: "an output is a regular file, a link, or a folder of those"),
            exitCode: 0)
    }

    /// Name and text of an errno: `ENOSPC: No space left on device`.
    static func systemMessage(_ code: Int32) -> String {
        let names: [Int32: String] = [
            EACCES: "EACCES", EPERM: "EPERM", ENOENT: "ENOENT", ENOSPC: "ENOSPC", EDQUOT: "EDQUOT", EROFS: "EROFS",
            EIO: "EIO", EMFILE: "EMFILE", ENFILE: "ENFILE", ENOEXEC: "ENOEXEC", E2BIG: "E2BIG", ENOMEM: "ENOMEM",
            ENAMETOOLONG: "ENAMETOOLONG", ELOOP: "ELOOP", EEXIST: "EEXIST", ENOTDIR: "ENOTDIR", EFBIG: "EFBIG",
        ]
        return "\(names[code] ?? "errno \(code)"): \(String(cString: strerror(code)))"
    }

    static func systemHint(_ code: Int32) -> String? {
        switch code {
        case ENOSPC, EDQUOT:
            "free space on that disk, then run the command again; when nothing runs, '.lmsbuild/store' may be removed:"
                + " everything in it is made anew"
        case EACCES, EPERM, EROFS: "see who owns it and whether it may be written to"
        case EMFILE, ENFILE: "allow more open files: ulimit -n"
        default: nil
        }
    }
}

extension Duration {
    /// `20m`, `90s`, `300ms`: as a Buildfile writes it.
    var shown: String {
        let parts = components
        let milliseconds = parts.seconds * 1000 + parts.attoseconds / 1_000_000_000_000_000
        if milliseconds % 1000 != 0 { return "\(milliseconds)ms" }
        if parts.seconds % 3600 == 0, parts.seconds > 0 { return "\(parts.seconds / 3600)h" }
        if parts.seconds % 60 == 0, parts.seconds > 0 { return "\(parts.seconds / 60)m" }
        return "\(parts.seconds)s"
    }
}
