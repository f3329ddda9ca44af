// How the targets of a run ended, as far as it matters to who is to be told. Does not know what they were before, nor who that is.
package import BuildEngine
package import BuildGraph
import Buildfile

/// Collects which targets of a run failed, and which of those that failed before did not.
package struct RunStates: Sendable {
    /// A target that failed.
    package struct Failure: Sendable, Equatable {
        package let label: Label
        /// A `[gate …]` and nothing else said no.
        package let isGate: Bool
        /// What is known, on one line.
        package let message: String
    }

    /// In the order in which they ended.
    package private(set) var failed: [Failure] = []
    /// Of the watched ones.
    package private(set) var succeeded: Set<String> = []
    private let watched: Set<String>
    private let components: Set<String>

    /// Notes the success of no others than those labels; a run has many that nobody needs to hear of.
    package init(watching watched: Set<String>) {
        self.watched = watched
        // To make a label's text for each of a million targets would cost more than to compare a part.
        components = Set(watched.map { String($0.prefix { $0 != ":" }) })
    }

    package mutating func receive(_ report: TargetReport) {
        switch report.outcome {
        case .failed(let failure) where failure.kind != .interrupted:
            failed.append(
                Failure(label: report.label, isGate: failure.kind == .gate, message: Self.message(report, failure)))
        case .ran, .cached, .nothing:
            guard !components.isEmpty, components.contains(report.label.component) else { return }
            let label = report.label.description
            if watched.contains(label) { succeeded.insert(label) }
        default: break
        }
    }

    /// As each of their reports.
    package mutating func receive(_ targets: UpToDateTargets) {
        if components.isEmpty { return }
        for report in targets { receive(report) }
    }

    /// What went wrong with the names of failed tests; nothing that an action printed.
    private static func message(_ report: TargetReport, _ failure: ActionFailure) -> String {
        var text = String(failure.diagnostic.message.prefix { !$0.isNewline })
        let tests = report.reports?.failures ?? []
        if !tests.isEmpty {
            text += "; failed: " + tests.prefix(3).map(\.name).joined(separator: ", ")
            if tests.count > 3 { text += " and \(tests.count - 3) more" }
        }
        return String(BytePath(text).shown.prefix(400))
    }
}
