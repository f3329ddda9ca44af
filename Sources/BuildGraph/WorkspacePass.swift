// What differs on the disk from the workspace's base: every file and folder is asked for its status, nothing that is as it was
// is read, listed or copied.
import Buildfile
import Glibc

/// What the workspace holds now, as differences from a base.
struct WorkspaceChanges: Sendable {
    let base: WorkspaceBase
    let entries: FileEntries
    /// The differences that `entries` shows, sorted by path; files that were only touched are among them.
    let changes: [PathPatch.Change]
    /// Of those of `changes` that are there now, in order.
    let statuses: [FileStatus]
    /// What each submodule has checked out, or the repository's index says of it.
    let submodules: [BytePath: [UInt8]]
    /// Folders with another status than in the base, and new ones.
    let folders: [BytePath: FileStatus]
    let goneFolders: Set<BytePath>
    /// Of those of `changes` that are there now: what each replaces in the base.
    let packedPlaces: [Int?]
    /// Files that were only touched, which are not among `changes`.
    let refreshed: RefreshedStatuses
    /// Folders with other ignore rules than in the base, which were scanned anew with all that is below them.
    let scanned: Set<BytePath>
    /// The `.gitignore`s of those and of folders that came.
    let newIgnoreFiles: [(path: BytePath, status: FileStatus)]

    func status(_ position: Int) -> FileStatus {
        switch entries.origin(of: position) {
        case .packed(let place): refreshed[place]?.status ?? base.status(place)
        case .patch(let place): statuses[place]
        case nil: FileStatus.impossible
        }
    }

    /// The `.gitignore`s with their statuses.
    var ignoreFiles: [(path: BytePath, status: FileStatus)] {
        let kept = base.ignoreFiles.filter { file in
            !goneFolders.contains(file.path.parent) && !scanned.contains { file.path.isInside($0) }
        }
        return kept.map { file in
            guard let place = FileEntries(base.entries).index(of: file.path), let refreshed = refreshed[place],
                base.status(place) == file.status
            else { return file }
            return (file.path, refreshed.isSettled ? refreshed.status : refreshed.status.neverBelieved)
        } + newIgnoreFiles
    }

    /// All folders of the workspace with their statuses.
    var allFolders: [(path: BytePath, status: FileStatus)] {
        var rest = folders
        var found: [(path: BytePath, status: FileStatus)] = []
        for index in 0..<base.folderCount {
            let path = BytePath(bytes: Array(base.folderPath(index)))
            if goneFolders.contains(path) { continue }
            found.append((path, rest.removeValue(forKey: path) ?? base.folder(index).status))
        }
        for (path, status) in rest { found.append((path, status)) }
        return found
    }
}

/// One pass. Gives nil wherever telling what differs would take more than looking at it anew: other rules of what counts from
/// outside the workspace, a repository that came or went.
struct WorkspacePass {
    private let base: WorkspaceBase
    private let options: WorkingTreeOptions
    private let tracked: Set<BytePath>
    private let foldersOfTracked: Set<BytePath>
    private var rules: [BytePath: (rules: IgnoreRules, isIgnored: Bool)] = [:]
    private var gone: Set<Int> = []
    private var replaced: [Int: (entry: FileEntry, status: FileStatus)] = [:]
    private var added: [(entry: FileEntry, status: FileStatus)] = []
    private var folders: [BytePath: FileStatus] = [:]
    private var goneFolders: Set<BytePath> = []
    private var scanned: Set<BytePath> = []
    private var newIgnoreFiles: [(path: BytePath, status: FileStatus)] = []

    /// What a pass came upon, for the next one.
    struct Findings {
        let changes: WorkspaceChanges
        /// Where the disk has another status than the base.
        let differing: WatchNote.Differing
        /// Places of files that were looked at and have more than one name.
        let linked: [Int]
    }

    /// With `suspects` nothing else is looked at: everything else has the status that the base has.
    static func run(
        _ base: WorkspaceBase, _ options: WorkingTreeOptions, _ index: FileIndex, threads: Int,
        only suspects: SuspectSet? = nil
    ) throws(FileSystemError) -> Findings? {
        var pass = WorkspacePass(base, options)
        guard base.optionsKey == options.fingerprint, let touched = pass.touchedRules() else { return nil }
        let found = try StatusCheck.run(base, root: options.root, index, threads: threads, only: suspects)
        for file in touched where file.place.map({ found.refreshed[$0] == nil }) ?? true {
            pass.scanned.insert(file.folder)
        }
        for (place, status) in found.files { pass.take(place, status) }
        for folder in found.folders.sorted() {
            guard try pass.list(folder) else { return nil }
        }
        guard try pass.scanAnew(found.refreshed) else { return nil }
        let differing = WatchNote.Differing(
            files: found.files.map(\.place) + found.touchedPlaces, folders: found.folders)
        return Findings(changes: try pass.changes(found.refreshed), differing: differing, linked: found.linked)
    }

