// Events as lines of JSON (docs/schema/event.schema.json). Does not know where the lines go. All durations are whole
// microseconds; bytes that are no UTF-8 are written as U+FFFD.
package import BuildEngine
import BuildGraph
package import Buildfile

/// The form of an event log. A reader takes any version it knows and refuses a newer one.
package enum EventForm {
    /// `schema` of a log's first line; grows when readers of before would misunderstand a log.
    package static let version = 1
    /// Bytes of an action's output that are kept: of one that failed and of one that went well. The end counts more.
    static let failureOutput = 256 * 1024
    static let successOutput = 8 * 1024
    /// Test failures and findings of a target that are written; all are counted.
    static let entries = 100
    /// Targets on which nothing was to do and that are named; further ones are counted.
    static let named = 10_000
}

extension RunHeading {
    /// The first line of a log.
    package var json: JSONValue {
        .object([
            ("event", .string("run")), ("schema", .number(EventForm.version)), ("id", .string(id)),
            ("time", .number(time)), ("program", .string(program)), ("asked", .array(asked.map(JSONValue.string))),
            ("commit", commit.json), ("branch", branch.json), ("page", page.json),
        ])
    }
}

extension RecordedEvent {
    /// The line of the log; nil for what leaves none: a group, which has nothing to run.
    package var json: JSONValue? {
        var members: [(String, JSONValue)] = []
        return visit { members.append(($0, $1)) } ? .object(members) : nil
    }

    /// Appends the line and its newline to `bytes`, and says whether there is one. The same text as that of `json`, for logs
    /// that are written while a run waits.
    func write(to bytes: inout [UInt8]) -> Bool {
        var isFirst = true
        let isWritten = visit { name, value in
            bytes.append(isFirst ? UInt8(ascii: "{") : UInt8(ascii: ","))
            isFirst = false
            JSONValue.write(name, to: &bytes)
            bytes.append(UInt8(ascii: ":"))
            value.write(to: &bytes)
        }
        if isWritten { bytes.append(contentsOf: [UInt8(ascii: "}"), UInt8(ascii: "\n")]) }
        return isWritten
    }

    /// Hands on each member in its order, or none and gives false.
    private func visit(_ take: (String, JSONValue) -> Void) -> Bool {
        func begin(_ kind: String) {
            take("event", .string(kind))
            take("at", .number(at.microseconds))
        }
        switch event {
        case .runStarted(let start):
            begin("started")
            for (name, value) in start.members { take(name, value) }
        case .targetStarted(let label, at: _):
            begin("begun")
            take("label", .string(label.description))
        case .targetFinished(let report):
            if case .nothing = report.outcome { return false }
            begin("ended")
            report.visit(take)
        case .targetsUpToDate(let targets):
            begin("up-to-date")
            let named = targets.lazy.filter { if case .nothing = $0.outcome { false } else { true } }
            take("count", .number(targets.cached))
            let shown = named.prefix(EventForm.named).map {
                JSONValue.array([.string($0.label.description), .number($0.saved.microseconds)])
            }
            take("targets", .array(Array(shown)))
        case .notice(let diagnostic):
            begin("notice")
            take("diagnostic", diagnostic.recorded)
        case .interrupted(let signal):
            begin("interrupted")
            take("signal", .number(Int(signal)))
        case .runFinished(let summary):
            begin("finished")
            for (name, value) in summary.members { take(name, value) }
        }
        return true
    }

    /// One line for many targets that were as the last run left them; the first of them are named.
    /// Appended with its newline, without a tree of values for ten thousand of them.
    static func write(
        upToDate targets: [(label: Label, saved: Duration)], count: Int, at: Duration, to bytes: inout [UInt8]
    ) {
        func add(_ text: String) { bytes.append(contentsOf: text.utf8) }
        add("{\"event\":\"up-to-date\",\"at\":\(at.microseconds),\"count\":\(count),\"targets\":[")
        for (index, target) in targets.enumerated() {
            add(index == 0 ? "[" : ",[")
            JSONValue.write(target.label.description, to: &bytes)
            add(",")
            add(String(target.saved.microseconds))
            add("]")
        }
        add("]}\n")
    }
}

extension RunStart {
    var members: [(String, JSONValue)] {
        [
            ("targets", .number(targets)), ("jobs", .number(jobs)),
            ("estimate", estimate.map { .number($0.microseconds) } ?? .null), ("cold", .bool(coldCache)),
            ("sandbox", .bool(sandbox)),
        ]
    }
}

extension RunSummary {
    var members: [(String, JSONValue)] {
        [
            ("ran", .number(ran)), ("cached", .number(cached)), ("failed", .number(failed)),
            ("skipped", .number(skipped)), ("duration", .number(duration.microseconds)),
            ("saved", .number(saved.microseconds)), ("exit", .number(Int(exitCode.rawValue))),
        ]
    }
}

extension TargetReport {
    /// Everything but the moment.
    var members: [(String, JSONValue)] {
        var members: [(String, JSONValue)] = []
        visit { members.append(($0, $1)) }
        return members
    }

