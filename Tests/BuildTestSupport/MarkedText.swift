package import Buildfile

/// A text whose `⟦` and `⟧` mark places: tests say where a diagnostic points by showing it.
package struct MarkedText {
    /// The text without its marks.
    package let bytes: [UInt8]
    /// The marked ranges, in the order in which they begin. An unclosed mark reaches to the end.
    package let ranges: [Range<Int>]

    package init(_ marked: String) {
        var bytes: [UInt8] = []
        var open: [Int] = []
        var ranges: [(start: Int, end: Int?)] = []
        for scalar in marked.unicodeScalars {
            switch scalar {
            case "⟦":
                open.append(ranges.count)
                ranges.append((bytes.count, nil))
            case "⟧":
                if let index = open.popLast() { ranges[index].end = bytes.count }
            default: bytes.append(contentsOf: String(Character(scalar)).utf8)
            }
        }
        self.bytes = bytes
        self.ranges = ranges.map { $0.start..<($0.end ?? bytes.count) }
    }

    package func source(named name: String = "Buildfile") -> SourceText { SourceText(name: name, bytes: bytes) }
}
