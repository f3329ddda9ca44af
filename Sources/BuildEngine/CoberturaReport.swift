// Line coverage as Cobertura writes it in XML, and coverage.py, gcovr, coverlet and many more after it.

enum CoberturaReport {
    /// Of the root's counts where it has them, since its rate is rounded; else of its rate; else of all lines below it.
    static func percent(_ bytes: [UInt8]) throws(ReportError) -> Double {
        var reader = XMLReader(bytes, .report)
        do throws(XMLError) {
            guard case .start(let root)? = try reader.next() else { throw XMLError("there is no element", at: 0) }
            guard root.name == "coverage" else {
                throw XMLError("<\(root.name)> is no Cobertura report", expected: "<coverage>", at: root.offset)
            }
            let lines = try lines(&reader)
            // All of it was read: what is cut off in the middle says nothing.
            return try percent(root, lines).get()
        } catch {
            throw ReportError(error)
        }
    }

    /// The `line` elements below the root's classes; those of methods are among their class's.
    private static func lines(_ reader: inout XMLReader) throws(XMLError) -> LineTally {
        var tally = LineTally()
        var path: [String] = []
        while let event = try reader.next() {
            switch event {
            case .text: break
            case .end: _ = path.popLast()
            case .start(let start):
                path.append(start.name)
                guard start.name == "line", !path.contains("method"), let hits = start["hits"] else { continue }
                guard let count = Double(hits), count >= 0 else {
                    throw XMLError("'hits' is no count", at: start.offset)
                }
                tally.found += 1
                if count > 0 { tally.hit += 1 }
            }
        }
        return tally
    }

    private static func percent(_ root: XMLStart, _ lines: LineTally) -> Result<Double, XMLError> {
        func failure(_ message: String) -> Result<Double, XMLError> { .failure(XMLError(message, at: root.offset)) }
        if let valid = root["lines-valid"], let covered = root["lines-covered"] {
            guard let found = Int(valid), let hit = Int(covered), found >= 0, hit >= 0, hit <= found else {
                return failure("'lines-covered' and 'lines-valid' are no counts")
            }
            if found == 0 { return failure("the report names no line, so there is no percentage") }
            return .success(Double(hit) / Double(found) * 100)
        }
        if let text = root["line-rate"] {
            guard let rate = Double(text), rate >= 0, rate <= 1 else {
                return failure("the report's 'line-rate' is not between 0 and 1")
            }
            return .success(rate * 100)
        }
        if lines.found == 0 { return failure("the report names no line, so there is no percentage") }
        return .success(Double(lines.hit) / Double(lines.found) * 100)
    }
}
