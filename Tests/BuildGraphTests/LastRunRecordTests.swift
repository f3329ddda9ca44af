import BuildTestSupport
import Testing

@testable import BuildGraph

/// An entry of the record is found by its hash wherever it lies, and by no other hash.
@Suite struct LastRunRecordTests {
    /// The first words of hashes: spread evenly, all at one end, and both.
    private static let spreads: [[UInt64]] = [
        (0..<3000).map { UInt64($0) &* (UInt64.max / 3000) },
        (0..<3000).map { UInt64($0) },
        (0..<3000).map { UInt64.max - UInt64($0) },
        (0..<3000).map { $0 % 2 == 0 ? UInt64($0) : UInt64.max - UInt64($0) },
        [UInt64](repeating: 7, count: 300), [0], [.max], [],
    ]

    @Test(arguments: Self.spreads.indices)
    func everyEntryIsFoundAndNothingElse(_ spread: Int) throws {
        let folder = try TemporaryFolder()
        let hashes = Self.spreads[spread].enumerated().map { place, word in
            InputHash(SHA256Value(words: (word, UInt64(place) * 2, 1, 1)))
        }
        let nothing = Fingerprint(high: 0, low: 0)
        let targets = hashes.map {
            VouchedTarget(hash: $0, given: nothing, name: $0.value, duration: .zero, witnesses: [])
        }
        try LastRun(at: folder("last"), workspace: folder.path).save(learned: targets, forgotten: []) { _ in true }
        let last = LastRun(at: folder("last"), workspace: folder.path)
        #expect(last.count == hashes.count)
        for hash in hashes {
            #expect(last.find(hash).map(last.name) == hash.value)
            let words = hash.value.words
            let others: [(UInt64, UInt64, UInt64, UInt64)] = [
                (words.0, words.1 + 1, 1, 1), (words.0, words.1, 1, 0), (words.0 ^ 1 << 40, words.1, 1, 1),
            ]
            for other in others {
                let other = InputHash(SHA256Value(words: other))
                #expect(last.find(other) == nil)
            }
        }
        for word in [UInt64.min, .max] {
            #expect(last.find(InputHash(SHA256Value(words: (word, .max, .max, .max)))) == nil)
        }
    }
}
