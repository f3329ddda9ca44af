// Reads many files of one look for what they hold. Does not know which have to be read.
import Glibc
import Synchronization

/// The digests of files that were read, and where somebody has to know it why one could not be.
struct ReadContents: Sendable {
    /// Of what has another status than when it was looked at, or is no plain file.
    var others: [(position: Int, digest: Digest)] = []
    /// The first by position.
    var error: (position: Int, error: FileSystemError)?

    mutating func fail(_ position: Int, _ failure: FileSystemError) {
        if error.map({ position < $0.position }) ?? true { error = (position, failure) }
    }
}

/// One thread's hands: a buffer, and what opens files.
struct ContentReader: ~Copyable {
    private let tree: WorkingTree
    private let looked: LookedAt
    private let trusts: Bool
    /// Whether the index is told of each file.
    private let isForIndex: Bool
    private var buffer = [UInt8](repeating: 0, count: FileHashing.bufferSize)
    private var opener: FileOpener
    private var findings: [LearnedContents.Finding] = []
    private(set) var contents = ReadContents()

    init(_ tree: WorkingTree, isForIndex: Bool) {
        self.tree = tree
        looked = tree.looked
        self.isForIndex = isForIndex
        opener = FileOpener(tree)
        trusts = tree.index?.trustsFingerprints ?? false
    }

    /// Reads the files at `positions`. What they hold is with the tree then, or in `contents`.
    mutating func read(_ positions: ArraySlice<Int>) {
        findings.removeAll(keepingCapacity: true)
        let moment = FileStatus.now
        for position in positions {
            if let content = content(position) {
                let status = looked.status(position)
                let isSettled = status.isSettled(at: moment)
                findings.append(LearnedContents.Finding(position: position, content: content, isSettled: isSettled))
                if isForIndex {
                    let digest = Digest(hash: content.hash, size: Int(status.size))
                    tree.index?.record(
                        tree.entries[position].path, status,
                        HashedContent(fingerprint: content.fingerprint, digest: digest), readAt: moment)
                }
                continue
            }
            do throws(FileSystemError) {
                contents.others.append((position, try tree.hash(position, &buffer)))
            } catch {
                contents.fail(position, error)
            }
        }
        looked.learned.record(findings)
    }

    /// What a small file holds that is as it was when it was looked at; nil wherever it takes a closer look.
    private mutating func content(_ position: Int) -> LearnedContents.Content? {
        let kind = looked.kind(position)
        let status = looked.status(position)
        let size = Int(status.size)
        guard kind == .file || kind == .executable, size >= 0, size < buffer.count else { return nil }
        let file = opener.open(position)
        guard file >= 0 else { return nil }
        defer { close(file) }
        // One byte more shows a file that grew.
        let count = buffer.withUnsafeMutableBytes { Glibc.read(file, $0.baseAddress, size + 1) }
        var after = stat()
        guard count == size, fstat(file, &after) == 0, FileStatus(after) == status,
            FileKind(mode: after.st_mode) == kind
        else { return nil }
        return buffer.withUnsafeBytes { bytes in
            let bytes = UnsafeRawBufferPointer(rebasing: bytes[..<size])
            let fingerprint = Fingerprint.of(bytes)
            let hash = known(position, fingerprint, size: size)?.hash ?? SHA256Value.of(bytes)
            return LearnedContents.Content(hash: hash, fingerprint: fingerprint)
        }
    }

    private func known(_ position: Int, _ fingerprint: Fingerprint, size: Int) -> Digest? {
        guard trusts else { return nil }
        if let candidate = looked.candidate(position), candidate.fingerprint == fingerprint,
            candidate.digest.size == size
        {
            return candidate.digest
        }
        return tree.index?.digest(of: fingerprint, size: size)
    }
}

extension WorkingTree {
    /// Reads the files at `positions` by several threads, and keeps what they hold. Small files are soonest read by more
    /// threads than there are cores: they wait for the disk.
    func read(_ positions: [Int]) -> ReadContents {
        if positions.isEmpty { return ReadContents() }
        let areFew = positions.count <= 1024
        if !areFew { index?.learn(from: looked) }
        // Large portions where there are many: what they tell is kept under a lock.
        let portion = positions.count < 1 << 14 ? 32 : 256
        let next = Atomic<Int>(0)
        let all = Mutex(ReadContents())
        Threads.run(min(8, positions.count / portion + 1)) {
            var reader = ContentReader(self, isForIndex: areFew)
            while true {
                let start = next.add(portion, ordering: .relaxed).oldValue
                if start >= positions.count { break }
                reader.read(positions[start..<min(start + portion, positions.count)])
            }
            let found = reader.contents
            all.withLock { all in
                all.others += found.others
                if let (position, error) = found.error { all.fail(position, error) }
            }
        }
        return all.withLock { $0 }
    }
}