    private init(_ base: WorkspaceBase, _ options: WorkingTreeOptions) {
        self.base = base
        self.options = options
        tracked = Set(options.trackedIgnored)
        foldersOfTracked = WorkingTreeScan.folders(of: options.trackedIgnored)
    }

    private func status(_ path: BytePath) -> stat? {
        var status = stat()
        return options.root.appending(path).withCString({ lstat($0, &status) }) == 0 ? status : nil
    }

    /// The folders whose `.gitignore` has another status or is gone. Those with a place have the same rules if the file
    /// there holds what it held. Nil where a repository went.
    private func touchedRules() -> [(folder: BytePath, place: Int?)]? {
        guard base.nested.allSatisfy({ NestedRepository(options.root.appending($0)) != nil }) else { return nil }
        var touched: [(folder: BytePath, place: Int?)] = []
        for file in base.ignoreFiles {
            let now = status(file.path).map { FileStatus($0) }
            if now == file.status { continue }
            let folder = file.path.parent
            // Where the folder itself is gone nothing is left to be ruled.
            guard let parent = status(folder), parent.st_mode & S_IFMT == S_IFDIR else { continue }
            // The content that the base has is what the rules were read from only if its status says so.
            let place = FileEntries(base.entries).index(of: file.path)
            let isKnown =
                now != nil && file.status != file.status.neverBelieved
                && place.map { base.status($0) == file.status } == true
            touched.append((folder, isKnown ? place : nil))
        }
        return touched
    }

    /// A file whose status is not that of the base; nil where there is none.
    private mutating func take(_ place: Int, _ status: stat?) {
        guard let status, let kind = FileKind(mode: status.st_mode) else {
            gone.insert(place)
            return
        }
        let path = base.entries.entry(place).path
        replaced[place] = (FileEntry(path: path, kind: kind), FileStatus(status))
    }

    // MARK: Folders that changed

    /// Compares what a folder lists with what the base has of it. False where everything must be looked at anew.
    private mutating func list(_ index: Int) throws(FileSystemError) -> Bool {
        let path = BytePath(bytes: Array(base.folderPath(index)))
        // Below what is gone nothing is left to compare, and the rest is scanned.
        if goneFolders.contains(path) || scanned.contains(where: { path.isInside($0) }) { return true }
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
        let descriptor = options.root.appending(path).withCString { open($0, flags) }
        if descriptor < 0, [ENOENT, ENOTDIR, ELOOP].contains(errno) {
            if path.isEmpty { throw FileSystemError("open", options.root, errno: ENOENT) }
            remove(folder: path)
            return true
        }
        guard descriptor >= 0 else { throw FileSystemError("open", path, errno: errno) }
        let folder = OpenFile(owning: descriptor, shownAs: path)
        let moment = FileStatus.now
        folders[path] = FileStatus(try folder.status()).whereSettled(at: moment)
        let names = try WorkingTreeScan.names(in: folder, path)
        var unseen = filesOfBase(index)
        var subfolders = foldersOfBase(path)
        for name in names {
            if name.elementsEqual(".git".utf8) {
                if !path.isEmpty, NestedRepository(options.root.appending(path)) != nil { return false }
                continue
            }
            if name.elementsEqual(".lmsbuild".utf8) { continue }
            if name.elementsEqual(".gitignore".utf8), !knowsIgnoreFile(in: path) {
                scanned.insert(path)
                return true
            }
            let place = path.appending(BytePath(bytes: name))
            if options.submodules[place] != nil {
                guard FileEntries(base.entries).index(of: place) != nil else { return false }
                continue
            }
            if let known = unseen.removeValue(forKey: name), !gone.contains(known) { continue }
            if subfolders.remove(place) != nil, let status = status(place) {
                if status.st_mode & S_IFMT == S_IFDIR { continue }
                remove(folder: place)
            }
            guard try add(place, in: path) else { return false }
        }
        for place in unseen.values {
            gone.insert(place)
            replaced[place] = nil
        }
        for folder in subfolders { remove(folder: folder) }
        return true
    }

