/// One text that diagnostics can point into: a Buildfile, a Dockerfile, or a command line.
///
/// Knows bytes and lines. Does not know what the text means, nor where on a disk it came from.
package final class SourceText: Sendable {
    /// What people call the text: a path relative to the workspace, or `command line`.
    package let name: String
    package let bytes: [UInt8]

    package init(name: String, bytes: [UInt8]) {
        self.name = name
        self.bytes = bytes
    }

    package convenience init(name: String, text: String) {
        self.init(name: name, bytes: Array(text.utf8))
    }
}

/// A range of bytes in a `SourceText`; line and column are computed only when a diagnostic is shown.
package struct SourceSpan: Sendable, Hashable {
    package let source: SourceText
    /// Byte offset of the first byte.
    package let offset: Int
    /// Number of bytes; 0 points between two bytes.
    package let length: Int

    package init(_ source: SourceText, offset: Int, length: Int) {
        self.source = source
        self.offset = offset
        self.length = length
    }

    package static func == (left: SourceSpan, right: SourceSpan) -> Bool {
        left.source === right.source && left.offset == right.offset && left.length == right.length
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(ObjectIdentifier(source))
        hasher.combine(offset)
        hasher.combine(length)
    }

    /// The 1-based line and column (in bytes) of the first byte.
    package var lineAndColumn: (line: Int, column: Int) {
        var line = 1
        var lineStart = 0
        for index in 0..<min(offset, source.bytes.count) where source.bytes[index] == UInt8(ascii: "\n") {
            line += 1
            lineStart = index + 1
        }
        return (line, offset - lineStart + 1)
    }
}
