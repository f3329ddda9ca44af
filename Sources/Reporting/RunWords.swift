// Short words for what is in a picture of a run, the same on every page and in every message.
package import BuildEngine
import BuildGraph
import Buildfile

extension RunPicture {
    /// `done`, what the exit code means, or that the run has not ended.
    package var verdict: String {
        guard let summary else { return signal.map { "interrupted by signal \($0)" } ?? "not ended" }
        return summary.exitCode.meaning
    }

    /// `ran 2, cached 5, failed 0, skipped 0 in 1.2s (saved 3.4s)`.
    package var sentence: String {
        let counts = counts
        return "ran \(counts.ran), cached \(counts.cached), failed \(counts.failed), skipped \(counts.skipped)"
            + " in \(counts.duration.shown)" + (counts.saved > .zero ? " (saved \(counts.saved.shown))" : "")
    }
}

extension TargetReport {
    /// Why its action ran, or why it did not: for people, in one line.
    package var cause: String {
        switch outcome {
        case .ran, .failed:
            if !changes.isEmpty { return "changed: " + shownChanges }
            guard case .ran(let reason) = outcome else { return "" }
            switch reason {
            case .noResult: return "no result for these inputs yet"
            case .lostOutputs: return "an output was gone from the store"
            case .lostImage: return "the engine no longer had the image"
            case .changedSecret: return "a secret that it was made with has another value, or nobody knows which it had"
            case .forced: return "the cache was ignored (-B)"
            case .uncached: return "never cached"
            }
        case .cached(let restored): return restored ? "outputs put back from the cache" : "up to date"
        case .skipped(let culprit): return culprit.map { "\($0) failed" } ?? "the run was interrupted"
        case .notStarted: return "something else failed first"
        case .nothing: return ""
        }
    }

    private var shownChanges: String {
        let words = changes.prefix(3).map {
            $0.subject.isEmpty ? $0.kind.rawValue : "\($0.kind.rawValue) \($0.subject.shown)"
        }
        return words.joined(separator: ", ") + (changes.count > 3 ? " and \(changes.count - 3) more" : "")
    }
}
