// System calls on absolute paths, with errors that name the call and the path. Does not know stores or actions.
package import BuildGraph
import CLinux
package import Glibc
import Synchronization

package enum Disk {
    /// 1980-01-01T00:00:00Z, which every archive format can hold: the time of all files an action sees.
    static let fixedSeconds = 315_532_800

    private static let counter = Atomic<Int>(0)

    /// `<pid>-<n>`: unique on this machine as long as this process lives, and tells whether its maker still does.
    static func uniqueName() -> String {
        "\(getpid())-\(counter.add(1, ordering: .relaxed).newValue)"
    }

    /// `lstat`; nil where nothing is there.
    package static func status(_ path: BytePath) -> stat? {
        var status = stat()
        return path.withCString { lstat($0, &status) } == 0 ? status : nil
    }

    /// `stat`: of what a link points to.
    static func followed(_ path: BytePath) -> stat? {
        var status = stat()
        return path.withCString { fstatat(AT_FDCWD, $0, &status, 0) } == 0 ? status : nil
    }

    package static func isFolder(_ path: BytePath) -> Bool { status(path)?.isFolder == true }

    static func makeFolder(_ path: BytePath, mode: mode_t = 0o755) throws(StoreError) {
        if path.withCString({ mkdir($0, mode) }) == 0 {
            // What an action sees must not depend on the umask.
            _ = path.withCString { chmod($0, mode) }
            return
        }
        let code = errno
        if code == EEXIST, followed(path)?.isFolder == true { return }
        throw .system("mkdir", path, code)
    }

    /// Makes the absolute `path` and what is missing above it.
    package static func makeFolders(_ path: BytePath, mode: mode_t = 0o755) throws(StoreError) {
        if isFolder(path) || path.bytes == [UInt8(ascii: "/")] { return }
        try makeFolders(path.parent, mode: mode)
        try makeFolder(path, mode: mode)
    }

    package static func open(_ path: BytePath, _ flags: Int32, mode: mode_t = 0) throws(StoreError) -> Int32 {
        while true {
            let descriptor = path.withCString { clinux_openat(AT_FDCWD, $0, flags | O_CLOEXEC, mode) }
            if descriptor >= 0 { return descriptor }
            if errno != EINTR { throw .system("open", path, errno) }
        }
    }

    /// The next bytes of an open file, at most `limit`; nil at its end.
    static func chunk(
        of descriptor: Int32, _ path: BytePath, limit: Int = 256 * 1024
    ) throws(StoreError) -> [UInt8]? {
        while true {
            var count = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: limit) { buffer, filled in
                count = read(descriptor, buffer.baseAddress, limit)
                filled = max(0, count)
            }
            if count > 0 { return bytes }
            if count == 0 { return nil }
            if errno != EINTR { throw .system("read", path, errno) }
        }
    }

    /// All the bytes that are left of an open file of `size` bytes, or of another size if it changes meanwhile.
    static func rest(of descriptor: Int32, _ path: BytePath, about size: Int) throws(StoreError) -> [UInt8] {
        guard var bytes = try chunk(of: descriptor, path, limit: size + 1) else { return [] }
        // A read that gets less than it could is nearly always the last; a small one makes sure of it.
        var limit = 16
        while let more = try chunk(of: descriptor, path, limit: limit) {
            bytes += more
            limit = 256 * 1024
        }
        return bytes
    }

    /// The bytes of the plain file at the absolute `path`, which is not followed where it is a link.
    package static func contents(of path: BytePath) throws(StoreError) -> [UInt8] {
        let descriptor = try open(path, O_RDONLY | O_NOFOLLOW)
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .system("stat", path, errno) }
        // Files of the kernel's own say that they are empty, and give what they have only at once.
        return try rest(of: descriptor, path, about: min(max(4095, Int(status.st_size)), 64 * 1024 * 1024))
    }

    package static func write(_ bytes: [UInt8], to descriptor: Int32, _ path: BytePath) throws(StoreError) {
        var offset = 0
        while offset < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress?.advanced(by: offset), $0.count - offset)
            }
            if count >= 0 {
                offset += count
            } else if errno != EINTR {
                throw .system("write", path, errno)
            }
        }
    }

    /// Writes a file that must not be there yet; removes it again where that fails.
    static func create(_ path: BytePath, _ bytes: [UInt8], mode: mode_t) throws(StoreError) {
        let descriptor = try open(path, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
        defer { close(descriptor) }
        do throws(StoreError) {
            try write(bytes, to: descriptor, path)
            try finish(descriptor, path, mode: mode, fixedTime: false)
        } catch {
            _ = path.withCString { unlink($0) }
            throw error
        }
    }

    /// Writes over what is in the file at `path`, which only its owner can read, or makes it. Who reads meanwhile, or after
    /// a crash, may find a part of each: for what shows that itself. Where it fails nothing is left.
    static func overwrite(_ path: BytePath, _ bytes: [UInt8]) throws(StoreError) {
        let descriptor = try open(path, O_WRONLY | O_CREAT | O_NOFOLLOW, mode: 0o600)
        defer { close(descriptor) }
        do throws(StoreError) {
            try write(bytes, to: descriptor, path)
            var status = stat()
            guard fstat(descriptor, &status) == 0 else { throw .system("stat", path, errno) }
            if status.st_size > bytes.count, ftruncate(descriptor, off_t(bytes.count)) != 0 {
                throw .system("truncate", path, errno)
            }
        } catch {
            _ = path.withCString { unlink($0) }
            throw error
        }
    }

    /// Gives a written file its mode and time.
    static func finish(_ descriptor: Int32, _ path: BytePath, mode: mode_t, fixedTime: Bool) throws(StoreError) {
        if fchmod(descriptor, mode) != 0 { throw .system("chmod", path, errno) }
        if fixedTime, futimens(descriptor, fixedTimes) != 0 { throw .system("utimens", path, errno) }
    }

    private static var fixedTimes: [timespec] {
        [timespec(tv_sec: fixedSeconds, tv_nsec: 0), timespec(tv_sec: fixedSeconds, tv_nsec: 0)]
    }

    /// Best effort: a time that can't be set is no reason to fail.
    static func setFixedTime(_ path: BytePath) {
        _ = path.withCString { utimensat(AT_FDCWD, $0, fixedTimes, AT_SYMLINK_NOFOLLOW) }
    }

    /// Replaces the file at `path`, whose folder is made where it is missing: written beside it and renamed. Not synced:
    /// for what a power cut may take away.
    package static func replace(_ path: BytePath, with bytes: [UInt8], mode: mode_t = 0o644) throws(StoreError) {
        try makeFolders(path.parent)
        let temporary = path.parent.appending("." + uniqueName())
        try create(temporary, bytes, mode: mode)
        do throws(StoreError) {
            try rename(temporary, to: path)
        } catch {
            remove(temporary)
            throw error
        }
    }

    /// Puts a symbolic link with this text at `path` by a rename.
    static func placeLink(_ text: [UInt8], at path: BytePath) throws(StoreError) {
        try makeFolders(path.parent)
        let temporary = path.parent.appending(".lmsbuild-" + uniqueName())
        try makeLink(temporary, text: text)
        try rename(temporary, to: path)
    }

    /// Removes the files below `folder` that are not in `kept`; both are relative to `root`.
    static func removeStrays(in root: BytePath, below folder: BytePath, except kept: Set<BytePath>) throws(StoreError) {
        guard isFolder(root.appending(folder)) else { return }
        for name in try names(in: root.appending(folder)) {
            let path = folder.appending(name)
            if isFolder(root.appending(path)) {
                try removeStrays(in: root, below: path, except: kept)
            } else if !kept.contains(path) {
                remove(root.appending(path))
            }
        }
    }

    /// `folder` and all folders below it, where they hold nothing but `files` and a later change of what is in them is sure
    /// to show in their status; nil otherwise. All paths are relative to `root`.
    static func folders(
        in root: BytePath, below folder: BytePath, holdingOnly files: Set<BytePath>
    ) -> [(path: BytePath, status: FileStatus)]? {
        // Its status first: what comes or goes while it is listed shows then.
        let absolute = root.appending(folder)
        guard let status = FileStatus.settled(absolute), let names = try? names(in: absolute) else { return nil }
        var found = [(folder, status)]
        for name in names {
            let path = folder.appending(name)
            if files.contains(path) { continue }
            guard let inner = folders(in: root, below: path, holdingOnly: files) else { return nil }
            found += inner
        }
        return found
    }

    package static func rename(_ old: BytePath, to new: BytePath) throws(StoreError) {
        let code = old.withCString { from in new.withCString { Glibc.rename(from, $0) } }
        if code != 0 { throw .system("rename", new, errno) }
    }

    /// As `rename`, making the folder of `new` (mode 0700) where it is missing.
    static func renameMakingFolder(_ old: BytePath, to new: BytePath) throws(StoreError) {
        do throws(StoreError) {
            try rename(old, to: new)
        } catch {
            guard case .system(_, _, ENOENT) = error else { throw error }
            try makeFolders(new.parent, mode: 0o700)
            try rename(old, to: new)
        }
    }

    /// `folder/kind/ab/<64 hex digits>`, which keeps folders small.
    static func shard(_ folder: BytePath, _ kind: String, _ hash: SHA256Value) -> BytePath {
        let hex = Array(hash.hex.utf8)
        var bytes = folder.bytes
        bytes.reserveCapacity(bytes.count + kind.utf8.count + hex.count + 8)
        bytes.append(UInt8(ascii: "/"))
        bytes += kind.utf8
        bytes.append(UInt8(ascii: "/"))
        bytes += hex.prefix(2)
        bytes.append(UInt8(ascii: "/"))
        bytes += hex
        return BytePath(bytes: bytes)
    }

    /// Makes a symbolic link at the absolute `path`.
    package static func makeLink(_ path: BytePath, text: [UInt8]) throws(StoreError) {
        let code = BytePath(bytes: text).withCString { target in path.withCString { symlink(target, $0) } }
        if code != 0 { throw .system("symlink", path, errno) }
    }

    /// What the symbolic link at the absolute `path` says.
    package static func linkText(_ path: BytePath) throws(StoreError) -> [UInt8] {
        var count = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: Int(PATH_MAX)) { buffer, filled in
            if let start = buffer.baseAddress { count = path.withCString { readlink($0, start, buffer.count) } }
            filled = max(0, count)
        }
        if count < 0 { throw .system("readlink", path, errno) }
        return bytes
    }

    /// The names in a folder, sorted bytewise, without `.` and `..`.
    package static func names(in folder: BytePath) throws(StoreError) -> [BytePath] {
        guard let stream = folder.withCString({ opendir($0) }) else { throw .system("opendir", folder, errno) }
        defer { closedir(stream) }
        var names: [BytePath] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
            if name != Array(".".utf8), name != Array("..".utf8) { names.append(BytePath(bytes: name)) }
        }
        return names.sorted()
    }

    /// `path` with all links resolved; nil where it is not there.
    static func realPath(_ path: BytePath) -> BytePath? {
        guard let resolved = path.withCString({ realpath($0, nil) }) else { return nil }
        defer { free(resolved) }
        return BytePath(bytes: (0..<strlen(resolved)).map { UInt8(bitPattern: resolved[$0]) })
    }
}

extension stat {
    var isFolder: Bool { st_mode & S_IFMT == S_IFDIR }
    var isLink: Bool { st_mode & S_IFMT == S_IFLNK }
    var isFile: Bool { st_mode & S_IFMT == S_IFREG }
    var isExecutable: Bool { st_mode & 0o100 != 0 }
}
