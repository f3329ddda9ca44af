import BuildGraph
import CXXHash
import Testing

@Suite struct HashingTests {
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
    ])
    func sha256MatchesTheStandard(text: String, hex: String) {
        #expect(SHA256Value.of(Array(text.utf8)).hex == hex)
        #expect(Digest.of(Array(text.utf8)).size == text.utf8.count)
        #expect(SHA256Value(hex: hex) == SHA256Value.of(Array(text.utf8)))
    }

    @Test func sha256OfAMillionBytesInPieces() {
        var hasher = SHA256Hasher()
        let piece = [UInt8](repeating: UInt8(ascii: "a"), count: 997)
        for _ in 0..<1003 { hasher.update(piece) }
        hasher.update([UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000 - 997 * 1003))
        #expect(hasher.finalize().hex == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
    }

    @Test func finalizingDoesNotEndAHasher() {
        var hasher = SHA256Hasher()
        hasher.update(Array("a".utf8))
        _ = hasher.finalize()
        hasher.update(Array("bc".utf8))
        #expect(hasher.finalize() == SHA256Value.of(Array("abc".utf8)))
    }

    /// The bytes of xxHash's own sanity check.
    private func sanityBytes(_ count: Int) -> [UInt8] {
        var generator: UInt64 = 2_654_435_761
        return (0..<count).map { _ in
            defer { generator &*= 11_400_714_785_074_694_797 }
            return UInt8(truncatingIfNeeded: generator >> 56)
        }
    }

    @Test(
        arguments: [
            (0, 0x6001_C324_468D_497F, 0x99AA_06D3_0147_98D8),
            (1, 0xC44B_DFF4_074E_ECDB, 0xA6CD_5E93_9200_0F6A),
            (6, 0x3E70_39BD_DA43_CFC6, 0x082A_FE0B_8162_D12A),
            (12, 0x061A_1927_13F6_9AD9, 0x6E3E_FD8F_C780_2B18),
        ] as [(Int, UInt64, UInt64)])
    func fingerprintMatchesXXHash(count: Int, low: UInt64, high: UInt64) {
        #expect(Fingerprint.of(sanityBytes(count)) == Fingerprint(high: high, low: low))
    }

    @Test(arguments: [0, 1, 16, 128, 240, 241, 1024, 4097, 300_000])
    func fingerprintInPiecesIsTheSame(count: Int) {
        let bytes = sanityBytes(count)
        var hasher = FingerprintHasher()
        hasher.update(Array("something else".utf8))
        hasher.reset()
        var start = 0
        while start < count {
            let end = min(count, start + 1 + start / 3)
            hasher.update(Array(bytes[start..<end]))
            start = end
        }
        #expect(hasher.finalize() == Fingerprint.of(bytes))
    }

    /// What libxxhash says, which takes the vectors that every processor has.
    private func reference(_ bytes: UnsafeRawBufferPointer) -> Fingerprint {
        let hash = XXH3_128bits(bytes.baseAddress, bytes.count)
        return Fingerprint(high: hash.high64, low: hash.low64)
    }

    @Test func everyLengthGivesWhatLibxxhashGives() {
        let bytes = sanityBytes(2_100_000)
        bytes.withUnsafeBytes { all in
            for length in Array(0...2000) + [4095, 65_537, 262_144, 1_048_577, 2_099_990] {
                // At any place in memory.
                let piece = UnsafeRawBufferPointer(rebasing: all[length % 8..<length % 8 + length])
                #expect(Fingerprint.of(piece) == reference(piece), "\(length) bytes")
                var hasher = FingerprintHasher()
                hasher.update(UnsafeRawBufferPointer(rebasing: piece[..<(length / 3)]))
                hasher.update(UnsafeRawBufferPointer(rebasing: piece[(length / 3)...]))
                #expect(hasher.finalize() == reference(piece), "\(length) bytes in pieces")
            }
        }
    }
}
