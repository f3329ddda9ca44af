import Glibc

/// A path as the bytes the kernel and git know: no normal forms, no encoding. Inside the workspace it is relative to
/// the workspace's root, without `.`/`..`/empty parts; the root itself is the empty path.
package struct BytePath: Sendable, Hashable, Comparable {
    package let bytes: [UInt8]

    package init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    package init(_ text: String) {
        self.bytes = Array(text.utf8)
    }

    package static let root = BytePath(bytes: [])

    /// Bytewise order, as git sorts.
    package static func < (left: BytePath, right: BytePath) -> Bool {
        left.bytes.withUnsafeBytes { left in
            right.bytes.withUnsafeBytes { right in
                guard let first = left.baseAddress, let second = right.baseAddress else {
                    return left.count < right.count
                }
                let order = memcmp(first, second, min(left.count, right.count))
                return order == 0 ? left.count < right.count : order < 0
            }
        }
    }

    /// All bytes at once: an array hashes one after the other.
    package func hash(into hasher: inout Hasher) {
        bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
    }

    package var isEmpty: Bool { bytes.isEmpty }
    package var isAbsolute: Bool { bytes.first == UInt8(ascii: "/") }

    /// The part after the last `/`.
    package var name: BytePath {
        guard let slash = bytes.lastIndex(of: UInt8(ascii: "/")) else { return self }
        return BytePath(bytes: Array(bytes[(slash + 1)...]))
    }

    /// The part before the last `/`; the root's own parent is the root.
    package var parent: BytePath {
        guard let slash = bytes.lastIndex(of: UInt8(ascii: "/")) else { return .root }
        return BytePath(bytes: Array(bytes[..<max(slash, bytes.first == UInt8(ascii: "/") ? 1 : 0)]))
    }

    /// `self/other`; joining with the empty path changes nothing.
    package func appending(_ other: BytePath) -> BytePath {
        if bytes.isEmpty { return other }
        if other.bytes.isEmpty { return self }
        var joined = bytes
        if joined.last != UInt8(ascii: "/") { joined.append(UInt8(ascii: "/")) }
        joined.append(contentsOf: other.bytes)
        return BytePath(bytes: joined)
    }

    package func appending(_ other: String) -> BytePath { appending(BytePath(other)) }

    /// True when `self` is `folder` or lies below it; everything lies in the root.
    package func isInside(_ folder: BytePath) -> Bool {
        if folder.bytes.isEmpty { return true }
        guard bytes.count >= folder.bytes.count, bytes.starts(with: folder.bytes) else { return false }
        return bytes.count == folder.bytes.count || bytes[folder.bytes.count] == UInt8(ascii: "/")
            || folder.bytes.last == UInt8(ascii: "/")
    }

    /// `self`, which lies inside `folder`, as seen from it; nil where it does not.
    package func relative(to folder: BytePath) -> BytePath? {
        guard isInside(folder) else { return nil }
        if folder.bytes.isEmpty { return self }
        var rest = bytes.dropFirst(folder.bytes.count)
        if rest.first == UInt8(ascii: "/") { rest = rest.dropFirst() }
        return BytePath(bytes: Array(rest))
    }

    /// `self` as seen from `folder`, with `../` where it lies elsewhere. Both are relative to the same root.
    package func walked(from folder: BytePath) -> BytePath {
        let mine = components
        let theirs = folder.components
        var shared = 0
        while shared < mine.count, shared < theirs.count, mine[shared] == theirs[shared] { shared += 1 }
        var parts: [[UInt8]] = Array(repeating: Array("..".utf8), count: theirs.count - shared)
        parts.append(contentsOf: mine[shared...].map { Array($0) })
        return BytePath(bytes: Array(parts.joined(separator: [UInt8(ascii: "/")])))
    }

    package var components: [ArraySlice<UInt8>] {
        bytes.split(separator: UInt8(ascii: "/"))
    }

    /// The path that `text` names when it is written in `folder`: `/…` is from the workspace's root, `.` and `..`
    /// are resolved by their spelling alone. Nil where it leaves the workspace.
    package static func resolving(_ text: [UInt8], in folder: BytePath) -> BytePath? {
        var parts: [ArraySlice<UInt8>] = text.first == UInt8(ascii: "/") ? [] : folder.components
        for part in text.split(separator: UInt8(ascii: "/")) {
            if part.elementsEqual(".".utf8) { continue }
            if part.elementsEqual("..".utf8) {
                if parts.popLast() == nil { return nil }
                continue
            }
            parts.append(part)
        }
        return BytePath(bytes: Array(parts.joined(separator: [UInt8(ascii: "/")])))
    }

    /// For people: control characters, those that turn the direction of text, and bytes that are not UTF-8 as `\xff`;
    /// newline and tab as `\n` and `\t`.
    package var shown: String {
        if bytes.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) { return String(decoding: bytes, as: UTF8.self) }
        var text = ""
        var rest = bytes[...]
        while let first = rest.first {
            let length =
                first < 0x80 ? 1 : first < 0xC0 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF8 ? 4 : 0
            if length > 0, rest.count >= length,
                let piece = String(validating: rest.prefix(length), as: UTF8.self)
            {
                switch first {
                case UInt8(ascii: "\n"): text += "\\n"
                case UInt8(ascii: "\t"): text += "\\t"
                case UInt8(ascii: "\r"): text += "\\r"
                case 0..<0x20, 0x7F: text += Self.escaped(first)
                default:
                    text += Self.isUnseen(piece) ? rest.prefix(length).map(Self.escaped).joined() : piece
                }
                rest = rest.dropFirst(length)
            } else {
                text += Self.escaped(first)
                rest = rest.dropFirst()
            }
        }
        return text
    }

    /// C1 controls and the bidirectional controls: a terminal obeys them, and a reader does not see them.
    private static func isUnseen(_ piece: String) -> Bool {
        guard let scalar = piece.unicodeScalars.first else { return false }
        switch scalar.value {
        case 0x80...0x9F, 0x061C, 0x200E, 0x200F, 0x202A...0x202E, 0x2066...0x2069: return true
        default: return false
        }
    }

    private static func escaped(_ byte: UInt8) -> String {
        let digits = String(byte, radix: 16)
        return "\\x" + (digits.count == 1 ? "0" + digits : digits)
    }

    /// Calls `body` with the path as a C string.
    package func withCString<Result, Failure: Error>(
        _ body: (UnsafePointer<CChar>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        // On the stack, where it is not very long.
        try withUnsafeTemporaryAllocation(of: CChar.self, capacity: bytes.count + 1) { buffer throws(Failure) in
            bytes.withUnsafeBytes { UnsafeMutableRawBufferPointer(buffer).copyMemory(from: $0) }
            buffer[bytes.count] = 0
            if let start = buffer.baseAddress { return try body(start) }
            var nothing: CChar = 0
            return try body(&nothing)
        }
    }
}
