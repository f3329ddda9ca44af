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
        let (kind, members): (String, [(String, JSONValue)])
        switch event {
        case .runStarted(let start): (kind, members) = ("started", start.members)
        case .targetStarted(let label, at: _): (kind, members) = ("begun", [("label", .string(label.description))])
        case .targetFinished(let report):
            if case .nothing = report.outcome { return nil }
            (kind, members) = ("ended", report.members)
        case .notice(let diagnostic): (kind, members) = ("notice", [("diagnostic", diagnostic.recorded)])
        case .interrupted(let signal): (kind, members) = ("interrupted", [("signal", .number(Int(signal)))])
        case .runFinished(let summary): (kind, members) = ("finished", summary.members)
        }
        return .object([("event", .string(kind)), ("at", .number(at.microseconds))] + members)
    }

    /// One line for many targets that were as the last run left them; the first of them are named.
    static func upToDate(_ targets: [(label: Label, saved: Duration)], count: Int, at: Duration) -> JSONValue {
        .object([
            ("event", .string("up-to-date")), ("at", .number(at.microseconds)), ("count", .number(count)),
            (
                "targets",
                .array(targets.map { .array([.string($0.label.description), .number($0.saved.microseconds)]) })
            ),
        ])
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
        var members: [(String, JSONValue)] = [
            ("label", .string(label.description)), ("hash", hasHash ? .string(inputHash.hex) : .null),
            ("outcome", .string(word)),
        ]
        var shown = output
        var most = EventForm.successOutput
        switch outcome {
        case .ran(let reason): members.append(("reason", .string(reason.word)))
        case .cached(let restored): members.append(("restored", .bool(restored)))
        case .failed(let failure):
            members.append(("failure", failure.recorded))
            if shown.isEmpty { shown = failure.output }
            most = EventForm.failureOutput
        case .skipped(let culprit): members.append(("because", culprit.map { .string($0.description) } ?? .null))
        case .notStarted, .nothing: break
        }
        members.append(("check", .bool(isCheck)))
        if duration > .zero { members.append(("duration", .number(duration.microseconds))) }
        if saved > .zero { members.append(("saved", .number(saved.microseconds))) }
        if !waitedFor.isEmpty { members.append(("waited", .array(waitedFor.map { .string($0.description) }))) }
        if !changes.isEmpty { members.append(("changes", .array(changes.prefix(EventForm.entries).map(\.recorded)))) }
        if let image { members.append(("image", .string(image))) }
        if let imageDigest { members.append(("digest", .string(imageDigest))) }
        if let verified { members.append(("verified", .array([.number(verified.terms), .number(verified.of)]))) }
        if let outputSize { members.append(("size", .number(outputSize))) }
        if let reports { members.append(("reports", reports.recorded)) }
        if !shown.isEmpty {
            members.append(("output", .string(String(decoding: shown.suffix(most), as: UTF8.self))))
            if shown.count > most { members.append(("cut", .number(shown.count - most))) }
        }
        return members
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
