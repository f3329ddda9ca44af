// Merges an index on disk with what a run learned, into a new file. Does not know how it was learned.
import Glibc

/// A file that was hashed in this run.
struct IndexedFile: Sendable {
    let path: BytePath
    let status: FileStatus
    let content: HashedContent
}

struct FileIndexWriter {
    private enum Source {
        case old(Int)
        case learned(Int)
    }

    private let old: MappedIndex?
    private let learned: [IndexedFile]
    /// The entries of the new index, sorted by path.
    private var entries: [Source] = []
    /// The rows of the new index, sorted by fingerprint, with their ages.
    private var rows: [(content: HashedContent, age: UInt32)] = []
    /// Where the rows of the old index are in the new one.
    private var movedRows: [Int32] = []
    private var learnedRows: [Int32] = []

    /// `learned` and `present` are sorted by path.
    init(old: MappedIndex?, learned: [IndexedFile], present: FileEntries?) {
        self.old = old
        self.learned = learned
        mergeEntries(present)
        mergeRows()
    }

    private mutating func mergeEntries(_ present: FileEntries?) {
        var next = 0
        var cursor = present?.startIndex ?? 0
        for entry in 0..<(old?.entryCount ?? 0) {
            guard let path = old?.path(entry), !path.isEmpty else { continue }
            while next < learned.count, compare(learned[next].path, path) < 0 {
                entries.append(.learned(next))
                next += 1
            }
            if next < learned.count, compare(learned[next].path, path) == 0 { continue }
            if let present {
                while cursor < present.count, compare(present[cursor].path, path) < 0 { cursor += 1 }
                guard cursor < present.count, compare(present[cursor].path, path) == 0 else { continue }
            }
            entries.append(.old(entry))
        }
        while next < learned.count {
            entries.append(.learned(next))
            next += 1
        }
    }

    private func compare(_ left: BytePath, _ right: UnsafeRawBufferPointer) -> Int {
        left.bytes.withUnsafeBytes { MappedIndex.compare($0, right) }
    }

    private mutating func mergeRows() {
        let rowCount = old?.rowCount ?? 0
        var isUsed = [Bool](repeating: false, count: rowCount)
        for case .old(let entry) in entries {
            if let row = old?.row(entry), row < rowCount { isUsed[row] = true }
        }
        movedRows = Array(repeating: -1, count: rowCount)
        learnedRows = Array(repeating: -1, count: learned.count)
        let order = learned.indices.sorted { HashedContent.precedes(learned[$0].content, learned[$1].content) }
        var next = 0
        func place(_ content: HashedContent, age: UInt32, in rows: inout [(content: HashedContent, age: UInt32)])
            -> Int32
        {
            if let last = rows.last, last.content == content {
                rows[rows.count - 1].age = min(last.age, age)
            } else {
                rows.append((content, age))
            }
            return Int32(rows.count - 1)
        }
        for row in 0..<rowCount {
            guard let old, let content = old.content(row) else { continue }
            let age = isUsed[row] ? 0 : old.age(row) &+ 1
            if age > FileIndexLayout.oldestAge { continue }
            while next < order.count, !HashedContent.precedes(content, learned[order[next]].content) {
                learnedRows[order[next]] = place(learned[order[next]].content, age: 0, in: &rows)
                next += 1
            }
            movedRows[row] = place(content, age: age, in: &rows)
        }
        while next < order.count {
            learnedRows[order[next]] = place(learned[order[next]].content, age: 0, in: &rows)
            next += 1
        }
    }

    private func row(_ source: Source) -> Int32 {
        switch source {
        case .old(let entry):
            guard let row = old?.row(entry), row < movedRows.count else { return -1 }
            return movedRows[row]
        case .learned(let index): return learnedRows[index]
        }
    }

    private func withPath<Result>(_ source: Source, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        switch source {
        case .old(let entry): body(old?.path(entry) ?? UnsafeRawBufferPointer(start: nil, count: 0))
        case .learned(let index): learned[index].path.bytes.withUnsafeBytes { body($0) }
        }
    }

