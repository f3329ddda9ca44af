package import BuildEngine
package import BuildGraph
import Buildfile

/// Made-up events of runs.
package enum ToldRun {
    package static func label(_ text: String) -> Label {
        Label(parsing: Array(text.utf8)) ?? Label(component: text, stage: "")
    }

    package static func started(_ targets: Int, jobs: Int = 2) -> Event {
        .runStarted(RunStart(targets: targets, jobs: jobs, estimate: .seconds(3), coldCache: false, sandbox: true))
    }

    package static func begun(_ label: String, at instant: ContinuousClock.Instant = .now) -> Event {
        .targetStarted(self.label(label), at: instant)
    }

    /// `inputs` stands for what the hash is of.
    package static func report(
        _ label: String, _ outcome: TargetReport.Outcome, inputs: String = "", took: Duration = .zero,
        saved: Duration = .zero, output: String = ""
    ) -> TargetReport {
        TargetReport(
            label: self.label(label), inputHash: InputHash(SHA256Value.of(Array(inputs.utf8))), outcome: outcome,
            duration: took, saved: saved, output: Array(output.utf8), image: nil, imageDigest: nil, isCheck: false)
    }

    package static func failure(_ message: String, kind: ActionFailure.Kind = .failed) -> TargetReport.Outcome {
        let text = SourceText(name: "Buildfile", text: "service a\n    unit: src\n        exit 1\n")
        return .failed(
            ActionFailure(
                kind: kind,
                diagnostic: Diagnostic(
                    .actionFailed, message, at: SourceSpan(text, offset: 14, length: 4),
                    notes: [.init("a note", at: SourceSpan(text, offset: 0, length: 7))], hint: "mend it"), exitCode: 1)
        )
    }

    package static func finished(
        ran: Int = 0, cached: Int = 0, failed: Int = 0, took: Duration = .zero, code: ExitCode = .done
    ) -> Event {
        var summary = RunSummary()
        (summary.ran, summary.cached, summary.failed, summary.duration) = (ran, cached, failed, took)
        summary.exitCode = code
        return .runFinished(summary)
    }
}
