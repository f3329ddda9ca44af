// Writing down what a look at the workspace has learned. Does not look.
import Buildfile
import Glibc

extension WorkingTree {
    /// Keeps what was learned of the files: as a new base at the absolute file `base`, where there was none or much has
    /// changed, and otherwise beside it in the index. True where there is a base of this very state, or of one that few
    /// files differ from.
    package func save(base file: BytePath) throws(FileSystemError) {
        switch look {
        case .scan(let found):
            try writeBase(file, found.folders, found.ignoreFiles, found.nested)
        case .changes(let found):
            if found.isWorthWriting {
                try writeBase(file, found.allFolders, found.base.ignoreFiles, found.base.nested)
            } else {
                try index?.save(present: FileEntries(found.changes.compactMap(\.entry)))
            }
        }
    }

    private func writeBase(
        _ file: BytePath, _ folders: [(path: BytePath, status: FileStatus)],
        _ ignoreFiles: [(path: BytePath, status: FileStatus)], _ nested: [BytePath]
    ) throws(FileSystemError) {
        let known = entries.indices.map { position -> (content: HashedContent, isSettled: Bool)? in
            if let content = content(position) { return (content, true) }
            let kind = entries.kind(position)
            guard kind == .file || kind == .executable else { return nil }
            return index?.content(of: entries[position].path, status(position))
        }
        let moment = FileStatus.now
        let writer = WorkspaceBaseWriter(
            options: options, entries: entries,
            status: { position in
                let status = status(position)
                if known[position]?.isSettled == true { return status }
                return known[position] == nil ? status.whereSettled(at: moment) : status.neverBelieved
            }, content: { known[$0]?.content }, folders: folders, ignoreFiles: ignoreFiles, nested: nested)
        _ = try writer.write(to: file)
        index?.forget()
    }
}

extension WorkspaceChanges {
    /// Each run looks at every difference again: that must stay cheaper than writing a new base.
    var isWorthWriting: Bool { changes.count > max(64, base.count / 500) }
}
