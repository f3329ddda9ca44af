// `deploy`: a release goes to an environment, or what ran there stays.
import ArgumentParser
import BuildEngine
import BuildGraph
import Buildfile
import Contracts
import Delivery

struct DeployCommand: AsyncParsableCommand, ExitingCommand {
    static let configuration = CommandConfiguration(
        commandName: "deploy",
        abstract: "Brings a release to an environment, waits for health, goes back by itself if it does not come.")

    @OptionGroup var global: GlobalOptions
    @Option(help: ArgumentHelp("The environment.", valueName: "environment")) var to: String
    @Option(name: .shortAndLong, help: "Why, for the history.") var message: String?
    @Flag(name: [.customShort("n"), .long], help: "Say what would change, and change nothing.") var dryRun = false
    @Flag(help: "Try images again that did not come up before.") var retry = false
    @Flag(help: "Deploy although what runs now could not be gone back to.") var noWayBack = false
    @Flag(help: "Deploy although data changes for which there is no way back.") var allowIrreversible = false
    @Flag(help: "Replace what runs where it stands, whatever the environment's strategy says.") var allAtOnce = false
    @Flag(help: "Exit with 9 where another is at work there.") var noWait = false
    @Flag(help: "Let a deployment go on that waits for somebody's word.") var promote = false
    @Flag(help: "Take a deployment back that is on its way to the new set.") var abort = false
    @Option(
        help: ArgumentHelp("How long it may take, in place of what health checks say.", valueName: "duration"))
    var timeout: String?
    @Option(help: ArgumentHelp("The file of keys that count, for 'policy signed'.", valueName: "file"))
    var keys: String?
    @Flag(name: .customLong("require-signed"), help: "Refuse what nobody of --keys has signed, whatever the policy.")
    var isRequiredSigned = false
    @Option(help: "The container engine that has the images: auto, buildah, docker or podman.") var driver = "auto"
    @Argument(
        help:
            "The release: a file, digits of its name, HEAD, or the contents at hand without. NAME=VALUE sets a '?=' variable."
    )
    var words: [String] = []

    func perform() async throws -> BuildEngine.ExitCode {
        let (names, overrides) = GlobalOptions.overrides(in: words)
        if names.count > 1 {
            throw Refusal(Diagnostic(.badCommandLine, "'deploy' takes one release"), .wrongInput)
        }
        let limit = try timeout.map { try Self.duration($0) }
        if promote || abort { try checkWord() }
        let opened = try await Workspace.open(global, overrides: overrides)
        if promote || abort {
            return try await DeployPromotion(
                place: try await DeployPlace(opened, to), kind: promote ? .promote : .abort,
                release: names.first,
                message: message
            ).say()
        }
        let found = try await opened.found(names.first ?? "here", engine: try driverChoice(driver))
        let release = found.release
        let place = try await DeployPlace(opened, to)
        opened.keep(release)
        try await DeployGates(
            place: place, found: found, keys: keys, isRequiredSigned: isRequiredSigned
        ).check()
        try place.tellOfOtherFiles(release)
        var plan = try await place.plan(release, await place.origin(message), limit: limit)
        plan.needsWayBack = !noWayBack
        plan.allowsIrreversible = allowIrreversible
        if allAtOnce { plan.strategy = .inPlace }
        if dryRun { return try await preview(plan, place) }
        return try await place.carryOut(plan, waits: !noWait, retries: retry)
    }

    /// What says nothing to a deployment that is under way is not taken silently.
    private func checkWord() throws {
        let others = [
            ("--promote' and '--abort", promote && abort), ("--dry-run", dryRun), ("--retry", retry),
            ("--no-way-back", noWayBack), ("--allow-irreversible", allowIrreversible), ("--all-at-once", allAtOnce),
            ("--no-wait", noWait), ("--timeout", timeout != nil), ("--keys", keys != nil),
            ("--require-signed", isRequiredSigned),
        ]
        guard let wrong = others.first(where: \.1)?.0 else { return }
        throw Refusal(
            Diagnostic(
                .badCommandLine, "'\(wrong)' does not go with a word to a deployment that is under way",
                hint: "write 'lmsbuild deploy --to \(to) --promote', or '--abort'"), .wrongInput)
    }

    static func duration(_ text: String) throws -> Duration {
        if let duration = parseDuration(text) { return duration }
        throw Refusal(
            Diagnostic(.badCommandLine, "'\(text)' is no duration", hint: "write 90s, 5m or 1h30m"), .wrongInput)
    }

