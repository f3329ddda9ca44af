// A file of a pack, and the piece of it that is in memory. Does not know what is in it.
import BuildGraph
import CLinux
import Glibc

/// A plain file, open as long as this lives.
final class OpenPackFile: Sendable {
    let size: Int
    private let descriptor: Int32

    /// Nil where no plain file can be read at the absolute `path`. It may be a link, as git follows those.
    init?(_ path: BytePath) {
        let found = path.withCString { clinux_openat(AT_FDCWD, $0, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0) }
        guard found >= 0 else { return nil }
        var status = stat()
        guard fstat(found, &status) == 0, status.isFile else {
            close(found)
            return nil
        }
        descriptor = found
        size = Int(status.st_size)
    }

    deinit { close(descriptor) }

    /// How many bytes were read into `memory`; fewer than it has only at the file's end, and where it cannot be read.
    func read(at place: Int, into memory: UnsafeMutableRawBufferPointer) -> Int {
        var filled = 0
        while filled < memory.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: memory[filled...])
            let count = pread(descriptor, rest.baseAddress, rest.count, place + filled)
            if count < 0, errno == EINTR { continue }
            if count <= 0 { break }
            filled += count
        }
        return filled
    }

    /// Bytes of which there are few; nil where they are not there.
    func bytes(at place: Int, _ count: Int) -> [UInt8]? {
        guard place >= 0, place + count <= size else { return nil }
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { memory, filled in
            filled = read(at: place, into: UnsafeMutableRawBufferPointer(memory))
        }
        return bytes.count == count ? bytes : nil
    }
}

/// A piece of a file, read anew where another is needed.
struct PackWindow: ~Copyable {
    static let capacity = 64 << 10

    private let file: OpenPackFile
    /// Nothing is read from there on.
    private let end: Int
    private let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 8)
    private var start = 0
    private var count = 0

    init(_ file: OpenPackFile, end: Int) {
        self.file = file
        self.end = end
    }

    deinit { memory.deallocate() }

    func holds(_ place: Int, _ wanted: Int) -> Bool {
        place >= start && min(end, place + wanted) <= start + count
    }

    /// Reads `wanted` bytes, as far as they fit.
    mutating func read(at place: Int, _ wanted: Int) {
        start = place
        count = 0
        guard place >= 0, place < end else { return }
        let part = min(wanted, memory.count, end - place)
        count = file.read(at: place, into: UnsafeMutableRawBufferPointer(rebasing: memory[..<part]))
    }

    /// `wanted` bytes, and many after them at once where they are not in memory; nil where they are not there. Valid until the
    /// next read.
    mutating func bytes(at place: Int, _ wanted: Int) -> UnsafeRawPointer? {
        if place < start || place + wanted > start + count {
            guard place >= 0, place + wanted <= end else { return nil }
            read(at: place, Self.capacity)
            guard wanted <= count else { return nil }
        }
        return memory.baseAddress.map { UnsafeRawPointer($0) + (place - start) }
    }

    /// What is in memory from `place` on, at most `most` bytes; nil where that is nothing.
    func rest(at place: Int, _ most: Int) -> UnsafeRawBufferPointer? {
        guard place >= start, place < start + count else { return nil }
        return UnsafeRawBufferPointer(rebasing: memory[(place - start)..<min(count, place - start + most)])
    }
}
