// A line of commits with what each changed, and their trees one after the other. Does not know what is made of the files.
package import BuildGraph
import Buildfile

/// One commit of a first-parent line.
package struct HistoryCommit: Sendable {
    /// A path that differs from the first parent's tree, relative to the prefix.
    package struct Change: Sendable, Hashable {
        package let path: BytePath
        /// Nil where the path is gone.
        let entry: (kind: FileKind, id: ObjectID)?

        package static func == (left: Change, right: Change) -> Bool {
            left.path == right.path && left.entry?.kind == right.entry?.kind && left.entry?.id == right.entry?.id
        }

        package func hash(into hasher: inout Hasher) { hasher.combine(path) }
    }

    package let id: String
    package let parents: [String]
    /// Seconds since 1970, the committer's.
    package let time: Int
    /// The first line of the message, as it was written: anything.
    package let subject: [UInt8]
    package let changes: [Change]
}

extension GitRepository {
    /// Which commits of the first-parent line are looked at.
    package enum HistoryRange: Sendable, Hashable {
        /// The newest of HEAD's line, at most as many.
        case last(Int)
        /// Those of `to` that `from` has not; both are ids.
        case between(from: String, to: String)
    }

    /// The first-parent line, oldest first, with what each commit changed below `prefix` against its first parent. A
    /// renamed file is one that went and one that came.
    package func firstParentLine(_ range: HistoryRange, prefix: BytePath) async throws -> [HistoryCommit] {
        var arguments = [
            "log", "--first-parent", "--diff-merges=first-parent", "--raw", "-z", "--no-renames", "--no-abbrev",
            "--root",
            "--no-show-signature", "--no-color", "--no-ext-diff", "--no-textconv", "--ignore-submodules=none",
            "--encoding=UTF-8", "--format=tformat:%x01%H %P%x00%ct%x00%s",
        ]
        switch range {
        case .last(let count): arguments += ["-n", "\(count)", "--end-of-options", "HEAD"]
        case .between(let from, let to): arguments += ["--end-of-options", "\(from)..\(to)"]
        }
        let output = try await asker.output(arguments)
        return try Self.commits(in: output, prefix).reversed()
    }

    /// A tree without files, to which changes may be applied; contents are named by object ids.
    package func emptyTree() async throws -> GitTree {
        GitTree(entries: [], ids: [], naming: .objectID, objects: objects())
    }

    private static func commits(in output: [UInt8], _ prefix: BytePath) throws -> [HistoryCommit] {
        var fields = output.split(separator: 0, omittingEmptySubsequences: false)[...]
        var commits: [HistoryCommit] = []
        while let head = fields.popFirst(), head.first == 1 {
            let ids = head.dropFirst().split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) }
            guard let id = ids.first, let time = fields.popFirst(), let subject = fields.popFirst() else {
                throw unreadable
            }
            var changes: [HistoryCommit.Change] = []
            while let meta = fields.first, meta.first == UInt8(ascii: ":") || meta.first == UInt8(ascii: "\n") {
                fields.removeFirst()
                guard let path = fields.popFirst() else { throw unreadable }
                if let change = try change(meta, path, prefix) { changes.append(change) }
            }
            commits.append(
                HistoryCommit(
                    id: id, parents: Array(ids.dropFirst()), time: Int(String(decoding: time, as: UTF8.self)) ?? 0,
                    subject: Array(subject), changes: changes.sorted { $0.path < $1.path }))
        }
        guard fields.allSatisfy(\.isEmpty) else { throw unreadable }
        return commits
    }

    /// The output of `diff-tree -r --raw -z` between two trees.
    static func changes(in output: [UInt8], _ prefix: BytePath) throws -> [HistoryCommit.Change] {
        var fields = output.split(separator: 0, omittingEmptySubsequences: false)[...]
        var changes: [HistoryCommit.Change] = []
        while let meta = fields.first, meta.first == UInt8(ascii: ":") {
            fields.removeFirst()
            guard let path = fields.popFirst() else { throw unreadable }
            if let change = try change(meta, path, prefix) { changes.append(change) }
        }
        guard fields.allSatisfy(\.isEmpty) else { throw unreadable }
        return changes.sorted { $0.path < $1.path }
    }

    /// `:old-mode new-mode old-id new-id status` of a path; nil for one that no tree shows.
    private static func change(
        _ meta: ArraySlice<UInt8>, _ path: ArraySlice<UInt8>, _ prefix: BytePath
    ) throws -> HistoryCommit.Change? {
        let words = meta.drop { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: ":") }.split(
            separator: UInt8(ascii: " "))
        guard words.count == 5, let id = ObjectID(hex: words[3]) else { throw unreadable }
        guard let path = BytePath(bytes: Array(path)).relative(to: prefix), !path.isEmpty, !path.isLeftOut else {
            return nil
        }
        if words[4].first == UInt8(ascii: "D") { return HistoryCommit.Change(path: path, entry: nil) }
        return HistoryCommit.Change(path: path, entry: (kind(ofMode: words[1]), id))
    }

    private static var unreadable: Diagnostic {
        Diagnostic(.gitUnavailable, .error, "git log did not say what it was asked for", hint: "see 'git --version'")
    }
}

