// `deploy --promote` and `deploy --abort`: a word to a deployment that somebody else carries out. Does not deploy by itself,
// unless whoever did is gone.
import BuildEngine
import BuildGraph
import Buildfile
import Delivery
import Glibc

/// What is to be said to the deployment that is under way in an environment.
struct DeployPromotion {
    let place: DeployPlace
    let kind: PromotionWord.Kind
    /// Digits that the release's name has to begin with; nil: whichever it is.
    let release: String?
    /// Why, for the history.
    let message: String?

    private var environment: String { place.environment.definition.name }

    /// Refuses with exit 3 where nothing can be promoted or aborted.
    func say() async throws -> BuildEngine.ExitCode {
        let shelf = place.engine.shelf
        let open = try await DeployPlace.refusing { try await OpenDeployment(on: shelf) }
        guard let open else { throw refusal("nothing is under way in '\(environment)'") }
        let name = open.record.release.prefix(12)
        if let release, !open.record.release.hasPrefix(release) {
            throw refusal("\(name) is under way in '\(environment)', and not \(BytePath(release).shown)")
        }
        if kind == .promote, open.wait == nil {
            throw refusal("\(name) is under way in '\(environment)', and does not wait to be promoted")
        }
        if kind == .abort, open.holder == nil, open.wait == nil {
            throw refusal(
                "\(name) was ended midway in '\(environment)', and 'lmsbuild status --env \(environment) --fix' ends it"
            )
        }
        if kind == .abort, !open.changesSets {
            throw refusal("\(name) replaces what runs in '\(environment)' where it stands, which cannot be aborted")
        }
        let word = PromotionWord(kind, by: await place.origin(message))
        guard open.holder != nil else { return try await carryOut(word, name) }
        let first = try await DeployPlace.refusing { try await open.say(word, on: shelf) }
        if let first, first.kind != kind {
            throw refusal(
                "\(name) is not waiting any more in '\(environment)': \(BytePath(first.shown).shown)")
        }
        let done = kind == .promote ? "promoted" : "aborted"
        if let first {
            Terminal.say("\(name) was \(BytePath(first.shown).shown) already")
            return .done
        }
        try await waitUntilHeard(open)
        Terminal.say(
            "\(name) is \(done); '\(open.record.origin.who)' goes \(kind == .promote ? "on" : "back") with it"
        )
        return .done
    }

    /// Whoever waits looks every few seconds.
    private func waitUntilHeard(_ open: OpenDeployment) async throws {
        let end = ContinuousClock.now + .seconds(20)
        while try await DeployPlace.refusing({ try await !open.isHeard(on: place.engine.shelf) }) {
            if ContinuousClock.now > end {
                return Workspace.show([
                    Diagnostic(
                        .deployFailed, .warning,
                        "it is written down, and nobody has heard it yet: the process of '\(BytePath(open.record.origin.who).shown)' may be gone",
                        hint: "'lmsbuild status --env \(environment)' says what becomes of it")
                ])
            }
            try await Task.sleep(for: .milliseconds(500))
        }
    }

    /// The process that waited is gone: this one does what it was waiting for.
    private func carryOut(_ word: PromotionWord, _ name: Substring) async throws
        -> BuildEngine.ExitCode
    {
        let rollout = place.rollout
        let definition = place.environment.definition
        let code = try await place.carryOut(waits: true, who: word.origin.who, bound: .seconds(3600)) {
            try await rollout.resume(word) { $0.apply(definition, limit: nil) }
        }
        guard let code else {
            throw refusal("nothing of \(name) was under way any more in '\(environment)'")
        }
        // What was asked for is no failure.
        return kind == .abort && code == .rolledBack ? .done : code
    }

    private func refusal(_ message: String) -> Refusal {
        Refusal(
            Diagnostic(
                .deployRefused, .error, message,
                hint: "'lmsbuild status --env \(environment)' says how it stands"),
            .checkFailed)
    }
}

extension DeployPlace {
    /// What others may say to whoever holds the environment; nil where that one waits for nobody.
    var promotionHint: String? {
        get async {
            guard let open = try? await OpenDeployment(on: engine.shelf), open.wait != nil else {
                return nil
            }
            return
                "it waits for 'lmsbuild deploy --to \(environment.definition.name) --promote', or '--abort'"
        }
    }
}
