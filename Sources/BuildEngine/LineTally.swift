// How many lines of a program its tests run. Does not know how a report says so.

struct LineTally: Sendable, Hashable {
    var found = 0
    var hit = 0

    /// Hit / found × 100. Throws where there is no line: that is no number, and proves nothing.
    func percent() throws(ReportError) -> Double {
        if found == 0 { throw ReportError("the report names no line, so there is no percentage") }
        return try LineTally.checked(Double(hit) / Double(found) * 100)
    }

    /// A percentage as a tool tells it.
    static func checked(_ value: Double, at offset: Int? = nil) throws(ReportError) -> Double {
        guard value >= 0, value <= 100 else {
            throw ReportError("the report's line coverage is not between 0 and 100", at: offset)
        }
        return value
    }
}
