// Numbers and fields as bytes, and back. Does not know what they mean.
import BuildGraph

/// Numbers are 8 bytes, most significant first; a field's length stands before it.
struct PackedWriter {
    var bytes: [UInt8]

    mutating func add(_ number: Int) {
        withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func add(_ field: [UInt8]) {
        add(field.count)
        bytes += field
    }

    mutating func add(_ digest: Digest) {
        bytes += digest.hash.bytes
        add(digest.size)
    }
}

/// Gives nil for what is not there; traps on nothing.
struct PackedReader {
    var rest: ArraySlice<UInt8>

    mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
        guard count >= 0, count <= rest.count else { return nil }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }

    mutating func number() -> Int? {
        take(8).map { Int(truncatingIfNeeded: $0.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }) }
    }

    mutating func field() -> ArraySlice<UInt8>? { number().flatMap { take($0) } }

    mutating func digest() -> Digest? {
        guard let bytes = take(32), let hash = SHA256Value(bytes: bytes), let size = number(), size >= 0 else {
            return nil
        }
        return Digest(hash: hash, size: size)
    }

    /// A path that leaves the workspace, or a kind that no action can put out, is refused even if the sum is right.
    mutating func output() -> OutputFile? {
        guard let bytes = field(), let kind = number().flatMap({ UInt8(exactly: $0) }).flatMap(FileKind.init),
            kind == .file || kind == .executable || kind == .link, let digest = digest()
        else { return nil }
        let path = BytePath(bytes: Array(bytes))
        guard !path.isEmpty, !path.isAbsolute, BytePath.resolving(path.bytes, in: .root) == path else { return nil }
        return OutputFile(path: path, kind: kind, digest: digest)
    }
}
