// Where verdicts are kept between runs: one file that only grows. Does not know contracts, nor who asks.
package import BuildEngine
package import BuildGraph
import Glibc
import Synchronization

/// The verdicts of a workspace, or those that machines exchange as a file.
///
/// A header and records of 96 bytes: key (32), term (32), who (16: the first half of the SHA-256 of provider, zero byte,
/// consumer), provider (8: of the provider alone), seconds since the epoch (4), outcome (1 yes, 2 no, 3 asked for), and 3 bytes of
/// a check sum.
/// A record is written by one `write` at the end of the file, so a killed run leaves at most a part of a record, which is
/// skipped, as is one whose check sum is wrong: what is not there has to be verified again. The last record of a key counts.
package final class VerdictLog: Sendable {
    /// What is known of one verdict.
    package struct Known: Sendable, Hashable {
        package let passed: Bool
        /// Seconds since the epoch.
        package let time: UInt32

        package init(passed: Bool, time: UInt32) {
            self.passed = passed
            self.time = time
        }
    }

    private struct State {
        var isRead = false
        var byKey: [SHA256Value: Known] = [:]
        /// What is asked of many verdicts seldom asks for their history.
        var hasHistory = false
        /// Of a provider and a term: when it was first asked for, and whether it was ever satisfied.
        var history: [TermOfProvider: History] = [:]
    }

    private struct TermOfProvider: Hashable {
        let term: SHA256Value
        let provider: UInt64
    }

    /// What is known of a term and its provider, however that was.
    struct History {
        /// When it was first verified, in seconds since the epoch.
        fileprivate(set) var first: UInt32
        /// Whether it was once done.
        fileprivate(set) var wasSatisfied: Bool
    }

    private static let header = Array("lmsbuild verdicts 1\n".utf8)
    private static let recordSize = 96

    private let path: BytePath
    private let now: @Sendable () -> UInt32
    private let state = Mutex(State())

    /// `path` is absolute; the file need not be there. `now` gives seconds since the epoch.
    package init(at path: BytePath, now: @escaping @Sendable () -> UInt32 = { UInt32(truncatingIfNeeded: time(nil)) }) {
        self.path = path
        self.now = now
    }

    /// Nil where nobody has verified it.
    package func known(_ key: SHA256Value) -> Known? {
        state.withLock { state in
            read(&state)
            return state.byKey[key]
        }
    }

    /// Whether `provider`, however it was, has once done what `term` asks.
    package func wasEverSatisfied(_ term: SHA256Value, by provider: String) -> Bool {
        history(of: [term], by: provider)[0]?.wasSatisfied ?? false
    }

    /// When `provider` was first verified against `term`, in seconds since the epoch.
    package func firstAsked(_ term: SHA256Value, of provider: String) -> UInt32? {
        history(of: [term], by: provider)[0]?.first
    }

    /// For each of `terms`; nil where `provider` was never verified against it.
    func history(of terms: [SHA256Value], by provider: String) -> [History?] {
        let number = Self.number(of: provider)
        return state.withLock { state in
            readHistory(&state)
            return terms.map { state.history[TermOfProvider(term: $0, provider: number)] }
        }
    }

    /// Appends what is not known yet. Throws where the file cannot be written.
    package func keep(_ verdicts: [Verdict]) throws(StoreError) {
        try state.withLock { state throws(StoreError) in
            read(&state)
            if verdicts.contains(where: { $0.passed == nil }) { readHistory(&state) }
            let time = now()
            var bytes: [UInt8] = []
            for verdict in verdicts where Self.isNews(verdict, state) {
                let record = Self.record(verdict, time)
                bytes += record
                record.withUnsafeBytes { Self.take(Record(bytes: $0), &state) }
            }
            if !bytes.isEmpty { try append(bytes) }
        }
    }

    /// Takes over what `other`, another workspace's file, says of keys that are not known here. Gives how many those are.
    /// Throws where `other` is no such file, or this one cannot be written.
    package func merge(_ other: [UInt8]) throws(StoreError) -> Int? {
        guard other.starts(with: Self.header) else { return nil }
        return try state.withLock { state throws(StoreError) -> Int in
            read(&state)
            var bytes: [UInt8] = []
            var count = 0
            Self.forEachRecord(other) { record in
                guard state.byKey[record.key] == nil else { return }
                bytes += record.bytes
                count += 1
                Self.take(record, &state)
            }
            if !bytes.isEmpty { try append(bytes) }
            return count
        }
    }

    private static func isNews(_ verdict: Verdict, _ state: State) -> Bool {
        guard let passed = verdict.passed else { return state.history[place(verdict.term, verdict.provider)] == nil }
        return state.byKey[verdict.key]?.passed != passed
    }

    // MARK: The file

    private func read(_ state: inout State) {
        if state.isRead { return }
        state.isRead = true
        let bytes = contents
        state.byKey.reserveCapacity(bytes.count / Self.recordSize)
        Self.forEachRecord(bytes) { Self.takeKey($0, &state) }
    }

    private func readHistory(_ state: inout State) {
        if state.hasHistory { return }
        state.hasHistory = true
        let bytes = contents
        state.history.reserveCapacity(bytes.count / Self.recordSize)
        Self.forEachRecord(bytes) { Self.takeHistory($0, &state) }
    }

    /// Nothing where there is no such file.
    private var contents: [UInt8] {
        guard let bytes = try? Disk.contents(of: path), bytes.starts(with: Self.header) else { return [] }
        return bytes
    }

    private func append(_ bytes: [UInt8]) throws(StoreError) {
        try Disk.makeFolders(path.parent)
        let descriptor = path.withCString { open($0, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o644) }
        guard descriptor >= 0 else { throw .system("open", path, errno) }
        defer { close(descriptor) }
        guard flock(descriptor, LOCK_EX) == 0 else { throw .system("lock", path, errno) }
        var start: [UInt8] = []
        let size = lseek(descriptor, 0, SEEK_END)
        if size < off_t(Self.header.count) {
            // New, or begun by a run that was killed at once.
            guard ftruncate(descriptor, 0) == 0 else { throw .system("truncate", path, errno) }
            start = Self.header
        } else {
            let rest = (Int(size) - Self.header.count) % Self.recordSize
            // A part of a record stays, made up to a whole one that no check sum fits.
            if rest != 0 { start = Array(repeating: 0, count: Self.recordSize - rest) }
        }
        let all = start + bytes
        var written = 0
        while written < all.count {
            let count = all[written...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw .system("write", path, errno) }
            written += count
        }
    }

    // MARK: Records

    private static func record(_ verdict: Verdict, _ time: UInt32) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(recordSize)
        bytes += verdict.key.bytes
        bytes += verdict.term.bytes
        bytes += SHA256Value.of(Array(verdict.provider.utf8) + [0] + Array(verdict.consumer.utf8)).bytes.prefix(16)
        withUnsafeBytes(of: number(of: verdict.provider).littleEndian) { bytes += $0 }
        withUnsafeBytes(of: time.littleEndian) { bytes += $0 }
        bytes.append(verdict.passed.map { $0 ? 1 : 2 } ?? 3)
        let sum = Fingerprint.of(bytes).low
        return bytes + withUnsafeBytes(of: sum.littleEndian) { Array($0.prefix(3)) }
    }

    /// One record as it lies in the file; valid as long as its bytes are.
    private struct Record {
        let bytes: UnsafeRawBufferPointer

        private func number(_ offset: Int) -> UInt64 {
            UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        }

        private func value(_ offset: Int) -> SHA256Value {
            func word(_ place: Int) -> UInt64 { number(offset + 8 * place).byteSwapped }
            return SHA256Value(words: (word(0), word(1), word(2), word(3)))
        }

        var key: SHA256Value { value(0) }
        var term: SHA256Value { value(32) }
        var provider: UInt64 { number(80) }
        /// The bytes from 88 on: the time, the outcome, the check sum.
        private var last: UInt64 { number(88) }
        var time: UInt32 { UInt32(truncatingIfNeeded: last) }
        var outcome: UInt8 { UInt8(truncatingIfNeeded: last >> 32) }

        var isWhole: Bool {
            let sum = Fingerprint.of(UnsafeRawBufferPointer(rebasing: bytes[..<(VerdictLog.recordSize - 3)])).low
            return last >> 40 == sum & 0xFF_FFFF
        }
    }

    private static func number(of provider: String) -> UInt64 {
        SHA256Value.of(Array(provider.utf8)).words.0
    }

    private static func place(_ term: SHA256Value, _ provider: String) -> TermOfProvider {
        TermOfProvider(term: term, provider: number(of: provider))
    }

    /// Those whose check sum is right.
    private static func forEachRecord(_ bytes: [UInt8], _ body: (Record) -> Void) {
        bytes.withUnsafeBytes { bytes in
            var start = header.count
            while start + recordSize <= bytes.count {
                let record = Record(bytes: UnsafeRawBufferPointer(rebasing: bytes[start..<start + recordSize]))
                start += recordSize
                if record.isWhole { body(record) }
            }
        }
    }

    private static func take(_ record: Record, _ state: inout State) {
        takeKey(record, &state)
        // Otherwise it is found in the file.
        if state.hasHistory { takeHistory(record, &state) }
    }

    private static func takeKey(_ record: Record, _ state: inout State) {
        if record.outcome != 3 { state.byKey[record.key] = Known(passed: record.outcome == 1, time: record.time) }
    }

    private static func takeHistory(_ record: Record, _ state: inout State) {
        let (time, passed) = (record.time, record.outcome == 1)
        let place = TermOfProvider(term: record.term, provider: record.provider)
        var history = state.history[place] ?? History(first: time, wasSatisfied: false)
        history.first = min(history.first, time)
        history.wasSatisfied = history.wasSatisfied || passed
        state.history[place] = history
    }
}
