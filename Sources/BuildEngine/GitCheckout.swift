// What git's index, attributes and configuration say of a working tree. Runs no filter that a repository names.
package import BuildGraph
import Buildfile
import Glibc

extension GitRepository {
    /// The working tree `disk`, whose root is `prefix` below the repository's top, as git would store it. `answers` are
    /// those that the look was made with; `conversions` is what is known of files that git may convert, nil for asking of
    /// each in the plainest way.
    package func checkedOut(
        _ disk: WorkingTree, prefix: BytePath, objects: GitObjects, answers: GitAnswers? = nil,
        conversions: ConversionMemo? = nil
    ) async throws -> CheckedOutTree {
        var printed = answers?.settings
        if printed == nil { printed = try await asker.run(CheckoutSettings.question).output }
        let settings = CheckoutSettings(printed ?? [], asker)
        var found = Findings()
        var hasAttributes = try await hasAttributes(disk, prefix, settings, answers)
        let submodules = disk.submodulePaths
        if hasAttributes, !settings.isSparse, settings.trustsModes, let conversions,
            let pass = try await ConversionPass(self, disk, prefix, settings, answers, conversions)
        {
            (found.stored, found.pointers) = try await pass.run()
            hasAttributes = false
        }
        if settings.isSparse || !settings.trustsModes || hasAttributes {
            let staged = try await stagedEntries(prefix)
            let kinds = Dictionary(disk.entries.map { ($0.path, $0.kind) }, uniquingKeysWith: { first, _ in first })
            if settings.isSparse { try await takeSparse(kinds, prefix, staged, &found) }
            if !settings.trustsModes { takeModes(kinds, staged, &found) }
            if hasAttributes { try await takeConverted(disk, prefix, kinds, staged, settings, &found) }
        }
        for submodule in submodules { try await takeSubmodule(submodule, prefix, &found) }
        return CheckedOutTree(
            disk, stored: found.stored, further: found.further, kinds: found.kinds, pointers: found.pointers,
            objects: objects)
    }

    struct Findings {
        var stored: [BytePath: CheckedOutTree.Stored] = [:]
        var further: [FileEntry] = []
        var kinds: [BytePath: FileKind] = [:]
        var pointers: Set<BytePath> = []
    }

    typealias StagedEntry = (kind: FileKind, id: ObjectID)

    /// The index's entries below `prefix`, by path relative to it.
    private func stagedEntries(_ prefix: BytePath) async throws -> [BytePath: StagedEntry] {
        var entries: [BytePath: StagedEntry] = [:]
        for line in try await asker.output(["ls-files", "-z", "--stage", "--full-name"]).split(separator: 0) {
            guard let tab = line.firstIndex(of: 9) else { continue }
            let words = line[..<tab].split(separator: UInt8(ascii: " "))
            guard words.count == 3, let id = ObjectID(hex: words[1]),
                let path = BytePath(bytes: Array(line[(tab + 1)...])).relative(to: prefix), !path.isEmpty
            else { continue }
            entries[path] = (Self.kind(ofMode: words[0]), id)
        }
        return entries
    }

    // MARK: Sparse checkouts, modes

    /// Files that the sparse checkout left out are as the index has them.
    private func takeSparse(
        _ kinds: [BytePath: FileKind], _ prefix: BytePath, _ staged: [BytePath: StagedEntry], _ found: inout Findings
    ) async throws {
        for line in try await asker.output(["ls-files", "-z", "-t", "--full-name"]).split(separator: 0) {
            guard line.starts(with: "S ".utf8),
                let path = BytePath(bytes: Array(line.dropFirst(2))).relative(to: prefix), !path.isLeftOut,
                kinds[path] == nil, let entry = staged[path]
            else { continue }
            found.further.append(FileEntry(path: path, kind: entry.kind))
            found.stored[path] =
                entry.kind == .submodule ? .bytes(Array(entry.id.hex.utf8)) : .blob(entry.id)
        }
    }

