// The build context of one image, laid out on the disk. Does not know engines, nor how the inputs were chosen.
package import BuildEngine
package import BuildGraph
import Buildfile
import Glibc

/// A folder of its own for one build, removed by `remove`: `context/` with exactly the image's inputs, `Dockerfile`
/// beside it, and an empty ignore file, because what is to be left out has been left out already.
package struct ImageContext: Sendable {
    package let folder: BytePath
    package var context: BytePath { folder.appending("context") }
    package var dockerfile: BytePath { folder.appending("Dockerfile") }

    /// 1980-01-01: the time of every file, so that none tells when it was staged.
    private static let time: [timespec] = Array(repeating: timespec(tv_sec: 315_532_800, tv_nsec: 0), count: 2)

    /// Stages the inputs of `action` that lie below `request.context` in a new folder below the absolute `parent`.
    /// Modes are 0644 and 0755, links stay links, times are fixed; the umask does not count.
    package static func stage(
        _ action: Action, _ request: ImageRequest, dockerfile: [UInt8], from store: any ContentStore,
        below parent: BytePath
    ) async throws -> ImageContext {
        let staged = ImageContext(folder: try newFolder(below: parent))
        do {
            try await staged.fill(action, request, dockerfile, store)
        } catch {
            staged.remove()
            throw error
        }
        return staged
    }

    package func remove() { Self.removeTree(folder) }

    private func fill(
        _ action: Action, _ request: ImageRequest, _ text: [UInt8], _ store: any ContentStore
    ) async throws {
        var folders: Set<BytePath> = []
        try Self.makeFolder(context)
        try Self.write(text, to: dockerfile)
        try Self.write([], to: folder.appending("Dockerfile.dockerignore"))
        for input in action.inputs {
            guard let path = input.path.relative(to: request.context), !path.isEmpty else { continue }
            try makeFolders(above: path, &folders)
            let place = context.appending(path)
            switch input.kind {
            case .file, .executable:
                try await store.place(input.digest, at: place, executable: input.kind == .executable)
                try Self.check("chmod", place) { chmod($0, input.kind == .executable ? 0o755 : 0o644) }
            case .link:
                let text = BytePath(bytes: try await store.read(input.digest))
                try Self.check("symlink", place) { link in text.withCString { symlink($0, link) } }
            case .submodule, .fifo, .socket, .device: continue
            }
            Self.setTime(place)
        }
        // Deepest first: putting a file in a folder changes the folder's own time.
        for path in folders.sorted(by: >) { Self.setTime(context.appending(path)) }
        Self.setTime(context)
    }

    private func makeFolders(above path: BytePath, _ folders: inout Set<BytePath>) throws(StoreError) {
        let parent = path.parent
        guard !parent.isEmpty, !folders.contains(parent) else { return }
        try makeFolders(above: parent, &folders)
        try Self.makeFolder(context.appending(parent))
        folders.insert(parent)
    }

    // MARK: the disk

    private static func check(
        _ operation: String, _ path: BytePath, _ call: (UnsafePointer<CChar>) -> Int32
    ) throws(StoreError) {
        let code = path.withCString { call($0) == 0 ? 0 : errno }
        if code != 0 { throw .system(operation, path, code) }
    }

    private static func makeFolder(_ path: BytePath) throws(StoreError) {
        try check("mkdir", path) { mkdir($0, 0o755) }
        try check("chmod", path) { chmod($0, 0o755) }
    }

    /// A folder that is not there yet.
    static func makeEmptyFolder(_ path: BytePath) throws(StoreError) { try makeFolder(path) }

    private static func newFolder(below parent: BytePath) throws(StoreError) -> BytePath {
        var made = BytePath("/")
        for part in parent.components {
            made = made.appending(BytePath(bytes: Array(part)))
            _ = made.withCString { mkdir($0, 0o755) }
        }
        var template = parent.appending("image-XXXXXX").bytes.map { CChar(bitPattern: $0) } + [0]
        guard mkdtemp(&template) != nil else { throw .system("mkdtemp", parent, errno) }
        return BytePath(bytes: template.dropLast().map { UInt8(bitPattern: $0) })
    }

    private static func setTime(_ path: BytePath) {
        _ = path.withCString { utimensat(AT_FDCWD, $0, time, AT_SYMLINK_NOFOLLOW) }
    }

    /// Writes a new file with mode 0644.
    static func write(_ bytes: [UInt8], to path: BytePath) throws(StoreError) {
        let descriptor = path.withCString { creat($0, 0o644) }
        guard descriptor >= 0 else { throw .system("open", path, errno) }
        defer { close(descriptor) }
        var offset = 0
        while offset < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress?.advanced(by: offset), $0.count - offset)
            }
            if count < 0, errno != EINTR { throw .system("write", path, errno) }
            offset += max(0, count)
        }
        if fchmod(descriptor, 0o644) != 0 { throw .system("chmod", path, errno) }
    }

    /// What a small file that an engine has written holds; nil where it is not there.
    static func read(_ path: BytePath) -> [UInt8]? {
        guard let file = path.withCString({ fopen($0, "re") }) else { return nil }
        defer { fclose(file) }
        var buffer = [UInt8](repeating: 0, count: 4096)
        return Array(buffer[..<fread(&buffer, 1, buffer.count, file)])
    }

    private static func removeTree(_ path: BytePath) {
        if path.withCString({ unlink($0) }) == 0 || path.withCString({ rmdir($0) }) == 0 { return }
        guard let stream = path.withCString({ opendir($0) }) else { return }
        var names: [BytePath] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
            if name != Array(".".utf8), name != Array("..".utf8) { names.append(BytePath(bytes: name)) }
        }
        closedir(stream)
        for name in names { removeTree(path.appending(name)) }
        _ = path.withCString { rmdir($0) }
    }
}
