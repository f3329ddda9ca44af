// What files hold, as reading them told, by their positions in one look at the workspace. Does not read.
import Synchronization

/// Contents of the files of one look, found while it is used: 49 bytes a file, in chunks that are there only where something
/// was read.
final class LearnedContents: Sendable {
    struct Content: Sendable {
        let hash: SHA256Value
        let fingerprint: Fingerprint
    }

    /// One of many that are recorded at once.
    struct Finding: Sendable {
        let position: Int
        let content: Content
        let isSettled: Bool
    }

    /// The contents of positions that lie side by side. Another where something is learned.
    struct Chunk: Sendable {
        fileprivate var contents: [Content] = []
        /// 0: nothing is known; 1: the content is; 2: and the status vouches for it.
        fileprivate var states: [UInt8] = []
    }

    /// All that was learned up to a moment.
    struct Snapshot: Sendable {
        private static let chunkSize = 1024
        private static let nothing = Content(
            hash: SHA256Value(words: (0, 0, 0, 0)), fingerprint: Fingerprint(high: 0, low: 0))

        private var chunks: [Chunk]
        fileprivate(set) var isEmpty = true

        /// Of nothing.
        static let none = Snapshot(count: 0)

        fileprivate init(count: Int) {
            chunks = Array(repeating: Chunk(), count: (count + Self.chunkSize - 1) / Self.chunkSize)
        }

        func content(_ position: Int) -> (content: Content, isSettled: Bool)? {
            let chunk = position / Self.chunkSize
            guard chunk < chunks.count, !chunks[chunk].states.isEmpty else { return nil }
            let place = position % Self.chunkSize
            let state = chunks[chunk].states[place]
            return state == 0 ? nil : (chunks[chunk].contents[place], state == 2)
        }

        fileprivate mutating func record(_ finding: Finding) {
            let chunk = finding.position / Self.chunkSize
            guard chunk < chunks.count else { return }
            if chunks[chunk].states.isEmpty {
                chunks[chunk].contents = Array(repeating: Self.nothing, count: Self.chunkSize)
                chunks[chunk].states = Array(repeating: 0, count: Self.chunkSize)
            }
            let place = finding.position % Self.chunkSize
            chunks[chunk].contents[place] = finding.content
            chunks[chunk].states[place] = finding.isSettled ? 2 : 1
            isEmpty = false
        }
    }

    private let all: Mutex<Snapshot>

    /// For positions below `count`.
    init(count: Int) {
        all = Mutex(Snapshot(count: count))
    }

    var snapshot: Snapshot { all.withLock { $0 } }

    func record(_ findings: [Finding]) {
        all.withLock { all in
            for finding in findings { all.record(finding) }
        }
    }

    func content(_ position: Int) -> (content: Content, isSettled: Bool)? {
        all.withLock { $0.content(position) }
    }
}

/// How the files of a tree were found, with what was learned of them since.
struct LookedAt: Sendable {
    enum Way: Sendable {
        case scan(WorkingTreeScan.Result)
        case changes(WorkspaceChanges)
    }

    let way: Way
    let entries: FileEntries
    let learned: LearnedContents
    private let scanned: ScannedFiles?

    init(_ way: Way, _ entries: FileEntries) {
        self.way = way
        if case .scan(let found) = way { scanned = found.files } else { scanned = nil }
        self.entries = entries
        learned = LearnedContents(count: entries.count)
    }

    /// The status that the file at a place had when it was looked at.
    func status(_ position: Int) -> FileStatus {
        // This is asked a million times: `way` would be copied each time.
        if let scanned { return scanned.status(position) }
        guard case .changes(let found) = way else { return .impossible }
        return found.status(position)
    }

    func kind(_ position: Int) -> FileKind { scanned?.paths.kind(position) ?? entries.kind(position) }

    /// The bytes of a path, valid during the call.
    func withPath<Result>(_ position: Int, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        if let scanned { return scanned.paths.withPath(position, body) }
        return entries.withPath(position, body)
    }

    /// What the base has of a file that is as it was there.
    func content(_ position: Int) -> HashedContent? {
        guard scanned == nil, case .changes(let found) = way, case .packed(let place)? = entries.origin(of: position)
        else { return nil }
        return found.base.content(place)
    }

    /// Whether the status of a file whose content the base has vouches for it.
    func isSettled(_ position: Int) -> Bool {
        guard case .changes(let found) = way, case .packed(let place)? = entries.origin(of: position) else {
            return false
        }
        return found.refreshed[place]?.isSettled ?? true
    }

    /// What the base has of a file that may have been touched alone.
    func candidate(_ position: Int) -> HashedContent? {
        guard scanned == nil, case .changes(let found) = way, case .patch(let place)? = entries.origin(of: position),
            let packed = found.packedPlaces[place]
        else { return nil }
        return found.base.content(packed)
    }

    /// What was read of the file at a place of this look, which had this status.
    func learned(
        _ position: Int, in snapshot: LearnedContents.Snapshot
    ) -> (content: HashedContent, isSettled: Bool)? {
        snapshot.content(position).map { found in
            let digest = Digest(hash: found.content.hash, size: Int(status(position).size))
            return (HashedContent(fingerprint: found.content.fingerprint, digest: digest), found.isSettled)
        }
    }

    /// As `learned`, for the file at `path` where it has the status of this look.
    func learned(_ path: BytePath, _ status: FileStatus) -> (content: HashedContent, isSettled: Bool)? {
        let snapshot = learned.snapshot
        guard !snapshot.isEmpty, let position = entries.index(of: path), self.status(position) == status else {
            return nil
        }
        return learned(position, in: snapshot)
    }
}