    private func takeModes(
        _ kinds: [BytePath: FileKind], _ staged: [BytePath: StagedEntry], _ found: inout Findings
    ) {
        let plain: Set<FileKind> = [.file, .executable]
        for (path, entry) in staged where plain.contains(entry.kind) {
            guard let kind = kinds[path], plain.contains(kind), kind != entry.kind else { continue }
            found.kinds[path] = entry.kind
        }
    }

    // MARK: Conversions

    /// Whether anything could make git convert a file: attributes of any kind, or the configuration.
    private func hasAttributes(
        _ disk: WorkingTree, _ prefix: BytePath, _ settings: CheckoutSettings, _ answers: GitAnswers?
    ) async throws -> Bool {
        if settings.converts || settings.attributesFile { return true }
        let name = ".gitattributes"
        if disk.hasAttributesFile { return true }
        var above = prefix
        while !above.isEmpty {
            above = above.parent
            if Disk.status(top.appending(above).appending(name)) != nil { return true }
        }
        if Disk.status(commonFolder.appending("info/attributes")) != nil { return true }
        // Git reads those from the index that are not on disk.
        if let told = answers?.stagesAttributes { return told }
        guard let folder = GitFolder.of(top) else { return true }
        return GitIndexFile(folder.appending("index"), idSize: try await idSize(answers))?.hasAttributes ?? true
    }

    /// Bytes of an object's id.
    func idSize(_ answers: GitAnswers?) async throws -> Int {
        if let known = answers?.knownIDSize { return known }
        return try await asker.output(["rev-parse", "--show-object-format"]).starts(with: "sha256".utf8) ? 32 : 20
    }

    private func takeConverted(
        _ disk: WorkingTree, _ prefix: BytePath, _ kinds: [BytePath: FileKind], _ staged: [BytePath: StagedEntry],
        _ settings: CheckoutSettings, _ found: inout Findings
    ) async throws {
        let paths = staged.keys.filter { kinds[$0] == .file || kinds[$0] == .executable }.sorted()
        let attributes = try await self.attributes(of: paths, prefix)
        var candidates: [BytePath] = []
        var filtered: [BytePath] = []
        for path in paths {
            let own = attributes[path] ?? [:]
            if let filter = own["filter"], !["unspecified", "unset", "set"].contains(filter) {
                if filter == "lfs" { try takeLargeFile(path, disk, &found) } else { filtered.append(path) }
                continue
            }
            guard settings.mayConvert(own) else { continue }
            // Nothing but a line end that has a carriage return is ever converted by those two.
            let isRewritten = own["ident"] == "set" || own["working-tree-encoding"] != nil
            if try isRewritten || Self.hasCarriageReturn(disk.contents(of: path)) { candidates.append(path) }
        }
        try await takeCleaned(candidates, disk, prefix, attributes, &found)
        if !filtered.isEmpty { try await takeFiltered(filtered, disk, prefix, staged, &found) }
    }

    static func hasCarriageReturn(_ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { raw in
            guard let base = raw.baseAddress else { return false }
            return memchr(base, 13, raw.count) != nil
        }
    }

    private func attributes(of paths: [BytePath], _ prefix: BytePath) async throws -> [BytePath: [String: String]] {
        let names = ["text", "crlf", "eol", "working-tree-encoding", "ident", "filter"]
        var command = asker.command(["check-attr", "-z", "--stdin"] + names)
        command.input = Array(paths.map { prefix.appending($0).bytes + [0] }.joined())
        let result = try await runner.run(command)
        guard result.succeeded else { throw asker.refusal("check-attr", result) }
        var found: [BytePath: [String: String]] = [:]
        var fields = result.output.split(separator: 0, omittingEmptySubsequences: false)[...]
        while fields.count >= 3 {
            let path = BytePath(bytes: Array(fields.removeFirst()))
            let name = String(decoding: fields.removeFirst(), as: UTF8.self)
            let value = String(decoding: fields.removeFirst(), as: UTF8.self)
            if value != "unspecified", let path = path.relative(to: prefix) { found[path, default: [:]][name] = value }
        }
        return found
    }

