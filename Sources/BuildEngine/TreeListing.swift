// What `git ls-tree -r -z` prints, as entries with their ids. Does not know which commit it is of.
import BuildGraph
import Glibc

/// Takes the output in pieces, as it comes: that of a million files is 90 MB, which nobody needs once it is read.
struct TreeListing {
    private let prefix: BytePath
    private var ids: ObjectIDs = []
    /// What was taken so far, some ten thousand files each.
    private var parts: [FileEntries] = []
    private var bytes = 0
    private var isPacked = true
    /// The beginning of a line whose end has not come yet.
    private var rest: [UInt8] = []

    private init(below prefix: BytePath) { self.prefix = prefix }

    /// Bytes that are asked for at once.
    private static let piece = 4 << 20

    /// The files that `command` prints, with paths relative to `prefix`; nil where it does not end well or has to be sorted, and
    /// so is to be asked by other means.
    static func read(
        _ command: Command, _ runner: any CommandRunner, below prefix: BytePath
    ) -> (entries: FileEntries, ids: ObjectIDs)? {
        guard let pipe = try? runner.open(command) else { return nil }
        var listing = TreeListing(below: prefix)
        do {
            while case let piece = try pipe.read(Self.piece), !piece.isEmpty { listing.take(piece) }
        } catch {
            pipe.close()
            return nil
        }
        // What git did not live to print would look as if it had been removed.
        guard pipe.finish() == .exited(0), listing.rest.isEmpty else { return nil }
        return listing.whole()
    }

    private mutating func take(_ piece: [UInt8]) {
        let output = rest.isEmpty ? piece : rest + piece
        guard isPacked, let packer = EntriesPacker(files: output.count / 50 + 1, bytes: output.count) else {
            isPacked = false
            return
        }
        var ids = ids
        self.ids = []
        var isWhole = true
        var count = 0
        let used = output.withUnsafeBytes { bytes in
            Self.forEachFile(in: bytes, below: prefix) { path, kind, id in
                isWhole = packer.append(path, kind) && isWhole
                ids.append(id)
                count += path.count + 1
            }
        }
        self.ids = ids
        bytes += count
        rest = Array(output[used...])
        isPacked = isWhole && packer.isSorted
        parts.append(packer.finish())
    }

    /// All parts as one; nil where that is not in the order of paths.
    private mutating func whole() -> (entries: FileEntries, ids: ObjectIDs)? {
        guard isPacked, let packer = EntriesPacker(files: ids.count, bytes: bytes + 1) else { return nil }
        for index in parts.indices {
            let part = parts[index]
            for place in part.indices { part.withPath(place) { _ = packer.append($0, part.kind(place)) } }
            parts[index] = FileEntries([])
        }
        return packer.isSorted && packer.count == ids.count ? (packer.finish(), ids) : nil
    }

    // MARK: All at once

    /// The output of `ls-tree -r -z`: `mode SP type SP id TAB path NUL`.
    static func files(in output: [UInt8], below prefix: BytePath) -> (entries: FileEntries, ids: ObjectIDs) {
        var files: [(entry: FileEntry, id: ObjectID)] = []
        output.withUnsafeBytes { bytes in
            _ = forEachFile(in: bytes, below: prefix) { path, kind, id in
                files.append((FileEntry(path: BytePath(bytes: Array(path)), kind: kind), id))
            }
        }
        files.sort { $0.entry.path < $1.entry.path }
        var ids: ObjectIDs = []
        for file in files { ids.append(file.id) }
        return (FileEntries(files.map(\.entry)), ids)
    }

    /// Gives how many bytes whole lines are.
    private static func forEachFile(
        in bytes: UnsafeRawBufferPointer, below prefix: BytePath,
        _ body: (UnsafeRawBufferPointer, FileKind, ObjectID) -> Void
    ) -> Int {
        let above = prefix.isEmpty ? [] : prefix.bytes + [UInt8(ascii: "/")]
        var start = 0
        while start < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[start...])
            guard let end = rest.first(0), let tab = rest.first(9), tab < end else { return start }
            start += end + 1
            // The mode has six digits, and the id ends before the tab.
            let id = rest[..<tab].lastIndex(of: UInt8(ascii: " ")).flatMap {
                ObjectID(hex: UnsafeRawBufferPointer(rebasing: rest[($0 + 1)..<tab]))
            }
            let whole = UnsafeRawBufferPointer(rebasing: rest[(tab + 1)..<end])
            guard let id, whole.starts(with: above), whole.count > above.count else { continue }
            let path = UnsafeRawBufferPointer(rebasing: whole[above.count...])
            if path.mayBeLeftOut, BytePath(bytes: Array(path)).isLeftOut { continue }
            body(path, GitRepository.kind(ofMode: Array(rest[..<6])[...]), id)
        }
        return start
    }
}

extension UnsafeRawBufferPointer {
    /// Whether some part of the path begins with a dot, as of hardly any one does.
    fileprivate var mayBeLeftOut: Bool {
        var isStart = true
        for byte in self {
            if isStart, byte == UInt8(ascii: ".") { return true }
            isStart = byte == UInt8(ascii: "/")
        }
        return false
    }

    /// The place of the first such byte.
    fileprivate func first(_ byte: Int32) -> Int? {
        guard let base = baseAddress, let found = memchr(base, byte, count) else { return nil }
        return UnsafeRawPointer(found) - base
    }
}
