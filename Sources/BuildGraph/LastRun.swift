// What the last runs left in place: `.lmsbuild/last`. Knows what the kernel said of each output; does not know keys, caches or
// stores, nor decide what follows from an output that is as it was.
import Glibc
import Synchronization

/// An output, or a folder that holds nothing but outputs, as it was seen when its content was known.
package struct OutputWitness: Sendable, Hashable {
    /// Relative to the workspace's root.
    package let path: BytePath
    /// Nil for a folder.
    package let kind: FileKind?
    /// Of nothing for a folder.
    package let digest: Digest
    package let status: FileStatus

    package init(path: BytePath, kind: FileKind, digest: Digest, status: FileStatus) {
        self.path = path
        self.kind = kind
        self.digest = digest
        self.status = status
    }

    package init(folder: BytePath, status: FileStatus) {
        path = folder
        kind = nil
        digest = Digest(hash: SHA256Value(words: (0, 0, 0, 0)), size: 0)
        self.status = status
    }
}

/// A target that was up to date at the end of a run, and by what that can be seen again.
package struct VouchedTarget: Sendable, Hashable {
    package let hash: InputHash
    /// Of the names of what its producers put out: with `hash`, all that its action key is made of.
    package let given: Fingerprint
    /// Stands for its outputs in the keys of those that take them in.
    package let name: SHA256Value
    /// What running it took when it ran.
    package let duration: Duration
    /// Outputs in the order of the result, and folders.
    package let witnesses: [OutputWitness]

    package init(
        hash: InputHash, given: Fingerprint, name: SHA256Value, duration: Duration, witnesses: [OutputWitness]
    ) {
        self.hash = hash
        self.given = given
        self.name = name
        self.duration = duration
        self.witnesses = witnesses
    }
}

extension FileStatus {
    /// Of what lies at the absolute `path` now; nil where nothing does, or a change right now might not show later.
    package static func settled(_ path: BytePath) -> FileStatus? {
        let moment = now
        var status = stat()
        guard path.withCString({ lstat($0, &status) }) == 0 else { return nil }
        let found = FileStatus(status)
        return found.isSettled(at: moment) ? found : nil
    }
}

enum LastRunLayout {
    static let magic: UInt64 = 0x5453_414C_5342_4D4C
    /// Another where an entry means another thing, or what vouches for a target is not the same any more.
    static let version: UInt32 = 1
    /// Sorted by input hash: hash (32), given (16), name (32), duration (16), place (8) and number (8) of witnesses.
    static let rows = 0
    static let rowSize = 112
    /// Status (40), kind or 0 (1), digest (40), path with a zero after it.
    static let witnesses = 1
    static let count = 2
}

