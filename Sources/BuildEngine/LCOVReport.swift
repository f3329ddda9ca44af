// Line coverage as `lcov` writes it (geninfo(1), "TRACE FILE FORMAT"): lines `TAG:VALUES`, a record for each source file.

enum LCOVReport {
    static func tally(_ report: ReportBytes) throws(ReportError) -> LineTally {
        var reading = Reading()
        var start = report.start
        while start < report.bytes.count {
            let end = report.bytes[start...].firstIndex(of: UInt8(ascii: "\n")) ?? report.bytes.count
            var line = report.bytes[start..<end]
            if line.last == UInt8(ascii: "\r") { line = line.dropLast() }
            try reading.take(line, at: start)
            start = end + 1
        }
        if reading.isOpen { throw ReportError("the report ends within a record", at: report.bytes.count) }
        if reading.total.found == 0 {
            throw ReportError("the report names no line: it is not coverage.py's JSON, Cobertura or LCOV")
        }
        return reading.total
    }

    private struct Reading {
        var total = LineTally()
        var isOpen = false
        /// A record that gives no LF and LH is counted line by line.
        var found: Int?
        var hit: Int?
        var lines = LineTally()

        mutating func take(_ line: ArraySlice<UInt8>, at offset: Int) throws(ReportError) {
            func value(_ tag: String) -> ArraySlice<UInt8>? {
                line.starts(with: tag.utf8) ? line.dropFirst(tag.utf8.count) : nil
            }
            if value("SF:") != nil {
                if isOpen { throw ReportError("the report has a record without an end", at: offset) }
                (isOpen, found, hit, lines) = (true, nil, nil, LineTally())
            } else if let text = value("LF:") {
                found = try count(text, at: offset)
            } else if let text = value("LH:") {
                hit = try count(text, at: offset)
            } else if let text = value("DA:") {
                let fields = text.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
                guard fields.count >= 2 else {
                    throw ReportError("the report has a 'DA' line without a count", at: offset)
                }
                lines.found += 1
                lines.hit += try count(fields[1], at: offset) > 0 ? 1 : 0
            } else if line.elementsEqual("end_of_record".utf8) {
                if !isOpen { throw ReportError("the report has the end of a record that did not begin", at: offset) }
                isOpen = false
                total.found += found ?? lines.found
                total.hit += hit ?? lines.hit
            }
        }

        private func count(_ text: ArraySlice<UInt8>, at offset: Int) throws(ReportError) -> Int {
            guard let value = Int(String(decoding: text, as: UTF8.self)), value >= 0, value < 1 << 40 else {
                throw ReportError("the report has a count that is no number", at: offset)
            }
            return value
        }
    }
}