    func takeLargeFile(_ path: BytePath, _ disk: WorkingTree, _ found: inout Findings) throws {
        let digest = try disk.digest(of: path)
        // Git LFS leaves an empty file as it is.
        if digest.size == 0 { return }
        if digest.size < 1024, LargeFilePointer.isPointer(try disk.contents(of: path)) {
            found.pointers.insert(path)
            return
        }
        found.stored[path] = .bytes(LargeFilePointer.text(digest))
    }

    /// What git's own conversions make of files, by git itself: the id with them against the id without.
    private func takeCleaned(
        _ paths: [BytePath], _ disk: WorkingTree, _ prefix: BytePath, _ attributes: [BytePath: [String: String]],
        _ found: inout Findings
    ) async throws {
        let asked = paths.filter { !$0.bytes.contains(10) }
        if asked.isEmpty { return }
        let cleaned = try await blobIDs(asked, prefix, [])
        let raw = try await blobIDs(asked, prefix, ["--no-filters"])
        for ((path, clean), raw) in zip(zip(asked, cleaned), raw) where clean != raw {
            let own = attributes[path] ?? [:]
            if own["ident"] == "set" || own["working-tree-encoding"] != nil {
                found.stored[path] = try await rewritten(clean)
            } else {
                let bytes = CheckedOutTree.withoutCarriageReturns(try disk.contents(of: path))
                found.stored[path] = .lineEnds(Digest.of(bytes), clean)
            }
        }
    }

    /// What stands for a file that git would store as the blob `clean`.
    func rewritten(_ clean: ObjectID) async throws -> CheckedOutTree.Stored {
        let isStored = try await asker.run(["cat-file", "-e", clean.hex]).succeeded
        return isStored ? .blob(clean) : .bytes(Array("git blob \(clean.hex)".utf8))
    }

    func blobIDs(_ paths: [BytePath], _ prefix: BytePath, _ options: [String]) async throws -> [ObjectID] {
        var command = asker.command(["hash-object", "--stdin-paths"] + options)
        command.input = Array(paths.map { prefix.appending($0).bytes + [10] }.joined())
        let result = try await runner.run(command)
        let ids = result.output.split(separator: 10).compactMap { ObjectID(hex: $0) }
        guard result.succeeded, ids.count == paths.count else { throw asker.refusal("hash-object", result) }
        return ids
    }

    /// Files of other filter drivers, which are commands: what git thinks unchanged is what the index has, anything else
    /// is told apart by what lies on disk.
    func takeFiltered(
        _ paths: [BytePath], _ disk: WorkingTree, _ prefix: BytePath, _ staged: [BytePath: StagedEntry],
        _ found: inout Findings
    ) async throws {
        let question = ["diff-files", "-z", "--name-only", "--no-ext-diff", "--ignore-submodules=all"]
        let changed = Set(
            try await withoutDrivers(question).split(separator: 0).compactMap {
                BytePath(bytes: Array($0)).relative(to: prefix)
            })
        for path in paths {
            if !changed.contains(path), let entry = staged[path] {
                found.stored[path] = .blob(entry.id)
            } else {
                let digest = try disk.digest(of: path)
                found.stored[path] = .bytes(Array("filtered \(digest.hash.hex)".utf8))
            }
        }
    }

