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

        func close() { for descriptor in [folder, home, temporary, script] { Glibc.close(descriptor) } }
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
        if let desk = state.withLock({ $0.free.popLast() }) {
            if let kept = desk.kept, Self.write(script, to: kept.script) { return desk }
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
        let file = try Disk.open(desk.script, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
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
        kept.kept = Kept(folder: folders[0], home: folders[1], temporary: folders[2], script: file)
        return kept
    }

    /// After a success. Whoever was stopped may still be at work in it: then it is to be removed.
    func giveBack(_ desk: WorkspaceDesk) {
        guard let kept = desk.kept, Self.isUntouched(kept) else { return remove(desk) }
        state.withLock { $0.free.append(desk) }
    }

    func remove(_ desk: WorkspaceDesk) {
        if let kept = desk.kept {
            kept.close()
            state.withLock { $0.kept -= 1 }
        }
        Disk.remove(desk.folder)
    }

    private static func write(_ script: [UInt8], to descriptor: Int32) -> Bool {
        let written = script.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
        return written == script.count && ftruncate(descriptor, off_t(script.count)) == 0
    }

    /// Whether a desk is as it was made: nothing in its folders, their modes, nothing beside them, and the script is the
    /// file that was written.
    private static func isUntouched(_ kept: Kept) -> Bool {
        func hasMode(_ descriptor: Int32, _ mode: mode_t) -> Bool {
            var status = stat()
            return fstat(descriptor, &status) == 0 && status.st_mode & 0o7777 == mode && status.st_nlink > 0
        }
        return clinux_count_names(kept.folder) == 3 && clinux_count_names(kept.home) == 0
            && clinux_count_names(kept.temporary) == 0 && hasMode(kept.folder, 0o700) && hasMode(kept.home, 0o700)
            && hasMode(kept.temporary, 0o700) && hasMode(kept.script, 0o444)
    }
}
