// A run that is read back, as the console showed it. Does not know descriptors.
import BuildEngine
import BuildGraph

/// A run on the console once more.
package enum RedrawnRun {
    /// The lines that `state`, which has seen nothing yet, has of the run's events; a last one tells of a run that did not end.
    package static func lines(_ lines: [LogLine], _ state: ConsoleState) -> [ConsoleLine] {
        var state = state
        var shown: [ConsoleLine] = []
        var hasEnded = false
        for line in lines {
            switch line {
            case .event(let recorded):
                shown += state.apply(recorded.event)
                if case .runFinished = recorded.event { hasEnded = true }
            case .upToDate(_, let targets, at: _):
                for (label, saved) in targets {
                    shown += state.apply(.targetFinished(.upToDate(label, saved: saved)))
                }
            case .heading, .newer, .unknown: break
            }
        }
        if !hasEnded { shown.append(ConsoleLine("the run goes on, or was killed: nothing tells of its end")) }
        return shown
    }
}

extension TargetReport {
    /// False where the log has no input hash, as of a target that was up to date.
    var hasHash: Bool { inputHash.value != SHA256Value(words: (0, 0, 0, 0)) }

    /// Of a target that was as the last run left it, and of which nothing else was written down.
    static func upToDate(_ label: Label, saved: Duration) -> TargetReport {
        TargetReport(
            label: label, inputHash: InputHash(SHA256Value(words: (0, 0, 0, 0))), outcome: .cached(restored: false),
            duration: .zero, saved: saved, output: [], image: nil, imageDigest: nil, isCheck: false)
    }
}
