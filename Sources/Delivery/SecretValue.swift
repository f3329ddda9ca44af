// A secret's value that cannot be printed by accident, and the fingerprint that tells one value from another. Does not
// know where values come from.
package import BuildGraph
import Glibc

/// Bytes that are nobody's business: `***` wherever it is printed, dumped or looked into.
package struct SecretValue: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    /// Handed to an engine's standard input or a file that only its owner can read, and to nothing else.
    let bytes: [UInt8]

    /// Keeps `bytes` to itself.
    package init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Always `***`.
    package var description: String { "***" }
    /// Always `***`.
    package var debugDescription: String { "***" }
    /// Shows nothing.
    package var customMirror: Mirror { Mirror(self, children: []) }

    /// The value as text, for the mask that takes it out of logs; nil where it is not UTF-8.
    package var textToMask: String? { String(validating: bytes, as: UTF8.self) }
}

/// Makes fingerprints of secrets: HMAC-SHA256 (RFC 2104), so that nobody without the key can try guesses against one.
package struct SecretKey: Sendable, CustomStringConvertible, CustomReflectable {
    private let bytes: [UInt8]

    /// A key of at least 16 bytes; nil for less.
    package init?(_ bytes: [UInt8]) {
        guard bytes.count >= 16 else { return nil }
        self.bytes = bytes
    }

    /// Always `***`.
    package var description: String { "***" }
    /// Shows nothing.
    package var customMirror: Mirror { Mirror(self, children: []) }

    /// The same for the same value and key, and for nothing else.
    package func fingerprint(of value: SecretValue) -> SHA256Value {
        let block = 64
        var key = bytes.count > block ? SHA256Value.of(bytes).bytes : bytes
        key += [UInt8](repeating: 0, count: block - key.count)
        let inner = SHA256Value.of(key.map { $0 ^ 0x36 } + value.bytes)
        return SHA256Value.of(key.map { $0 ^ 0x5C } + inner.bytes)
    }

    /// The key in the file at the absolute `path`, which is made with 32 random bytes and mode 0600 where it is missing.
    /// Throws where it cannot be read or made, or where others may read it (errno EPERM).
    package static func ofWorkspace(at path: BytePath) throws(FileSystemError) -> SecretKey {
        var descriptor = path.withCString { open($0, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) }
        if descriptor < 0, errno == ENOENT {
            try make(path)
            descriptor = path.withCString { open($0, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) }
        }
        guard descriptor >= 0 else { throw FileSystemError("open", path, errno: errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw FileSystemError("stat", path, errno: errno) }
        guard status.st_mode & 0o077 == 0 else { throw FileSystemError("trust", path, errno: EPERM) }
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = read(descriptor, &buffer, buffer.count)
        guard count >= 0, let key = SecretKey(Array(buffer.prefix(count))) else {
            throw FileSystemError("read", path, errno: count < 0 ? errno : EINVAL)
        }
        return key
    }

    private static func make(_ path: BytePath) throws(FileSystemError) {
        // The kernel's random numbers.
        var generator = SystemRandomNumberGenerator()
        let random = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        try FileReplacement.write(random, to: path)
    }
}
