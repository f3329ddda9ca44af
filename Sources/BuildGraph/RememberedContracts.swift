// What contracts say, kept by their contents: reading thirty thousand takes seconds, and hardly one changes between two
// questions. Does not know any kind of contract, nor who asks.
import Glibc
import Synchronization

/// A reader of contracts that remembers what another one read, from run to run.
///
/// The file is only ever replaced whole. It is a note to ourselves, to be believed as far as its folder is: losing it, or
/// finding another meaning or damage in it, costs reading the contracts again.
package final class RememberedContracts: ContractReading {
    private enum Layout {
        static let magic: UInt64 = 0x4D52_4554_5342_4D4C
        static let version: UInt32 = 1
        /// What the terms mean: of another meaning nothing is believed.
        static let meaning = 0
        /// Sorted by content: content (32), place (8) and number (8) of its terms.
        static let rows = 1
        static let rowSize = 48
        /// Digest (32) and name.
        static let terms = 2
        static let count = 3
    }

    private struct State {
        var learned: [SHA256Value: [ContractTerm]] = [:]
        /// What anybody asked for: when the file is written, the rest is left behind.
        var asked: Set<SHA256Value> = []
    }

    private let reader: any ContractReading
    private let meaning: [UInt8]
    private let file: BytePath
    private let mapped: SectionFile?
    private let state = Mutex(State())

    /// Reads with `reader`, whose answers for the same bytes are the same as long as `meaning` is. The absolute `file` need not
    /// be there, and is not looked at where it is not trusted.
    package init(_ reader: any ContractReading, meaning: String, at file: BytePath, isTrusted: Bool) {
        self.reader = reader
        self.meaning = Array(meaning.utf8)
        self.file = file
        let found =
            isTrusted
            ? try? SectionFile.open(
                file, magic: Layout.magic, version: Layout.version, sections: Layout.count) : nil
        let isSame = found.map { $0.section(Layout.meaning).elementsEqual(meaning.utf8) } ?? false
        mapped = isSame ? found : nil
    }

    package func terms(of bytes: [UInt8]) -> [ContractTerm] {
        let content = SHA256Value.of(bytes)
        if let known = remembered(content) { return known }
        let terms = reader.terms(of: bytes)
        state.withLock { $0.learned[content] = terms }
        return terms
    }

    package func kind(of bytes: [UInt8], name: String) -> ContractKind? { reader.kind(of: bytes, name: name) }

    package func remembered(_ content: SHA256Value) -> [ContractTerm]? {
        let learned = state.withLock { state -> [ContractTerm]? in
            state.asked.insert(content)
            return state.learned[content]
        }
        return learned ?? find(content).map { terms($0) }
    }

    /// Writes what was asked for, where any of it is new; to be called by who has asked for everything that there is. Not
    /// synced to the disk; a failure costs reading them again.
    package func save() {
        let (learned, asked) = state.withLock { ($0.learned, $0.asked) }
        if learned.isEmpty { return }
        var rows = ByteWriter()
        var records = ByteWriter()
        for content in asked.sorted() {
            guard let terms = learned[content] ?? find(content).map({ terms($0) }) else { continue }
            rows.append(content)
            rows.append(UInt64(records.bytes.count))
            rows.append(UInt64(terms.count))
            for term in terms {
                records.append(term.digest)
                records.append(term.name)
            }
        }
        // Where nothing is kept, nothing is: a state folder would say that somebody has looked here before.
        guard file.parent.withCString({ access($0, F_OK) }) == 0 else { return }
        try? SectionFile.write(
            file, SectionFormat(magic: Layout.magic, version: Layout.version), isSynced: false,
            [meaning, rows.bytes, records.bytes])
    }

    // MARK: The file

    private var rowCount: Int { (mapped?.section(Layout.rows).count ?? 0) / Layout.rowSize }

    private func row(_ place: Int) -> ByteReader {
        ByteReader(
            mapped?.section(Layout.rows) ?? UnsafeRawBufferPointer(start: nil, count: 0), at: Layout.rowSize * place)
    }

    private func find(_ content: SHA256Value) -> Int? {
        var low = 0
        var high = rowCount
        while low < high {
            let middle = (low + high) / 2
            if self.content(middle) < content { low = middle + 1 } else { high = middle }
        }
        return low < rowCount && self.content(low) == content ? low : nil
    }

    private func content(_ place: Int) -> SHA256Value {
        var reader = row(place)
        return reader.value()
    }

    private func terms(_ place: Int) -> [ContractTerm] {
        var row = row(place)
        _ = row.value()
        let offset = Int(truncatingIfNeeded: row.number())
        let count = Int(truncatingIfNeeded: row.number())
        let section = mapped?.section(Layout.terms) ?? UnsafeRawBufferPointer(start: nil, count: 0)
        guard offset >= 0, offset <= section.count, count >= 0, count <= section.count else { return [] }
        var reader = ByteReader(section, at: offset)
        return (0..<count).map { _ in
            let digest = reader.value()
            return ContractTerm(name: reader.string(), digest: digest)
        }
    }
}
