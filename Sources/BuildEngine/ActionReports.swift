// What the reports of an action came to, in the form that is kept with its result: counts, and as much of what went wrong as
// people look at. Does not know files, tools' forms or thresholds.
package import BuildGraph

/// What was measured for a gate.
package struct GateScore: Sendable, Hashable {
    package let metric: GateMetric
    /// The report, relative to the workspace's root.
    package let file: BytePath
    package let value: Double
    /// Of what `lint` counted, in the order of the report: by what each is known again in another run.
    package let identities: [FindingIdentity]

    package init(metric: GateMetric, file: BytePath, value: Double, identities: [FindingIdentity] = []) {
        self.metric = metric
        self.file = file
        self.value = value
        self.identities = identities
    }
}

/// The reports of one run of an action.
package struct ActionReports: Sendable, Hashable {
    /// Findings and failures that are kept; further ones are counted alone.
    package static let kept = 500

    /// Nil where nothing reports tests.
    package var tests: TestTally?
    /// In the order of the reports.
    package var failures: [TestFailure] = []
    /// How many findings there are; nil where nothing reports findings.
    package var findingCount: Int?
    package var findings: [Finding] = []
    package var suppressed = 0
    package var scores: [GateScore] = []

    package init() {}

    package var isEmpty: Bool { tests == nil && findingCount == nil && scores.isEmpty }

    /// `12 tests, 1 failed, 2 skipped; 3 findings; mutation 81.25`; empty where there is nothing to tell.
    package var summary: String {
        var parts: [String] = []
        if let tests {
            var words = [Self.count(tests.total, "test")]
            if tests.failed + tests.errors > 0 { words.append("\(tests.failed + tests.errors) failed") }
            if tests.skipped > 0 { words.append("\(tests.skipped) skipped") }
            parts.append(words.joined(separator: ", "))
        }
        if let findingCount {
            parts.append(
                Self.count(findingCount, "finding") + (suppressed > 0 ? " (\(suppressed) suppressed)" : ""))
        }
        parts += scores.filter { $0.metric != .lint }.map {
            "\($0.metric.rawValue) \(shownNumber($0.value))" + ($0.metric == .coverage ? " %" : "")
        }
        return parts.joined(separator: "; ")
    }

    private static func count(_ number: Int, _ what: String) -> String {
        number == 1 ? "1 \(what)" : "\(number) \(what)s"
    }
}

// MARK: - As bytes

extension ActionReports {
    /// For `ActionRecord`; read back by `init(reading:)` alone.
    func write(to writer: inout PackedWriter) {
        writer.add(tests == nil ? 0 : 1)
        for count in [tests?.passed, tests?.failed, tests?.errors, tests?.skipped] { writer.add(count ?? 0) }
        writer.add(failures.count)
        for failure in failures {
            for text in [failure.suite, failure.name, failure.message, failure.detail] { writer.add(Array(text.utf8)) }
            Self.write(failure.file, failure.line, to: &writer)
            writer.add(failure.isError ? 1 : 0)
        }
        writer.add(findingCount ?? -1)
        writer.add(suppressed)
        writer.add(findings.count)
        for finding in findings {
            writer.add(Array(finding.rule.utf8))
            writer.add(Array(finding.message.utf8))
            writer.add(Int(finding.level.rawValue))
            Self.write(finding.file, finding.line, to: &writer)
        }
        writer.add(scores.count)
        for score in scores {
            writer.add(Array(score.metric.rawValue.utf8))
            writer.add(score.file.bytes)
            writer.add(Int(bitPattern: UInt(score.value.bitPattern)))
            writer.add(score.identities.count)
            for identity in score.identities {
                writer.add(identity.byFingerprint == nil ? 0 : 1)
                for value in [identity.byFingerprint ?? identity.byLine, identity.byLine] {
                    writer.add(Int(bitPattern: UInt(value.high)))
                    writer.add(Int(bitPattern: UInt(value.low)))
                }
            }
        }
    }

    private static func write(_ file: BytePath?, _ line: Int?, to writer: inout PackedWriter) {
        writer.add(file?.bytes ?? [])
        writer.add(line ?? 0)
    }

    /// Nil for anything that `write` did not make.
    init?(reading reader: inout PackedReader) {
        guard let hasTests = reader.number(), let passed = reader.number(), let failed = reader.number(),
            let errors = reader.number(), let skipped = reader.number(),
            let failures = reader.list({ TestFailure(reading: &$0) }), let findingCount = reader.number(),
            let suppressed = reader.number(), let findings = reader.list({ Finding(reading: &$0) }),
            let scores = reader.list({ GateScore(reading: &$0) })
        else { return nil }
        tests =
            hasTests == 0 ? nil : TestTally(passed: passed, failed: failed, errors: errors, skipped: skipped)
        self.failures = failures
        self.findingCount = findingCount < 0 ? nil : findingCount
        self.suppressed = suppressed
        self.findings = findings
        self.scores = scores
    }
}

extension PackedReader {
    fileprivate mutating func list<Element>(_ element: (inout PackedReader) -> Element?) -> [Element]? {
        guard let count = number(), count >= 0, count <= rest.count else { return nil }
        var elements: [Element] = []
        for _ in 0..<count {
            guard let next = element(&self) else { return nil }
            elements.append(next)
        }
        return elements
    }

    fileprivate mutating func text() -> String? { field().map { String(decoding: $0, as: UTF8.self) } }

    fileprivate mutating func place() -> (file: BytePath?, line: Int?)? {
        guard let file = field(), let line = number() else { return nil }
        return (file.isEmpty ? nil : BytePath(bytes: Array(file)), line > 0 ? line : nil)
    }

    fileprivate mutating func fingerprint() -> Fingerprint? {
        guard let high = number(), let low = number() else { return nil }
        return Fingerprint(high: UInt64(UInt(bitPattern: high)), low: UInt64(UInt(bitPattern: low)))
    }
}

extension TestFailure {
    fileprivate init?(reading reader: inout PackedReader) {
        guard let suite = reader.text(), let name = reader.text(), let message = reader.text(),
            let detail = reader.text(), let place = reader.place(), let isError = reader.number()
        else { return nil }
        self.init(
            suite: suite, name: name, message: message, detail: detail, file: place.file, line: place.line,
            isError: isError != 0)
    }
}

extension Finding {
    fileprivate init?(reading reader: inout PackedReader) {
        guard let rule = reader.text(), let message = reader.text(),
            let level = reader.number().flatMap({ UInt8(exactly: $0) }).flatMap(Level.init), let place = reader.place()
        else { return nil }
        self.init(rule: rule, level: level, message: message, file: place.file, line: place.line)
    }
}

extension GateScore {
    fileprivate init?(reading reader: inout PackedReader) {
        guard let metric = reader.text().flatMap(GateMetric.init), let file = reader.field(),
            let bits = reader.number(),
            let identities = reader.list({ FindingIdentity(reading: &$0) })
        else { return nil }
        self.init(
            metric: metric, file: BytePath(bytes: Array(file)),
            value: Double(bitPattern: UInt64(UInt(bitPattern: bits))), identities: identities)
    }
}

extension FindingIdentity {
    fileprivate init?(reading reader: inout PackedReader) {
        guard let hasFingerprint = reader.number(), let first = reader.fingerprint(), let line = reader.fingerprint()
        else { return nil }
        self.init(byFingerprint: hasFingerprint == 0 ? nil : first, byLine: line)
    }
}
