// Findings as a JSON array, the form that linters write where they know no SARIF. Reads the members that most of them have;
// an element it knows nothing about is a finding all the same.
import BuildGraph

enum FindingList {
    /// Each element is a finding. ESLint's elements are files that hold them.
    static func findings(_ list: JSONTree) throws(ReportError) -> [Finding] {
        guard let elements = list.elements else { throw ReportError("this is no array", at: list.range.lowerBound) }
        var findings: [Finding] = []
        for element in elements {
            if let messages = element.member("messages")?.elements, let file = element.member("filePath")?.text {
                findings += messages.map { finding($0, file: file) }
            } else {
                findings.append(finding(element, file: nil))
            }
            if findings.count > 100_000 {
                throw ReportError("the report has more than 100000 findings", at: element.range.lowerBound)
            }
        }
        return findings
    }

    private static func finding(_ element: JSONTree, file: String?) -> Finding {
        func text(_ names: String...) -> String? { names.lazy.compactMap { element.member($0)?.text }.first }
        let line =
            element.member("line")?.whole ?? element.member("location")?.member("row")?.whole
            ?? element.member("location")?.member("lines")?.member("begin")?.whole
        let level: Finding.Level =
            switch (text("severity", "level", "type"), element.member("severity")?.whole) {
            case ("error"?, _), ("critical"?, _), ("blocker"?, _), (_, 2?): .error
            case ("info"?, _), ("note"?, _), ("convention"?, _), ("refactor"?, _): .note
            default: .warning
            }
        let path = file ?? text("filename", "path", "file") ?? element.member("location")?.member("path")?.text
        return Finding(
            rule: (text("code", "ruleId", "rule", "check_name", "symbol") ?? "").bounded(200), level: level,
            message: (text("message", "description") ?? "").bounded(500),
            file: path.flatMap { $0.isEmpty || $0.utf8.contains(0) ? nil : BytePath($0) },
            line: line.flatMap { $0 > 0 ? $0 : nil }, fingerprint: text("fingerprint"))
    }
}