    /// The output of a question that compares contents, for which git would run the filter drivers of the configuration:
    /// they are commands, and switched off.
    private func withoutDrivers(_ arguments: [String]) async throws -> [UInt8] {
        let pattern = "^filter\\..*\\.(clean|smudge|process|required)$"
        let found = try await asker.run(["config", "-z", "--name-only", "--get-regexp", pattern])
        var command = asker.command(arguments)
        let keys = Set(found.output.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }).sorted()
        command.environment["GIT_CONFIG_COUNT"] = "\(keys.count)"
        for (number, key) in keys.enumerated() {
            command.environment["GIT_CONFIG_KEY_\(number)"] = key
            command.environment["GIT_CONFIG_VALUE_\(number)"] = key.hasSuffix(".required") ? "false" : ""
        }
        let result = try await runner.run(command)
        guard result.succeeded else { throw asker.refusal(arguments.first ?? "", result) }
        return result.output
    }

    // MARK: Submodules

    /// A submodule with changes of its own is told apart from its commit by them.
    private func takeSubmodule(_ path: BytePath, _ prefix: BytePath, _ found: inout Findings) async throws {
        let folder = top.appending(prefix).appending(path)
        guard Disk.status(folder.appending(".git")) != nil,
            let inner = try await GitRepository.discover(from: folder, runner: runner, environment: environment),
            inner.top == folder, let commit = try await inner.headCommit
        else { return }
        let options = ["--porcelain=v1", "-z", "--untracked-files=all", "--ignore-submodules=none", "--no-renames"]
        let status = try await inner.withoutDrivers(["status"] + options)
        if status.isEmpty { return }
        var text = Array("\(commit)\n".utf8)
        for line in status.split(separator: 0) {
            let file = folder.appending(BytePath(bytes: Array(line.dropFirst(3))))
            let state = Disk.status(file).map { "\($0.st_mode)" } ?? "gone"
            let bytes = (try? Disk.contents(of: file)) ?? []
            text += line + Array(" \(state) \(SHA256Value.of(bytes).hex)\n".utf8)
        }
        found.stored[path] = .bytes(text)
    }
}

/// The part of git's configuration that decides how files are checked out.
struct CheckoutSettings {
    private(set) var isSparse = false
    private(set) var trustsModes = true
    /// Line ends are converted without any attribute, or to carriage returns by some.
    private(set) var converts = false
    private var autocrlf = false
    private(set) var attributesFile = false
    /// The configuration names it.
    private(set) var namesAttributesFile = false

    static let question = [
        "config", "-z", "--get-regexp", "^(core\\.(autocrlf|eol|filemode|attributesfile|sparsecheckout)|attr\\.tree)$",
    ]

    /// `output` is what git answered to `question`.
    init(_ output: [UInt8], _ asker: GitAsker) {
        for entry in output.split(separator: 0) {
            let parts = entry.split(separator: 10, maxSplits: 1).map { String(decoding: $0, as: UTF8.self) }
            let value = parts.count > 1 ? parts[1].lowercased() : "true"
            let isTrue = ["true", "yes", "on", "1"].contains(value)
            switch parts.first {
            case "core.autocrlf": autocrlf = isTrue || value == "input"
            case "core.filemode": trustsModes = isTrue
            case "core.sparsecheckout": isSparse = isTrue
            // Attributes come from elsewhere than where they are looked for.
            case "core.attributesfile", "attr.tree": namesAttributesFile = true
            default: break
            }
        }
        converts = autocrlf
        attributesFile = namesAttributesFile || Self.ownAttributes(asker).contains { Disk.status($0) != nil }
    }

    /// The user's attributes where the configuration names no others.
    static func ownAttributes(_ asker: GitAsker) -> [BytePath] {
        let home = asker.environment["XDG_CONFIG_HOME"] ?? asker.environment["HOME"].map { $0 + "/.config" }
        return home.map { [BytePath($0).appending("git/attributes")] } ?? []
    }

    func mayConvert(_ attributes: [String: String]) -> Bool {
        if attributes["text"] == "unset" || attributes["crlf"] == "unset" {
            return attributes["ident"] == "set" || attributes["working-tree-encoding"] != nil
        }
        return autocrlf || attributes.keys.contains { $0 != "filter" }
    }
}
