/// A SHA-256 value (FIPS 180-4): 32 bytes, most significant first in each word.
package struct SHA256Value: Sendable, Hashable, Comparable {
    package let words: (UInt64, UInt64, UInt64, UInt64)

    package init(words: (UInt64, UInt64, UInt64, UInt64)) {
        self.words = words
    }

    /// Nil unless `bytes` are exactly 32.
    package init?(bytes: some Collection<UInt8>) {
        guard bytes.count == 32 else { return nil }
        var words: [UInt64] = [0, 0, 0, 0]
        for (index, byte) in bytes.enumerated() { words[index / 8] = words[index / 8] << 8 | UInt64(byte) }
        self.words = (words[0], words[1], words[2], words[3])
    }

    /// Nil unless `hex` is 64 lower-case hex digits.
    package init?(hex: some StringProtocol) {
        let digits = Array(hex.utf8)
        guard digits.count == 64 else { return nil }
        var bytes: [UInt8] = []
        for pair in stride(from: 0, to: 64, by: 2) {
            guard let high = Self.value(digits[pair]), let low = Self.value(digits[pair + 1]) else { return nil }
            bytes.append(high << 4 | low)
        }
        self.init(bytes: bytes)
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        default: nil
        }
    }

    package var bytes: [UInt8] {
        [words.0, words.1, words.2, words.3].flatMap { word in
            (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * UInt64($0))) }
        }
    }

    /// 64 lower-case hex digits.
    package var hex: String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    package static func == (left: SHA256Value, right: SHA256Value) -> Bool { left.words == right.words }

    package static func < (left: SHA256Value, right: SHA256Value) -> Bool { left.words < right.words }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
    }
}

/// The name of a stored blob: its SHA-256 and its size in bytes, as the Remote Execution API names blobs.
package struct Digest: Sendable, Hashable, Comparable {
    package let hash: SHA256Value
    package let size: Int

    package init(hash: SHA256Value, size: Int) {
        self.hash = hash
        self.size = size
    }

    package static func < (left: Digest, right: Digest) -> Bool {
        (left.hash, left.size) < (right.hash, right.size)
    }
}

/// XXH3-128 of some bytes (libxxhash). Tells whether they changed on this machine; never leaves it, and is never
/// trusted where someone could have chosen the bytes to collide.
package struct Fingerprint: Sendable, Hashable {
    package let high: UInt64
    package let low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }
}

/// The deep hash of a target: a function of the checkout alone. An image's tag is its target's input hash.
package struct InputHash: Sendable, Hashable, Comparable {
    package let value: SHA256Value

    package init(_ value: SHA256Value) {
        self.value = value
    }

    /// All 64 digits, for scripts and tags.
    package var hex: String { value.hex }
    /// 12 digits, for people.
    package var short: String { String(value.hex.prefix(12)) }

    package static func < (left: InputHash, right: InputHash) -> Bool { left.value < right.value }
}
