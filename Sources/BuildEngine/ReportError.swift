// Why a tool's report says nothing that may be believed, and where in it. Does not know which report, nor what follows.
import Buildfile

/// What is wrong with a report.
package struct ReportError: Error, Sendable, Hashable {
    /// One line for people, without the file's name.
    package let message: String
    /// Byte offset of what shows it; nil where it is the report as a whole.
    package let offset: Int?

    /// An error at a byte offset, or of the whole report.
    package init(_ message: String, at offset: Int? = nil) {
        self.message = message
        self.offset = offset
    }

    init(_ error: XMLError) {
        self.init(error.message + (error.expected.map { " (expected \($0))" } ?? ""), at: error.offset)
    }

    init(_ error: JSONError) {
        self.init("the report is no JSON text: \(error.kind.rawValue)", at: error.offset)
    }

    /// `:3:7`, the 1-based line and column (in bytes) in the report's `bytes`; empty where the whole report is meant.
    package func place(in bytes: [UInt8]) -> String {
        guard let offset else { return "" }
        let span = SourceSpan(SourceText(name: "", bytes: bytes), offset: min(offset, bytes.count), length: 0)
        let place = span.lineAndColumn
        return ":\(place.line):\(place.column)"
    }
}

/// The bytes of a report, seen to be of a size that a reader may take on.
struct ReportBytes {
    /// Larger ones are refused: 64 MiB.
    static let limit = 64 << 20

    let bytes: [UInt8]
    /// The offset of the first byte that is no white space and no byte order mark.
    let start: Int

    init(_ bytes: [UInt8]) throws(ReportError) {
        if bytes.count > Self.limit { throw ReportError("the report is larger than \(Self.limit >> 20) MiB") }
        var start = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        while start < bytes.count, bytes[start].isSpace { start += 1 }
        if start == bytes.count { throw ReportError("the report is empty") }
        self.bytes = bytes
        self.start = start
    }

    var first: UInt8 { bytes[start] }

    /// The report as one JSON text, its values' offsets as they are in `bytes`.
    func json() throws(ReportError) -> JSONTree {
        do throws(JSONError) {
            // A byte order mark is no JSON; spaces in its place keep the offsets.
            guard bytes.starts(with: [0xEF, 0xBB, 0xBF]) else { return try JSONTree.parse(bytes) }
            return try JSONTree.parse([0x20, 0x20, 0x20] + bytes.dropFirst(3))
        } catch {
            throw ReportError(error)
        }
    }
}

extension JSONTree {
    /// A number as a `Double`; nil for anything else, and for one that is too large.
    var numeric: Double? {
        guard case .number(let spelling) = content, let value = Double(spelling), value.isFinite else { return nil }
        return value
    }

    /// The value of the member `name`, which has to be an array.
    func list(_ name: String, of what: String) throws(ReportError) -> [JSONTree] {
        guard let value = member(name) else {
            throw ReportError("\(what) has no '\(name)'", at: range.lowerBound)
        }
        guard let elements = value.elements else {
            throw ReportError("'\(name)' of \(what) is no array", at: value.range.lowerBound)
        }
        return elements
    }
}
