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

    private static func remove(_ path: BytePath) {
        var status = stat()
        guard path.withCString({ lstat($0, &status) }) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            _ = path.withCString { unlink($0) }
            return
        }
        _ = path.withCString { chmod($0, 0o700) }
        if let stream = path.withCString({ opendir($0) }) {
            while let entry = readdir(stream) {
                let name = withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { start in
                        (0..<strlen(start)).map { UInt8(bitPattern: start[$0]) }
                    }
                }
                if name != Array(".".utf8), name != Array("..".utf8) { remove(path.appending(BytePath(bytes: name))) }
            }
            closedir(stream)
        }
        _ = path.withCString { rmdir($0) }
    }
}

extension TemporaryFolder {
    /// Writes a file below the folder, with the folders it needs.
    package func write(_ name: String, _ text: String, mode: mode_t = 0o644) throws {
        try write(name, bytes: Array(text.utf8), mode: mode)
    }

    package func write(_ name: String, bytes: [UInt8], mode: mode_t = 0o644) throws {
        let file = path.appending(name)
        var folder = path
        for part in BytePath(name).parent.components {
            folder = folder.appending(BytePath(bytes: Array(part)))
            _ = folder.withCString { mkdir($0, 0o755) }
        }
        let descriptor = file.withCString { creat($0, mode) }
        guard descriptor >= 0 else { throw FileSystemError("open", file, errno: errno) }
        defer { close(descriptor) }
        fchmod(descriptor, mode)
        guard Glibc.write(descriptor, bytes, bytes.count) == bytes.count else {
            throw FileSystemError("write", file, errno: errno)
        }
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
