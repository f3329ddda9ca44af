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

    private let file: BytePath?
    private let mapped: MappedIndex?
    let trustsFingerprints: Bool
    private let records = Mutex<[BytePath: Record]>([:])
    private let isForgotten = Atomic<Bool>(false)
    /// At most one: that the index on disk could not be used.
    package let notices: [Diagnostic]

    /// Opens the index at the absolute `file`; a missing, damaged, unreadable or other version's is an empty one.
    /// `trustingFingerprints` is false wherever someone else may have chosen what the files hold (`CI` is set):
    /// then every content that the status does not vouch for is hashed with SHA-256.
    package init(at file: BytePath, trustingFingerprints: Bool) {
        self.file = file
        trustsFingerprints = trustingFingerprints
        do throws(SectionFile.Failure) {
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

    static func notice(_ failure: SectionFile.Failure, _ file: BytePath) -> Diagnostic? {
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

    /// The digest that the file at `path` has, given its status; nil where it has to be read.
    func digest(of path: BytePath, _ status: FileStatus) -> Digest? {
        if let mapped, let entry = find(path, in: mapped), mapped.status(entry) == status {
            return mapped.content(mapped.row(entry))?.digest
        }
        return records.withLock { records in
            records[path].flatMap { $0.status == status ? $0.content.digest : nil }
        }
    }

    /// What is known of the file at `path` under `status`, and whether the status may be believed later on.
    func content(of path: BytePath, _ status: FileStatus) -> (content: HashedContent, isSettled: Bool)? {
        if let mapped, let entry = find(path, in: mapped), mapped.status(entry) == status,
            let content = mapped.content(mapped.row(entry))
        {
            return (content, true)
        }
        return records.withLock { records in
            records[path].flatMap { $0.status == status ? ($0.content, $0.isSettled) : nil }
        }
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
    }

    /// Removes the file: what it knew is kept elsewhere now. What was learned in this run is not written any more.
    func forget() {
        isForgotten.store(true, ordering: .relaxed)
        _ = file?.withCString { unlink($0) }
    }

    private func find(_ path: BytePath, in mapped: MappedIndex) -> Int? {
        path.bytes.withUnsafeBytes { mapped.find($0) }
    }

    /// Writes what was learned: a new file, synced, renamed over the old one, so at any moment there is a whole index.
    /// `present`, sorted by path, drops the paths that are no longer in the workspace. Nothing learned, nothing written.
    package func save(present: FileEntries? = nil) throws(FileSystemError) {
        guard let file else { return }
        let learned = records.withLock { $0 }
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
}
