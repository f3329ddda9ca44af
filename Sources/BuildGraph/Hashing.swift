// Bytes to SHA-256 and XXH3-128. Does not know files, paths, or what a hash is good for (`Digest`, `Fingerprint` do).
import CLibcrypto
import CXXH3

/// SHA-256 (FIPS 180-4) of bytes that come in pieces. A copy goes on from the same place.
package struct SHA256Hasher: Sendable {
    private var context = SHA256_CTX()

    package init() {
        _ = SHA256_Init(&context)
    }

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress, !bytes.isEmpty else { return }
        _ = SHA256_Update(&context, start, bytes.count)
    }

    package mutating func update(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { update($0) }
    }

    /// The hash of all bytes so far. The hasher itself can go on.
    package func finalize() -> SHA256Value {
        var last = context
        var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        withUnsafeMutableBytes(of: &words) { buffer in
            _ = SHA256_Final(buffer.assumingMemoryBound(to: UInt8.self).baseAddress, &last)
        }
        return SHA256Value(
            words: (
                UInt64(bigEndian: words.0), UInt64(bigEndian: words.1), UInt64(bigEndian: words.2),
                UInt64(bigEndian: words.3)
            ))
    }
}

/// SHA-1 (FIPS 180-4) of bytes that come in pieces: what git names objects by, and nothing else here.
package struct SHA1Hasher: Sendable {
    private var context = SHA_CTX()

    package init() {
        _ = SHA1_Init(&context)
    }

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress, !bytes.isEmpty else { return }
        _ = SHA1_Update(&context, start, bytes.count)
    }

    /// The 20 bytes, with zeros behind them.
    package func finalize() -> SHA256Value {
        var last = context
        var bytes = [UInt8](repeating: 0, count: 32)
        bytes.withUnsafeMutableBytes { buffer in
            _ = SHA1_Final(buffer.assumingMemoryBound(to: UInt8.self).baseAddress, &last)
        }
        return SHA256Value(bytes: bytes) ?? SHA256Value(words: (0, 0, 0, 0))
    }
}

extension SHA256Value {
    package static func of(_ bytes: UnsafeRawBufferPointer) -> SHA256Value {
        var hasher = SHA256Hasher()
        hasher.update(bytes)
        return hasher.finalize()
    }

    package static func of(_ bytes: [UInt8]) -> SHA256Value {
        bytes.withUnsafeBytes { of($0) }
    }
}

extension Digest {
    /// The name under which `bytes` are stored.
    package static func of(_ bytes: [UInt8]) -> Digest {
        Digest(hash: SHA256Value.of(bytes), size: bytes.count)
    }
}

/// XXH3-128 of bytes that come in pieces. Owns memory of C's, so it can't be copied.
package struct FingerprintHasher: ~Copyable {
    private let state: OpaquePointer?
    /// All bytes, where there was no memory for a state.
    private var kept: [UInt8] = []

    package init() {
        state = cxxh3_create()
    }

    deinit {
        if let state { cxxh3_free(state) }
    }

    /// Forgets all bytes so far.
    package mutating func reset() {
        kept.removeAll()
        if let state { cxxh3_reset(state) }
    }

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress, !bytes.isEmpty else { return }
        if let state {
            cxxh3_update(state, start, bytes.count)
        } else {
            kept.append(contentsOf: bytes)
        }
    }

    package mutating func update(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { update($0) }
    }

    /// The fingerprint of all bytes so far. The hasher itself can go on.
    package borrowing func finalize() -> Fingerprint {
        guard let state else { return Fingerprint.of(kept) }
        let hash = cxxh3_digest(state)
        return Fingerprint(high: hash.high, low: hash.low)
    }
}

extension Fingerprint {
    package static func of(_ bytes: UnsafeRawBufferPointer) -> Fingerprint {
        let hash = cxxh3_of(bytes.baseAddress, bytes.count)
        return Fingerprint(high: hash.high, low: hash.low)
    }

    package static func of(_ bytes: [UInt8]) -> Fingerprint {
        bytes.withUnsafeBytes { of($0) }
    }
}
