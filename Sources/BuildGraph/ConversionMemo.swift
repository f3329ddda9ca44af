// What git makes of files when it stores them, kept from run to run: `.lmsbuild/forms`. Does not ask git, nor know what a file's
// attributes mean.
import Buildfile
import Glibc
import Synchronization

/// What is stored of a file.
package enum StoredForm: Sendable, Hashable {
    /// Its bytes as they lie on disk.
    case asItLies
    /// Its bytes with other line ends: their digest, and the id of the blob.
    case lineEnds(Digest, blob: SHA256Value)
    /// Something else, by the id of its blob.
    case rewritten(blob: SHA256Value)
}

/// Which attributes each of some paths has, in the paths' order.
package struct PathClasses: Sendable {
    /// Each class is a text of its own.
    package var texts: [[UInt8]]
    /// For each path the place of its text.
    package var numbers: [UInt16]

    package init(texts: [[UInt8]], numbers: [UInt16]) {
        self.texts = texts
        self.numbers = numbers
    }
}

/// What was learned of files that git may convert, by what it depends on: a key is the fingerprint of all of that, the file's
/// status included. Who makes the keys sees to it that a file with another content has another.
///
/// The file is only ever replaced whole. It is a note to ourselves, to be believed as far as its folder is: losing it costs
/// reading the files again.
package final class ConversionMemo: Sendable {
    private enum Layout {
        static let format = SectionFormat(magic: 0x4D52_4F46_5342_4D4C, version: 1)
        /// What all keys depend on besides (16), then the key of the classes (16).
        static let meaning = 0
        /// Keys of files that are stored as they lie, sorted.
        static let plain = 1
        static let plainSize = 16
        /// Sorted by key: key (16), kind (8), digest (32), size (8), blob (32).
        static let others = 2
        static let otherSize = 96
        /// Texts of classes, and a number for each path.
        static let texts = 3
        static let numbers = 4
        static let count = 5
    }

    private let file: BytePath?
    private let meaning: Fingerprint
    private let mapped: SectionFile?
    private let learned = Mutex<[Fingerprint: StoredForm]>([:])

    /// What the absolute `file` holds, where it was written with the same `meaning`: all that decides what git makes of a
    /// file besides what the keys name. With no file nothing is kept.
    package init(at file: BytePath?, meaning: Fingerprint) {
        self.file = file
        self.meaning = meaning
        let found = file.flatMap {
            try? SectionFile.open(
                $0, magic: Layout.format.magic, version: Layout.format.version, sections: Layout.count)
        }
        var reader = ByteReader(found?.section(Layout.meaning) ?? UnsafeRawBufferPointer(start: nil, count: 0))
        mapped = Fingerprint(high: reader.number(), low: reader.number()) == meaning ? found : nil
    }

    /// Whether anything that is recorded may be found again: in a state folder that is there.
    package var isKept: Bool { file.map { $0.parent.withCString { access($0, F_OK) } == 0 } ?? false }

    // MARK: Asking

    private func section(_ number: Int) -> UnsafeRawBufferPointer {
        mapped?.section(number) ?? UnsafeRawBufferPointer(start: nil, count: 0)
    }

    /// Nil for what was never recorded.
    package func form(_ key: Fingerprint) -> StoredForm? {
        if find(key, in: section(Layout.plain), size: Layout.plainSize) != nil { return .asItLies }
        let others = section(Layout.others)
        if let place = find(key, in: others, size: Layout.otherSize) {
            var reader = ByteReader(others, at: place + 16)
            let isLineEnds = reader.number() == 1
            let digest = Digest(hash: reader.value(), size: Int(reader.signed()))
            return isLineEnds ? .lineEnds(digest, blob: reader.value()) : .rewritten(blob: reader.value())
        }
        return learned.withLock { $0[key] }
    }

    /// Where the row of `key` begins. Keys are spread evenly, so the place is near where that would have it.
    private func find(_ key: Fingerprint, in rows: UnsafeRawBufferPointer, size: Int) -> Int? {
        let count = rows.count / size
        func high(_ row: Int) -> UInt64 {
            UInt64(littleEndian: rows.loadUnaligned(fromByteOffset: row * size, as: UInt64.self))
        }
        guard count > 0 else { return nil }
        let guess = Int(key.high.multipliedFullWidth(by: UInt64(count)).high)
        let reach = 16 + 4 * Int(Double(count).squareRoot())
        var (low, end) = (max(0, guess - reach), min(count, guess + reach))
        if low > 0, high(low - 1) >= key.high { low = 0 }
        if end < count, high(end) < key.high { end = count }
        while low < end {
            let middle = (low + end) / 2
            if high(middle) < key.high { low = middle + 1 } else { end = middle }
        }
        var row = low
        while row < count, high(row) == key.high {
            var reader = ByteReader(rows, at: row * size + 8)
            if reader.number() == key.low { return row * size }
            row += 1
        }
        return nil
    }

    /// The classes that were recorded with `key`, of `count` paths.
    package func classes(_ key: Fingerprint, count: Int) -> PathClasses? {
        var meta = ByteReader(section(Layout.meaning), at: 16)
        let numbers = section(Layout.numbers)
        guard mapped != nil, Fingerprint(high: meta.number(), low: meta.number()) == key, numbers.count == 2 * count
        else { return nil }
        var texts: [[UInt8]] = []
        var reader = ByteReader(section(Layout.texts))
        while !reader.isAtEnd { texts.append(reader.text()) }
        var found = PathClasses(texts: texts, numbers: [])
        found.numbers.reserveCapacity(count)
        for place in 0..<count {
            let number = UInt16(littleEndian: numbers.loadUnaligned(fromByteOffset: 2 * place, as: UInt16.self))
            guard number < texts.count else { return nil }
            found.numbers.append(number)
        }
        return found
    }

    // MARK: Recording

    /// To be kept by `save`.
    package func record(_ key: Fingerprint, _ form: StoredForm) {
        learned.withLock { $0[key] = form }
    }

    /// Writes what is new with those of the old rows whose keys are among `asked`, and the `classes` with their key; not
    /// synced to the disk. Few files that are new are not worth writing all for. A failure costs reading files again.
    package func save(asked: [Fingerprint], classes: (key: Fingerprint, classes: PathClasses)?) {
        let learned = learned.withLock { $0.count }
        var known = ByteReader(section(Layout.meaning), at: 16)
        let isKnown = classes?.key == Fingerprint(high: known.number(), low: known.number())
        // Where nothing is kept, nothing is: a state folder would say that somebody has looked here before.
        guard let file, file.parent.withCString({ access($0, F_OK) }) == 0,
            learned > asked.count / 1000 || classes != nil && !isKnown
        else { return }
        var plain: [Fingerprint] = []
        var others: [(key: Fingerprint, form: StoredForm)] = []
        for key in asked {
            switch form(key) {
            case .asItLies?: plain.append(key)
            case let form?: others.append((key, form))
            case nil: break
            }
        }
        plain.sort { ($0.high, $0.low) < ($1.high, $1.low) }
        others.sort { ($0.key.high, $0.key.low) < ($1.key.high, $1.key.low) }
        var meta = ByteWriter()
        for print in [meaning, classes?.key ?? Fingerprint(high: 0, low: 0)] { meta.append(print) }
        var plainRows = ByteWriter()
        plainRows.bytes.reserveCapacity(plain.count * Layout.plainSize)
        for key in plain { plainRows.append(key) }
        var otherRows = ByteWriter()
        for (key, form) in others { Self.add(key, form, &otherRows) }
        var texts = ByteWriter()
        for text in classes?.classes.texts ?? [] { texts.append(text) }
        var numbers = ByteWriter()
        for number in classes?.classes.numbers ?? [] { numbers.append(number) }
        try? SectionFile.write(
            file, Layout.format, isSynced: false,
            [meta.bytes, plainRows.bytes, otherRows.bytes, texts.bytes, numbers.bytes])
    }

    private static func add(_ key: Fingerprint, _ form: StoredForm, _ rows: inout ByteWriter) {
        let none = SHA256Value(words: (0, 0, 0, 0))
        rows.append(key)
        switch form {
        case .asItLies: break
        case .lineEnds(let digest, let blob):
            rows.append(UInt64(1))
            rows.append(digest.hash)
            rows.append(Int64(digest.size))
            rows.append(blob)
        case .rewritten(let blob):
            rows.append(UInt64(2))
            rows.append(none)
            rows.append(Int64(0))
            rows.append(blob)
        }
    }
}

extension ByteWriter {
    fileprivate mutating func append(_ print: Fingerprint) {
        append(print.high)
        append(print.low)
    }

    fileprivate mutating func append(_ number: UInt16) {
        withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
    }
}

extension WorkingTree {
    /// Names the file at a place, as it was when it was looked at, together with `rest`.
    package func statusKey(_ position: Int, with rest: some Sequence<UInt8>) -> Fingerprint {
        var writer = ByteWriter()
        writer.bytes.reserveCapacity(256)
        writer.append(status(position))
        entries.withPath(position) { writer.bytes.append(contentsOf: $0) }
        // A path has no zero byte.
        writer.bytes.append(0)
        writer.bytes.append(contentsOf: rest)
        return Fingerprint.of(writer.bytes)
    }
}
