// Hears of changes below a workspace's folders. It says when to look again and never what is there: what is run is
// always decided by a look at the files themselves. Does not know git's commands: what git would say comes in
// `WorkingTreeOptions`.
package import BuildGraph
import Glibc

/// Watches the folders that can hold a workspace's files, and a few files elsewhere that decide what these are.
///
/// What git ignores is not watched, nor what lies in a repository of its own, in `.git` or in `.lmsbuild`; links are not
/// followed. A folder that comes is watched first and looked through then, so nothing that is made in it is missed.
/// Where the rules change (`FolderChanges.changesRules`), the watch is to be replaced by a new one before anything is
/// looked at.
package struct FolderWatch {
    /// A folder of the workspace's tree.
    struct Part {
        /// Relative to the workspace's root.
        let path: BytePath
        /// Relative to the top of the repository that it is in, of which the ignore rules speak.
        let inRepository: BytePath
        /// Those of its own `.gitignore` included.
        var rules: IgnoreRules
        /// Git ignores it, but tracks something below it.
        let isIgnored: Bool
        /// In a submodule: its changes make the submodule another one.
        let isSubmodule: Bool
    }

    private struct Place {
        var path: BytePath
        /// Nil where the folder is watched for `files` alone.
        var part: Part?
        /// Names of single files that count, whatever the rules say, with what each is called.
        var files: [BytePath: BytePath] = [:]
    }

    /// The operations that a `FileSystemError` of this type names.
    package static let starting = "start inotify for"
    package static let watching = "watch"

    private let options: WorkingTreeOptions
    private let kernel: any WatchKernel
    private let tracked: Set<BytePath>
    /// The folders that lead to what is tracked below ignored ones, and to submodules.
    private let leading: Set<BytePath>
    private var places: [Int32: Place] = [:]
    /// The watches of the workspace's folders by their absolute paths.
    private var watches: [BytePath: Int32] = [:]

    /// Watches `options.root` from now on. `further` are absolute paths of files that decide what is in the workspace;
    /// they need not be there. Throws what `inotify_add_watch` says, `ENOSPC` where the user's watches are used up.
    package init(_ options: WorkingTreeOptions, further: [BytePath]) throws(FileSystemError) {
        try self.init(options, further: further, kernel: try Inotify())
    }

    init(_ options: WorkingTreeOptions, further: [BytePath], kernel: any WatchKernel) throws(FileSystemError) {
        self.options = options
        self.kernel = kernel
        tracked = Set(options.trackedIgnored)
        var leading: Set<BytePath> = []
        for path in options.trackedIgnored + options.submodules.keys {
            var folder = path.parent
            while !folder.isEmpty, leading.insert(folder).inserted { folder = folder.parent }
        }
        self.leading = leading
        for file in further { try watch(file: file) }
        let rules = IgnoreRules(options.ignoreFiles)
        let root = Part(
            path: .root, inRepository: options.prefix, rules: rules,
            isIgnored: !options.prefix.isEmpty && rules.ignoresWithParents(options.prefix, isFolder: true),
            isSubmodule: false)
        var unseen = FolderChanges()
        guard try enter(root, news: nil, &unseen) else {
            throw FileSystemError(Self.watching, options.root, errno: errno == 0 ? ENOENT : errno)
        }
    }

    /// How many of the workspace's folders are watched.
    package var folderCount: Int { places.values.count { $0.part != nil } }

    // MARK: Asking

    /// What has changed since the last call; does not wait. What came may have been seen in between.
    package mutating func collect(except own: OwnPaths) throws(FileSystemError) -> FolderChanges {
        var changes = FolderChanges()
        try take(own, &changes)
        changes.settle()
        return changes
    }

    /// Waits for a change that is not `own`'s, and then for quiet: 100 ms without a further one, at most 2 s in all. What
    /// is in `earlier` has changed already. Changes of the `slow` paths alone are given after 5 s, and not before.
    package mutating func next(
        after earlier: FolderChanges = FolderChanges(), slow: Set<BytePath> = [], except own: OwnPaths
    ) throws(FileSystemError) -> FolderChanges {
        var changes = earlier
        var quiet = Quiet()
        if !earlier.isEmpty { quiet.hear(at: kernel.now, isSlow: changes.areAll(in: slow)) }
        while true {
            if let end = quiet.end, kernel.now >= end {
                changes.dropPassing(below: options.root)
                if !changes.isEmpty { return changes }
                quiet = Quiet()
            } else if kernel.wait(until: quiet.end) {
                let heard = changes.heard
                try take(own, &changes)
                if changes.heard > heard { quiet.hear(at: kernel.now, isSlow: changes.areAll(in: slow)) }
            }
        }
    }

    private mutating func take(_ own: OwnPaths, _ changes: inout FolderChanges) throws(FileSystemError) {
        for event in kernel.events() { try take(event, own, &changes) }
    }

    // MARK: Events

    private mutating func take(
        _ event: WatchEvent, _ own: OwnPaths, _ changes: inout FolderChanges
    ) throws(FileSystemError) {
        if event.has(IN_Q_OVERFLOW) { changes.addEverything() }
        guard let place = places[event.watch] else { return }
        if event.has(IN_IGNORED, IN_UNMOUNT, IN_DELETE_SELF, IN_MOVE_SELF) {
            // The parent's event tells of a folder that goes, but for the root and for folders outside it.
            if place.part?.path.isEmpty == true || event.has(IN_UNMOUNT) { changes.addEverything() }
            for file in place.files.values { changes.add(shown(file), changesRules: true) }
            if event.has(IN_IGNORED) { forget(event.watch) }
            return
        }
        if let file = place.files[event.name] { changes.add(shown(file), changesRules: true) }
        guard let part = place.part, !event.name.isEmpty else { return }
        if event.name.bytes.elementsEqual(".lmsbuild".utf8) { return }
        let path = part.path.appending(event.name)
        if event.name.bytes.elementsEqual(".git".utf8) {
            // A repository came or went. What happens in it does not count, but for `further`.
            let isNews = event.has(IN_CREATE, IN_DELETE, IN_MOVED_FROM, IN_MOVED_TO)
            if isNews { changes.add(path, changesRules: true) }
        } else if event.has(IN_ISDIR) {
            try takeFolder(event, part, own, &changes)
        } else {
            let verdict = verdict(event.name, in: part, own)
            if verdict == .nothing { return }
            changes.add(path, isFresh: event.has(IN_CREATE), changesRules: verdict == .rules)
        }
    }

    private mutating func takeFolder(
        _ event: WatchEvent, _ part: Part, _ own: OwnPaths, _ changes: inout FolderChanges
    ) throws(FileSystemError) {
        let path = part.path.appending(event.name)
        let absolute = options.root.appending(path)
        let isWatched = watches[absolute] != nil
        if options.submodules[path] != nil, !event.has(IN_ATTRIB) { changes.add(path, changesRules: true) }
        if event.has(IN_MOVED_FROM) {
            if isWatched, !own.contains(path) { changes.add(path) }
            if isWatched { forgetAll(below: absolute, &changes) }
        } else if event.has(IN_DELETE) {
            if let watch = watches[absolute], places[watch]?.part?.path == path { forget(watch) }
        } else if event.has(IN_CREATE, IN_MOVED_TO) || !isWatched {
            // A folder that could not be read may be readable now, so a change of its mode counts, too.
            if let child = child(event.name, of: part) { try enter(child, news: own, &changes) }
        }
    }

    private enum Verdict {
        case nothing, file, rules
    }

    /// What a change of the file of this name is one of.
    private func verdict(_ name: BytePath, in part: Part, _ own: OwnPaths) -> Verdict {
        if !part.isIgnored, name.bytes.elementsEqual(".gitignore".utf8) { return .rules }
        let path = part.path.appending(name)
        let isIgnored = part.isIgnored || part.rules.ignores(part.inRepository.appending(name), isFolder: false)
        return (isIgnored && !tracked.contains(path)) || own.contains(path) ? .nothing : .file
    }

    // MARK: Folders

    /// The part that a folder of this name is; nil where it is not watched.
    private func child(_ name: BytePath, of part: Part) -> Part? {
        if name.isLeftOut { return nil }
        let path = part.path.appending(name)
        if options.submodules[path] != nil {
            return Part(path: path, inRepository: .root, rules: IgnoreRules(), isIgnored: false, isSubmodule: true)
        }
        let inRepository = part.inRepository.appending(name)
        let isIgnored = part.isIgnored || part.rules.ignores(inRepository, isFolder: true)
        if isIgnored, !leading.contains(path) { return nil }
        return Part(
            path: path, inRepository: inRepository, rules: part.rules, isIgnored: isIgnored,
            isSubmodule: part.isSubmodule)
    }

    /// Watches a folder and all below it. What is found in them is news but for `news` itself, or where that is nil
    /// nothing is. False, and errno, where the folder is not there.
    @discardableResult
    private mutating func enter(
        _ part: Part, news own: OwnPaths?, _ changes: inout FolderChanges
    ) throws(FileSystemError) -> Bool {
        let folder = options.root.appending(part.path)
        if !part.path.isEmpty, !part.isSubmodule, GitFolder.of(folder) != nil {
            // A repository of its own: none of its files is in the workspace, as long as it is one.
            return try watch(file: folder.appending(".git"))
        }
        // The watch comes before the look, so that nothing can come between them.
        guard let watch = try add(folder, followingLinks: part.path.isEmpty) else { return false }
        take(watch, for: folder)
        var part = part
        let found = FolderListing(folder)
        if found.hasIgnoreFile, !part.isIgnored,
            let file = try? IgnoreFile.read(folder.appending(".gitignore"), folder: part.inRepository)
        {
            part.rules = part.rules.adding(file)
        }
        places[watch]?.part = part
        if let own {
            for name in found.files.sorted() {
                let verdict = verdict(name, in: part, own)
                if verdict != .nothing { changes.add(part.path.appending(name), changesRules: verdict == .rules) }
            }
        }
        for name in found.folders.sorted() {
            if let child = child(name, of: part) { try enter(child, news: own, &changes) }
        }
        return true
    }

    /// Watches for one file, by its folder, or by the nearest folder above that is there.
    @discardableResult
    private mutating func watch(file: BytePath) throws(FileSystemError) -> Bool {
        var name = file
        while name.parent != name {
            if let watch = try add(name.parent, followingLinks: true) {
                places[watch]?.files[name.name] = file
                return true
            }
            name = name.parent
        }
        return false
    }

    /// Nil, and errno, for a folder that is not there, is none, or may not be read: the run's own look will say so.
    private mutating func add(_ folder: BytePath, followingLinks: Bool) throws(FileSystemError) -> Int32? {
        let watch = kernel.add(folder, followingLinks: followingLinks)
        guard watch >= 0 else {
            if [ENOENT, ENOTDIR, ELOOP, EACCES].contains(errno) { return nil }
            throw FileSystemError(Self.watching, folder, errno: errno)
        }
        if places[watch] == nil { places[watch] = Place(path: folder) }
        return watch
    }

    /// `watch` is the one of the workspace's folder `folder` from now on.
    private mutating func take(_ watch: Int32, for folder: BytePath) {
        // Another folder had this path, or this folder another path.
        if let old = watches[folder], old != watch { forget(old) }
        if let path = places[watch]?.path, watches[path] == watch { watches[path] = nil }
        places[watch]?.path = folder
        watches[folder] = watch
    }

    private mutating func forget(_ watch: Int32) {
        guard let place = places.removeValue(forKey: watch) else { return }
        if watches[place.path] == watch { watches[place.path] = nil }
    }

    /// A moved folder keeps its watches, whose paths are wrong now.
    private mutating func forgetAll(below folder: BytePath, _ changes: inout FolderChanges) {
        for (path, watch) in watches where path.isInside(folder) {
            for file in (places[watch]?.files ?? [:]).values { changes.add(shown(file), changesRules: true) }
            kernel.remove(watch)
            forget(watch)
        }
    }

    /// As it is called in messages.
    private func shown(_ path: BytePath) -> BytePath { path.relative(to: options.root) ?? path }
}

