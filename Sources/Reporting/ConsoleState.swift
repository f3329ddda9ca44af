// What a console knows of a run and the lines it prints for good, as a fold over events. Does not know terminals,
// descriptors, clocks or how a diagnostic looks.
package import BuildEngine
package import BuildGraph
package import Buildfile

/// Text that stays on the console: one line, or all the lines of a captured output, without the last newline. Safe to
/// write to a terminal as it is.
package struct ConsoleLine: Sendable, Hashable {
    package let bytes: [UInt8]

    package init(_ text: String) {
        self.bytes = Array(text.utf8)
    }

    package init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// For people and tests; the bytes are UTF-8.
    package var text: String { String(decoding: bytes, as: UTF8.self) }
}

/// How far a run is, and what has to be said of it.
package struct ConsoleState: Sendable {
    package let look: ConsoleLook
    package let verbosity: Verbosity
    /// Columns that no line of its own exceeds; nil where they may be as long as they are.
    package var width: Int?
    /// Gives a diagnostic its text, with or without colours as `look` says; a final newline does not matter.
    private let render: @Sendable (Diagnostic) -> String

    /// Targets that the run looks at, groups not counted as they end.
    package private(set) var total = 0
    package private(set) var done = 0
    package private(set) var cached = 0
    package private(set) var failed = 0
    package private(set) var skipped = 0
    /// Targets whose action runs now, with the moment it started.
    package private(set) var running: [Label: ContinuousClock.Instant] = [:]
    /// What the whole run takes by recorded times.
    package private(set) var estimate: Duration?
    /// When the first action started; the estimate counts from there.
    package private(set) var firstStart: ContinuousClock.Instant?
    package private(set) var isOver = false
    private var failures: [(label: Label, cause: String)] = []

    package init(
        look: ConsoleLook, verbosity: Verbosity = .normal, render: @escaping @Sendable (Diagnostic) -> String
    ) {
        self.look = look
        self.verbosity = verbosity
        self.render = render
    }

    /// Takes `event` in and gives the lines it adds to the console, in order.
    package mutating func apply(_ event: Event) -> [ConsoleLine] {
        switch event {
        case .runStarted(let start): return begin(start)
        case .targetStarted(let label, at: let instant):
            running[label] = instant
            guard firstStart == nil else { return [] }
            firstStart = instant
            guard verbosity != .quiet, look.namesSuccesses, let estimate else { return [] }
            return folded("about \(estimate.shownRoughly) to go (from recorded times)")
        case .targetFinished(let report): return finish(report)
        case .targetsUpToDate(let targets):
            if verbosity == .verbose, look.namesSuccesses { return targets.flatMap { finish($0) } }
            done += targets.count
            cached += targets.cached
            return []
        case .notice(let diagnostic):
            if verbosity == .quiet, diagnostic.severity == .notice { return [] }
            return [rendered(diagnostic)]
        case .interrupted(let signal):
            let rest = running.isEmpty ? "nothing is running" : "stopping \(running.count) running; again to kill"
            return folded("interrupted by signal \(signal)", .failure, ": \(rest)")
        case .runFinished(let summary): return end(summary)
        }
    }

    private mutating func begin(_ start: RunStart) -> [ConsoleLine] {
        total = start.targets
        estimate = start.estimate
        guard start.coldCache, start.targets > 0, verbosity != .quiet, look.namesSuccesses else { return [] }
        return folded("cold cache: \(count(start.targets)) to run")
    }

    private mutating func finish(_ report: TargetReport) -> [ConsoleLine] {
        running[report.label] = nil
        done += 1
        let name = report.label.description
        switch report.outcome {
        case .nothing: return []
        case .ran:
            guard verbosity != .quiet, look.namesSuccesses else { return [] }
            var lines = [line("ok", .success, name, report.duration.shown + verified(report) + told(report))]
            lines += image(report)
            if verbosity == .verbose { lines += output(report.output, of: name) }
            return lines
        case .cached:
            cached += 1
            guard verbosity == .verbose, look.namesSuccesses else { return [] }
            let saved = report.saved > .zero ? "(saved \(report.saved.shown))" : ""
            return [line("cached", .faint, name, saved + told(report))] + image(report)
                + output(report.output, of: name)
        case .failed(let failure):
            failed += 1
            let cause = Self.cause(of: failure)
            failures.append((report.label, cause))
            let text = lines.fitted(name, "\(cause)  \(report.duration.shown)", after: 8)
            return [ConsoleLine("\(painted("FAILED", .failure))  \(text)")]
                + output(report.output.isEmpty ? failure.output : report.output, of: name)
                + problems(report, failure) + [rendered(failure.diagnostic)]
        case .notStarted:
            skipped += 1
            return []
        case .skipped(because: let culprit):
            skipped += 1
            let reason = culprit.map { "\($0) failed" } ?? "the run was interrupted"
            return [ConsoleLine("\(painted("skipped", .warning)) " + skipped(name, because: reason))]
        }
    }

    private mutating func end(_ summary: RunSummary) -> [ConsoleLine] {
        isOver = true
        running = [:]
        var lines: [ConsoleLine] = []
        if failures.count > 1 {
            lines.append(ConsoleLine("failed:"))
            let longest = failures.map { $0.label.description.displayWidth }.max() ?? 0
            for failure in failures.sorted(by: { $0.label < $1.label }) {
                let name = failure.label.description
                lines.append(ConsoleLine("  " + self.lines.fitted(name, failure.cause, after: 2, aligned: longest)))
            }
        }
        if verbosity == .quiet, summary.exitCode == .done { return lines }
        let saved = summary.saved > .zero ? " (saved \(summary.saved.shown))" : ""
        let time = summary.duration.shown
        if summary.ran == 0, summary.failed == 0, summary.skipped == 0, summary.exitCode == .done {
            let what = summary.cached == 0 ? "" : ": \(count(summary.cached)) up to date"
            return lines + folded("nothing to do\(what) in \(time)\(saved)")
        }
        let text =
            "ran \(summary.ran), cached \(summary.cached), failed \(summary.failed), skipped \(summary.skipped) in \(time)"
        return lines + folded(text, summary.exitCode == .done ? .success : .failure, saved)
    }
}