    private func preview(_ plan: RolloutPlan, _ place: DeployPlace) async throws -> BuildEngine.ExitCode {
        let stack = try await DeployPlace.refusing { try await place.rollout.target(of: plan) }
        let now = try await DeployPlace.refusing { try await place.engine.observe(stack.project) }
        var changes = 0
        for service in stack.services {
            let there = now.services[service.name]
            if there?.specHash == service.specHash.hex { continue }
            changes += 1
            Terminal.out("\(there == nil ? "new" : "changed")  \(service.name)  \(service.image)\n")
        }
        for name in now.services.keys.sorted() where !stack.services.contains(where: { $0.name == name }) {
            changes += 1
            Terminal.out("removed  \(name)\n")
        }
        let count = changes == 1 ? "1 service" : "\(changes) services"
        Terminal.say(changes == 0 ? "nothing would change in '\(to)'" : "\(count) would change in '\(to)'")
        return .done
    }
}

extension RolloutPlan {
    /// What the environment's block says of rollouts.
    mutating func apply(_ definition: EnvironmentDefinition, limit: Duration?) {
        checks = definition.checks.map { RolloutCheck(url: $0.url, within: .milliseconds($0.within)) }
        if let milliseconds = definition.policy.watch { watch = .milliseconds(milliseconds) }
        strategy = definition.strategy
        timeout = limit
    }
}

/// What must hold before anything may go to an environment. All reasons against it are told, not the first alone.
struct DeployGates {
    let place: DeployPlace
    let found: ReleaseStore.Found
    let keys: String?
    let isRequiredSigned: Bool

    /// Refuses with exit 3.
    func check() async throws {
        let definition = place.environment.definition
        var reasons: [Diagnostic] = []
        func refuse(_ message: String, hint: String) {
            reasons.append(Diagnostic(.deployRefused, .error, message, at: definition.span, hint: hint))
        }
        if definition.policy.isClean, found.release.commit == nil {
            refuse(
                "'\(definition.name)' takes releases of a commit alone, and files differ from every commit",
                hint: "commit, and make the release again")
        }
        if definition.policy.isClean, try place.differsFromFiles(of: found.release) {
            refuse(
                "the stack or the env files of '\(definition.name)' are others than those of the release \(found.release.shortName)",
                hint: "check out the release's commit, or make a release of what is at hand")
        }
        for name in definition.after {
            if let reason = try await reasonNotIn(name) {
                refuse(
                    "'\(definition.name)' comes after '\(name)': \(reason)",
                    hint: "'lmsbuild deploy --to \(name) \(found.release.shortName)' first")
            }
        }
        try await checkContracts(definition, refuse)
        try await checkSignature(definition, refuse)
        if !reasons.isEmpty { throw Refusal(reasons, .checkFailed) }
    }

    /// Why `name` does not run this release, healthy; nil where it does.
    private func reasonNotIn(_ name: String) async throws -> String? {
        let other = try await DeployPlace(place.opened, name)
        let status = try await DeployPlace.refusing {
            try await EnvironmentStatus(of: other.engine, project: other.project)
        }
        guard let running = status.running else { return "nothing is known to run there" }
        guard running.wanted.release == found.release.name.hex else {
            return "\(running.wanted.release.prefix(12)) runs there, not \(found.release.shortName)"
        }
        return status.drifts.isEmpty ? nil : "what runs there is not what was deployed"
    }

    private func checkContracts(
        _ definition: EnvironmentDefinition, _ refuse: (String, String) -> Void
    ) async throws {
        var running: Release?
        if let name = try EnvironmentReleases(place.opened, place.system.graph).name(in: definition.name) {
            running = try await place.opened.found(name.hex).release
        }
        let question = DeployQuestion(
            candidate: found.release, running: running ?? .empty, services: nil, verdicts: place.opened.verdictLog)
        let hint = "'lmsbuild can-deploy --to \(definition.name)' shows the pairs"
        switch question.answer {
        case .no: refuse("what a consumer there expects is known not to be so", hint)
        case .unverified where definition.policy.isVerified:
            refuse("not every pair with what runs there is verified", hint + ", '--verify' decides them")
        case .yes, .unverified, .undeclared: break
        }
    }

    private func checkSignature(
        _ definition: EnvironmentDefinition, _ refuse: (String, String) -> Void
    ) async throws {
        guard definition.policy.isSigned || isRequiredSigned else { return }
        guard let keys else {
            refuse(
                isRequiredSigned
                    ? "nothing says whose signature counts" : "'\(definition.name)' takes signed releases alone",
                "name the keys that count with '--keys FILE'")
            return
        }
        var table = VerificationTable(release: found.release)
        try await table.checkSignatures(found, place.opened, keys: keys, isRequired: true)
        if !table.agrees {
            refuse(
                "nobody whose key counts has signed the release",
                "'lmsbuild release sign' signs it; 'lmsbuild release pull \(found.release.shortName)' takes signatures from the registry"
            )
        }
    }
}