    /// Hands on each member in its order.
    fileprivate func visit(_ take: (String, JSONValue) -> Void) {
        take("label", .string(label.description))
        take("hash", hasHash ? .string(inputHash.hex) : .null)
        take("outcome", .string(word))
        switch outcome {
        case .ran(let reason): take("reason", .string(reason.word))
        case .cached(let restored): take("restored", .bool(restored))
        case .failed(let failure): take("failure", failure.recorded)
        case .skipped(let culprit): take("because", culprit.map { .string($0.description) } ?? .null)
        case .notStarted, .nothing: break
        }
        take("check", .bool(isCheck))
        if duration > .zero { take("duration", .number(duration.microseconds)) }
        if saved > .zero { take("saved", .number(saved.microseconds)) }
        if !waitedFor.isEmpty { take("waited", .array(waitedFor.map { .string($0.description) })) }
        if !changes.isEmpty { take("changes", .array(changes.prefix(EventForm.entries).map(\.recorded))) }
        if let image { take("image", .string(image)) }
        if let imageDigest { take("digest", .string(imageDigest)) }
        if let verified { take("verified", .array([.number(verified.terms), .number(verified.of)])) }
        if let outputSize { take("size", .number(outputSize)) }
        if let reports { take("reports", reports.recorded) }
        visitOutput(take)
    }

    private func visitOutput(_ take: (String, JSONValue) -> Void) {
        var shown = output
        var most = EventForm.successOutput
        if case .failed(let failure) = outcome {
            if shown.isEmpty { shown = failure.output }
            most = EventForm.failureOutput
        }
        if shown.isEmpty { return }
        take("output", .string(String(decoding: shown.suffix(most), as: UTF8.self)))
        if shown.count > most { take("cut", .number(shown.count - most)) }
    }

    /// `ran`, `cached`, `failed`, `skipped` or `not-started`; `nothing` for a group.
    package var word: String {
        switch outcome {
        case .ran: "ran"
        case .cached: "cached"
        case .failed: "failed"
        case .skipped: "skipped"
        case .notStarted: "not-started"
        case .nothing: "nothing"
        }
    }
}

extension Reason {
    /// As logs and documents have it.
    package var word: String {
        switch self {
        case .noResult: "no-result"
        case .lostOutputs: "lost-outputs"
        case .lostImage: "lost-image"
        case .changedSecret: "changed-secret"
        case .forced: "forced"
        case .uncached: "uncached"
        }
    }
}

extension ActionFailure {
    fileprivate var recorded: JSONValue {
        .object([
            ("kind", .string(kind.rawValue)), ("exit", exitCode.map { .number(Int($0)) } ?? .null),
            ("diagnostic", diagnostic.recorded),
        ])
    }
}

extension Change {
    fileprivate var recorded: JSONValue {
        .object([("kind", .string(kind.rawValue)), ("subject", .string(subject.shown))])
    }
}

extension Diagnostic {
    /// With the text of the lines it points to, so that it can be shown again where the file is gone.
    package var recorded: JSONValue {
        var members: [(String, JSONValue)] = [
            ("code", .string(code.rawValue)), ("severity", .string(severity.rawValue)), ("message", .string(message)),
        ]
        if let span { members.append(("place", span.recorded)) }
        if !notes.isEmpty {
            let notes = notes.prefix(EventForm.entries).map { note in
                JSONValue.object(
                    [("message", .string(note.message))] + (note.span.map { [("place", $0.recorded)] } ?? []))
            }
            members.append(("notes", .array(Array(notes))))
        }
        if let hint { members.append(("hint", .string(hint))) }
        return .object(members)
    }
}

extension SourceSpan {
    fileprivate var recorded: JSONValue {
        let line = source.line(at: offset)
        let text = source.bytes[line.range].prefix(1000)
        return .object([
            ("file", .string(source.name)), ("line", .number(line.number)),
            ("column", .number(lineAndColumn.column)), ("length", .number(length)),
            ("text", .string(String(decoding: text, as: UTF8.self))),
        ])
    }
}

extension ActionReports {
    fileprivate var recorded: JSONValue {
        var members: [(String, JSONValue)] = []
        if let tests {
            members.append(
                (
                    "tests",
                    .object([
                        ("passed", .number(tests.passed)), ("failed", .number(tests.failed)),
                        ("errors", .number(tests.errors)), ("skipped", .number(tests.skipped)),
                    ])
                ))
        }
        if !failures.isEmpty {
            members.append(("failures", .array(failures.prefix(EventForm.entries).map(\.recorded))))
        }
        if let findingCount {
            members.append(("findings", .number(findingCount)))
            members.append(("suppressed", .number(suppressed)))
            members.append(("found", .array(findings.prefix(EventForm.entries).map(\.recorded))))
        }
        if !scores.isEmpty {
            members.append(
                (
                    "scores",
                    .array(
                        scores.map { score in
                            .object([
                                ("metric", .string(score.metric.rawValue)), ("file", .string(score.file.shown)),
                                ("value", .double(score.value)),
                            ])
                        })
                ))
        }
        return .object(members)
    }
}

extension TestFailure {
    fileprivate var recorded: JSONValue {
        .object([
            ("suite", .string(suite)), ("name", .string(name)), ("message", .string(message)),
            ("detail", .string(detail)), ("file", (file?.shown).json), ("line", line.map(JSONValue.number) ?? .null),
            ("error", .bool(isError)),
        ])
    }
}

extension Finding {
    fileprivate var recorded: JSONValue {
        .object([
            ("rule", .string(rule)), ("level", .string(level.name)), ("message", .string(message)),
            ("file", (file?.shown).json), ("line", line.map(JSONValue.number) ?? .null),
        ])
    }
}

extension String? {
    var json: JSONValue { map(JSONValue.string) ?? .null }
}