// MARK: - Wording

extension ConsoleState {
    /// How a target went wrong, in a word or two.
    private static func cause(of failure: ActionFailure) -> String {
        switch failure.kind {
        case .failed: "exit \(failure.exitCode.map { "\($0)" } ?? "unknown")"
        case .outOfMemory: "out of memory"
        case .missingOutput: "missing output"
        case .undeclaredOutput: "undeclared output"
        case .timeout, .gate, .machine, .unavailable, .interrupted: failure.kind.rawValue
        }
    }

    private func count(_ targets: Int) -> String { targets == 1 ? "1 target" : "\(targets) targets" }

    private func line(_ word: String, _ colour: Paint, _ name: String, _ rest: String) -> ConsoleLine {
        let head = painted(word, colour) + String(repeating: " ", count: 8 - word.utf8.count)
        return ConsoleLine(head + lines.fitted(name, rest, after: 8, aligned: 23))
    }

    private var lines: LineWidth { LineWidth(columns: width) }

    /// `text` in a colour and `rest` without one, on one line where there is room for both.
    private func folded(_ text: String, _ paint: Paint? = nil, _ rest: String = "") -> [ConsoleLine] {
        let whole = lines.folded(text + rest)
        let colour = { (text: String) in paint.map { self.painted(text, $0) } ?? text }
        if whole.count == 1 { return [ConsoleLine(colour(text) + rest)] }
        return whole.map { ConsoleLine(colour($0)) }
    }

