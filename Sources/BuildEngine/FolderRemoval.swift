// Removing files, and folders with all that is in them. Does not know what they were for.
package import BuildGraph
import CLinux
import Glibc

extension Disk {
    /// Removes `path` with all below it, read-only folders too; never follows a link. Best effort.
    package static func remove(_ path: BytePath) {
        path.withCString { path in
            // Asking what it is would cost as much again.
            if unlink(path) == 0 || (errno != EISDIR && errno != EPERM) { return }
            if rmdir(path) == 0 || errno == ENOENT || errno == ENOTDIR { return }
            _ = FolderRemoval(top: AT_FDCWD, depth: 0).remove(path, in: AT_FDCWD)
        }
    }
}

/// Each folder is opened once, and what is in it is named from there: the kernel walks no path.
private struct FolderRemoval {
    /// As many folders may be open at once. What lies deeper is moved up to the topmost before it is removed.
    private static let deepest = 64

    /// The topmost of the open folders; of the first, the one that it is named from.
    let top: Int32
    let depth: Int

    /// Whether the folder `name`, which is in the open folder `parent`, is gone.
    func remove(_ name: UnsafePointer<CChar>, in parent: Int32) -> Bool {
        let folder = open(name, in: parent)
        guard folder >= 0 else { return false }
        defer { close(folder) }
        let inner = FolderRemoval(top: depth == 0 ? folder : top, depth: depth + 1)
        while true {
            let count = inner.clear(folder)
            if unlinkat(parent, name, AT_REMOVEDIR) == 0 { return true }
            // Something was moved into it, or not all was listed while names went.
            guard count > 0, errno == ENOTEMPTY || errno == EEXIST, lseek(folder, 0, SEEK_SET) == 0 else {
                return false
            }
        }
    }

    private func open(_ name: UnsafePointer<CChar>, in parent: Int32) -> Int32 {
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
        let folder = clinux_openat(parent, name, flags, 0)
        guard folder < 0, errno == EACCES else { return folder }
        fchmodat(parent, name, 0o700, 0)
        return clinux_openat(parent, name, flags, 0)
    }

    /// Removes what is in `folder`; how many names are there no more.
    private func clear(_ folder: Int32) -> Int {
        var count = 0
        var isWritable = false
        withUnsafeTemporaryAllocation(byteCount: 16 * 1024, alignment: 8) { buffer in
            while true {
                let size = clinux_list(folder, buffer.baseAddress, buffer.count)
                if size <= 0 { return }
                var place = 0
                while place + CLINUX_ENTRY_NAME < size {
                    let entry = UnsafeRawBufferPointer(rebasing: buffer[place...])
                    let length = entry.loadUnaligned(fromByteOffset: CLINUX_ENTRY_LENGTH, as: UInt16.self)
                    let isFolder = entry[CLINUX_ENTRY_TYPE] == UInt8(DT_DIR)
                    place += max(1, Int(length))
                    guard
                        let name = entry.baseAddress?.advanced(by: CLINUX_ENTRY_NAME)
                            .assumingMemoryBound(to: CChar.self),
                        strcmp(name, ".") != 0, strcmp(name, "..") != 0
                    else { continue }
                    if removeEntry(name, isFolder, in: folder) {
                        count += 1
                    } else if !isWritable, fchmod(folder, 0o700) == 0 {
                        // It may have been one that nobody may write to.
                        isWritable = true
                        if removeEntry(name, isFolder, in: folder) { count += 1 }
                    }
                }
            }
        }
        return count
    }

    private func removeEntry(_ name: UnsafePointer<CChar>, _ isFolder: Bool, in folder: Int32) -> Bool {
        if !isFolder {
            // Some file systems don't tell in a list what a name is.
            if unlinkat(folder, name, 0) == 0 { return true }
            guard errno == EISDIR || errno == EPERM else { return false }
        }
        if unlinkat(folder, name, AT_REMOVEDIR) == 0 { return true }
        guard errno == ENOTEMPTY || errno == EEXIST else { return false }
        if depth < Self.deepest { return remove(name, in: folder) }
        return Disk.uniqueName().withCString { renameat(folder, name, top, $0) } == 0
    }
}
