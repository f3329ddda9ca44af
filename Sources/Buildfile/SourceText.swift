import Synchronization

/// One text that diagnostics can point into: a Buildfile, a Dockerfile, or a command line.
///
/// Knows bytes and lines. Does not know what the text means, nor where on a disk it came from.
package final class SourceText: Sendable {
    /// What people call the text: a path relative to the workspace, or `command line`.
    package let name: String
    package let bytes: [UInt8]
    /// The offset of each line's first byte; found once, when the first diagnostic asks.
    private let lineStartCache = Mutex<[Int]?>(nil)

    package init(name: String, bytes: [UInt8]) {
        self.name = name
        self.bytes = bytes
    }

    package convenience init(name: String, text: String) {
        self.init(name: name, bytes: Array(text.utf8))
    }

    /// True where the text begins with a UTF-8 byte order mark, which is no part of its first line.
    package var hasByteOrderMark: Bool { bytes.starts(with: [0xEF, 0xBB, 0xBF]) }

    /// The 1-based number of the line that holds the byte at `offset`, and the line's bytes without its line end.
    ///
    /// An offset beyond the text belongs to the last line. Takes logarithmic time after the first call.
    package func line(at offset: Int) -> (number: Int, range: Range<Int>) {
        let starts = lineStarts
        var low = 0
        var high = starts.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if starts[middle] <= offset { low = middle } else { high = middle }
        }
        let start = starts[low]
        var end = low + 1 < starts.count ? starts[low + 1] - 1 : bytes.count
        if end > start, bytes[end - 1] == UInt8(ascii: "\r") { end -= 1 }
        return (low + 1, start..<max(start, end))
    }

    private var lineStarts: [Int] {
        lineStartCache.withLock { cache in
            if let cache { return cache }
            var starts = [hasByteOrderMark ? 3 : 0]
            for (index, byte) in bytes.enumerated() where byte == UInt8(ascii: "\n") {
                starts.append(index + 1)
            }
            cache = starts
            return starts
        }
    }
}

/// A range of bytes in a `SourceText`; line and column are computed only when a diagnostic is shown.
package struct SourceSpan: Sendable, Hashable {
    package let source: SourceText
    // There are as many spans as words in all Buildfiles.
    private let start: UInt32
    private let count: UInt32

    /// Byte offset of the first byte.
    package var offset: Int { Int(start) }
    /// Number of bytes; 0 points between two bytes.
    package var length: Int { Int(count) }

    /// A span that ends beyond 4 GiB ends there.
    package init(_ source: SourceText, offset: Int, length: Int) {
        self.source = source
        start = UInt32(clamping: offset)
        count = UInt32(clamping: length)
    }

    package static func == (left: SourceSpan, right: SourceSpan) -> Bool {
        left.source === right.source && left.start == right.start && left.count == right.count
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(ObjectIdentifier(source))
        hasher.combine(start)
        hasher.combine(count)
    }

    /// The 1-based line and column (in bytes) of the first byte.
    package var lineAndColumn: (line: Int, column: Int) {
        let line = source.line(at: offset)
        return (line.number, max(0, offset - line.range.lowerBound) + 1)
    }
}