    /// The reason gives way before the name.
    private func skipped(_ name: String, because reason: String) -> String {
        guard let width else { return "\(name) because \(reason)" }
        return "\(name) because \(reason)".cut(to: max(1, width - 8))
    }

    /// How much of a contract had to be verified.
    private func verified(_ report: TargetReport) -> String {
        guard let verified = report.verified, verified.of > 0 else { return "" }
        return "  (\(verified.terms) of \(verified.of) \(verified.of == 1 ? "interaction" : "interactions"))"
    }

    /// What the reports of a target come to.
    private func told(_ report: TargetReport) -> String {
        let summary = report.reports?.summary ?? ""
        return summary.isEmpty ? "" : "  \(summary)"
    }

    /// What the reports of a target that failed tell, so that nobody has to look for it in the output.
    private func problems(_ report: TargetReport, _ failure: ActionFailure) -> [ConsoleLine] {
        guard let reports = report.reports else { return [] }
        // A gate that names what it refuses in its notes needs no list of all findings.
        let filter = OutputFilter(allowsColour: false, neutralisesCommands: look.isCI)
        return ShownReports.problems(reports, isGate: failure.kind == .gate && failure.diagnostic.notes.isEmpty).map {
            ConsoleLine(filter.filtered($0))
        }
    }

    private func image(_ report: TargetReport) -> [ConsoleLine] {
        guard let reference = report.image else { return [] }
        var text = shortened(reference)
        if let digest = report.imageDigest { text += "  " + shortened(digest) }
        return [ConsoleLine(painted("image", .success) + "   " + lines.fitted(text, "", after: 8))]
    }

    /// `text` with the 64 hex digits it ends in cut to the first 12.
    private func shortened(_ text: String) -> String {
        let digits = text.utf8.reversed().prefix { byte in
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
        }
        return digits.count == 64 ? String(text.dropLast(52)) : text
    }

    /// The whole output between two rules, or two lines of words; nothing where there is none.
    private func output(_ bytes: [UInt8], of name: String) -> [ConsoleLine] {
        guard !bytes.isEmpty else { return [] }
        let filter = OutputFilter(allowsColour: look.hasColour, neutralisesCommands: look.isCI)
        var shown = filter.filtered(bytes)
        if shown.last == UInt8(ascii: "\n") { shown.removeLast() }
        if look.isSpoken {
            return [
                ConsoleLine("output of \(name):"), ConsoleLine(bytes: shown), ConsoleLine("end of output of \(name)"),
            ]
        }
        let head = lines.cut("──── \(name) ")
        let rule = lines.cut(head + String(repeating: "─", count: max(4, lines.rule(60) - head.displayWidth)))
        let end = String(repeating: "─", count: lines.rule(max(60, rule.displayWidth)))
        return [ConsoleLine(painted(rule, .faint)), ConsoleLine(bytes: shown), ConsoleLine(painted(end, .faint))]
    }

    private func rendered(_ diagnostic: Diagnostic) -> ConsoleLine {
        let filter = OutputFilter(allowsColour: look.hasColour, neutralisesCommands: look.isCI)
        var shown = filter.filtered(Array(lines.folded(diagnostic: render(diagnostic)).utf8))
        while shown.last == UInt8(ascii: "\n") { shown.removeLast() }
        return ConsoleLine(bytes: shown)
    }

    private func painted(_ text: String, _ paint: Paint) -> String {
        look.hasColour ? "\u{1B}[\(paint.rawValue)m\(text)\u{1B}[0m" : text
    }
}

/// SGR parameters.
private enum Paint: String {
    case success = "32"
    case warning = "33"
    case failure = "1;31"
    case faint = "2"
}

/// The last line on standard error: what a code other than 0 means, `lmsbuild: exit 3: a check said no`. Nil for 0.
package func closingLine(_ code: ExitCode) -> String? {
    code == .done ? nil : "lmsbuild: exit \(code.rawValue): \(code.meaning)"
}
