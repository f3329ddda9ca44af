// Reads git's index as gitformat-index(5) has it: which paths are tracked, and the statuses that their files had. Does not know
// what git makes of them, nor look at a file.
import BuildGraph
import Buildfile
import CLinux
import Glibc

/// An index, mapped to memory. Git never writes to it in place: it renames a new one over it.
///
/// An index that is split, sparse or of a kind not known here is none: git has to be asked.
final class GitIndexFile: Sendable {
    /// What matters of an index for what counts in a workspace.
    struct Summary: Equatable {
        /// Names the set of tracked paths, which of them are submodules, what `.gitignore`s are staged, and where
        /// `.gitattributes` are.
        var key: Fingerprint
        /// Some path is called `.gitattributes`: git reads those from the index that are not on disk.
        var hasAttributes = false
        /// By path relative to the workspace's root, with the staged commit's id (hex).
        var submodules: [BytePath: [UInt8]]
    }

    let status: FileStatus
    private let address: UInt
    /// In bytes.
    let size: Int
    /// Bytes of an object's id: 20 or 32.
    let idSize: Int

    /// Maps the index at the absolute `path`; nil where there is none that can be read.
    init?(_ path: BytePath, idSize: Int) {
        let descriptor = path.withCString { clinux_openat(AT_FDCWD, $0, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0) }
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var found = stat()
        guard fstat(descriptor, &found) == 0, found.isFile, found.st_size >= 12 + idSize,
            let memory = mmap(nil, Int(found.st_size), PROT_READ, MAP_PRIVATE, descriptor, 0), memory != MAP_FAILED
        else { return nil }
        status = FileStatus(found)
        address = UInt(bitPattern: memory)
        size = Int(found.st_size)
        self.idSize = idSize
    }

    deinit { munmap(UnsafeMutableRawPointer(bitPattern: address), size) }

    /// Of the tracked paths below `prefix`, and of every `.gitignore`; nil where the index cannot be understood.
    func summary(below prefix: BytePath) -> Summary? {
        var hasher = FingerprintHasher()
        var piece: [UInt8] = []
        piece.reserveCapacity(1 << 16)
        var submodules: [BytePath: [UInt8]] = [:]
        let start = prefix.isEmpty ? [] : prefix.bytes + [UInt8(ascii: "/")]
        var hasAttributes = false
        let isRead = forEach { entry in
            let isInside = entry.path.starts(with: start)
            let isRules = entry.isNamed(Self.rulesName)
            let isAttributes = entry.isNamed(Self.attributesName)
            hasAttributes = hasAttributes || isAttributes
            guard isInside || isRules || isAttributes else { return }
            piece.append(contentsOf: entry.path)
            // A path has no zero byte, and a tag has its own.
            piece.append(0)
            piece.append((entry.isSubmodule ? 1 : 0) | (isInside ? 2 : 0) | (isRules ? 4 : 0))
            if isRules {
                // Git reads it from the index where a sparse checkout left the file out.
                piece.append(entry.isLeftOut ? 1 : 0)
                piece.append(contentsOf: entry.id)
            }
            if isInside, entry.isSubmodule {
                submodules[BytePath(bytes: Array(entry.path.dropFirst(start.count)))] = Self.hex(entry.id)
            }
            if piece.count >= 1 << 15 {
                hasher.update(piece)
                piece.removeAll(keepingCapacity: true)
            }
        }
        guard isRead else { return nil }
        hasher.update(piece)
        return Summary(key: hasher.finalize(), hasAttributes: hasAttributes, submodules: submodules)
    }

    /// The folders that lead from `prefix` to what is tracked below it, relative to it; it is itself the empty path.
    func folders(below prefix: BytePath) -> Set<BytePath>? {
        var found: Set<BytePath> = []
        var last: [UInt8] = []
        let isRead = forEach(below: prefix) { _, path in
            guard let end = path.lastIndex(of: UInt8(ascii: "/")) else { return }
            let folder = path[..<end]
            if folder.elementsEqual(last) { return }
            last = Array(folder)
            var path = BytePath(bytes: last)
            while !path.isEmpty, found.insert(path).inserted { path = path.parent }
        }
        return isRead ? found.union([.root]) : nil
    }

