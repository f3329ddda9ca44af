// Events read back from the lines of a log. Nothing in a log is believed: what does not have the form is passed over, as a line
// that was cut off is.
package import BuildEngine
package import BuildGraph
import Buildfile

/// What a line of a log tells.
package enum LogLine: Sendable {
    case heading(RunHeading)
    case event(RecordedEvent)
    /// Targets that were as the last run left them: how many, and as many of them as are named.
    case upToDate(count: Int, [(label: Label, saved: Duration)], at: Duration)
    /// Written by a later version, whose logs this one does not read.
    case newer(version: Int)
    /// An event that only a later version knows, in a log that this one reads.
    case unknown

    /// Nil for what is no line of a log.
    package init?(_ bytes: some Collection<UInt8>) {
        guard let json = try? JSONValue.parse(Array(bytes)), let kind = json.member("event")?.text else { return nil }
        if kind == "run" {
            guard let version = json.number("schema") else { return nil }
            guard version <= EventForm.version else {
                self = .newer(version: version)
                return
            }
            guard let heading = RunHeading(json) else { return nil }
            self = .heading(heading)
            return
        }
        guard kind == "up-to-date" || Event.kinds.contains(kind) else {
            self = .unknown
            return
        }
        guard let at = json.duration("at") else { return nil }
        if kind == "up-to-date" {
            guard let count = json.number("count"), count >= 0 else { return nil }
            let targets = (json.member("targets")?.elements ?? []).compactMap {
                pair -> (label: Label, saved: Duration)? in
                guard let elements = pair.elements, elements.count == 2, let label = elements[0].label,
                    let saved = elements[1].whole
                else { return nil }
                return (label, .microseconds(saved))
            }
            self = .upToDate(count: max(count, targets.count), targets, at: at)
            return
        }
        guard let event = Event(kind, json, at: at) else { return nil }
        self = .event(RecordedEvent(at: at, event))
    }
}

extension RunHeading {
    fileprivate init?(_ json: JSONValue) {
        guard let id = json.member("id")?.text, Self.isID(id), let time = json.number("time"), time >= 0 else {
            return nil
        }
        self.init(
            id: id, time: time, program: json.text("program"),
            asked: (json.member("asked")?.elements ?? []).compactMap(\.text), commit: json.member("commit")?.text,
            branch: json.member("branch")?.text)
        page = json.member("page")?.text
    }
}

extension Event {
    /// Instants of events that are read count from this one.
    package static let epoch = ContinuousClock.now

    fileprivate static let kinds: Set<String> = ["started", "begun", "ended", "notice", "interrupted", "finished"]

    fileprivate init?(_ kind: String, _ json: JSONValue, at: Duration) {
        switch kind {
        case "started":
            self = .runStarted(
                RunStart(
                    targets: json.number("targets") ?? 0, jobs: json.number("jobs") ?? 1,
                    estimate: json.duration("estimate"), coldCache: json.flag("cold"), sandbox: json.flag("sandbox")))
        case "begun":
            guard let label = json.label("label") else { return nil }
            self = .targetStarted(label, at: Event.epoch + at)
        case "ended":
            guard let report = TargetReport(json) else { return nil }
            self = .targetFinished(report)
        case "notice":
            guard let diagnostic = json.member("diagnostic").flatMap({ Diagnostic($0) }) else { return nil }
            self = .notice(diagnostic)
        case "interrupted":
            self = .interrupted(signal: Int32(clamping: json.number("signal") ?? 0))
        case "finished":
            var summary = RunSummary()
            summary.ran = json.number("ran") ?? 0
            summary.cached = json.number("cached") ?? 0
            summary.failed = json.number("failed") ?? 0
            summary.skipped = json.number("skipped") ?? 0
            summary.duration = json.duration("duration") ?? .zero
            summary.saved = json.duration("saved") ?? .zero
            summary.exitCode = ExitCode(rawValue: Int32(clamping: json.number("exit") ?? 0))
            self = .runFinished(summary)
        default: return nil
        }
    }
}

extension TargetReport {
    fileprivate init?(_ json: JSONValue) {
        guard let label = json.label("label"), let hash = json.member("hash")?.text.flatMap({ SHA256Value(hex: $0) }),
            let outcome = Outcome(json)
        else { return nil }
        var verified: (terms: Int, of: Int)?
        if let pair = json.member("verified")?.elements?.compactMap(\.whole), pair.count == 2 {
            verified = (pair[0], pair[1])
        }
        self.init(
            label: label, inputHash: InputHash(hash), outcome: outcome, duration: json.duration("duration") ?? .zero,
            saved: json.duration("saved") ?? .zero, output: Self.output(json),
            image: json.member("image")?.text, imageDigest: json.member("digest")?.text, isCheck: json.flag("check"),
            verified: verified)
        reports = json.member("reports").map { ActionReports($0) }
        waitedFor = (json.member("waited")?.elements ?? []).compactMap(\.label)
        changes = (json.member("changes")?.elements ?? []).compactMap { change in
            change.member("kind")?.text.flatMap(Change.Kind.init).map { Change($0, BytePath(change.text("subject"))) }
        }
        outputSize = json.number("size")
    }

