// Files of the workspace's state that are used as they lie on the disk: numbered sections behind a header. Does not know what
// a section holds.
//
//     header    magic, version, number of sections, generation (16 bytes), XXH3-128 of all that follows it
//     table     place and size of each section
//     sections  each at a place that 8 divides
//
// All numbers are little-endian.
import Glibc

/// A whole section file, mapped to memory. It is only ever replaced by a rename, never written to.
final class SectionFile: Sendable {
    static let headerSize = 48

    private let file: MappedFile
    private let sections: [Range<Int>]
    /// Another for each time that such a file is written.
    let generation: Fingerprint

    /// What the kernel said of the file when it was mapped.
    var status: FileStatus { file.status }

    /// Maps and checks the file at the absolute `path`. Sections of `restful`, which few ask of, are let go of by the
    /// memory again once they are checked. A file with the status `vouched`, which it had when it was checked before, is not
    /// summed up again: none is ever written to.
    static func open(
        _ path: BytePath, magic: UInt64, version: UInt32, sections count: Int, restful: Set<Int> = [],
        vouched: FileStatus? = nil
    ) throws(MappedFile.Failure) -> SectionFile {
        let file = SectionFile(try MappedFile(path, least: headerSize + 16 * count), count: count)
        try file.check(magic: magic, version: version, count: count)
        if file.status != vouched { try file.sumUp(restful: restful) }
        return file
    }