    private func knowsIgnoreFile(in folder: BytePath) -> Bool {
        let path = folder.appending(".gitignore")
        return base.ignoreFiles.contains { $0.path == path }
    }

    private func filesOfBase(_ folder: Int) -> [[UInt8]: Int] {
        var found: [[UInt8]: Int] = [:]
        for child in base.folder(folder).children {
            let place = base.child(child)
            found[base.entries.entry(place).path.name.bytes] = place
        }
        return found
    }

    private func foldersOfBase(_ path: BytePath) -> Set<BytePath> {
        var found: Set<BytePath> = []
        let prefix = path.isEmpty ? [] : path.bytes + [slash]
        var index = path.isEmpty ? 1 : base.folderLowerBound(prefix)
        let end = path.isEmpty ? base.folderCount : base.folderLowerBound(path.bytes + [slash + 1])
        while index < end {
            let below = Array(base.folderPath(index))
            let rest = below.dropFirst(prefix.count)
            if let cut = rest.firstIndex(of: slash) {
                // Only where a name sorts between a folder and what is below it.
                index = base.folderLowerBound(Array(below[..<cut]) + [slash + 1])
                continue
            }
            found.insert(BytePath(bytes: below))
            index += 1
        }
        return found
    }

    private mutating func remove(folder: BytePath) {
        for place in FileEntries(base.entries).range(inside: folder) {
            gone.insert(place)
            replaced[place] = nil
        }
        goneFolders.insert(folder)
        folders[folder] = nil
        var index = base.folderLowerBound(folder.bytes + [slash])
        let end = base.folderLowerBound(folder.bytes + [slash + 1])
        while index < end {
            goneFolders.insert(BytePath(bytes: Array(base.folderPath(index))))
            index += 1
        }
    }

    /// Takes in what the base has not: a file, or a folder with all that is below it.
    private mutating func add(_ path: BytePath, in folder: BytePath) throws(FileSystemError) -> Bool {
        guard let status = status(path) else { return true }
        let (rules, isInIgnored) = try rules(in: folder)
        let isFolder = status.st_mode & S_IFMT == S_IFDIR
        let isIgnored = isInIgnored || rules.ignores(options.prefix.appending(path), isFolder: isFolder)
        guard isFolder else {
            if !isIgnored || tracked.contains(path), let kind = FileKind(mode: status.st_mode) {
                added.append((FileEntry(path: path, kind: kind), FileStatus(status)))
            }
            return true
        }
        if isIgnored, !foldersOfTracked.contains(path) { return true }
        let below = try WorkingTreeScan.run(options, below: path, rules, isIgnored: isIgnored)
        guard below.nested.isEmpty, below.submodules.isEmpty else { return false }
        newIgnoreFiles += below.ignoreFiles
        for (entry, status) in zip(below.entries, below.statuses) { added.append((entry, status)) }
        for folder in below.folders {
            goneFolders.remove(folder.path)
            folders[folder.path] = folder.status
        }
        return true
    }

    /// The ignore rules that hold in a folder of the base, and whether it is itself ignored.
    private mutating func rules(in folder: BytePath) throws(FileSystemError) -> (rules: IgnoreRules, isIgnored: Bool) {
        if let known = rules[folder] { return known }
        var found: (rules: IgnoreRules, isIgnored: Bool)
        if folder.isEmpty {
            let outer = IgnoreRules(options.ignoreFiles)
            let isIgnored =
                !options.prefix.isEmpty && outer.ignoresWithParents(options.prefix, isFolder: true)
            found = (outer, isIgnored)
        } else {
            found = try rules(in: folder.parent)
            found.isIgnored =
                found.isIgnored || found.rules.ignores(options.prefix.appending(folder), isFolder: true)
        }
        if !found.isIgnored, knowsIgnoreFile(in: folder),
            let file = try IgnoreFile.read(
                options.root.appending(folder).appending(".gitignore"), folder: options.prefix.appending(folder))
        {
            found.rules = found.rules.adding(file)
        }
        rules[folder] = found
        return found
    }

    // MARK: Folders with other rules

