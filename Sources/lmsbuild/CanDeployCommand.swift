// `can-deploy`: may what would go to an environment work with what runs there?
import ArgumentParser
import BuildEngine
import BuildGraph
import Buildfile
import Contracts

struct CanDeployCommand: AsyncParsableCommand, ExitingCommand {
    static let configuration = CommandConfiguration(
        commandName: "can-deploy",
        abstract: "May it go there: every pair with what would run there is verified.")

    @OptionGroup var global: GlobalOptions
    @Option(help: ArgumentHelp("The environment that it would go to.", valueName: "environment")) var to: String
    @Option(
        help: ArgumentHelp(
            "The release that runs there, named as 'release show' takes it; without, what was deployed there from here.",
            valueName: "release"))
    var running: String?
    @Option(help: ArgumentHelp("Only this service of the release goes; may be repeated.", valueName: "service"))
    var service: [String] = []
    @Option(help: ArgumentHelp("What no contract speaks of: may go, or is refused.", valueName: "allow|refuse"))
    var undeclared = "allow"
    @Flag(help: "Run the verifications that decide it, as far as they are of the contents at hand.") var verify = false
    @Option(help: "text or json.") var format = "text"
    @Argument(help: "The release (the contents at hand without), and NAME=VALUE.") var words: [String] = []

    func perform() async throws -> BuildEngine.ExitCode {
        try checkFormat(format)
        guard ["allow", "refuse"].contains(undeclared) else {
            throw Refusal(
                Diagnostic(.badCommandLine, "'--undeclared \(undeclared)' is neither allow nor refuse"), .wrongInput)
        }
        let (files, overrides) = GlobalOptions.overrides(in: words)
        if files.count > 1 {
            throw Refusal(Diagnostic(.badCommandLine, "'can-deploy' takes one release"), .wrongInput)
        }
        let opened = try await Workspace.open(global, overrides: overrides)
        let hashed = try opened.hashed(try await opened.workingTree())
        try checkEnvironment(hashed.graph)
        // What is at hand has to be known only where nothing else was named, and its commit only for a clone of it.
        var candidate: Release
        if let file = files.first {
            candidate = try await opened.found(file, hashed: hashed).release
        } else {
            candidate = try await opened.release(of: hashed, commit: nil)
        }
        let there = try await there(opened, hashed)
        try checkServices(candidate)
        let chosen = service.isEmpty ? nil : Set(service)
        var question = DeployQuestion(
            candidate: candidate, running: there, services: chosen, verdicts: opened.verdictLog)
        if verify, question.answer == .unverified {
            let here = try await opened.release(of: hashed, commit: try await ReleaseWrite.commit(opened, hashed))
            if files.isEmpty { candidate = here }
            try await run(question.deciding, opened, hashed, here, question: candidate, there)
            question = DeployQuestion(
                candidate: candidate, running: there, services: chosen, verdicts: opened.verdictLog)
        }
        Terminal.out(format == "json" ? json(question).text(pretty: true) + "\n" : text(question))
        switch question.answer {
        case .yes: return .done
        case .undeclared: return undeclared == "allow" ? .done : .checkFailed
        case .no, .unverified: return .checkFailed
        }
    }

    /// What runs there: what was named, or else what the last deployment from here left there.
    private func there(_ opened: Workspace, _ hashed: HashedGraph) async throws -> Release {
        if let running { return try await opened.found(running, hashed: hashed).release }
        guard let name = try EnvironmentReleases(opened, hashed.graph).name(in: to) else {
            Terminal.say("nothing runs in '\(to)', as far as this workspace knows; '--running RELEASE' says otherwise")
            return .empty
        }
        return try await opened.found(name.hex).release
    }

    private func checkEnvironment(_ graph: Graph) throws {
        let known = graph.environments.map(\.name.text)
        guard known.contains(to) else {
            throw Refusal(
                Diagnostic(
                    .badEnvironment, "there is no environment '\(to)'",
                    hint: nearestWord(to: to, among: known).map { "did you mean '\($0)'?" }
                        ?? (known.isEmpty
                            ? "'environment NAME' declares one" : "declared are: \(known.joined(separator: ", "))")),
                .wrongInput)
        }
    }

    private func checkServices(_ candidate: Release) throws {
        for name in service where candidate.services[name] == nil {
            throw Refusal(
                Diagnostic(
                    .noMatch, "the release has no service '\(name)'",
                    hint: nearestWord(to: name, among: candidate.services.keys.sorted()).map { "did you mean '\($0)'?" }
                ),
                .noTarget)
        }
    }

    // MARK: Verifying