    /// Whether all that is tracked below `prefix` and may count is among `entries`, whose paths are relative to it; false also
    /// where the index cannot be understood.
    func isWhole(in entries: FileEntries, below prefix: BytePath) -> Bool {
        let count = entries.count
        var place = 0
        var isWhole = true
        // Both are sorted bytewise.
        let isRead = forEach(below: prefix) { _, path in
            guard isWhole else { return }
            var order = -1
            while place < count {
                order = entries.withPath(place) { compareBytes($0, path) }
                if order >= 0 { break }
                place += 1
            }
            isWhole = order == 0 || BytePath(bytes: Array(path)).isLeftOut
        }
        return isRead && isWhole
    }

    /// The submodules below `prefix`, as `Summary` has them; nil where the index cannot be understood.
    func submodules(below prefix: BytePath) -> [BytePath: [UInt8]]? {
        var found: [BytePath: [UInt8]] = [:]
        let isRead = forEach(below: prefix) { entry, path in
            if entry.isSubmodule { found[BytePath(bytes: Array(path))] = Self.hex(entry.id) }
        }
        return isRead ? found : nil
    }

    /// Whether some path is called `.gitattributes`; also where the index cannot be understood.
    var hasAttributes: Bool {
        var found = false
        let isRead = forEach { entry in found = found || entry.isNamed(Self.attributesName) }
        return found || !isRead
    }

    private static let rulesName = Array(".gitignore".utf8)
    private static let attributesName = Array(".gitattributes".utf8)

    private static func hex(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        let digits = Array("0123456789abcdef".utf8)
        return bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
    }

    // MARK: The format

    /// What a tracked path is; its pointers are valid during the call that gives it.
    struct Entry {
        let path: UnsafeRawBufferPointer
        let mode: UInt32
        let id: UnsafeRawBufferPointer
        /// Where `id` is in the index.
        let idPlace: Int
        /// Its bit says that a sparse checkout left it out.
        let isLeftOut: Bool
        /// It is one side of a conflict, or `add --intent-to-add` has named it without its content.
        let isHalf: Bool
        /// `update-index --assume-unchanged` has named it: git does not look at the file.
        let isAssumed: Bool
        /// The status: ten numbers of 32 bits.
        fileprivate let times: UnsafeRawBufferPointer

        var isSubmodule: Bool { mode & 0o170000 == 0o160000 }

        var kind: FileKind {
            switch mode & 0o170000 {
            case 0o120000: .link
            case 0o160000: .submodule
            default: mode & 0o100 == 0 ? .file : .executable
            }
        }

        /// The size of the file, or its lower 32 bits; 0 also where git does not trust the rest.
        var size: UInt32 { number(36) }

        /// Whether the file had this status when it was staged or checked out, as far as 32 bits of each number tell.
        func had(_ status: FileStatus) -> Bool {
            func time(_ offset: Int) -> Int64 { Int64(number(offset)) * 1_000_000_000 + Int64(number(offset + 4)) }
            return status.changed == time(0) && status.modified == time(8)
                && number(16) == UInt32(truncatingIfNeeded: status.device)
                && number(20) == UInt32(truncatingIfNeeded: status.inode)
                && size == UInt32(truncatingIfNeeded: status.size)
        }

        private func number(_ offset: Int) -> UInt32 {
            UInt32(bigEndian: times.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
        }

        func isNamed(_ name: [UInt8]) -> Bool {
            let start = path.count - name.count
            guard start == 0 || start > 0 && path[start - 1] == UInt8(ascii: "/") else { return false }
            return path[start...].elementsEqual(name)
        }
    }

