// HMAC-SHA256 (RFC 2104): says who made some bytes. Does not know what keys are for.
package import BuildGraph

/// A keyed hash.
package enum KeyedHash {
    /// HMAC-SHA256 of `message`, with a key of any length.
    package static func sha256(_ message: [UInt8], key: [UInt8]) -> SHA256Value {
        let block = 64
        var key = key.count > block ? SHA256Value.of(key).bytes : key
        key += [UInt8](repeating: 0, count: block - key.count)
        let inner = SHA256Value.of(key.map { $0 ^ 0x36 } + message)
        return SHA256Value.of(key.map { $0 ^ 0x5C } + inner.bytes)
    }
}