    private static func output(_ json: JSONValue) -> [UInt8] {
        let text = Array(json.text("output").utf8)
        guard let cut = json.number("cut") else { return text }
        return Array("[the first \(cut) bytes are left out]\n".utf8) + text
    }
}

extension TargetReport.Outcome {
    fileprivate init?(_ json: JSONValue) {
        switch json.text("outcome") {
        case "ran": self = .ran(Reason(word: json.text("reason")))
        case "cached": self = .cached(restored: json.flag("restored"))
        case "failed":
            guard let failure = json.member("failure"),
                let diagnostic = failure.member("diagnostic").flatMap({ Diagnostic($0) })
            else { return nil }
            self = .failed(
                ActionFailure(
                    kind: ActionFailure.Kind(rawValue: failure.text("kind")) ?? .failed, diagnostic: diagnostic,
                    exitCode: failure.number("exit").map { Int32(clamping: $0) }))
        case "skipped": self = .skipped(because: json.label("because"))
        case "not-started": self = .notStarted
        default: return nil
        }
    }
}

extension Reason {
    fileprivate init(word: String) {
        self = [.lostOutputs, .lostImage, .changedSecret, .forced, .uncached].first { $0.word == word } ?? .noResult
    }
}

extension Diagnostic {
    fileprivate init?(_ json: JSONValue) {
        guard let severity = json.member("severity")?.text.flatMap(Severity.init) else { return nil }
        let notes = (json.member("notes")?.elements ?? []).map { note in
            Note(note.text("message"), at: note.member("place").flatMap { SourceSpan($0) })
        }
        self.init(
            DiagnosticCode(rawValue: json.text("code")) ?? .internalError, severity, json.text("message"),
            at: json.member("place").flatMap { SourceSpan($0) }, notes: notes, hint: json.member("hint")?.text)
    }
}

extension SourceSpan {
    /// In a text that has nothing but that line, at its place.
    fileprivate init?(_ json: JSONValue) {
        guard let line = json.number("line"), (1...1_000_000).contains(line), let column = json.number("column"),
            let length = json.number("length")
        else { return nil }
        let text = Array(json.text("text").utf8.prefix(1000)).filter { $0 != UInt8(ascii: "\n") }
        let source = SourceText(
            name: json.text("file"), bytes: Array(repeating: UInt8(ascii: "\n"), count: line - 1) + text)
        let start = min(max(0, column - 1), text.count)
        self.init(source, offset: line - 1 + start, length: min(max(0, length), text.count - start))
    }
}

extension ActionReports {
    fileprivate init(_ json: JSONValue) {
        self.init()
        if let tests = json.member("tests") {
            self.tests = TestTally(
                passed: tests.number("passed") ?? 0, failed: tests.number("failed") ?? 0,
                errors: tests.number("errors") ?? 0, skipped: tests.number("skipped") ?? 0)
        }
        failures = (json.member("failures")?.elements ?? []).map { failure in
            TestFailure(
                suite: failure.text("suite"), name: failure.text("name"), message: failure.text("message"),
                detail: failure.text("detail"), file: failure.member("file")?.text.map { BytePath($0) },
                line: failure.number("line"), isError: failure.flag("error"))
        }
        findingCount = json.number("findings")
        suppressed = json.number("suppressed") ?? 0
        findings = (json.member("found")?.elements ?? []).map { finding in
            Finding(
                rule: finding.text("rule"),
                level: Finding.Level.allCases.first { $0.name == finding.text("level") } ?? .warning,
                message: finding.text("message"), file: finding.member("file")?.text.map { BytePath($0) },
                line: finding.number("line"))
        }
        scores = (json.member("scores")?.elements ?? []).compactMap { score in
            guard let metric = GateMetric(rawValue: score.text("metric")), let value = score.member("value")?.numeric
            else { return nil }
            return GateScore(metric: metric, file: BytePath(score.text("file")), value: value)
        }
    }
}

extension JSONValue {
    /// A whole number that fits; nil for anything else.
    fileprivate var whole: Int? { if case .number(let value) = self { value } else { nil } }
    fileprivate var label: Label? { text.flatMap { Label(parsing: Array($0.utf8)) } }

    fileprivate func number(_ name: String) -> Int? { member(name)?.whole }
    fileprivate func text(_ name: String) -> String { member(name)?.text ?? "" }
    fileprivate func flag(_ name: String) -> Bool { member(name) == .bool(true) }
    fileprivate func label(_ name: String) -> Label? { member(name)?.label }
    /// Of whole microseconds, none below zero.
    fileprivate func duration(_ name: String) -> Duration? { number(name).map { .microseconds(max(0, $0)) } }
}