/// Targets that were up to date when a run ended, by their input hashes. An entry says nothing of the target's failures: those
/// are not kept.
///
/// The file is a note to ourselves, to be believed as far as its folder is: whoever can write to it can write to the outputs.
package final class LastRun: Sendable {
    private let file: BytePath
    private let mapped: SectionFile?
    private let workspace: OpenFolder
    /// Entries there are. Each is known by its place below this.
    package let count: Int

    /// Opens the record at the absolute `file`; a missing, damaged or other version's is an empty one. Outputs are looked for
    /// below the absolute `workspace`.
    package init(at file: BytePath, workspace: BytePath) {
        self.file = file
        self.workspace = OpenFolder(workspace)
        let found = try? SectionFile.open(
            file, magic: LastRunLayout.magic, version: LastRunLayout.version, sections: LastRunLayout.count)
        let size = found?.section(LastRunLayout.rows).count ?? 0
        mapped = size % LastRunLayout.rowSize == 0 ? found : nil
        count = mapped == nil ? 0 : size / LastRunLayout.rowSize
    }

    // MARK: Asking

    private var rows: UnsafeRawBufferPointer {
        mapped?.section(LastRunLayout.rows) ?? UnsafeRawBufferPointer(start: nil, count: 0)
    }

    private func reader(_ place: Int, at offset: Int = 0) -> ByteReader {
        ByteReader(rows, at: LastRunLayout.rowSize * place + offset)
    }

    func hash(_ place: Int) -> SHA256Value {
        var reader = reader(place)
        return reader.value()
    }

    /// The place of the entry of `hash`; nil where there is none.
    package func find(_ hash: InputHash) -> Int? {
        // Hashes lie evenly: its beginning tells about where it is.
        let share = hash.value.words.0.multipliedFullWidth(by: UInt64(count)).high
        var (low, high) = around(Int(truncatingIfNeeded: share), hash.value)
        while low < high {
            let middle = (low + high) / 2
            if self.hash(middle) < hash.value { low = middle + 1 } else { high = middle }
        }
        return low < count && self.hash(low) == hash.value ? low : nil
    }

    /// Bounds for where `hash` belongs, as near to `guess` as holds.
    private func around(_ guess: Int, _ hash: SHA256Value) -> (low: Int, high: Int) {
        var step = 16
        var low = max(0, guess - step)
        var high = min(count, guess + step)
        while low > 0, self.hash(low - 1) >= hash {
            step *= 4
            (low, high) = (max(0, low - step), low)
        }
        while high < count, self.hash(high) < hash {
            step *= 4
            (low, high) = (high, min(count, high + step))
        }
        return (low, high)
    }

    package func given(_ place: Int) -> Fingerprint {
        var reader = reader(place, at: 32)
        return Fingerprint(high: reader.number(), low: reader.number())
    }

    package func name(_ place: Int) -> SHA256Value {
        var reader = reader(place, at: 48)
        return reader.value()
    }

    package func duration(_ place: Int) -> Duration {
        var reader = reader(place, at: 80)
        return Duration(secondsComponent: reader.signed(), attosecondsComponent: reader.signed())
    }

    /// The outputs and folders of the entry, as they were.
    package func witnesses(_ place: Int) -> [OutputWitness] {
        var (reader, count) = records(place)
        return (0..<count).map { _ in
            let status = reader.status()
            let kind = FileKind(rawValue: reader.byte())
            let digest = Digest(hash: reader.value(), size: Int(reader.signed()))
            let path = BytePath(bytes: Array(reader.raw().dropLast()))
            return kind.map { OutputWitness(path: path, kind: $0, digest: digest, status: status) }
                ?? OutputWitness(folder: path, status: status)
        }
    }

    private func records(_ place: Int) -> (reader: ByteReader, count: Int) {
        var row = reader(place, at: 96)
        let offset = Int(truncatingIfNeeded: row.number())
        let count = Int(truncatingIfNeeded: row.number())
        let section = mapped?.section(LastRunLayout.witnesses) ?? UnsafeRawBufferPointer(start: nil, count: 0)
        guard offset >= 0, offset <= section.count, count >= 0, count <= section.count else {
            return (ByteReader(section, at: section.count), 0)
        }
        return (ByteReader(section, at: offset), count)
    }

    /// For each of `places`: whether every output is what it was, and no folder has got or lost an entry.
    package func areInPlace(_ places: [Int]) -> [Bool] {
        let share = 256
        if places.count <= share { return places.map(isInPlace) }
        let next = Atomic<Int>(0)
        let found = Mutex([Bool](repeating: false, count: places.count))
        let processors = Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        Threads.run(min(8, processors, (places.count + share - 1) / share)) {
            while true {
                let start = next.add(share, ordering: .relaxed).oldValue
                guard start < places.count else { return }
                let range = start..<min(places.count, start + share)
                let some = range.map { isInPlace(places[$0]) }
                found.withLock { $0.replaceSubrange(range, with: some) }
            }
        }
        return found.withLock { $0 }
    }

    package func isInPlace(_ place: Int) -> Bool {
        var (reader, count) = records(place)
        for _ in 0..<count {
            let expected = reader.status()
            reader.skip(41)
            let path = reader.raw()
            guard path.last == 0, let start = path.baseAddress else { return false }
            var status = stat()
            let name = start.assumingMemoryBound(to: CChar.self)
            guard fstatat(workspace.descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0,
                FileStatus(status) == expected
            else { return false }
        }
        return true
    }

    // MARK: Saving

    /// Adds `learned`, takes out the entries at `forgotten` and those of hashes that `isCurrent` denies. Writes nothing where that
    /// leaves all as it is; not synced to the disk: losing it costs time alone.
    package func save(
        learned: [VouchedTarget], forgotten: Set<Int>, isCurrent: (InputHash) -> Bool
    ) throws(FileSystemError) {
        if learned.isEmpty, forgotten.isEmpty { return }
        enum Source {
            case old(Int)
            case new(VouchedTarget)
        }
        var kept: [(hash: SHA256Value, source: Source)] = []
        let replaced = Set(learned.map(\.hash))
        for place in 0..<count where !forgotten.contains(place) {
            let hash = InputHash(hash(place))
            if !replaced.contains(hash), isCurrent(hash) { kept.append((hash.value, .old(place))) }
        }
        var known: Set<InputHash> = []
        for target in learned where known.insert(target.hash).inserted {
            kept.append((target.hash.value, .new(target)))
        }
        kept.sort { $0.hash < $1.hash }
        var rows = ByteWriter()
        var records = ByteWriter()
        rows.bytes.reserveCapacity(kept.count * LastRunLayout.rowSize)
        for (_, source) in kept {
            switch source {
            case .old(let place): copy(place, &rows, &records)
            case .new(let target): Self.add(target, &rows, &records)
            }
        }
        try SectionFile.write(
            file, SectionFormat(magic: LastRunLayout.magic, version: LastRunLayout.version), isSynced: false,
            [rows.bytes, records.bytes])
    }

    private static func add(_ target: VouchedTarget, _ rows: inout ByteWriter, _ records: inout ByteWriter) {
        rows.append(target.hash.value)
        rows.append(target.given.high)
        rows.append(target.given.low)
        rows.append(target.name)
        rows.append(target.duration.components.seconds)
        rows.append(target.duration.components.attoseconds)
        rows.append(UInt64(records.bytes.count))
        rows.append(UInt64(target.witnesses.count))
        for witness in target.witnesses {
            records.append(witness.status)
            records.bytes.append(witness.kind?.rawValue ?? 0)
            records.append(witness.digest.hash)
            records.append(Int64(witness.digest.size))
            records.append(witness.path.bytes + [0])
        }
    }

    private func copy(_ place: Int, _ rows: inout ByteWriter, _ records: inout ByteWriter) {
        let row = LastRunLayout.rowSize * place
        rows.bytes += self.rows[row..<row + 96]
        var (reader, count) = self.records(place)
        rows.append(UInt64(records.bytes.count))
        rows.append(UInt64(count))
        let start = reader.offset
        for _ in 0..<count {
            reader.skip(81)
            _ = reader.raw()
        }
        guard let section = mapped?.section(LastRunLayout.witnesses) else { return }
        records.bytes += section[start..<reader.offset]
    }
}

/// A folder that paths are looked up from, closed with its last user; -1 where it cannot be opened, which finds nothing.
private final class OpenFolder: Sendable {
    let descriptor: Int32

    init(_ path: BytePath) {
        descriptor = path.withCString { open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }
}

extension ByteReader {
    /// Passes over `count` bytes.
    fileprivate mutating func skip(_ count: Int) {
        for _ in 0..<count / 8 { _ = number() }
        for _ in 0..<count % 8 { _ = byte() }
    }
}