    private init(_ file: MappedFile, count: Int) {
        self.file = file
        let all = file.bytes
        func number(_ offset: Int) -> UInt64 {
            UInt64(littleEndian: all.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        }
        generation = Fingerprint(high: number(16), low: number(24))
        sections = (0..<count).map { section in
            let start = number(Self.headerSize + 16 * section)
            let length = number(Self.headerSize + 16 * section + 8)
            guard start <= UInt64(all.count), length <= UInt64(all.count) - start else { return 0..<0 }
            return Int(start)..<Int(start + length)
        }
    }

    private func number(_ offset: Int) -> UInt64 {
        UInt64(littleEndian: file.bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    private func check(magic: UInt64, version: UInt32, count: Int) throws(MappedFile.Failure) {
        guard number(0) == magic else { throw .damaged }
        guard number(8) == UInt64(version) | UInt64(count) << 32 else { throw .otherVersion }
    }

    private func sumUp(restful: Set<Int>) throws(MappedFile.Failure) {
        let all = file.bytes
        var hasher = FingerprintHasher()
        hasher.update(UnsafeRawBufferPointer(rebasing: all[16..<32]))
        let page = 4096
        let piece = 1024 * page
        var offset = Self.headerSize
        while offset < file.size {
            let end = min(file.size, (offset / piece + 1) * piece)
            hasher.update(UnsafeRawBufferPointer(rebasing: all[offset..<end]))
            let isRestful = restful.contains { sections[$0].lowerBound <= offset && end <= sections[$0].upperBound }
            if isRestful, offset % page == 0 {
                madvise(UnsafeMutableRawPointer(bitPattern: file.address + UInt(offset)), end - offset, MADV_DONTNEED)
            }
            offset = end
        }
        guard hasher.finalize() == Fingerprint(high: number(32), low: number(40)) else { throw .damaged }
    }

    func section(_ number: Int) -> UnsafeRawBufferPointer {
        let range = sections[number]
        return UnsafeRawBufferPointer(
            start: UnsafeRawPointer(bitPattern: file.address + UInt(range.lowerBound)), count: range.count)
    }
}

/// Writes a section file from first to last.
struct SectionWriter: ~Copyable {
    private let descriptor: Int32
    private let path: BytePath
    private let magic: UInt64
    private let version: UInt32
    private let generation: Fingerprint
    private var table: [(start: Int, size: Int)] = []
    private var offset: Int
    private let count: Int

    init(
        _ descriptor: Int32, _ path: BytePath, magic: UInt64, version: UInt32, generation: Fingerprint, sections: Int
    ) {
        self.descriptor = descriptor
        self.path = path
        self.magic = magic
        self.version = version
        self.generation = generation
        count = sections
        offset = SectionFile.headerSize + 16 * sections
    }

    /// The next section.
    mutating func add(_ bytes: [UInt8]) throws(FileSystemError) {
        let start = (offset + 7) / 8 * 8
        try put(bytes, at: start)
        table.append((start, bytes.count))
        offset = start + bytes.count
    }

    /// The next section, of `size` bytes, which are written while others are.
    mutating func stream(_ size: Int) -> SectionStream {
        let start = (offset + 7) / 8 * 8
        table.append((start, size))
        offset = start + size
        return SectionStream(descriptor, path, at: start)
    }

    /// Writes header and table. The checksum is made of what lies in the file.
    mutating func finish() throws(FileSystemError) {
        var bytes = ByteWriter()
        for entry in table {
            bytes.append(UInt64(entry.start))
            bytes.append(UInt64(entry.size))
        }
        try put(bytes.bytes, at: SectionFile.headerSize)
        var start = ByteWriter()
        start.append(generation.high)
        start.append(generation.low)
        var hasher = FingerprintHasher()
        hasher.update(start.bytes)
        guard ftruncate(descriptor, off_t(offset)) == 0 else { throw FileSystemError("truncate", path, errno: errno) }
        try hashWritten(&hasher)
        let checksum = hasher.finalize()
        var header = ByteWriter()
        header.append(magic)
        header.append(UInt64(version) | UInt64(count) << 32)
        header.bytes += start.bytes
        header.append(checksum.high)
        header.append(checksum.low)
        try put(header.bytes, at: 0)
    }

    private func hashWritten(_ hasher: inout FingerprintHasher) throws(FileSystemError) {
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        var place = SectionFile.headerSize
        while place < offset {
            let count = buffer.withUnsafeMutableBytes {
                pread(descriptor, $0.baseAddress, min($0.count, offset - place), off_t(place))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw FileSystemError("read", path, errno: count == 0 ? EIO : errno) }
            buffer.withUnsafeBytes { hasher.update(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
            place += count
        }
    }

    private func put(_ bytes: [UInt8], at offset: Int) throws(FileSystemError) {
        // An array's storage does not move while it is not changed.
        let failure = bytes.withUnsafeBytes { SectionStream.put($0, descriptor, path, at: offset) }
        if let failure { throw failure }
    }
}

/// Writes one section piece by piece.
struct SectionStream: ~Copyable {
    private static let size = 256 * 1024

    private let descriptor: Int32
    private let path: BytePath
    private var offset: Int
    private let buffer: UnsafeMutableRawBufferPointer
    private var filled = 0

    fileprivate init(_ descriptor: Int32, _ path: BytePath, at offset: Int) {
        self.descriptor = descriptor
        self.path = path
        self.offset = offset
        buffer = .allocate(byteCount: Self.size, alignment: 16)
    }

    deinit { buffer.deallocate() }

    /// Little-endian.
    @inline(__always)
    mutating func append<Number: FixedWidthInteger & BitwiseCopyable>(_ number: Number) throws(FileSystemError) {
        if filled + MemoryLayout<Number>.size > Self.size { try flush() }
        buffer.storeBytes(of: number.littleEndian, toByteOffset: filled, as: Number.self)
        filled += MemoryLayout<Number>.size
    }

    mutating func append(_ bytes: UnsafeRawBufferPointer) throws(FileSystemError) {
        var rest = bytes
        while !rest.isEmpty {
            if filled == Self.size { try flush() }
            let part = UnsafeRawBufferPointer(rebasing: rest.prefix(Self.size - filled))
            UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]).copyMemory(from: part)
            filled += part.count
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(part.count))
        }
    }

    /// To be called at the end.
    mutating func flush() throws(FileSystemError) {
        let whole = UnsafeRawBufferPointer(rebasing: buffer[..<filled])
        if let failure = Self.put(whole, descriptor, path, at: offset) { throw failure }
        offset += filled
        filled = 0
    }

    /// Gives what went wrong.
    fileprivate static func put(
        _ bytes: UnsafeRawBufferPointer, _ descriptor: Int32, _ path: BytePath, at offset: Int
    ) -> FileSystemError? {
        var written = 0
        while written < bytes.count {
            let count = pwrite(
                descriptor, bytes.baseAddress.map { $0 + written }, bytes.count - written, off_t(offset + written))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return FileSystemError("write", path, errno: count == 0 ? ENOSPC : errno) }
            written += count
        }
        return nil
    }
}

/// Appends numbers and strings as sections hold them.
struct ByteWriter {
    var bytes: [UInt8] = []

