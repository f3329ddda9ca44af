// What a look at a working tree saw of the rules that decide which files count. Does not know git.

extension WorkingTree {
    /// Names the `.gitignore`s that counted, and what each held; nil where one may have been written to since without
    /// its status telling.
    package var ignoreFilesKey: Fingerprint? {
        var writer = ByteWriter()
        for file in rulesSeen.sorted(by: { $0.path < $1.path }) {
            if file.status.isNeverBelieved { return nil }
            writer.append(file.path.bytes)
            writer.append(file.status)
        }
        return Fingerprint.of(writer.bytes)
    }

    /// Whether no `.gitignore` changed, came or went between `moment` (nanoseconds by the clock that stamps files) and
    /// this look: none that counts was written to, nor anything put into or taken from a folder that was looked into.
    package func hasSameRules(since moment: Int64) -> Bool {
        let statuses = rulesSeen.map(\.status) + foldersSeen.map(\.status)
        return statuses.allSatisfy { !$0.isNeverBelieved && $0.isSettled(at: moment) }
    }

    /// Every folder that was looked into; the root is the empty path.
    package var folders: Set<BytePath> { Set(foldersSeen.map(\.path)) }

    /// Where the look compared the disk with a base, it made sure that these are as they were there, and no others came.
    private var rulesSeen: [(path: BytePath, status: FileStatus)] {
        switch looked.way {
        case .scan(let found): found.ignoreFiles
        case .changes(let found): found.ignoreFiles
        }
    }

    private var foldersSeen: [(path: BytePath, status: FileStatus)] {
        switch looked.way {
        case .scan(let found): found.folders
        case .changes(let found): found.allFolders
        }
    }
}

extension WorkingTree {
    /// Whether a file is called `.gitattributes`, or was when the base was written.
    package var hasAttributesFile: Bool {
        guard case .changes(let found) = looked.way else { return entries.hasFile(named: ".gitattributes") }
        return found.base.hasAttributes
            || FileEntries(found.changes.compactMap(\.entry)).hasFile(named: ".gitattributes")
    }
}

extension FileEntries {
    /// Whether some path's last part is `name`.
    func hasFile(named name: String) -> Bool {
        let name = Array(name.utf8)
        return indices.contains { position in
            withPath(position) { path in
                let start = path.count - name.count
                guard start == 0 || start > 0 && path[start - 1] == slash else { return false }
                return path[start...].elementsEqual(name)
            }
        }
    }
}