    /// Verifies `pairs`: here, where both sides are those at hand, and otherwise in a clone of the provider's commit.
    private func run(
        _ pairs: [DeployQuestion.Pair], _ opened: Workspace, _ hashed: HashedGraph, _ here: Release,
        question candidate: Release, _ there: Release
    ) async throws {
        var labels: [String] = []
        var others: [CrossPair] = []
        for pair in pairs {
            let state = pair.state
            func own(_ side: DeployQuestion.Side) -> Release { side == .candidate ? candidate : there }
            let contract = own(pair.consumer).contracts.first {
                $0.consumer == state.consumer && $0.provider == state.provider
            }
            let isAtHand = here.contracts.contains { known in
                known.consumer == state.consumer && known.provider == state.provider && known.terms == contract?.terms
                    && own(pair.provider).verification(of: state.provider, for: state.consumer)
                        == here.verification(of: state.provider, for: state.consumer)
            }
            if isAtHand {
                labels.append(state.label.description)
            } else if let pair = cross(state.label, contract, own(pair.consumer), own(pair.provider)) {
                others.append(pair)
            } else {
                Terminal.say(
                    "\(state.label) cannot be verified: its sides are of releases without a commit, or the provider's has no such pair"
                )
            }
        }
        if !others.isEmpty, let repository = opened.repository {
            try await CrossVerification(opened: opened, repository: repository).run(others)
        }
        if labels.isEmpty { return }
        var command = try RunCommand.parse(["-k", "--progress", "plain"] + labels)
        command.global = global
        let request = try command.understood()
        _ = try await command.once(opened, request)
    }

    private func cross(
        _ label: Label, _ contract: Release.Contract?, _ consumer: Release, _ provider: Release
    ) -> CrossPair? {
        guard let contract, let consumerCommit = consumer.commit, let providerCommit = provider.commit else {
            return nil
        }
        let expected = provider.contracts.first {
            $0.consumer == contract.consumer && $0.provider == contract.provider
        }
        guard let expected, expected.files.count == contract.files.count else { return nil }
        return CrossPair(
            label: label, providerCommit: providerCommit, consumerCommit: consumerCommit,
            files: zip(contract.files, expected.files).map { ($0, $1) })
    }

    // MARK: Wording

    private func text(_ question: DeployQuestion) -> String {
        var text = ""
        for pair in question.pairs {
            let (state, names) = (pair.state, "\(pair.state.consumer) with \(pair.state.provider)")
            let isOneRelease = pair.consumer == .candidate && pair.provider == .candidate
            let sides = isOneRelease ? "" : " (\(side(pair.consumer)) with \(side(pair.provider)))"
            if pair.lacksProvider {
                text += "  no          \(names): '\(state.provider)' would not run there\n"
                continue
            }
            switch state.standing {
            case .verified: text += "  yes         \(names)\(sides)\n"
            case .undeclared: text += "  undeclared  \(names): '\(state.provider)' has no 'verify' rule\n"
            case .failed:
                let failed = (state.terms ?? []).filter { $0.standing == .failed }.map { "'\($0.term.name)'" }
                text += "  no          \(names)\(sides): failed: \(failed.joined(separator: ", "))\n"
            case .toDo:
                let open =
                    state.terms.map { "\(state.toDo) of \($0.count) terms" } ?? "a contract that is not put out yet"
                text += "  unverified  \(names)\(sides): \(open)\n"
            }
        }
        for name in question.undeclared { text += "  undeclared  \(name): no contract speaks of it\n" }
        text += "\(headline(question))\n"
        if !question.deciding.isEmpty {
            text += "these would decide it:\n"
            for pair in question.deciding {
                let names =
                    "  (\(pair.state.consumer) of \(side(pair.consumer)), \(pair.state.provider) of \(side(pair.provider)))"
                text += "  \(pair.state.label)\(pair.consumer == pair.provider ? "" : names)\n"
            }
        }
        return text
    }

    private func side(_ side: DeployQuestion.Side) -> String { side == .candidate ? "the release" : "what runs" }

    private func headline(_ question: DeployQuestion) -> String {
        if question.changed.isEmpty { return "yes: nothing would change in \(to)" }
        let what = question.changed.count == 1 ? "1 service" : "\(question.changed.count) services"
        return switch question.answer {
        case .yes: "yes: \(what) may go to \(to)"
        case .no: "no: \(what) may not go to \(to)"
        case .unverified: "unverified: nobody knows whether \(what) may go to \(to)"
        case .undeclared:
            "no contract declared: nothing speaks against \(what) in \(to), and not for all of them"
                + (undeclared == "refuse" ? "; refused" : "")
        }
    }

    private func json(_ question: DeployQuestion) -> JSONValue {
        func pair(_ pair: DeployQuestion.Pair) -> JSONValue {
            guard case .object(let members) = ContractAnswer.json(pair.state) else { return .null }
            return .object(
                members + [
                    ("consumerFrom", .string(pair.consumer.rawValue)),
                    ("providerFrom", .string(pair.provider.rawValue)),
                    ("lacksProvider", .bool(pair.lacksProvider)),
                ])
        }
        return .object([
            ("schema", .number(1)), ("environment", .string(to)), ("answer", .string(question.answer.rawValue)),
            ("changed", .array(question.changed.map { .string($0) })),
            ("undeclared", .array(question.undeclared.map { .string($0) })),
            ("pairs", .array(question.pairs.map(pair))),
            ("deciding", .array(question.deciding.map { .string($0.state.label.description) })),
        ])
    }
}
