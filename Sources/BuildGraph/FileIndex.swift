// Remembers the hashes of files from run to run. Does not read the files, and does not know which are in the workspace.
package import Buildfile
import Glibc
import Synchronization

/// For each path: the status its file had when it was hashed, its fingerprint and its digest; kept in one file.
///
/// A digest is given for a path only where the status is the same to the nanosecond and old enough to show any later
/// write (`FileStatus.isSettled`): a file written in the moment it was hashed is hashed again. What two runs save
/// at once is the state of one of them.
package final class FileIndex: Sendable {
    private struct Record: Sendable {
        var status: FileStatus
        var isSettled: Bool
        var content: HashedContent
    }

    private static let mostLooks = 2

    private let file: BytePath?
    private let mapped: MappedIndex?
    let trustsFingerprints: Bool
    private let records = Mutex<[BytePath: Record]>([:])
    /// What was read of whole trees, which keep it themselves; few at most.
    private let looks = Mutex<[LookedAt]>([])
    private let isForgotten = Atomic<Bool>(false)
    private let hasLearned = Atomic<Bool>(false)
    /// At most one: that the index on disk could not be used.
    package let notices: [Diagnostic]

    /// Opens the index at the absolute `file`; a missing, damaged, unreadable or other version's is an empty one.
    /// `trustingFingerprints` is false wherever someone else may have chosen what the files hold (`CI` is set):
    /// then every content that the status does not vouch for is hashed with SHA-256.
    package init(at file: BytePath, trustingFingerprints: Bool) {
        self.file = file
        trustsFingerprints = trustingFingerprints
        do throws(MappedFile.Failure) {
            mapped = try MappedIndex.open(file)
            notices = []
        } catch {
            mapped = nil
            notices = Self.notice(error, file).map { [$0] } ?? []
        }
    }

    /// An index that is kept in memory alone.
    package init(trustingFingerprints: Bool) {
        file = nil
        mapped = nil
        trustsFingerprints = trustingFingerprints
        notices = []
    }

    static func notice(_ failure: MappedFile.Failure, _ file: BytePath) -> Diagnostic? {
        let reason: String
        switch failure {
        case .missing: return nil
        case .damaged: reason = "is damaged"
        case .otherVersion: reason = "was written by another version"
        case .unreadable(let number): reason = "cannot be read: \(String(cString: strerror(number)))"
        }
        return Diagnostic(
            .badIndex, .notice, "the file index '\(file.shown)' \(reason)", hint: "all files are hashed again")
    }

    /// Whether asking for a digest by path may be answered at all.
    var knowsAnything: Bool { mapped != nil || hasLearned.load(ordering: .relaxed) }

    /// The digest that the file at `path` has, given its status; nil where it has to be read.
    func digest(of path: BytePath, _ status: FileStatus) -> Digest? {
        content(of: path, status)?.content.digest
    }

    /// What is known of the file at `path` under `status`, and whether the status may be believed later on.
    func content(of path: BytePath, _ status: FileStatus) -> (content: HashedContent, isSettled: Bool)? {
        if let mapped, let entry = find(path, in: mapped), mapped.status(entry) == status,
            let content = mapped.content(mapped.row(entry))
        {
            return (content, true)
        }
        guard hasLearned.load(ordering: .relaxed) else { return nil }
        let record = records.withLock { $0[path] }
        if let record, record.status == status { return (record.content, record.isSettled) }
        for look in looks.withLock({ $0 }).reversed() {
            if let found = look.learned(path, status) { return found }
        }
        return nil
    }

    /// What is learned of many files of one tree is of this index as well: it is kept with the tree.
    func learn(from look: LookedAt) {
        hasLearned.store(true, ordering: .relaxed)
        looks.withLock { looks in
            if looks.contains(where: { $0.learned === look.learned }) { return }
            // A process that looks again and again does not keep all of it.
            if looks.count >= Self.mostLooks { looks.removeFirst() }
            looks.append(look)
        }
    }

    /// Whether it may know a file of `look` that was not read there.
    func knowsMore(than look: LookedAt) -> Bool {
        if mapped != nil { return true }
        guard hasLearned.load(ordering: .relaxed) else { return false }
        return records.withLock { !$0.isEmpty } || looks.withLock { $0.contains { $0.learned !== look.learned } }
    }

    /// Whether reading a file of `size` for its fingerprint alone may be enough.
    func mayKnow(_ path: BytePath, size: Int) -> Bool {
        guard trustsFingerprints, let mapped, let entry = find(path, in: mapped) else { return false }
        return mapped.content(mapped.row(entry))?.digest.size == size
    }

    /// The digest of bytes with this fingerprint and size, where that may be believed.
    func digest(of fingerprint: Fingerprint, size: Int) -> Digest? {
        trustsFingerprints ? mapped?.digest(of: fingerprint, size: size) : nil
    }

    /// Remembers that the file at `path` had `content` under `status`, when reading it began at the moment `moment`.
    func record(_ path: BytePath, _ status: FileStatus, _ content: HashedContent, readAt moment: Int64) {
        let record = Record(status: status, isSettled: status.isSettled(at: moment), content: content)
        records.withLock { $0[path] = record }
        hasLearned.store(true, ordering: .relaxed)
    }

    /// Removes the file: what it knew is kept elsewhere now. What was learned in this run is not written any more.
    func forget() {
        isForgotten.store(true, ordering: .relaxed)
        looks.withLock { $0 = [] }
        _ = file?.withCString { unlink($0) }
    }

    private func find(_ path: BytePath, in mapped: MappedIndex) -> Int? {
        path.bytes.withUnsafeBytes { mapped.find($0) }
    }

    /// Writes what was learned: a new file, synced, renamed over the old one, so at any moment there is a whole index.
    /// `present`, sorted by path, drops the paths that are no longer in the workspace. Nothing learned, nothing written.
    package func save(present: FileEntries? = nil) throws(FileSystemError) {
        guard let file else { return }
        let learned = learned()
        if learned.isEmpty || isForgotten.load(ordering: .relaxed) { return }
        let sorted = learned.sorted { $0.key < $1.key }.map { path, record in
            var status = record.status
            // A size no file has: the entry is never believed, its content stays known.
            if !record.isSettled { status.size = -1 }
            return IndexedFile(path: path, status: status, content: record.content)
        }
        let writer = FileIndexWriter(old: mapped, learned: sorted, present: present)
        try writer.write(to: file)
    }

    /// All that was learned, the latest of each path.
    private func learned() -> [BytePath: Record] {
        var learned: [BytePath: Record] = [:]
        for look in looks.withLock({ $0 }) {
            let snapshot = look.learned.snapshot
            if snapshot.isEmpty { continue }
            for position in look.entries.indices {
                guard let (content, isSettled) = look.learned(position, in: snapshot) else { continue }
                learned[look.entries[position].path] = Record(
                    status: look.status(position), isSettled: isSettled, content: content)
            }
        }
        return learned.merging(records.withLock { $0 }) { _, record in record }
    }
}
