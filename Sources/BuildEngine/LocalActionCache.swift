// Action key → action result in a folder of this machine. Does not know whether the blobs it names are still there.
package import BuildGraph
import Glibc

/// Keeps results as `ac/ab/<64 hex digits>` below its folder. Whatever is not exactly what was written for this key
/// by this version of the format is a miss.
package struct LocalActionCache: ActionCache {
    private let folder: BytePath

    private init(folder: BytePath) {
        self.folder = folder
    }

    /// Opens the cache in the absolute `folder`, which a `LocalContentStore` may share. Throws as that one does.
    package static func open(folder: BytePath) throws(StoreError) -> LocalActionCache {
        try LocalContentStore.makePrivateFolder(folder)
        try Disk.makeFolder(folder.appending("ac"), mode: 0o700)
        try Disk.makeFolder(folder.appending("tmp"), mode: 0o700)
        return LocalActionCache(folder: folder)
    }

    package func result(for key: ActionKey) -> ActionResult? {
        do throws(StoreError) {
            return ActionRecord.decode(try Disk.contents(of: file(key)), for: key)
        } catch {
            return nil
        }
    }

    /// The blobs that `result` names must be in the store before. Not synced to the disk: a power cut costs the last ones,
    /// and a result whose blobs it took is one that the caller finds to be of no use.
    ///
    /// A record tells by its sum whether it is whole, so it is written where it stays: a file beside it that is renamed over
    /// an older one costs more than all else that this process does for a small action.
    package func store(_ result: ActionResult, for key: ActionKey) throws(StoreError) {
        let bytes = ActionRecord.encode(result, for: key)
        let path = file(key)
        do throws(StoreError) {
            try Disk.overwrite(path, bytes)
        } catch {
            switch error {
            case .system(_, _, ENOENT): try Disk.makeFolders(path.parent, mode: 0o700)
            // Earlier versions left nobody the right to write to it.
            case .system(_, _, EACCES): Disk.remove(path)
            default: throw error
            }
            try Disk.overwrite(path, bytes)
        }
    }

    /// True when no result is kept.
    package var isEmpty: Bool {
        do throws(StoreError) {
            return try Disk.names(in: folder.appending("ac")).isEmpty
        } catch {
            return true
        }
    }

    private func file(_ key: ActionKey) -> BytePath { Disk.shard(folder, "ac", key.digest.hash) }
}