/// What is in a folder, by one look that follows no link. What cannot be looked at is empty.
private struct FolderListing {
    private(set) var files: [BytePath] = []
    private(set) var folders: [BytePath] = []
    private(set) var hasIgnoreFile = false

    init(_ folder: BytePath) {
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
        let descriptor = folder.withCString { open($0, flags) }
        guard descriptor >= 0, let stream = fdopendir(descriptor) else {
            if descriptor >= 0 { close(descriptor) }
            return
        }
        defer { closedir(stream) }
        while let entry = readdir(stream) {
            let start = UnsafeRawPointer(entry) + (MemoryLayout<dirent>.offset(of: \dirent.d_name) ?? 19)
            let length = strlen(start.assumingMemoryBound(to: CChar.self))
            let name = BytePath(bytes: Array(UnsafeRawBufferPointer(start: start, count: length)))
            var isFolder = entry.pointee.d_type == UInt8(DT_DIR)
            // Some file systems do not tell.
            if entry.pointee.d_type == UInt8(DT_UNKNOWN) { isFolder = Disk.isFolder(folder.appending(name)) }
            if name.isLeftOut { continue }
            if isFolder { folders.append(name) } else { files.append(name) }
            if !isFolder, name.bytes.elementsEqual(".gitignore".utf8) { hasIgnoreFile = true }
        }
    }
}