    /// Replaces `file`. Skips the work without an error where another run is doing the same.
    func write(to file: BytePath) throws(FileSystemError) {
        try FileReplacement.write(file) { descriptor, new throws(FileSystemError) in
            try writeContents(descriptor, new)
        }
    }

    private func writeContents(_ descriptor: Int32, _ path: BytePath) throws(FileSystemError) {
        var heap = 0
        for source in entries { heap += withPath(source) { $0.count } }
        var output = ChecksummedOutput(descriptor, path)
        output.append(FileIndexLayout.magic)
        output.append(UInt64(FileIndexLayout.version))
        let size =
            FileIndexLayout.headerSize + entries.count * FileIndexLayout.entrySize
            + rows.count * FileIndexLayout.rowSize + heap
        for number in [size, entries.count, rows.count, heap] { output.append(UInt64(number)) }
        output.append(UInt64(bitPattern: FileStatus.now))
        output.append(0)
        try output.leaveRoomForChecksum()
        var start = 0
        for source in entries {
            let length = withPath(source) { $0.count }
            output.append(UInt64(start))
            output.append(UInt64(length) | UInt64(UInt32(bitPattern: row(source))) << 32)
            let status: FileStatus
            switch source {
            case .old(let entry): status = old?.status(entry) ?? FileStatus.impossible
            case .learned(let index): status = learned[index].status
            }
            for number in [Int64(bitPattern: status.device), Int64(bitPattern: status.inode), status.size] {
                output.append(UInt64(bitPattern: number))
            }
            output.append(UInt64(bitPattern: status.modified))
            output.append(UInt64(bitPattern: status.changed))
            try output.flushIfFull()
            start += length
        }
        for row in rows {
            let hash = row.content.digest.hash.words
            let size = UInt64(row.content.digest.size)
            for number in [row.content.fingerprint.high, row.content.fingerprint.low, size] { output.append(number) }
            for number in [hash.0, hash.1, hash.2, hash.3, UInt64(row.age)] { output.append(number) }
            try output.flushIfFull()
        }
        for source in entries {
            withPath(source) { output.append($0) }
            try output.flushIfFull()
        }
        try output.finish()
    }
}

extension FileStatus {
    /// What no file has.
    static let impossible = FileStatus(device: 0, inode: 0, size: -1, modified: 0, changed: 0)
}

/// Writes in big pieces, and hashes all but the place of the checksum itself.
private struct ChecksummedOutput: ~Copyable {
    private let descriptor: Int32
    private let path: BytePath
    private var pending: [UInt8] = []
    private var hasher = FingerprintHasher()
    private var offset = 0

    init(_ descriptor: Int32, _ path: BytePath) {
        self.descriptor = descriptor
        self.path = path
        pending.reserveCapacity(256 * 1024)
    }

    mutating func append(_ number: UInt64) {
        withUnsafeBytes(of: number.littleEndian) { pending.append(contentsOf: $0) }
    }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        pending.append(contentsOf: bytes)
    }

    mutating func leaveRoomForChecksum() throws(FileSystemError) {
        try flush()
        offset = FileIndexLayout.checksum.upperBound
    }

    mutating func flushIfFull() throws(FileSystemError) {
        if pending.count >= 240 * 1024 { try flush() }
    }

    private mutating func flush() throws(FileSystemError) {
        hasher.update(pending)
        try put(pending, at: offset)
        offset += pending.count
        pending.removeAll(keepingCapacity: true)
    }

    mutating func finish() throws(FileSystemError) {
        try flush()
        let checksum = hasher.finalize()
        append(checksum.high)
        append(checksum.low)
        try put(pending, at: FileIndexLayout.checksum.lowerBound)
    }

    private func put(_ bytes: [UInt8], at offset: Int) throws(FileSystemError) {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                pwrite(
                    descriptor, buffer.baseAddress.map { $0 + written }, bytes.count - written, off_t(offset + written))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw FileSystemError("write", path, errno: count == 0 ? ENOSPC : errno) }
            written += count
        }
    }
}
