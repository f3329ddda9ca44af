// `rollback`: back to a release that ran in an environment before, as it was deployed then, or anew where that is not kept.
import ArgumentParser
import BuildEngine
import BuildGraph
import Buildfile
import Contracts
import Delivery

/// What ran once, deployed again as it was then.
struct Redeployment {
    let place: DeployPlace
    let running: LedgerEntry.Running
    let ledger: DeployLedger
    var allowsIrreversible = false

    /// Its stack; nil where that is not kept any more.
    var stack: RenderedStack? {
        get async throws {
            let kept = try await DeployPlace.refusing { try await place.engine.shelf.list(.stack) }
            return kept[running.stack].flatMap { RenderedStack(recorded: $0) }
        }
    }

    func carryOut(origin: DeployOrigin, action: String, waits: Bool) async throws
        -> BuildEngine.ExitCode
    {
        guard let stack = try await stack else {
            throw Refusal(
                Diagnostic(
                    .noDeployment, "how \(running.release.prefix(12)) was deployed is not kept any more",
                    hint:
                        "deploy it anew: 'lmsbuild deploy --to \(place.environment.definition.name) \(running.release.prefix(12))'"
                ), .checkFailed)
        }
        let commit = ledger.entries.last { $0.wanted == running }?.commit
        var plan = RolloutPlan(stack: stack, release: running.release, commit: commit, origin: origin)
        plan.action = action
        plan.apply(place.environment.definition, limit: nil)
        plan.needsWayBack = false
        plan.allowsIrreversible = allowsIrreversible
        return try await place.carryOut(plan, waits: waits, retries: true)
    }
}

struct RollbackCommand: AsyncParsableCommand, ExitingCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollback", abstract: "Back to an earlier release of an environment.")

    @OptionGroup var global: GlobalOptions
    @Option(help: ArgumentHelp("The environment.", valueName: "environment")) var env: String
    @Option(
        help: ArgumentHelp(
            "The release, by the digits its name begins with; without, the one before.",
            valueName: "release"))
    var to: String?
    @Option(name: .shortAndLong, help: "Why, for the history.") var message: String?
    @Flag(help: "Go back although that release cannot read the data that there is now.")
    var allowIrreversible = false
    @Flag(help: "Exit with 9 where another is at work there.") var noWait = false
    @Argument(help: "NAME=VALUE sets a '?=' variable.") var words: [String] = []

    func perform() async throws -> BuildEngine.ExitCode {
        let opened = try await Workspace.open(
            global, overrides: GlobalOptions.overrides(in: words).overrides)
        let place = try await DeployPlace(opened, env)
        let ledger = try await DeployPlace.refusing { try await DeployLedger(on: place.engine.shelf) }
        guard let running = try target(ledger) else {
            return try await anew(place, to ?? "", cameUp: nil)
        }
        var back = Redeployment(place: place, running: running, ledger: ledger)
        back.allowsIrreversible = allowIrreversible
        guard try await back.stack != nil else {
            let commit = ledger.entries.last { $0.wanted == running }?.commit
            return try await anew(place, running.release, cameUp: .some(commit))
        }
        let code = try await back.carryOut(
            origin: await place.origin(message), action: "rollback", waits: !noWait)
        // Nothing depends on it: questions about what runs there find its contracts by it.
        if code == .done, !isKept(running.release, opened) {
            _ = try? await opened.pulled(running.release)
        }
        return code
    }

    /// What has come up there; nil where nothing has that `--to` names.
    private func target(_ ledger: DeployLedger) throws -> LedgerEntry.Running? {
        guard let to else {
            if let before = ledger.beforeRunning { return before }
            throw Refusal(
                Diagnostic(
                    .noDeployment, "nothing else has ever come up in '\(env)'",
                    hint: "'lmsbuild history --env \(env)' tells what was tried"), .checkFailed)
        }
        let found = ledger.entries.reversed().filter {
            $0.end == .deployed && $0.wanted.release.hasPrefix(to)
        }
        let releases = Set(found.map(\.wanted.release))
        if releases.count < 2 { return found.first?.wanted }
        throw Refusal(
            Diagnostic(
                .noDeployment,
                "'\(to)' begins the names of \(releases.count) releases that have come up in '\(env)'",
                notes: releases.sorted().map { .init($0) }, hint: "write more digits"), .wrongInput)
    }

    private func isKept(_ digits: String, _ opened: Workspace) -> Bool {
        opened.releases.kept.contains { $0.name.hex.hasPrefix(digits) }
    }

    /// Brings a release there whose stack of then is not kept, with the stack of the files at hand. One that had come up there
    /// (`cameUp`: of which commit) has met the environment's conditions; any other has to.
    private func anew(
        _ place: DeployPlace, _ digits: String, cameUp: String??
    ) async throws -> BuildEngine.ExitCode {
        let opened = place.opened
        let isName =
            (4...64).contains(digits.utf8.count)
            && digits.utf8.allSatisfy { "0123456789abcdef".utf8.contains($0) }
        var isThere = isName && isKept(digits, opened)
        if isName, !isThere { isThere = try await opened.pulled(digits) != nil }
        guard isThere else { throw nowhere(digits, cameUp) }
        let found = try await opened.found(digits)
        Workspace.show([
            Diagnostic(
                .noDeployment, .notice,
                cameUp == nil
                    ? "the release \(found.release.shortName) has never come up in '\(env)', as far as is known there"
                    : "how \(found.release.shortName) was deployed is not kept any more",
                hint: "its stack is that of the files at hand, with the images of the release")
        ])
        if cameUp == nil {
            try await DeployGates(place: place, found: found, keys: nil, isRequiredSigned: false).check()
        }
        try place.tellOfOtherFiles(found.release)
        var plan = try await place.plan(found.release, await place.origin(message), limit: nil)
        plan.action = "rollback"
        plan.needsWayBack = false
        plan.allowsIrreversible = allowIrreversible
        return try await place.carryOut(plan, waits: !noWait, retries: true)
    }

    private func nowhere(_ digits: String, _ cameUp: String??) -> Refusal {
        guard let cameUp else {
            return Refusal(
                Diagnostic(
                    .noDeployment,
                    "no release that begins with '\(BytePath(digits).shown)' has come up in '\(env)', is kept here or in the registry",
                    hint:
                        "'lmsbuild history --env \(env)' lists what has come up, 'lmsbuild release list' what is kept"
                ),
                .wrongInput)
        }
        let how = cameUp.map {
            "check out its commit \($0.prefix(12)) and 'lmsbuild deploy --to \(env)'"
        }
        return Refusal(
            Diagnostic(
                .noDeployment,
                "how \(digits.prefix(12)) was deployed is not kept any more, and the release is neither here nor in the registry",
                hint: how ?? "'lmsbuild history --env \(env)' lists what else has come up"), .checkFailed)
    }
}
