// A user's own file that is read, then replaced as a whole. Does not know what it holds.
import BuildEngine
import BuildGraph
import Buildfile
import Glibc

/// A regular file; where a symbolic link names it, the link stays and its target is replaced.
struct EditedFile {
    let bytes: [UInt8]
    private let name: BytePath
    /// Without links.
    private let path: BytePath
    private let status: stat

    init(_ given: BytePath, name: BytePath) throws(Refusal) {
        self.name = name
        func refused(_ reason: String) -> Refusal {
            Refusal(Diagnostic(.noBuildfile, "cannot read the Buildfile '\(name.shown)': \(reason)"), .wrongInput)
        }
        guard let resolved = given.withCString({ realpath($0, nil) }) else { throw refused(errnoText(errno)) }
        path = BytePath(bytes: (0..<strlen(resolved)).map { UInt8(bitPattern: resolved[$0]) })
        free(resolved)
        // A FIFO must not hold the program up before it is refused.
        let descriptor = path.withCString { open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK) }
        guard descriptor >= 0 else { throw refused(errnoText(errno)) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw refused(errnoText(errno)) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw refused("it is no file") }
        self.status = status
        guard let bytes = Self.contents(of: descriptor) else { throw refused(errnoText(errno)) }
        self.bytes = bytes
    }

    /// All that can be read from `descriptor`; nil, with `errno`, where that fails.
    static func contents(of descriptor: Int32) -> [UInt8]? {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count == 0 { return bytes }
            if count > 0 { bytes += buffer[..<count] } else if errno != EINTR { return nil }
        }
    }

    /// Replaces the file as a whole, or leaves it as it was: written beside it, synced and renamed. Its mode and, where
    /// that is allowed, its owner stay. A file that changed since it was read is left to who changed it.
    func replace(with new: [UInt8]) throws(Refusal) {
        guard path.withCString({ access($0, W_OK) }) == 0 else { throw failure("write", errno) }
        var template = path.parent.appending(".lmsbuild-fmt-XXXXXX").bytes.map { CChar(bitPattern: $0) } + [0]
        let descriptor = mkstemp(&template)
        guard descriptor >= 0 else { throw failure("write", errno) }
        defer { close(descriptor) }
        do throws(Refusal) {
            try write(new, to: descriptor)
            if fchown(descriptor, status.st_uid, status.st_gid) != 0, errno != EPERM { throw failure("chown", errno) }
            guard fchmod(descriptor, status.st_mode & 0o7777) == 0 else { throw failure("chmod", errno) }
            guard fsync(descriptor) == 0 else { throw failure("sync", errno) }
            guard isUnchanged else {
                throw Refusal(
                    Diagnostic(
                        .fileChanged, "'\(name.shown)' changed while it was formatted",
                        hint: "run again when what writes to it has ended"), .machine)
            }
            guard path.withCString({ rename(template, $0) }) == 0 else { throw failure("rename", errno) }
        } catch {
            unlink(template)
            throw error
        }
        syncFolder()
    }

    private var isUnchanged: Bool {
        var now = stat()
        guard path.withCString({ lstat($0, &now) }) == 0 else { return false }
        return now.st_ino == status.st_ino && now.st_dev == status.st_dev && now.st_size == status.st_size
            && now.st_mtim.tv_sec == status.st_mtim.tv_sec && now.st_mtim.tv_nsec == status.st_mtim.tv_nsec
    }

    private func write(_ bytes: [UInt8], to descriptor: Int32) throws(Refusal) {
        var offset = 0
        while offset < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress?.advanced(by: offset), $0.count - offset)
            }
            if count >= 0 { offset += count } else if errno != EINTR { throw failure("write", errno) }
        }
    }

    /// The file is whole either way; this makes its new content survive a power cut.
    private func syncFolder() {
        let folder = path.parent.withCString { open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        guard folder >= 0 else { return }
        fsync(folder)
        close(folder)
    }

    private func failure(_ operation: String, _ code: Int32) -> Refusal {
        Refusal(
            Diagnostic(
                .machineFailure, "cannot \(operation) '\(name.shown)': \(errnoText(code)); it is as it was"), .machine)
    }
}