    /// The bytes of the id at a place that an `Entry` gave, valid as long as the index is; empty at any that is none.
    func id(at place: Int) -> UnsafeRawBufferPointer {
        guard place > 0, place + idSize <= size else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        return UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: address + UInt(place)), count: idSize)
    }

    /// As `forEach`, for what is tracked below `prefix`, with its path relative to that.
    func forEach(below prefix: BytePath, _ body: (Entry, UnsafeRawBufferPointer) -> Void) -> Bool {
        let start = prefix.isEmpty ? [] : prefix.bytes + [UInt8(ascii: "/")]
        return forEach { entry in
            guard entry.path.starts(with: start) else { return }
            body(entry, UnsafeRawBufferPointer(rebasing: entry.path[start.count...]))
        }
    }

    /// False where the index is not understood; `body` may have been called by then.
    func forEach(_ body: (Entry) -> Void) -> Bool {
        let all = UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: address), count: size)
        func number(_ offset: Int) -> UInt32 {
            UInt32(bigEndian: all.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
        }
        let version = number(4)
        let end = size - idSize
        guard all[..<4].elementsEqual("DIRC".utf8), (2...4).contains(version) else { return false }
        var offset = 12
        var previous: [UInt8] = []
        var released = 0
        for _ in 0..<number(8) {
            if offset - released >= 2 * Self.piece { release(&released, to: offset) }
            let fixed = 40 + idSize + 2
            guard offset + fixed <= end else { return false }
            let mode = number(offset + 24)
            // A folder stands for all that is in it: a sparse index.
            guard mode & 0o170000 != 0o040000 else { return false }
            let flags = UInt16(bigEndian: all.loadUnaligned(fromByteOffset: offset + 40 + idSize, as: UInt16.self))
            var isLeftOut = false
            var isHalf = flags & 0x3000 != 0
            var name = offset + fixed
            if flags & 0x4000 != 0 {
                guard version >= 3, name + 2 <= end else { return false }
                isLeftOut = all[name] & 0x40 != 0
                isHalf = isHalf || all[name] & 0x20 != 0
                name += 2
            }
            let id = UnsafeRawBufferPointer(rebasing: all[(offset + 40)..<(offset + 40 + idSize)])
            let times = UnsafeRawBufferPointer(rebasing: all[offset..<(offset + 40)])
            func entry(_ path: UnsafeRawBufferPointer) -> Entry {
                Entry(
                    path: path, mode: mode, id: id, idPlace: offset + 40, isLeftOut: isLeftOut, isHalf: isHalf,
                    isAssumed: flags & 0x8000 != 0, times: times)
            }
            if version == 4 {
                guard let next = Self.unpack(all, name, end, &previous) else { return false }
                previous.withUnsafeBytes { body(entry($0)) }
                offset = next
            } else {
                guard let length = Self.length(all, name, end) else { return false }
                let path = UnsafeRawBufferPointer(rebasing: all[name..<(name + length)])
                body(entry(path))
                offset += (name - offset + length + 8) & ~7
            }
        }
        if released > 0 { release(&released, to: offset) }
        return Self.hasOnlyOptional(all, from: offset, to: end)
    }

    private static let piece = 1 << 22

    /// Lets the memory go of pages that were read: the index of a million files is larger than all else that is known of
    /// them, and the kernel has it still where it is read once more.
    private func release(_ released: inout Int, to offset: Int) {
        let end = offset / Self.piece * Self.piece
        madvise(UnsafeMutableRawPointer(bitPattern: address + UInt(released)), end - released, MADV_DONTNEED)
        released = end
    }

    /// Up to the next zero byte.
    private static func length(_ all: UnsafeRawBufferPointer, _ start: Int, _ end: Int) -> Int? {
        guard start < end, let base = all.baseAddress, let zero = memchr(base + start, 0, end - start) else {
            return nil
        }
        return UnsafeRawPointer(zero) - (base + start)
    }

    /// Version 4: how many bytes of the previous path to drop, and what to add. Gives where the next entry is.
    private static func unpack(
        _ all: UnsafeRawBufferPointer, _ start: Int, _ end: Int, _ path: inout [UInt8]
    ) -> Int? {
        var offset = start
        guard offset < end else { return nil }
        var dropped = Int(all[offset] & 0x7F)
        while all[offset] & 0x80 != 0 {
            offset += 1
            guard offset < end, dropped < 1 << 24 else { return nil }
            dropped = (dropped + 1) << 7 + Int(all[offset] & 0x7F)
        }
        offset += 1
        guard dropped <= path.count, let length = length(all, offset, end) else { return nil }
        path.removeLast(dropped)
        path.append(contentsOf: all[offset..<(offset + length)])
        return offset + length + 1
    }

    /// What follows the entries: a name that begins with a capital may be passed over, any other changes what they mean.
    private static func hasOnlyOptional(_ all: UnsafeRawBufferPointer, from start: Int, to end: Int) -> Bool {
        var offset = start
        while offset < end {
            guard offset + 8 <= end, (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(all[offset]) else { return false }
            let size = UInt32(bigEndian: all.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self))
            offset += 8 + Int(size)
        }
        return offset == end
    }
}
