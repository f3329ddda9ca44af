// Findings as GitLab's code quality report (a part of Code Climate's form). Does not know where it is written.
package import BuildEngine
package import BuildGraph

/// Collects the findings of a run.
package struct CodeQuality: Sendable {
    private var findings: [Finding] = []
    private let prefix: BytePath

    /// `prefix` is the workspace as seen from the top of the repository, from where GitLab names files.
    package init(below prefix: BytePath = .root) { self.prefix = prefix }

    package mutating func receive(_ report: TargetReport) { findings += report.reports?.findings ?? [] }

    /// A JSON array; findings in no file, which GitLab cannot show, are left out. Two equal findings have two fingerprints.
    package var json: JSONValue {
        var seen: [Digest: Int] = [:]
        return .array(
            findings.compactMap { finding in
                guard let file = finding.file, !file.isAbsolute else { return nil }
                var name = Digest.of(Array("\(finding.rule)\n\(file.shown)\n\(finding.message)".utf8))
                seen[name, default: 0] += 1
                if let number = seen[name], number > 1 { name = Digest.of(Array("\(name.hash.hex) \(number)".utf8)) }
                return .object([
                    ("description", .string(finding.message)), ("check_name", .string(finding.rule)),
                    ("fingerprint", .string(name.hash.hex)), ("severity", .string(Self.severity(finding.level))),
                    (
                        "location",
                        .object([
                            ("path", .string(prefix.appending(file).shown)),
                            ("lines", .object([("begin", .number(finding.line ?? 1))])),
                        ])
                    ),
                ])
            })
    }

    private static func severity(_ level: Finding.Level) -> String {
        switch level {
        case .note: "info"
        case .warning: "minor"
        case .error: "major"
        }
    }
}
