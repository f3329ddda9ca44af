package import BuildGraph
package import Glibc

/// A folder of a test's own, removed with its contents when the value goes.
package final class TemporaryFolder: Sendable {
    /// Absolute, without links in it.
    package let path: BytePath

    package init() throws {
        var template = Array("/tmp/lmsbuild-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw FileSystemError("mkdtemp", BytePath("/tmp"), errno: errno) }
        path = BytePath(bytes: template.dropLast().map { UInt8(bitPattern: $0) })
    }

    deinit { Self.remove(path) }

    /// `path/name`.
    package func callAsFunction(_ name: String) -> BytePath { path.appending(name) }

    private static func names(_ folder: BytePath) -> [BytePath] {
        guard let stream = folder.withCString({ opendir($0) }) else { return [] }
        defer { closedir(stream) }
        var names: [BytePath] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
            if name != Array(".".utf8), name != Array("..".utf8) { names.append(BytePath(bytes: name)) }
        }
        return names
    }

    private static func remove(_ path: BytePath) {
        var status = stat()
        guard path.withCString({ lstat($0, &status) }) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            _ = path.withCString { unlink($0) }
            return
        }
        _ = path.withCString { chmod($0, 0o700) }
        for name in names(path) { remove(path.appending(name)) }
        _ = path.withCString { rmdir($0) }
    }
}

extension TemporaryFolder {
    /// Writes a file below the folder, with the folders it needs.
    package func write(_ name: String, _ text: String, mode: mode_t = 0o644) throws {
        try write(name, bytes: Array(text.utf8), mode: mode)
    }

    package func write(_ name: String, bytes: [UInt8], mode: mode_t = 0o644) throws {
        try createFile(path.appending(name), bytes: bytes, mode: mode)
    }

    /// Makes it the place of an image store of buildah's and podman's own, and gives what makes them take it.
    package func imageStore() throws -> [String: String] {
        try write(
            "storage.conf",
            "[storage]\ndriver = \"vfs\"\ngraphroot = \"\(self("graph").shown)\"\nrunroot = \"\(self("run").shown)\"\n")
        return ["CONTAINERS_STORAGE_CONF": self("storage.conf").shown]
    }

    /// Lets the clock go on until what was written so far has times that no later write can have, as the file `name`, which
    /// is written for that, shows.
    package func settle(by name: String) throws {
        try write(name, "")
        var status = stat()
        repeat {
            usleep(1000)
            _ = self(name).withCString { lstat($0, &status) }
        } while !FileStatus(status).isSettled(at: FileStatus.now)
    }

    /// The paths of all files and links below the folder, sorted.
    package var files: [String] {
        func list(_ folder: BytePath) -> [BytePath] {
            Self.names(folder).flatMap { name -> [BytePath] in
                let inner = folder.appending(name)
                var status = stat()
                _ = inner.withCString { lstat($0, &status) }
                return status.st_mode & S_IFMT == S_IFDIR ? list(inner) : [inner]
            }
        }
        return list(path).compactMap { $0.relative(to: path)?.shown }.sorted()
    }
}

/// Writes a file with the folders it needs.
package func createFile(_ path: BytePath, bytes: [UInt8], mode: mode_t = 0o644) throws {
    var folder = BytePath("/")
    for part in path.parent.components {
        folder = folder.appending(BytePath(bytes: Array(part)))
        _ = folder.withCString { mkdir($0, 0o755) }
    }
    let descriptor = path.withCString { creat($0, mode) }
    guard descriptor >= 0 else { throw FileSystemError("open", path, errno: errno) }
    defer { close(descriptor) }
    fchmod(descriptor, mode)
    guard Glibc.write(descriptor, bytes, bytes.count) == bytes.count else {
        throw FileSystemError("write", path, errno: errno)
    }
}

/// All bytes of a file; of a FIFO, what comes until its writer closes it.
package func readFile(_ path: String) throws -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileSystemError("open", BytePath(path), errno: errno) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while true {
        let count = read(descriptor, &buffer, buffer.count)
        if count <= 0 { return bytes }
        bytes += buffer.prefix(count)
    }
}
