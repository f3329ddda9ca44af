import BuildEngine
import BuildGraph
import Buildfile
import Reporting
import Testing

/// A made-up run: its events in the order told, and what a console prints of them.
struct Transcript {
    static let epoch = ContinuousClock().now
    static let hash: InputHash = InputHash(SHA256Value(words: (0x3f0c_12ab_34cd_0000, 1, 2, 3)))

    var state: ConsoleState
    var lines: [String] = []

    init(_ look: ConsoleLook = ConsoleLook(), _ verbosity: Verbosity = .normal) {
        state = ConsoleState(look: look, verbosity: verbosity) {
            "\($0.severity)[\($0.code.rawValue)]: \($0.message)\n"
        }
    }

    var text: String { lines.joined(separator: "\n") }

    mutating func tell(_ event: Event) {
        lines += state.apply(event).map(\.text)
    }

    mutating func start(targets: Int, estimate: Duration? = nil, cold: Bool = false) {
        tell(.runStarted(RunStart(targets: targets, jobs: 2, estimate: estimate, coldCache: cold, sandbox: true)))
    }

    mutating func begin(_ label: String, at seconds: Double = 0) {
        tell(.targetStarted(Self.label(label), at: Self.epoch + .seconds(seconds)))
    }

    mutating func end(
        _ label: String, _ outcome: TargetReport.Outcome, took: Double = 0, saved: Double = 0, output: String = "",
        image: String? = nil
    ) {
        tell(
            .targetFinished(
                TargetReport(
                    label: Self.label(label), inputHash: Self.hash, outcome: outcome, duration: .seconds(took),
                    saved: .seconds(saved), output: Array(output.utf8), image: image.map { "\($0):\(Self.hash.hex)" },
                    imageDigest: image.map { _ in "sha256:\(Self.hash.hex)" }, isCheck: false)))
    }

    mutating func finish(
        ran: Int = 0, cached: Int = 0, failed: Int = 0, skipped: Int = 0, took: Double, saved: Double = 0,
        code: ExitCode = .done
    ) {
        var summary = RunSummary()
        (summary.ran, summary.cached, summary.failed, summary.skipped) = (ran, cached, failed, skipped)
        (summary.duration, summary.saved, summary.exitCode) = (.seconds(took), .seconds(saved), code)
        tell(.runFinished(summary))
    }

    static func label(_ text: String) -> Label {
        let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
        return Label(component: parts[0], stage: parts[1])
    }

    static func failure(
        _ kind: ActionFailure.Kind = .failed, exit code: Int32? = nil, output: String = "", saying message: String
    ) -> TargetReport.Outcome {
        .failed(
            ActionFailure(
                kind: kind, diagnostic: Diagnostic(.actionFailed, .error, message), exitCode: code,
                output: Array(output.utf8)))
    }
}
