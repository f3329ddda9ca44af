// What `cosmic-ray dump` prints: a JSON array `[work item, result or null]` on each line.
import BuildGraph

enum CosmicRayReport {
    /// Throws for a line of another form, and for work that was not done.
    static func tally(_ report: ReportBytes) throws(ReportError) -> MutationTally {
        var tally = MutationTally()
        var start = report.start
        while start < report.bytes.count {
            let end = report.bytes[start...].firstIndex(of: UInt8(ascii: "\n")) ?? report.bytes.count
            let line = Array(report.bytes[start..<end])
            if line.contains(where: { !$0.isSpace }) { try add(line, at: start, to: &tally) }
            start = end + 1
        }
        return tally
    }

    private static func add(_ line: [UInt8], at start: Int, to tally: inout MutationTally) throws(ReportError) {
        let pair: [JSONTree]?
        do throws(JSONError) {
            pair = try JSONTree.parse(line).elements
        } catch {
            throw ReportError(JSONError(error.kind, at: start + error.offset))
        }
        guard let pair, pair.count == 2, pair[0].member("job_id") != nil else {
            throw ReportError("the line is no work item of 'cosmic-ray dump' with its result", at: start)
        }
        if pair[1].isNull {
            throw ReportError("the report has a mutant that was not tried: the run did not finish", at: start)
        }
        switch (pair[1].member("worker_outcome")?.text, pair[1].member("test_outcome")?.text) {
        case ("normal"?, "killed"?): tally.detected += 1
        case ("normal"?, "survived"?): tally.undetected += 1
        // It could not be run at all.
        case (_, "incompetent"?), ("no-test"?, _), ("skipped"?, _): tally.ignored += 1
        case (let worker, let outcome):
            throw ReportError(
                "the report has a mutant that ended as '\(BytePath(outcome ?? worker ?? "nothing").shown)'", at: start)
        }
    }
}
