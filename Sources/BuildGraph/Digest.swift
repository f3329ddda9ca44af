/// A SHA-256 value (FIPS 180-4): 32 bytes, most significant first in each word.
package struct SHA256Value: Sendable, Hashable, Comparable {
    package let words: (UInt64, UInt64, UInt64, UInt64)

    package init(words: (UInt64, UInt64, UInt64, UInt64)) {
        self.words = words
    }

    /// Nil unless `bytes` are exactly 32.
    package init?(bytes: some Collection<UInt8>) {
        let words = bytes.withContiguousStorageIfAvailable { Self.words(UnsafeRawBufferPointer($0)) }
        guard let words = words ?? Array(bytes).withUnsafeBytes({ Self.words($0) }) else { return nil }
        self.words = words
    }

    private static func words(_ bytes: UnsafeRawBufferPointer) -> (UInt64, UInt64, UInt64, UInt64)? {
        guard bytes.count == 32 else { return nil }
        func word(_ index: Int) -> UInt64 {
            UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self))
        }
        return (word(0), word(1), word(2), word(3))
    }

    /// Nil unless `hex` is 64 lower-case hex digits.
    package init?(hex: some StringProtocol) {
        var text = String(hex)
        let words = text.withUTF8 { digits -> (UInt64, UInt64, UInt64, UInt64)? in
            guard digits.count == 64 else { return nil }
            func word(_ index: Int) -> UInt64? {
                var word: UInt64 = 0
                for digit in digits[16 * index..<16 * (index + 1)] {
                    guard let value = Self.value(digit) else { return nil }
                    word = word << 4 | UInt64(value)
                }
                return word
            }
            guard let first = word(0), let second = word(1), let third = word(2), let fourth = word(3) else {
                return nil
            }
            return (first, second, third, fourth)
        }
        guard let words else { return nil }
        self.words = words
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        default: nil
        }
    }

    package var bytes: [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 32) { buffer, count in
            withBytes { bytes in UnsafeMutableRawBufferPointer(buffer).copyMemory(from: bytes) }
            count = 32
        }
    }

    /// The 32 bytes, valid during the call, without an array of them.
    package func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        let ordered = (words.0.bigEndian, words.1.bigEndian, words.2.bigEndian, words.3.bigEndian)
        return withUnsafeBytes(of: ordered, body)
    }

    /// 64 lower-case hex digits.
    package var hex: String {
        String(unsafeUninitializedCapacity: 64) { text in
            withBytes { bytes in
                for (place, byte) in bytes.enumerated() {
                    text[2 * place] = Self.digit(byte >> 4)
                    text[2 * place + 1] = Self.digit(byte & 15)
                }
            }
            return 64
        }
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
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
