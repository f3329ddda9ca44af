// The entries of a tar archive (POSIX.1-2001 pax, ustar, GNU long names), to be compared. Unpacks nothing.
package import BuildGraph
import Glibc

/// One entry of an archive, its content by its hash.
package struct TarEntry: Sendable, Hashable {
    /// Without a `/` at either end.
    package let path: BytePath
    /// The type flag: `0` a file, `1` a hard link, `2` a link, `5` a folder, …
    package let kind: UInt8
    /// Permission bits, without the file's type.
    package let mode: Int
    package let user: Int
    package let group: Int
    /// Seconds since the epoch, with whatever fraction the archive gives.
    package let time: String
    /// What a link points to; empty for anything else.
    package let target: BytePath
    package let content: SHA256Value
    /// Extended attributes and whatever else its pax header says, by its key.
    package let further: [String: [UInt8]]
}

/// An archive that cannot be read.
package struct TarError: Error, Sendable, Hashable {
    package let reason: String
}

/// Reads an archive from beginning to end, and holds no more of it than a piece.
package struct TarReader: ~Copyable {
    private let descriptor: Int32
    private var attributes: [String: [UInt8]] = [:]
    private var longName: [UInt8]?
    private var longTarget: [UInt8]?

    private static let block = 512
    /// A name or a header that says more is none that any image has.
    private static let headerLimit = 1 << 20

    private init(_ descriptor: Int32) {
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// All entries of the archive at the absolute `file`, in its order. Throws `TarError` for what is no archive.
    package static func entries(of file: BytePath) throws(TarError) -> [TarEntry] {
        let descriptor = file.withCString { open($0, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) }
        guard descriptor >= 0 else { throw TarError(reason: "it cannot be opened (errno \(errno))") }
        var reader = TarReader(descriptor)
        var entries: [TarEntry] = []
        while let entry = try reader.next() { entries.append(entry) }
        return entries
    }

    /// The path of the entry whose header or content is at the `offset` of the archive at the absolute `file`; nil where none is.
    static func path(in file: BytePath, at offset: Int) -> BytePath? {
        let descriptor = file.withCString { open($0, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) }
        guard descriptor >= 0 else { return nil }
        var reader = TarReader(descriptor)
        while let entry = try? reader.next() {
            if Int(lseek(descriptor, 0, SEEK_CUR)) > offset { return entry.path }
        }
        return nil
    }

    private mutating func next() throws(TarError) -> TarEntry? {
        while true {
            let header = try bytes(Self.block)
            if header.isEmpty || header.allSatisfy({ $0 == 0 }) { return nil }
            if header.starts(with: [0x1F, 0x8B]) { throw TarError(reason: "it is compressed") }
            guard header.count == Self.block, Self.isHeader(header) else {
                throw TarError(reason: "it is no tar archive")
            }
            let size = try Self.number(header[124..<136])
            switch header[156] {
            case UInt8(ascii: "x"): attributes = try Self.pax(try whole(size))
            case UInt8(ascii: "g"): _ = try whole(size)
            case UInt8(ascii: "L"): longName = Self.field(try whole(size)[...])
            case UInt8(ascii: "K"): longTarget = Self.field(try whole(size)[...])
            default: return try entry(header, size)
            }
        }
    }

    private mutating func entry(_ header: [UInt8], _ stated: Int) throws(TarError) -> TarEntry {
        var name = Self.field(header[0..<100])
        if header[257..<262].elementsEqual("ustar".utf8), header[262] == 0 {
            let prefix = Self.field(header[345..<500])
            if !prefix.isEmpty { name = prefix + [UInt8(ascii: "/")] + name }
        }
        name = attributes["path"] ?? longName ?? name
        let target = attributes["linkpath"] ?? longTarget ?? Self.field(header[157..<257])
        var size = stated
        if let text = attributes["size"] {
            guard let value = Int(String(decoding: text, as: UTF8.self)), value >= 0 else {
                throw TarError(reason: "it gives a size that is none")
            }
            size = value
        }
        func value(_ key: String, _ range: Range<Int>) throws(TarError) -> Int {
            if let text = attributes[key], let value = Int(String(decoding: text, as: UTF8.self)) { return value }
            return try Self.number(header[range])
        }
        let user = try value("uid", 108..<116)
        let group = try value("gid", 116..<124)
        var time = String(try Self.number(header[136..<148]))
        if let exact = attributes["mtime"] { time = String(decoding: exact, as: UTF8.self) }
        let kind = header[156] == 0 ? UInt8(ascii: "0") : header[156]
        // Links and folders have no content, whatever size their header gives.
        let isEmpty = kind != UInt8(ascii: "0") && kind != UInt8(ascii: "7")
        let content = try content(isEmpty ? 0 : size)
        let taken: Set = ["path", "linkpath", "size", "uid", "gid", "mtime", "atime", "ctime"]
        let further = attributes.filter { !taken.contains($0.key) }
        (attributes, longName, longTarget) = ([:], nil, nil)
        return TarEntry(
            path: BytePath(bytes: Self.trimmed(name)), kind: kind, mode: try Self.number(header[100..<108]) & 0o7777,
            user: user, group: group, time: time, target: BytePath(bytes: target), content: content, further: further)
    }

    // MARK: Reading

    /// The hash of the next `size` bytes, which are skipped with what fills their last block.
    private mutating func content(_ size: Int) throws(TarError) -> SHA256Value {
        var hasher = SHA256Hasher()
        var left = size
        while left > 0 {
            let piece = try bytes(min(left, 1 << 16))
            if piece.isEmpty { throw TarError(reason: "it is cut off") }
            hasher.update(piece)
            left -= piece.count
        }
        try skipFilling(size)
        return hasher.finalize()
    }

    private mutating func whole(_ size: Int) throws(TarError) -> [UInt8] {
        guard size <= Self.headerLimit else { throw TarError(reason: "it has a header of \(size) bytes") }
        let found = try bytes(size)
        guard found.count == size else { throw TarError(reason: "it is cut off") }
        try skipFilling(size)
        return found
    }

    private mutating func skipFilling(_ size: Int) throws(TarError) {
        let over = size % Self.block
        if over > 0 { _ = try bytes(Self.block - over) }
    }

    /// Fewer only at the end.
    private mutating func bytes(_ count: Int) throws(TarError) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            let got = buffer.withUnsafeMutableBytes {
                read(descriptor, $0.baseAddress?.advanced(by: filled), count - filled)
            }
            if got < 0, errno == EINTR { continue }
            if got < 0 { throw TarError(reason: "it cannot be read (errno \(errno))") }
            if got == 0 { break }
            filled += got
        }
        return filled == count ? buffer : Array(buffer.prefix(filled))
    }

    // MARK: Fields

    private static func isHeader(_ header: [UInt8]) -> Bool {
        guard let stated = try? number(header[148..<156]) else { return false }
        var sum = 8 * 32
        for (place, byte) in header.enumerated() where !(148..<156).contains(place) { sum += Int(byte) }
        return stated == sum
    }

    private static func field(_ bytes: ArraySlice<UInt8>) -> [UInt8] { Array(bytes.prefix { $0 != 0 }) }

    private static func trimmed(_ name: [UInt8]) -> [UInt8] {
        var name = name[...]
        if name.starts(with: "./".utf8) { name = name.dropFirst(2) }
        while name.first == UInt8(ascii: "/") { name = name.dropFirst() }
        while name.last == UInt8(ascii: "/") { name = name.dropLast() }
        return Array(name)
    }

    /// Octal digits, or where the first bit is set a number in base 256.
    private static func number(_ bytes: ArraySlice<UInt8>) throws(TarError) -> Int {
        var value = 0
        if let first = bytes.first, first & 0x80 != 0 {
            for (place, byte) in bytes.enumerated() {
                let (shifted, isOver) = value.multipliedReportingOverflow(by: 256)
                if isOver { throw TarError(reason: "it has a number that is too large") }
                value = shifted | Int(place == 0 ? byte & 0x7F : byte)
            }
            return value
        }
        for byte in bytes where byte != 32 && byte != 0 {
            guard (48..<56).contains(byte) else { throw TarError(reason: "it has a number that is none") }
            value = value << 3 | Int(byte - 48)
        }
        return value
    }

    /// Records `length key=value\n`, where the length counts the whole record.
    private static func pax(_ bytes: [UInt8]) throws(TarError) -> [String: [UInt8]] {
        var found: [String: [UInt8]] = [:]
        var rest = bytes[...]
        while let space = rest.firstIndex(of: 32) {
            let digits = String(decoding: rest[rest.startIndex..<space], as: UTF8.self)
            guard let length = Int(digits), length > space - rest.startIndex + 1, length <= rest.count else {
                throw TarError(reason: "it has a header that cannot be read")
            }
            let record = rest[(space + 1)..<(rest.startIndex + length - 1)]
            guard let equals = record.firstIndex(of: UInt8(ascii: "=")) else {
                throw TarError(reason: "it has a header that cannot be read")
            }
            found[String(decoding: record[..<equals], as: UTF8.self)] = Array(record[(equals + 1)...])
            rest = rest[(rest.startIndex + length)...]
        }
        return found
    }
}