extension GitTree {
    /// This tree after `changes`, which are sorted by path. Where none comes or goes, its entries are these very ones.
    package func applying(_ changes: [HistoryCommit.Change]) -> GitTree {
        if changes.isEmpty { return self }
        var ids = ids
        if let places = placesOfChanged(changes) {
            for (place, change) in zip(places, changes) {
                if let entry = change.entry { ids[place] = entry.id }
            }
            return GitTree(entries: entries, ids: ids, like: self)
        }
        return merged(changes)
    }

    /// As `applying`, where files come or go.
    private func merged(_ changes: [HistoryCommit.Change]) -> GitTree {
        var ids: ObjectIDs = []
        let added = changes.reduce(0) { $0 + $1.path.bytes.count + 1 }
        let bytes = entries.indices.reduce(added) { sum, place in
            sum + entries.withPath(place) { $0.count } + 1
        }
        let packer = EntriesPacker(files: entries.count + changes.count, bytes: bytes)
        var old = 0
        func order(_ change: HistoryCommit.Change) -> Int {
            entries.withPath(old) { path in change.path.bytes.withUnsafeBytes { compareBytes(path, $0) } }
        }
        func keep() {
            let kind = entries.kind(old)
            entries.withPath(old) { path in _ = packer?.append(path, kind) }
            ids.append(self.ids[old])
            old += 1
        }
        for change in changes {
            while old < entries.count, order(change) < 0 { keep() }
            if old < entries.count, order(change) == 0 { old += 1 }
            if let entry = change.entry {
                change.path.bytes.withUnsafeBytes { path in _ = packer?.append(path, entry.kind) }
                ids.append(entry.id)
            }
        }
        while old < entries.count { keep() }
        let all =
            packer?.finish()
            ?? entries.changed(changes.map { EntryChange(path: $0.path, kind: $0.entry?.kind) })
        return GitTree(entries: all, ids: ids, like: self)
    }

    /// The places at which `other`, this tree after `changes`, has something else; nil where it has other files, or other kinds.
    package func suspects(of changes: [HistoryCommit.Change], in other: GitTree) -> [Int]? {
        other.entries.count == entries.count ? placesOfChanged(changes) : nil
    }

    /// The places of the changed entries, where all are there and stay what they are.
    private func placesOfChanged(_ changes: [HistoryCommit.Change]) -> [Int]? {
        var places: [Int] = []
        for change in changes {
            guard let entry = change.entry, let place = try? position(of: change.path),
                entries[place].kind == entry.kind
            else { return nil }
            places.append(place)
        }
        return places
    }
}
