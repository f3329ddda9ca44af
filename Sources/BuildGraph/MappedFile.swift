// A plain file of the workspace's state in memory. Does not know what is in it.
import Glibc

/// A file that is only ever replaced by a rename, mapped for as long as this lives.
final class MappedFile: Sendable {
    enum Failure: Error {
        case missing
        case damaged
        case otherVersion
        case unreadable(Int32)
    }

    let address: UInt
    let size: Int
    /// When it was opened.
    let status: FileStatus

    /// Maps the plain file at the absolute `path`; one of fewer than `least` bytes is damaged.
    init(_ path: BytePath, least: Int) throws(Failure) {
        let descriptor = path.withCString { open($0, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) }
        guard descriptor >= 0 else { throw errno == ENOENT || errno == ENOTDIR ? .missing : .unreadable(errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .unreadable(errno) }
        size = Int(status.st_size)
        self.status = FileStatus(status)
        guard status.st_mode & S_IFMT == S_IFREG, size >= least else { throw .damaged }
        guard let memory = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), memory != MAP_FAILED else {
            throw .unreadable(errno)
        }
        address = UInt(bitPattern: memory)
    }

    deinit {
        munmap(UnsafeMutableRawPointer(bitPattern: address), size)
    }

    var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: address), count: size)
    }
}
