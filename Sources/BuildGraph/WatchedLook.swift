// A look at the workspace by one who may ask somebody who has watched it: only what may have changed is looked at. Any doubt
// means a look at everything. Does not know who watches.
import Buildfile
import Glibc

/// How much of the workspace a look had to look at.
package struct LookScope: Sendable, Hashable {
    /// Nil where everything was looked at, and otherwise how many files and folders were.
    package let few: Int?
    /// Why everything was looked at although somebody watches; nil where nobody does.
    package let doubt: String?
}

struct WatchedLook {
    private let base: WorkspaceBase
    private let options: WorkingTreeOptions
    private let index: FileIndex
    private let files: StateFiles
    private let source: any ChangeSource
    /// Before the base was opened.
    private let moment: Int64
    private let note: WatchNote?

    /// `note` is that with which `base` was opened at `moment`.
    init(
        _ base: WorkspaceBase, _ options: WorkingTreeOptions, _ index: FileIndex, _ files: StateFiles,
        _ source: any ChangeSource, note: WatchNote?, moment: Int64
    ) {
        self.base = base
        self.options = options
        self.index = index
        self.files = files
        self.source = source
        self.note = note
        self.moment = moment
    }

    /// As `WorkspacePass.run`, with the same answer.
    func run(threads: Int) throws(FileSystemError) -> (changes: WorkspaceChanges?, scope: LookScope) {
        guard let identity else { return try everything(threads, nil, "its folder cannot be looked at") }
        let usable = note.flatMap { isOf(identity, $0) ? $0 : nil }
        switch source.changes(of: identity, since: usable?.clock) {
        case .nobody: return try everything(threads, nil, nil)
        case .doubt(let why): return try everything(threads, nil, why)
        case .fromNow(let clock, let why): return try everything(threads, (identity, clock), why)
        case .since(let clock, let suspects):
            guard let usable else { return try everything(threads, (identity, clock), "it was not asked before") }
            if let doubt = MountTable.doubt(of: options.root, has: base.has) {
                return try everything(threads, nil, doubt)
            }
            let set = SuspectSet(base, suspects, usable)
            guard set.weight <= max(1000, base.count / 8) else {
                return try everything(threads, (identity, clock), "much has changed")
            }
            guard let found = try? WorkspacePass.run(base, options, index, threads: 1, only: set) else {
                return try everything(threads, (identity, clock), "the rules or what they hold may be others")
            }
            guard Set(found.linked).isSubset(of: usable.linked),
                linkedOthers(found, usable.linked) == usable.linkedOthers
            else {
                return try everything(threads, (identity, clock), "a file has got a further name")
            }
            guard !hasOtherFolders(found, set, usable) else {
                return try everything(threads, (identity, clock), "a folder was replaced by another")
            }
            if suspects.count > Self.mostSuspects { keep(found, usable.linked, identity, clock) }
            return (found.changes, LookScope(few: set.weight, doubt: nil))
        }
    }

    /// Whether a folder turned out to be another one although nobody said so: what is in it was not looked at.
    private func hasOtherFolders(_ found: WorkspacePass.Findings, _ set: SuspectSet, _ note: WatchNote) -> Bool {
        let known = Set(note.differing.folders)
        let whole = Set(set.folders.lazy.filter { $0.files == nil }.map(\.index))
        return found.differing.folders.contains { index in
            if known.contains(index) || whole.contains(index) { return false }
            let path = BytePath(bytes: Array(base.folderPath(index)))
            guard let now = found.changes.folders[path] else { return false }
            let before = base.folder(index).status
            return now.inode != before.inode || now.device != before.device
        }
    }

    /// More than so many are asked for once only.
    private static let mostSuspects = 16

    private func isOf(_ identity: BaseIdentity, _ note: WatchNote) -> Bool {
        note.source == source.name && note.generation == base.generation && note.base == base.file.status
            && note.device == identity.device && note.inode == identity.inode
    }

    private var identity: BaseIdentity? {
        var status = stat()
        guard options.root.withCString({ lstat($0, &status) }) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            return nil
        }
        return BaseIdentity(
            root: options.root, device: UInt64(status.st_dev), inode: UInt64(status.st_ino),
            generation: base.generation, count: base.count)
    }

    /// Looks at everything, and notes what was found where somebody has watched since before.
    private func everything(
        _ threads: Int, _ watched: (identity: BaseIdentity, clock: [UInt8])?, _ doubt: String?
    ) throws(FileSystemError) -> (WorkspaceChanges?, LookScope) {
        let scope = LookScope(few: nil, doubt: doubt)
        guard let found = try WorkspacePass.run(base, options, index, threads: threads) else { return (nil, scope) }
        guard let watched else { return (found.changes, scope) }
        // A later write must show, also to the base's own file.
        let isSure = base.file.status.isSettled(at: moment)
        let areFew = found.linked.count <= base.fewChanges && found.differing.count <= 2 * base.fewChanges
        if isSure, areFew { keep(found, found.linked, watched.identity, watched.clock) }
        return (
            found.changes, areFew ? scope : LookScope(few: nil, doubt: "many files differ or have further names")
        )
    }

    private func keep(
        _ found: WorkspacePass.Findings, _ linked: [Int], _ identity: BaseIdentity, _ clock: [UInt8]
    ) {
        let note = WatchNote(
            source: source.name, clock: clock, device: identity.device, inode: identity.inode, base: base.file.status,
            generation: base.generation, differing: found.differing, linked: linked,
            linkedOthers: linkedOthers(found, linked))
        note.write(files.watched)
    }

    /// Names the files that have more than one name and no place in the base, or none that is among the `linked`.
    private func linkedOthers(_ found: WorkspacePass.Findings, _ linked: [Int]) -> Fingerprint {
        let known = Set(linked)
        var writer = ByteWriter()
        for change in found.changes.changes {
            guard let path = change.entry?.path, change.packed.map({ !known.contains($0) }) ?? true else { continue }
            var status = stat()
            guard options.root.appending(path).withCString({ lstat($0, &status) }) == 0, status.st_nlink > 1,
                status.st_mode & S_IFMT != S_IFDIR
            else { continue }
            writer.append(path.bytes)
            writer.append(UInt64(status.st_ino))
            writer.append(UInt64(status.st_nlink))
        }
        return Fingerprint.of(writer.bytes)
    }
}
