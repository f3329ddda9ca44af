// Puts paths into memory one after the other. Does not know where they come from.

/// Makes a packed list of entries of what is added in the order of paths: a path costs its bytes and six more.
package final class EntriesPacker {
    private let memory: PackedMemory
    private let mostFiles: Int
    private let mostBytes: Int
    private(set) package var count = 0
    private var written = 0
    /// Whether each path came behind the one before it.
    private(set) package var isSorted = true

    /// For at most so many files, and bytes of their paths, each with one more. What is not used takes no memory. Nil for
    /// more than can be numbered.
    package init?(files: Int, bytes: Int) {
        guard files >= 0, bytes >= 0, files < Int(UInt32.max), bytes < Int(UInt32.max) else {
            return nil
        }
        memory = PackedMemory(files: files, bytes: bytes)
        (mostFiles, mostBytes) = (files, bytes)
    }

    /// False where there is no room left.
    @discardableResult
    package func append(_ path: UnsafeRawBufferPointer, _ kind: FileKind) -> Bool {
        guard count < mostFiles, path.count < mostBytes - written,
            let heap = UnsafeMutableRawPointer(bitPattern: memory.heap)
        else { return false }
        if count > 0, isSorted { isSorted = MappedIndex.compare(last, path) < 0 }
        mark()
        UnsafeMutableRawPointer(bitPattern: memory.kinds)?.storeBytes(
            of: kind.rawValue, toByteOffset: count, as: UInt8.self)
        if let start = path.baseAddress {
            (heap + written).copyMemory(from: start, byteCount: path.count)
        }
        heap.storeBytes(of: 0, toByteOffset: written + path.count, as: UInt8.self)
        lastStart = written
        written += path.count + 1
        count += 1
        return true
    }

    /// Of all that was added; nothing is added afterwards.
    package func finish() -> FileEntries {
        mark()
        return FileEntries(
            PackedPaths(
                owner: memory,
                PackedPlaces(heap: memory.heap, offsets: memory.offsets, kinds: memory.kinds, count: count)))
    }

    private var lastStart = 0

    private var last: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(
            start: UnsafeRawPointer(bitPattern: memory.heap + UInt(lastStart)),
            count: written - lastStart - 1)
    }

    private func mark() {
        UnsafeMutableRawPointer(bitPattern: memory.offsets)?.storeBytes(
            of: UInt32(truncatingIfNeeded: written), toByteOffset: 4 * count, as: UInt32.self)
    }
}

/// Memory for paths, their places and kinds.
final class PackedMemory: Sendable {
    let heap: UInt
    let offsets: UInt
    let kinds: UInt

    init(files: Int, bytes: Int) {
        func allocate(_ count: Int) -> UInt {
            UInt(bitPattern: UnsafeMutableRawPointer.allocate(byteCount: max(8, count), alignment: 8))
        }
        heap = allocate(bytes)
        offsets = allocate(4 * (files + 1))
        kinds = allocate(files)
    }

    deinit {
        for address in [heap, offsets, kinds] {
            UnsafeMutableRawPointer(bitPattern: address)?.deallocate()
        }
    }
}
