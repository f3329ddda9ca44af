// A file that others read is replaced as a whole. Does not know what is in it.
import CLinux
import Glibc

/// Makes files that are whole at any moment.
package enum FileReplacement {
    /// Has `body` write a new file beside the absolute `file`, syncs it and renames it over `file`: at any moment there is
    /// the old one or the new one, whole. Skips the work without an error where another process is doing the same. With
    /// `isSynced` false a crash of the machine may leave a part: for files that show it themselves and are soon made anew.
    package static func write(
        _ file: BytePath, isSynced: Bool = true,
        _ body: (_ descriptor: Int32, _ shownAs: BytePath) throws(FileSystemError) -> Void
    ) throws(FileSystemError) {
        let folder = file.parent
        _ = folder.withCString { mkdir($0, 0o700) }
        let new = BytePath(bytes: file.bytes + Array(".new".utf8))
        let flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW
        let descriptor = new.withCString { clinux_openat(AT_FDCWD, $0, flags, 0o600) }
        guard descriptor >= 0 else { throw FileSystemError("open", new, errno: errno) }
        defer { close(descriptor) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0, isAt(new, descriptor) else { return }
        do throws(FileSystemError) {
            guard ftruncate(descriptor, 0) == 0 else { throw FileSystemError("truncate", new, errno: errno) }
            try body(descriptor, new)
            guard !isSynced || fsync(descriptor) == 0 else { throw FileSystemError("fsync", new, errno: errno) }
            guard new.withCString({ from in file.withCString { rename(from, $0) } }) == 0 else {
                throw FileSystemError("rename", file, errno: errno)
            }
        } catch {
            _ = new.withCString { unlink($0) }
            throw error
        }
        if !isSynced { return }
        let folderDescriptor = folder.withCString { open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        if folderDescriptor >= 0 {
            fsync(folderDescriptor)
            close(folderDescriptor)
        }
    }

    /// As above with the file's whole contents.
    package static func write(_ bytes: [UInt8], to file: BytePath, isSynced: Bool = true) throws(FileSystemError) {
        try write(file, isSynced: isSynced) { descriptor, shown throws(FileSystemError) in
            var offset = 0
            while offset < bytes.count {
                let count = bytes.withUnsafeBytes { buffer in
                    buffer.baseAddress.map { Glibc.write(descriptor, $0 + offset, bytes.count - offset) } ?? 0
                }
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { throw FileSystemError("write", shown, errno: count == 0 ? ENOSPC : errno) }
                offset += count
            }
        }
    }

    /// Whether the open file still has its name: between opening and locking another run may have renamed it.
    private static func isAt(_ path: BytePath, _ descriptor: Int32) -> Bool {
        var named = stat()
        var opened = stat()
        return path.withCString { lstat($0, &named) } == 0 && fstat(descriptor, &opened) == 0
            && named.st_dev == opened.st_dev && named.st_ino == opened.st_ino
    }
}
