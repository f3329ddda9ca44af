// A report of mutants cut up by the files that they are in, so that one can be made of two. Knows the forms that tell
// files: the mutation testing report schema, mutmut's `junitxml` and `cosmic-ray dump`. Bytes of a part stay as they were written.
import BuildGraph

/// A report of mutants and its parts.
struct MutationParts: Sendable {
    /// What is said of one file, or a line or a test of it.
    private struct Part: Sendable {
        let file: String
        let bytes: ArraySlice<UInt8>
    }

    private enum Form: Sendable, Equatable {
        case schema, mutmut, cosmicRay
    }

    private let bytes: [UInt8]
    private let form: Form
    private let parts: [Part]
    /// Where parts go: they replace these bytes.
    private let place: Range<Int>

    /// Throws for a report that is damaged, and for a form that tells of no files.
    init(_ bytes: [UInt8]) throws(ReportError) {
        let report = try ReportBytes(bytes)
        self.bytes = bytes
        switch report.first {
        case UInt8(ascii: "<"): (form, parts, place) = (.mutmut, try Self.tests(bytes), try Self.suiteEnd(bytes))
        case UInt8(ascii: "["): (form, parts, place) = (.cosmicRay, try Self.lines(report), 0..<bytes.count)
        default:
            guard let files = try report.json().member("files"), let members = files.members else {
                throw ReportError("the report does not tell which file a mutant is in, so nothing can be put into it")
            }
            form = .schema
            parts = members.map {
                Part(file: $0.name, bytes: bytes[$0.offset..<$0.value.range.upperBound])
            }
            place = files.range
        }
    }

    /// The files that it tells of, as it calls them.
    var files: Set<String> { Set(parts.map(\.file)) }

    /// This report with those parts of `other` that `isWanted`, asked with a file's name, and whose file it does not tell of
    /// itself. Throws where the two are not of one form.
    func adding(_ other: MutationParts, where isWanted: (String) -> Bool) throws(ReportError) -> [UInt8] {
        guard form == other.form else { throw ReportError("the report has another form than the base's") }
        let own = files
        let taken = other.parts.filter { !own.contains($0.file) && isWanted($0.file) }
        if taken.isEmpty { return bytes }
        switch form {
        case .schema:
            // In one order, whichever of the two a part is from.
            let all = (parts + taken).sorted { $0.file.utf8.lexicographicallyPrecedes($1.file.utf8) }
            return bytes[..<place.lowerBound] + Array("{".utf8) + all.map { Array($0.bytes) }.joined(separator: [0x2C])
                + Array("}".utf8) + bytes[place.upperBound...]
        case .mutmut:
            return bytes[..<place.lowerBound] + taken.flatMap { Array($0.bytes) + [0x0A] } + bytes[place.upperBound...]
        case .cosmicRay:
            let end: [UInt8] = bytes.last == 0x0A ? [] : [0x0A]
            return bytes + end + taken.flatMap { Array($0.bytes) + [0x0A] }
        }
    }

    // MARK: mutmut

    private static func tests(_ bytes: [UInt8]) throws(ReportError) -> [Part] {
        var parts: [Part] = []
        var reader = XMLReader(bytes, .report)
        do throws(XMLError) {
            while let event = try reader.next() {
                guard case .start(let start) = event, start.name == "testcase" else { continue }
                guard let file = start["file"] else {
                    throw XMLError("the test tells no file, so nothing can be put into the report", at: start.offset)
                }
                try reader.skipElement()
                parts.append(Part(file: file, bytes: bytes[(start.offset - 1)..<reader.position]))
            }
        } catch {
            throw ReportError(error)
        }
        return parts
    }

    /// The place before the end tag of the last suite.
    private static func suiteEnd(_ bytes: [UInt8]) throws(ReportError) -> Range<Int> {
        let wanted = Array("</testsuite>".utf8)
        var offset = bytes.count - wanted.count
        while offset >= 0 {
            if bytes[offset...].starts(with: wanted) { return offset..<offset }
            offset -= 1
        }
        throw ReportError("the report has no suite that tests could be put into")
    }

    // MARK: cosmic-ray

    private static func lines(_ report: ReportBytes) throws(ReportError) -> [Part] {
        var parts: [Part] = []
        var start = report.start
        while start < report.bytes.count {
            let end = report.bytes[start...].firstIndex(of: UInt8(ascii: "\n")) ?? report.bytes.count
            let line = report.bytes[start..<end]
            if line.contains(where: { !$0.isSpace }) {
                guard let item = try? JSONTree.parse(Array(line)).elements?.first,
                    let file =
                        (item.member("module_path")
                        ?? item.member("mutations")?.elements?.first?.member("module_path"))?.text
                else { throw ReportError("the line tells no 'module_path'", at: start) }
                parts.append(Part(file: file, bytes: line))
            }
            start = end + 1
        }
        return parts
    }
}
