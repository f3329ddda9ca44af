import ArgumentParser
import BuildEngine
import BuildGraph
import Buildfile

/// What a state is compared with, as the command line says it.
struct BaseOptions: ParsableArguments {
    @Option(
        help: "The revision to compare with; of a branch, its merge base with the head. In CI it is found without.")
    var base: String?
    @Option(
        help: ArgumentHelp(
            "Compare with a recorded state ('lmsbuild hash --format json'), or with what the cache has a result for.",
            valueName: "release:FILE|cache"))
    var since: String?
    @Option(
        name: .customLong("if-unknown"),
        help: ArgumentHelp("Where the base cannot be known: take all as affected, or fail.", valueName: "all|fail"))
    var ifUnknown = "fail"
    @Flag(help: "Fetch what a shallow clone lacks of the base.")
    var deepen = false

    func request() throws -> BaseRequest {
        try BaseRequest(base: base, since: since, ifUnknown: ifUnknown, deepens: deepen)
    }
}

/// What a state is compared with.
struct BaseRequest: Sendable {
    enum Origin: Sendable {
        case revision(String)
        /// The change that the CI job is about.
        case event
        /// A file that `hash --format json` wrote.
        case record(String)
        /// What the cache has a result for.
        case cache
    }

    let origin: Origin
    let takesAllIfUnknown: Bool
    let deepens: Bool

    init(base: String?, since: String?, ifUnknown: String, deepens: Bool) throws {
        func refuse(_ message: String, _ hint: String) -> Refusal {
            Refusal(Diagnostic(.badCommandLine, message, hint: hint), .wrongInput)
        }
        guard ["all", "fail"].contains(ifUnknown) else {
            throw refuse("unknown value '\(ifUnknown)' for --if-unknown", "all or fail")
        }
        if base != nil, since != nil {
            throw refuse("'--base' and '--since' both name what to compare with", "give one")
        }
        if let base {
            origin = .revision(base)
        } else if let since {
            if since.hasPrefix("env:") { throw Refusal(.later("--since env:NAME"), .wrongInput) }
            if since == "cache" {
                origin = .cache
            } else if since.hasPrefix("release:"), since.utf8.count > 8 {
                origin = .record(String(since.dropFirst(8)))
            } else {
                throw refuse("'--since \(since)' names no recorded state", "release:FILE or cache")
            }
        } else {
            origin = .event
        }
        takesAllIfUnknown = ifUnknown == "all"
        self.deepens = deepens
    }
}
