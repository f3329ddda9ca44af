// The bytes of the record of runs. Does not know where they are kept.
import BuildGraph

/// Entries one after the other: a mark, the length of the rest, its SHA-256, that of the label, and packed fields: time,
/// success, input hash, and each field of the manifest. An entry that was cut off or damaged costs itself alone: the next
/// one is found by its mark.
struct RunLog {
    private static let mark = Array("\nlmsrun1\n".utf8)
    private static let heading = mark.count + 8 + 32

    private let bytes: [UInt8]
    /// In the order in which they were written.
    private let entries: [Entry]
    /// The last entry by the first word of its label's SHA-256. Whoever asks for a few needs none: making it takes longer than
    /// looking through all of them a few times.
    private var places: [UInt64: Int]?
    private var questions = 0

    private struct Entry {
        /// The first word of the label's SHA-256.
        let word: UInt64
        /// Mark and all.
        let range: Range<Int>
    }

    init(bytes: [UInt8]) {
        self.bytes = bytes
        entries = bytes.withUnsafeBytes { Self.entries(in: $0) }
    }

    private static func entries(in bytes: UnsafeRawBufferPointer) -> [Entry] {
        func number(_ place: Int) -> UInt64 {
            UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self))
        }
        let beginning = mark.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }.littleEndian
        let end = mark[8]
        var entries: [Entry] = []
        var place = 0
        while place + heading + 32 <= bytes.count {
            guard number(place) == beginning, bytes[place + 8] == end,
                let size = Int(exactly: number(place + mark.count).byteSwapped),
                size >= 32, size <= bytes.count - place - heading
            else {
                place += 1
                continue
            }
            entries.append(Entry(word: number(place + heading), range: place..<(place + heading + size)))
            place += heading + size
        }
        return entries
    }

    private func name(at range: Range<Int>) -> ArraySlice<UInt8> {
        bytes[(range.lowerBound + Self.heading)..<(range.lowerBound + Self.heading + 32)]
    }

    /// Questions that are answered without a table.
    private static let few = 16

    /// Where the last entry of the label with this name stands.
    private mutating func place(of name: SHA256Value) -> Range<Int>? {
        let name = name.bytes
        let word = name.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)) }
        func isWanted(_ entry: Entry) -> Bool {
            entry.word == word && self.name(at: entry.range).elementsEqual(name)
        }
        questions += 1
        if questions <= Self.few { return entries.last(where: isWanted)?.range }
        if places == nil {
            places = Dictionary(entries.enumerated().map { ($1.word, $0) }) { $1 }
        }
        guard let last = places?[word] else { return nil }
        // Two labels whose names begin alike share a place in the table.
        return entries[...last].last(where: isWanted)?.range
    }

    private static func name(_ label: Label) -> SHA256Value { SHA256Value.of(Array(label.description.utf8)) }

    static func entry(
        _ label: Label, _ hash: InputHash, _ manifest: [ManifestField], time: Int, succeeded: Bool
    ) -> [UInt8] {
        var rest = PackedWriter(bytes: name(label).bytes)
        rest.add(time)
        rest.add(succeeded ? 1 : 0)
        rest.bytes += hash.value.bytes
        rest.add(manifest.count)
        for field in manifest {
            rest.add(Int(field.tag.rawValue))
            rest.add(field.key)
            rest.add(field.value)
        }
        var entry = PackedWriter(bytes: mark)
        entry.add(rest.bytes.count)
        return entry.bytes + SHA256Value.of(rest.bytes).bytes + rest.bytes
    }

    /// The last entry of `label` as of a run at `time`, where that run was of the same `hash`, so of the same manifest; nil
    /// where it was not, where there is none, and where it is damaged. Takes a tenth of what making it anew does.
    mutating func repeated(_ label: Label, _ hash: InputHash, time: Int, succeeded: Bool) -> [UInt8]? {
        // The name, the time, whether it succeeded, the hash.
        let fixed = 32 + 8 + 8 + 32
        guard let range = place(of: Self.name(label)), range.count >= Self.heading + fixed else { return nil }
        let rest = range.lowerBound + Self.heading
        let isSame = hash.value.withBytes { bytes[(rest + 48)..<(rest + fixed)].elementsEqual($0) }
        let sum = bytes[(rest - 32)..<rest]
        guard isSame, SHA256Value.of(Array(bytes[rest..<range.upperBound])).bytes.elementsEqual(sum) else { return nil }
        var entry = Array(bytes[range])
        for (index, number) in [time, succeeded ? 1 : 0].enumerated() {
            var writer = PackedWriter(bytes: [])
            writer.add(number)
            let place = Self.heading + 32 + 8 * index
            entry.replaceSubrange(place..<(place + 8), with: writer.bytes)
        }
        let newSum = SHA256Value.of(Array(entry[Self.heading...])).bytes
        entry.replaceSubrange((Self.heading - 32)..<Self.heading, with: newSum)
        return entry
    }

    /// Nil where there is none, or the last one is damaged.
    mutating func last(of label: Label) -> RunRecord? {
        guard let range = place(of: Self.name(label)) else { return nil }
        var reader = PackedReader(rest: bytes[range].dropFirst(Self.mark.count + 8))
        guard let sum = reader.take(32), SHA256Value.of(Array(reader.rest)).bytes.elementsEqual(sum),
            reader.take(32) != nil, let time = reader.number(), let success = reader.number(),
            let hash = reader.take(32).flatMap({ SHA256Value(bytes: $0) }), let count = reader.number()
        else { return nil }
        var manifest: [ManifestField] = []
        for _ in 0..<max(0, count) {
            guard let tag = reader.number().flatMap({ UInt8(exactly: $0) }).flatMap(ManifestTag.init),
                let key = reader.field(), let value = reader.field()
            else { return nil }
            manifest.append(ManifestField(tag, key: Array(key), value: Array(value)))
        }
        let name = label.description
        return RunRecord(
            time: time, succeeded: success == 1,
            state: RecordedState(hashes: [name: InputHash(hash)], manifests: [name: manifest]))
    }

    /// The last entries alone, in the order in which they were written.
    var live: [UInt8] {
        var last: [ArraySlice<UInt8>: Range<Int>] = [:]
        for entry in entries { last[name(at: entry.range)] = entry.range }
        return last.values.sorted { $0.lowerBound < $1.lowerBound }.flatMap { bytes[$0] }
    }
}
