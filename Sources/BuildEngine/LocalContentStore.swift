// Digest → bytes in a folder of this machine. Does not know what the bytes are, nor who needs them how long.
package import BuildGraph
import CLinux
import Glibc
import Synchronization

/// Keeps blobs as `cas/ab/<64 hex digits>` below its folder: mode 0444, a fixed time, written aside and renamed.
///
/// No blob is used before its bytes were seen to be what its name says, once a run as long as its inode, size and time
/// stay the same. A damaged one is removed, so that it is made anew. So none is synced to the disk: what a power cut
/// leaves of the last ones is found out, and made anew (`StoreRecovery`). Blobs never share an inode with a workspace.
package final class LocalContentStore: ContentStore {
    /// How a staged file relates to the stored one.
    package enum Staging: Sendable {
        /// A hard link to the blob, mode 0444 or 0555: for trees that nobody can write to.
        case shared
        /// A copy of its own, mode 0644 or 0755.
        case `private`
    }

    /// By what a file is known that was read and found good.
    struct Seen: Hashable {
        let inode: UInt
        let size: Int
        let time: Int64

        init(_ status: stat) {
            inode = status.st_ino
            size = Int(status.st_size)
            time = withUnsafePointer(to: status) { clinux_mtime_ns($0) }
        }
    }

    /// Up to here a file is read as a whole, and written only where the store lacks it.
    private static let smallSize = 256 * 1024

    let folder: BytePath
    /// What was read and found good, by file.
    let verified = Mutex<[BlobFile: Seen]>([:])
    /// The folder of blobs, open so that the kernel walks no long path to each; -1: by paths alone.
    let blobs: Int32

    private init(folder: BytePath) {
        self.folder = folder
        blobs = folder.appending("cas").withCString { clinux_open_folder(AT_FDCWD, $0) }
    }

    deinit { if blobs >= 0 { close(blobs) } }

    /// Opens the store in the absolute `folder`, making it (mode 0700) where it is missing. Throws `StoreError.system`,
    /// with EPERM where the folder belongs to somebody else or others may write to it.
    package static func open(folder: BytePath) throws(StoreError) -> LocalContentStore {
        try makePrivateFolder(folder)
        try Disk.makeFolder(folder.appending("cas"), mode: 0o700)
        try Disk.makeFolder(folder.appending("tmp"), mode: 0o700)
        let store = LocalContentStore(folder: folder)
        StoreRecovery(store: store).run()
        return store
    }

    static func makePrivateFolder(_ folder: BytePath) throws(StoreError) {
        try Disk.makeFolders(folder, mode: 0o700)
        guard let status = Disk.followed(folder) else { throw .system("stat", folder, errno) }
        guard status.st_uid == geteuid(), status.st_mode & 0o022 == 0 else { throw .system("open", folder, EPERM) }
    }

    // MARK: ContentStore

    package func contains(_ digest: Digest) -> Bool {
        guard let status = status(of: BlobFile(digest)) ?? Disk.status(file(digest)) else { return false }
        return status.isFile && Int(status.st_size) == digest.size
    }

    package func read(_ digest: Digest) throws(StoreError) -> [UInt8] {
        let bytes: [UInt8]
        do throws(StoreError) {
            bytes = try Disk.contents(of: file(digest))
        } catch {
            throw readFailure(error, of: digest)
        }
        guard bytes.count == digest.size, Digest.of(bytes) == digest else { throw damage(digest) }
        return bytes
    }

    package func write(_ bytes: [UInt8]) throws(StoreError) -> Digest {
        let digest = Digest.of(bytes)
        try keep(bytes, as: digest)
        return digest
    }

    private func keep(_ bytes: [UInt8], as digest: Digest) throws(StoreError) {
        if isGood(digest) { return }
        let temporary = temporaryFile()
        let descriptor = try Disk.open(temporary, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
        defer { close(descriptor) }
        do throws(StoreError) {
            try Disk.write(bytes, to: descriptor, temporary)
            try adopt(temporary, descriptor, as: digest)
        } catch {
            Disk.remove(temporary)
            throw error
        }
    }

    package func writeFile(at path: BytePath, expecting expected: Digest?) throws(StoreError) -> Digest {
        let source = try Disk.open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
        defer { close(source) }
        var before = stat()
        guard fstat(source, &before) == 0 else { throw .system("stat", path, errno) }
        guard before.isFile else { throw .system("read", path, EINVAL) }
        func check(_ digest: Digest) throws(StoreError) {
            var after = stat()
            guard fstat(source, &after) == 0, Self.isSame(before, after), digest.size == Int(after.st_size),
                expected == nil || expected == digest
            else { throw .changed(path) }
        }
        if before.st_size <= Self.smallSize {
            let bytes = try Disk.rest(of: source, path, about: Int(before.st_size))
            let digest = Digest.of(bytes)
            try check(digest)
            try keep(bytes, as: digest)
            return digest
        }
        // A blob that is there need not be written again; the file's own bytes are looked at all the same.
        let isKnown = expected.map { isGood($0) } ?? false
        let temporary = temporaryFile()
        let copy = isKnown ? -1 : try Disk.open(temporary, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
        defer { if copy >= 0 { close(copy) } }
        do throws(StoreError) {
            var hasher = SHA256Hasher()
            var size = 0
            while let chunk = try Disk.chunk(of: source, path) {
                hasher.update(chunk)
                size += chunk.count
                if copy >= 0 { try Disk.write(chunk, to: copy, temporary) }
            }
            let digest = Digest(hash: hasher.finalize(), size: size)
            try check(digest)
            if copy >= 0 { try adopt(temporary, copy, as: digest) }
            return digest
        } catch {
            if copy >= 0 { Disk.remove(temporary) }
            throw error
        }
    }

    package func place(_ digest: Digest, at path: BytePath, executable: Bool) throws(StoreError) {
        try Disk.makeFolders(path.parent)
        let temporary = path.parent.appending(".lmsbuild-" + Disk.uniqueName())
        do throws(StoreError) {
            try copy(digest, to: temporary, mode: executable ? 0o755 : 0o644, fixedTime: false)
            try Disk.rename(temporary, to: path)
        } catch {
            Disk.remove(temporary)
            throw error
        }
    }

    // MARK: Staging

    /// Puts the blob at the absolute `path`, where nothing is yet and whose folder is there, with the fixed time.
    package func linkOrCopy(
        _ digest: Digest, executable: Bool, to path: BytePath, mode: Staging
    ) throws(StoreError) {
        if mode == .private {
            return try copy(digest, to: path, mode: executable ? 0o755 : 0o644, fixedTime: true)
        }
        let source = executable ? try executableTwin(of: digest) : file(digest)
        try verify(source, is: digest, isTwin: executable)
        // An action that stores the same bytes at the same moment replaces the file; the kernel then says ENOENT of
        // the inode that lost its name, while the name is there.
        for _ in 0..<16 {
            if source.withCString({ from in path.withCString { Glibc.link(from, $0) } }) == 0 { return }
            guard errno == ENOENT, Disk.status(source) != nil, Disk.isFolder(path.parent) else { break }
        }
        guard [EMLINK, EXDEV, EPERM, EOPNOTSUPP].contains(errno) else { throw .system("link", path, errno) }
        try copy(digest, to: path, mode: executable ? 0o555 : 0o444, fixedTime: true)
    }

    /// A second file with the same bytes and mode 0555: a mode belongs to the inode, not to the name.
    private func executableTwin(of digest: Digest) throws(StoreError) -> BytePath {
        let twin = twinFile(digest)
        if let status = Disk.status(twin), Int(status.st_size) == digest.size { return twin }
        let temporary = temporaryFile()
        do throws(StoreError) {
            try copy(digest, to: temporary, mode: 0o555, fixedTime: true)
            try Disk.rename(temporary, to: twin)
        } catch {
            Disk.remove(temporary)
            throw error
        }
        return twin
    }

    // MARK: Files

    private func file(_ digest: Digest) -> BytePath { Disk.shard(folder, "cas", digest.hash) }

    private func twinFile(_ digest: Digest) -> BytePath { BytePath(bytes: file(digest).bytes + Array(".x".utf8)) }

    private func temporaryFile() -> BytePath { folder.appending("tmp/" + Disk.uniqueName()) }

    /// Gives a written temporary file its name, for good.
    private func adopt(_ temporary: BytePath, _ descriptor: Int32, as digest: Digest) throws(StoreError) {
        try Disk.finish(descriptor, temporary, mode: 0o444, fixedTime: true)
        let file = file(digest)
        try Disk.renameMakingFolder(temporary, to: file)
        var status = stat()
        if fstat(descriptor, &status) == 0 { remember(BlobFile(digest), status) }
    }

    /// Copies the blob to a new file, looking at every byte on the way.
    private func copy(_ digest: Digest, to path: BytePath, mode: mode_t, fixedTime: Bool) throws(StoreError) {
        let file = file(digest)
        let source: Int32
        do throws(StoreError) {
            source = try Disk.open(file, O_RDONLY | O_NOFOLLOW)
        } catch {
            throw readFailure(error, of: digest)
        }
        defer { close(source) }
        let target = try Disk.open(path, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
        defer { close(target) }
        do throws(StoreError) {
            let isCloned = clinux_clone_file(target, source) == 0
            if isCloned {
                try verify(file, is: digest)
            } else {
                var hasher = SHA256Hasher()
                var size = 0
                while let chunk = try Disk.chunk(of: source, file) {
                    hasher.update(chunk)
                    size += chunk.count
                    try Disk.write(chunk, to: target, path)
                }
                guard Digest(hash: hasher.finalize(), size: size) == digest else { throw damage(digest) }
            }
            try Disk.finish(target, path, mode: mode, fixedTime: fixedTime)
        } catch {
            Disk.remove(path)
            throw error
        }
    }

    // MARK: Trust

    private func isGood(_ digest: Digest) -> Bool {
        do throws(StoreError) {
            try verify(file(digest), is: digest)
            return true
        } catch {
            return false
        }
    }

    /// Throws where `file` is not there or not what it should be, which then is removed.
    func verify(_ file: BytePath, is digest: Digest, isTwin: Bool = false) throws(StoreError) {
        guard let status = Disk.status(file) else { throw .missing(digest) }
        let seen = Seen(status)
        let name = BlobFile(digest, isTwin: isTwin)
        if verified.withLock({ $0[name] }) == seen { return }
        guard status.isFile, seen.size == digest.size else { throw damage(digest) }
        do throws(StoreError) {
            let descriptor = try Disk.open(file, O_RDONLY | O_NOFOLLOW)
            defer { close(descriptor) }
            var hasher = SHA256Hasher()
            var size = 0
            while let chunk = try Disk.chunk(of: descriptor, file, limit: min(seen.size + 1, 256 * 1024)) {
                hasher.update(chunk)
                size += chunk.count
            }
            guard Digest(hash: hasher.finalize(), size: size) == digest else { throw damage(digest) }
        } catch {
            throw readFailure(error, of: digest)
        }
        remember(name, status)
    }

    private func remember(_ file: BlobFile, _ status: stat) {
        verified.withLock { $0[file] = Seen(status) }
    }

    /// Removes a blob that is not what its name says, so that nobody meets it again.
    private func damage(_ digest: Digest) -> StoreError {
        for file in [file(digest), twinFile(digest)] { Disk.remove(file) }
        for isTwin in [false, true] {
            verified.withLock { _ = $0.removeValue(forKey: BlobFile(digest, isTwin: isTwin)) }
        }
        return .damaged(digest)
    }

    private func readFailure(_ error: StoreError, of digest: Digest) -> StoreError {
        guard case .system(_, let path, let code) = error, path.isInside(folder) else { return error }
        switch code {
        case ENOENT, ENOTDIR: return .missing(digest)
        case EIO, ELOOP, EISDIR: return damage(digest)
        default: return error
        }
    }

    private static func isSame(_ before: stat, _ after: stat) -> Bool {
        withUnsafePointer(to: before) { before in
            withUnsafePointer(to: after) { after in
                before.pointee.st_size == after.pointee.st_size && clinux_mtime_ns(before) == clinux_mtime_ns(after)
                    && clinux_ctime_ns(before) == clinux_ctime_ns(after)
            }
        }
    }
}
