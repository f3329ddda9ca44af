// A rollout in words, and what its end means for the program. Does not roll anything out.
import BuildEngine
import BuildGraph
import Buildfile
import Delivery

/// How a rollout is told, and what its end means for the program.
enum RolloutTalk {
    static func tell(_ event: RolloutEvent, in environment: String) {
        switch event {
        case .waiting(let wait): Terminal.say(waiting(wait, in: environment))
        case .said(let word): Terminal.say(shown(word.shown))
        case .resuming(let record):
            Terminal.say(
                "the \(record.action) of \(record.release.prefix(12)) by \(record.origin.who) was ended midway: that comes first"
            )
        case .submitted(let release, let isRollback):
            Terminal.say(
                isRollback
                    ? "going back to \(release.prefix(12))"
                    : "\(release.prefix(12)) is with the engine of '\(environment)'")
        case .step(let step): Terminal.say(shown(step))
        case .standing(let service, let standing): Terminal.say("  \(service): \(shown(standing.reason))")
        case .watching(let duration):
            if duration > .zero { Terminal.say("all up; watched for \(duration.components.seconds) s") }
        case .check(let url, let standing):
            Terminal.say("  \(url): \(standing.isUp ? "answers" : shown(standing.reason))")
        case .failed(let services):
            let names = services.keys.sorted().joined(separator: ", ")
            Terminal.say(services["promotion"].map { shown($0) } ?? "not up: \(names)")
        case .notice(let text): Workspace.show([Diagnostic(.deployFailed, .notice, shown(text))])
        case .ended(let entry): Terminal.say(closing(entry, in: environment))
        case .left(let remains): Terminal.say(shown(remains))
        }
    }

    private static func shown(_ remains: RolloutRemains) -> String {
        let heading =
            remains.isKnown
            ? "what is there now:"
            : "the engine does not answer, so nobody knows what is there now; the next 'deploy', 'rollback' or "
                + "'status --fix' that reaches it ends what was begun:"
        return remains.services.sorted { $0.key < $1.key }.reduce(heading) { "\($0)\n  \($1.key): \(shown($1.value))" }
    }

    private static func shown(_ step: RolloutStep) -> String {
        switch step {
        case .beside(let new, let old): "\(new.rawValue) comes up beside \(old.rawValue)"
        case .moved(let set, 100, _): "all go to \(set.rawValue)"
        case .moved(let set, let percent, .zero): "\(percent)% go to \(set.rawValue)"
        case .moved(let set, let percent, let time):
            "\(percent)% go to \(set.rawValue) for \(time.components.seconds) s"
        case .movedBack(let set): "all go to \(set.rawValue) again"
        case .cleared(let set): "\(set.rawValue) is taken away"
        }
    }

    /// Who is waited for, and how the new set can be looked at.
    private static func waiting(_ wait: PromotionWait, in environment: String) -> String {
        "waiting until \(UTCTime(seconds: wait.until).shown) for 'lmsbuild deploy --to \(environment) --promote', or '--abort'\n"
            + "  \(look(wait))"
    }

    /// How whoever is to say a word sees what it is about.
    static func look(_ wait: PromotionWait) -> String {
        "requests with the header '\(PromotionWait.previewHeader): \(wait.preview)' go to \(wait.set.rawValue)"
    }

    /// What came of it, with the reasons.
    private static func closing(_ entry: LedgerEntry, in environment: String) -> String {
        let release = entry.wanted.release.prefix(12)
        let why = entry.failed["promotion"] == nil ? "did not come up" : "was not promoted"
        var text: String
        switch entry.end {
        case .deployed: return "\(release) runs in '\(environment)' (\(entry.seconds) s)"
        case .rolledBack:
            let now =
                entry.running.map { "\($0.release.prefix(12)) runs again" }
                ?? "nothing ran before, and nothing does now"
            text = "\(release) \(why); \(now) (\(entry.seconds) s)"
        case .rollbackFailed: text = "\(release) \(why), and what ran before did not come up either"
        case .partial: text = "\(release) \(why), and going back stopped half-way"
        }
        for (name, reason) in entry.failed.sorted(by: { $0.key < $1.key }) {
            let lines = reason.split(separator: "\n", omittingEmptySubsequences: false).map { shown(String($0)) }
            text += "\n  \(name.isEmpty ? "engine" : name): \(lines.joined(separator: "\n"))"
        }
        if !entry.quarantined.isEmpty {
            text += "\n  not tried again without '--retry': \(entry.quarantined.joined(separator: ", "))"
        }
        return text
    }

    private static func shown(_ text: String) -> String { BytePath(text).shown }

    static func code(_ end: RolloutEnd) -> BuildEngine.ExitCode {
        switch end {
        case .deployed: .done
        case .rolledBack: .rolledBack
        case .rollbackFailed: .rollbackFailed
        case .partial: .leftPartial
        }
    }

    static func refusal(_ refusal: RolloutRefusal, _ environment: String) -> Refusal {
        switch refusal {
        case .busy(let services):
            Refusal(
                Diagnostic(
                    .locked, .error,
                    "the engine is still changing in '\(environment)': \(services.joined(separator: ", "))",
                    hint: "wait until it has come to an end, 'lmsbuild status --env \(environment)' shows it"), .locked)
        case .quarantined(let images):
            Refusal(
                Diagnostic(
                    .deployRefused, .error, "what would go to '\(environment)' did not come up there before",
                    notes: images.sorted { $0.key < $1.key }.map { .init("\($0.key): \($0.value)") },
                    hint: "'--retry' tries it again, 'lmsbuild history --env \(environment)' tells what happened"),
                .checkFailed)
        case .noWayBack(let images):
            Refusal(
                Diagnostic(
                    .deployRefused, .error, "what runs in '\(environment)' could not be gone back to",
                    notes: images.sorted { $0.key < $1.key }.map { .init("\($0.key): \($0.value)") },
                    hint: "build or push those images again first, or deploy with '--no-way-back'"),
                .checkFailed)
        case .irreversible(let services):
            Refusal(
                Diagnostic(
                    .deployRefused, .error, "data in '\(environment)' cannot be taken back",
                    notes: services.sorted { $0.key < $1.key }.map { .init("\($0.key): \($0.value)") },
                    hint:
                        "'--allow-irreversible' does it all the same; where it then fails, nothing goes back by itself"),
                .checkFailed)
        }
    }
}