    mutating func append(_ number: UInt64) {
        withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func append(_ number: UInt32) {
        withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func append(_ number: Int64) { append(UInt64(bitPattern: number)) }

    /// Seven bits a byte, the lowest first: small numbers take one.
    mutating func append(small number: Int) {
        var rest = UInt64(bitPattern: Int64(number))
        while rest >= 0x80 {
            bytes.append(UInt8(rest & 0x7F) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    mutating func append(_ text: [UInt8]) {
        append(small: text.count)
        bytes += text
    }

    mutating func append(_ text: String) {
        append(small: text.utf8.count)
        bytes += text.utf8
    }

    mutating func append(_ flag: Bool) { bytes.append(flag ? 1 : 0) }

    mutating func append(_ status: FileStatus) {
        append(status.device)
        append(status.inode)
        append(status.size)
        append(status.modified)
        append(status.changed)
    }

    mutating func append(_ value: SHA256Value) { value.withBytes { bytes.append(contentsOf: $0) } }
}

/// Reads what `ByteWriter` wrote. Past the end, which a checked file never has it read, everything is zero or empty.
struct ByteReader {
    private let bytes: UnsafeRawBufferPointer
    private(set) var offset: Int

    init(_ bytes: UnsafeRawBufferPointer, at offset: Int = 0) {
        self.bytes = bytes
        self.offset = offset
    }

    var isAtEnd: Bool { offset >= bytes.count }

    mutating func byte() -> UInt8 {
        guard offset < bytes.count else { return 0 }
        defer { offset += 1 }
        return bytes[offset]
    }

    mutating func number() -> UInt64 {
        guard offset + 8 <= bytes.count else { return 0 }
        defer { offset += 8 }
        return UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    mutating func signed() -> Int64 { Int64(bitPattern: number()) }

    mutating func small() -> Int {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while shift < 64 {
            let next = byte()
            value |= UInt64(next & 0x7F) << shift
            if next < 0x80 { break }
            shift += 7
        }
        return Int(truncatingIfNeeded: value)
    }

    /// Valid as long as the file is mapped.
    mutating func raw() -> UnsafeRawBufferPointer {
        let length = small()
        guard length > 0, length <= bytes.count - offset else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        defer { offset += length }
        return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + length])
    }

    mutating func text() -> [UInt8] { Array(raw()) }

    mutating func string() -> String { String(decoding: raw(), as: UTF8.self) }

    mutating func path() -> BytePath { BytePath(bytes: text()) }

    mutating func flag() -> Bool { byte() != 0 }

    mutating func status() -> FileStatus {
        FileStatus(device: number(), inode: number(), size: signed(), modified: signed(), changed: signed())
    }

    mutating func value() -> SHA256Value {
        guard offset + 32 <= bytes.count else { return SHA256Value(words: (0, 0, 0, 0)) }
        func word(_ place: Int) -> UInt64 {
            UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset + 8 * place, as: UInt64.self))
        }
        defer { offset += 32 }
        return SHA256Value(words: (word(0), word(1), word(2), word(3)))
    }
}
