// The bytes of the record of runs. Does not know where they are kept.
import BuildGraph

/// Entries one after the other: a mark, the length of the rest, its SHA-256, that of the label, and packed fields: time,
/// success, input hash, and each field of the manifest. An entry that was cut off or damaged costs itself alone: the next
/// one is found by its mark.
struct RunLog {
    private static let mark = Array("\nlmsrun1\n".utf8)
    private static let heading = mark.count + 8 + 32

    private let bytes: [UInt8]
    /// By the label's SHA-256: where its last entry stands, mark and all.
    private var entries: [SHA256Value: Range<Int>] = [:]

    init(bytes: [UInt8]) {
        self.bytes = bytes
        var place = 0
        while place + Self.heading + 32 <= bytes.count {
            var reader = PackedReader(rest: bytes[(place + Self.mark.count)...])
            guard bytes[place..<(place + Self.mark.count)].elementsEqual(Self.mark), let size = reader.number(),
                size >= 32, size <= bytes.count - place - Self.heading, reader.take(32) != nil,
                let name = reader.take(32).flatMap({ SHA256Value(bytes: $0) })
            else {
                place += 1
                continue
            }
            entries[name] = place..<(place + Self.heading + size)
            place += Self.heading + size
        }
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

    /// Nil where there is none, or the last one is damaged.
    func last(of label: Label) -> RunRecord? {
        guard let range = entries[Self.name(label)] else { return nil }
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
        var kept: [UInt8] = []
        for range in entries.values.sorted(by: { $0.lowerBound < $1.lowerBound }) { kept += bytes[range] }
        return kept
    }
}
