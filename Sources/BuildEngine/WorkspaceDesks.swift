// The private folders of recipes that run in the workspace itself. Does not know the recipes.
import BuildGraph
import CLinux
import Glibc
import Synchronization

/// What a recipe finds outside the workspace: its own text, an empty home, an empty folder for temporary files.
struct WorkspaceDesk: Sendable {
    let folder: BytePath
    let home: BytePath
    let temporary: BytePath
    let script: BytePath
    /// As the recipe is told of them.
    let shown: (home: String, temporary: String, script: String)
    /// Nil where the folder is for one action only.
    fileprivate var kept: WorkspaceDesks.Kept?
    /// When it was handed out, by the clock that stamps files, in nanoseconds since the epoch.
    fileprivate var taken: Int64 = 0

    fileprivate init(_ folder: BytePath) {
        self.folder = folder
        home = folder.appending("home")
        temporary = folder.appending("tmp")
        script = folder.appending("recipe")
        shown = (home.shown, temporary.shown, script.shown)
    }
}

/// Making three folders and a file for each action, and removing them, costs more than many a recipe does. So a desk that
/// was left as it was found is used again; one that holds anything, or was changed in whatever way, is removed.
final class WorkspaceDesks: Sendable {
    /// What a desk is looked at by, without walking paths: open while it is kept.
    fileprivate struct Kept: Sendable {
        let folder: Int32
        let home: Int32
        let temporary: Int32
        let script: Int32
        /// How the three folders were when they were made; nil where that can't be told.
        let made: [FolderState]?

        func close() { for descriptor in [folder, home, temporary, script] { Glibc.close(descriptor) } }
    }

    /// By what a folder is known in which nothing was made, renamed or removed, and whose mode is as it was.
    fileprivate struct FolderState: Equatable, Sendable {
        let mode: mode_t
        let status: FileStatus

        /// Nil where the folder was removed.
        init?(_ descriptor: Int32) {
            var status = stat()
            guard fstat(descriptor, &status) == 0, status.st_nlink > 0 else { return nil }
            mode = status.st_mode & 0o7777
            self.status = FileStatus(status)
        }
    }

    private struct State {
        var free: [WorkspaceDesk] = []
        /// Those that descriptors are open for, the free ones among them.
        var kept = 0
    }

    /// Each costs four descriptors.
    private static let most = 16

    private let place: BytePath
    private let state = Mutex(State())

    /// Desks lie in the absolute `place`, which is made where it is missing.
    init(_ place: BytePath) {
        self.place = place
    }

    deinit { clear() }

    /// Removes all that are free.
    func clear() {
        let desks = state.withLock { state in
            defer { state.free = [] }
            return state.free
        }
        for desk in desks { remove(desk) }
    }

    /// A desk with this script, to be given back or removed.
    func take(script: [UInt8]) throws(StoreError) -> WorkspaceDesk {
        if var desk = state.withLock({ $0.free.popLast() }) {
            if let kept = desk.kept, Self.holds(script, kept.script) || Self.write(script, to: kept.script) {
                desk.taken = FileStatus.now
                return desk
            }
            remove(desk)
        }
        let folder = place.appending(Disk.uniqueName())
        try Disk.makeFolders(folder, mode: 0o700)
        do throws(StoreError) {
            return try make(WorkspaceDesk(folder), script)
        } catch {
            Disk.remove(folder)
            throw error
        }
    }

    private func make(_ desk: WorkspaceDesk, _ script: [UInt8]) throws(StoreError) -> WorkspaceDesk {
        try Disk.makeFolder(desk.home, mode: 0o700)
        try Disk.makeFolder(desk.temporary, mode: 0o700)
        let file = try Disk.open(desk.script, O_RDWR | O_CREAT | O_EXCL, mode: 0o600)
        var isKept = false
        defer { if !isKept { close(file) } }
        try Disk.write(script, to: file, desk.script)
        try Disk.finish(file, desk.script, mode: 0o444, fixedTime: false)
        let mayKeep = state.withLock { state in
            guard state.kept < Self.most else { return false }
            state.kept += 1
            return true
        }
        guard mayKeep else { return desk }
        var folders: [Int32] = []
        for path in [desk.folder, desk.home, desk.temporary] {
            guard let descriptor = try? Disk.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW) else { break }
            folders.append(descriptor)
        }
        guard folders.count == 3 else {
            for descriptor in folders { close(descriptor) }
            state.withLock { $0.kept -= 1 }
            return desk
        }
        isKept = true
        var kept = desk
        let made = folders.compactMap { FolderState($0) }
        kept.kept = Kept(
            folder: folders[0], home: folders[1], temporary: folders[2], script: file,
            made: made.count == 3 ? made : nil)
        kept.taken = FileStatus.now
        return kept
    }

    /// After a success. Whoever was stopped may still be at work in it: then it is to be removed.
    func giveBack(_ desk: WorkspaceDesk) {
        guard let kept = desk.kept, Self.isUntouched(kept, since: desk.taken) else { return remove(desk) }
        state.withLock { $0.free.append(desk) }
    }

    func remove(_ desk: WorkspaceDesk) {
        if let kept = desk.kept {
            kept.close()
            state.withLock { $0.kept -= 1 }
        }
        Disk.remove(desk.folder)
    }

    /// Whether the file already is this script, as where a template gives many components the same: writing costs more.
    private static func holds(_ script: [UInt8], _ descriptor: Int32) -> Bool {
        withUnsafeTemporaryAllocation(byteCount: script.count + 1, alignment: 1) { buffer in
            pread(descriptor, buffer.baseAddress, buffer.count, 0) == script.count
                && script.elementsEqual(buffer.prefix(script.count))
        }
    }

    private static func write(_ script: [UInt8], to descriptor: Int32) -> Bool {
        let written = script.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
        return written == script.count && ftruncate(descriptor, off_t(script.count)) == 0
    }

    /// How much older folders must be than the rule of the file index asks for: to look into them costs little.
    private static let margin: Int64 = 50_000_000

    /// Whether a desk is as it was made: nothing in its folders, their modes, nothing beside them, and the script is the
    /// file that was written. `moment` is when it was handed out.
    private static func isUntouched(_ kept: Kept, since moment: Int64) -> Bool {
        var script = stat()
        guard fstat(kept.script, &script) == 0, script.st_mode & 0o7777 == 0o444, script.st_nlink == 1,
            let made = kept.made
        else { return false }
        let folders = [kept.folder, kept.home, kept.temporary]
        for (descriptor, made) in zip(folders, made) where FolderState(descriptor) != made { return false }
        if made.allSatisfy({ $0.status.isSettled(at: moment - margin) }) { return true }
        return zip(folders, [3, 0, 0]).allSatisfy { clinux_count_names($0) == $1 }
    }
}