    /// Looks at everything below the folders whose rules are others. False where everything must be looked at anew.
    private mutating func scanAnew(_ refreshed: RefreshedStatuses) throws(FileSystemError) -> Bool {
        scanned = scanned.filter { folder in
            !goneFolders.contains(folder) && !scanned.contains { $0 != folder && folder.isInside($0) }
        }
        for folder in scanned.sorted() {
            guard !options.submodules.keys.contains(where: { $0.isInside(folder) }),
                !base.nested.contains(where: { $0.isInside(folder) })
            else { return false }
            var rules = IgnoreRules(options.ignoreFiles)
            var isIgnored = !options.prefix.isEmpty && rules.ignoresWithParents(options.prefix, isFolder: true)
            if !folder.isEmpty {
                (rules, isIgnored) = try self.rules(in: folder.parent)
                isIgnored = isIgnored || rules.ignores(options.prefix.appending(folder), isFolder: true)
            }
            let below = try WorkingTreeScan.run(options, below: folder, rules, isIgnored: isIgnored)
            guard below.nested.isEmpty, below.submodules.isEmpty else { return false }
            replace(folder, below, refreshed)
        }
        return true
    }

    /// Takes what a scan found below `folder` in the place of whatever else was.
    private mutating func replace(
        _ folder: BytePath, _ found: WorkingTreeScan.Result, _ refreshed: RefreshedStatuses
    ) {
        newIgnoreFiles = newIgnoreFiles.filter { !$0.path.isInside(folder) } + found.ignoreFiles
        added.removeAll { $0.entry.path.isInside(folder) }
        folders = folders.filter { !$0.key.isInside(folder) }
        goneFolders = goneFolders.filter { !$0.isInside(folder) }
        var gone = Set(FileEntries(base.entries).range(inside: folder))
        self.gone.subtract(gone)
        for place in gone { replaced[place] = nil }
        let known = FileEntries(base.entries)
        for (entry, status) in zip(found.entries, found.statuses) {
            guard let place = known.index(of: entry.path) else {
                added.append((entry, status))
                continue
            }
            gone.remove(place)
            let before = refreshed[place]?.status ?? base.status(place)
            if before != status || known.kind(place) != entry.kind { replaced[place] = (entry, status) }
        }
        self.gone.formUnion(gone)
        let inside = Set(found.folders.map(\.path))
        for (path, status) in found.folders { folders[path] = status }
        for index in 0..<base.folderCount {
            let path = BytePath(bytes: Array(base.folderPath(index)))
            if path.isInside(folder), !inside.contains(path) { goneFolders.insert(path) }
        }
    }

    // MARK: The result

    private mutating func changes(_ refreshed: RefreshedStatuses) throws(FileSystemError) -> WorkspaceChanges {
        var submodules: [BytePath: [UInt8]] = [:]
        var all: [(path: BytePath, change: PathPatch.Change, status: FileStatus)] = []
        for (path, recorded) in options.submodules {
            guard let place = FileEntries(base.entries).index(of: path), base.entries.kind(place) == .submodule else {
                continue
            }
            guard let status = status(path), status.st_mode & S_IFMT == S_IFDIR else {
                gone.insert(place)
                continue
            }
            submodules[path] = try NestedRepository(options.root.appending(path))?.head(shownAs: path) ?? recorded
            // Whatever it is checked out at is asked of it each time.
            let entry = FileEntry(path: path, kind: .submodule)
            all.append((path, PathPatch.Change(packed: place, entry: entry), base.status(place)))
        }
        for place in gone {
            all.append(
                (base.entries.entry(place).path, PathPatch.Change(packed: place, entry: nil), FileStatus.impossible))
        }
        for (place, now) in replaced {
            all.append((now.entry.path, PathPatch.Change(packed: place, entry: now.entry), now.status))
        }
        let goneByPath = Dictionary(
            all.lazy.filter { $0.change.entry == nil }.map { ($0.path, $0.change.packed) },
            uniquingKeysWith: { first, _ in first })
        var returned: Set<BytePath> = []
        for (entry, status) in added {
            let packed = goneByPath[entry.path] ?? nil
            if packed != nil { returned.insert(entry.path) }
            all.append((entry.path, PathPatch.Change(packed: packed, entry: entry), status))
        }
        if !returned.isEmpty { all.removeAll { $0.change.entry == nil && returned.contains($0.path) } }
        all.sort { $0.path < $1.path }
        let packed = FileEntries(base.entries)
        let patch = PathPatch(all.map(\.change), packedCount: base.count) { packed.lowerBound($0.bytes) }
        return WorkspaceChanges(
            base: base, entries: all.isEmpty ? packed : FileEntries(base.entries, patch), changes: all.map(\.change),
            statuses: all.filter { $0.change.entry != nil }.map(\.status), submodules: submodules, folders: folders,
            goneFolders: goneFolders, packedPlaces: all.filter { $0.change.entry != nil }.map(\.change.packed),
            refreshed: refreshed, scanned: scanned, newIgnoreFiles: newIgnoreFiles)
    }
}
