import BuildEngine
import BuildGraph
import BuildTestSupport
import Testing

@Suite struct LocalActionCacheTests {
    let key = ActionKey(Digest.of([1]))
    let result = ActionResult(
        exitCode: -3,
        outputs: [
            OutputFile(path: BytePath("a/b"), kind: .executable, digest: Digest.of([2])),
            OutputFile(path: BytePath(bytes: [0xFF, 0x0A]), kind: .link, digest: Digest.of([])),
        ],
        imageDigest: "sha256:abc", log: Digest.of([3]), duration: .milliseconds(1500))

    @Test func givesBackWhatWasStored() throws {
        let folder = try TemporaryFolder()
        let cache = try LocalActionCache.open(folder: folder.path)
        #expect(cache.result(for: key) == nil)
        #expect(cache.isEmpty)
        try cache.store(result, for: key)
        #expect(try LocalActionCache.open(folder: folder.path).result(for: key) == result)
        #expect(!cache.isEmpty)
        let small = ActionResult(exitCode: 0, outputs: [], imageDigest: nil, log: nil, duration: .zero)
        try cache.store(small, for: key)
        #expect(cache.result(for: key) == small)
        #expect(folder.files == ["ac/\(key.digest.hash.hex.prefix(2))/\(key.digest.hash.hex)"])
    }

    @Test func everyTruncationIsAMiss() {
        let bytes = ActionRecord.encode(result, for: key)
        #expect(ActionRecord.decode(bytes, for: key) == result)
        for count in 0..<bytes.count { #expect(ActionRecord.decode(Array(bytes.prefix(count)), for: key) == nil) }
        #expect(ActionRecord.decode(bytes + [0], for: key) == nil)
    }

    @Test func everyFlippedBitIsAMiss() {
        let bytes = ActionRecord.encode(result, for: key)
        for index in bytes.indices {
            for bit in 0..<8 {
                var flipped = bytes
                flipped[index] ^= 1 << UInt8(bit)
                #expect(ActionRecord.decode(flipped, for: key) == nil)
            }
        }
    }

    /// Whoever can compute the sum can still not make the reader trap or believe a path outside the workspace.
    @Test func everyFlippedByteWithARightSumIsReadWithoutHarm() {
        let body = Array(ActionRecord.encode(result, for: key).dropLast(32))
        for index in body.indices {
            for value: UInt8 in [0, 1, 0x7F, 0x80, 0xFF] {
                var flipped = body
                flipped[index] = value
                _ = ActionRecord.decode(flipped + SHA256Value.of(flipped).bytes, for: key)
            }
        }
        for path in ["../x", "/x", "a/../b", "", "a//b", "."] {
            let bad = ActionResult(
                exitCode: 0, outputs: [OutputFile(path: BytePath(path), kind: .file, digest: Digest.of([]))],
                imageDigest: nil, log: nil, duration: .zero)
            #expect(ActionRecord.decode(ActionRecord.encode(bad, for: key), for: key) == nil)
        }
    }

    @Test func aResultOfAnotherKeyIsAMiss() {
        #expect(ActionRecord.decode(ActionRecord.encode(result, for: key), for: ActionKey(Digest.of([9]))) == nil)
    }
}
