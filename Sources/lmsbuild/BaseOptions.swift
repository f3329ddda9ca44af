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
        guard ["all", "fail"].contains(ifUnknown) else {
            throw Refusal(
                Diagnostic(.badCommandLine, "unknown value '\(ifUnknown)' for --if-unknown", hint: "all or fail"),
                .wrongInput)
        }
        if base != nil, since != nil {
            throw Refusal(
                Diagnostic(.badCommandLine, "'--base' and '--since' both name what to compare with", hint: "give one"),
                .wrongInput)
        }
        return BaseRequest(
            origin: try origin(), takesAllIfUnknown: ifUnknown == "all", deepens: deepen)
    }

    private func origin() throws -> BaseRequest.Origin {
        if let base { return .revision(base) }
        guard let since else { return .event }
        if since == "cache" { return .cache }
        if since.hasPrefix("release:"), since.utf8.count > 8 { return .record(String(since.dropFirst(8))) }
        if since.hasPrefix("env:") { throw Refusal(.later("--since env:NAME"), .wrongInput) }
        throw Refusal(
            Diagnostic(
                .badCommandLine, "'--since \(since)' names no recorded state", hint: "release:FILE or cache"),
            .wrongInput)
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
    var takesAllIfUnknown = false
    var deepens = false

    init(origin: Origin, takesAllIfUnknown: Bool = false, deepens: Bool = false) {
        self.origin = origin
        self.takesAllIfUnknown = takesAllIfUnknown
        self.deepens = deepens
    }

    init(base: String) {
        self.init(origin: .revision(base))
    }
}
