// Verifies contracts against a provider that it starts: what is asked for, in which order, and what comes of it. Does not know
// verdicts of other runs, nor how things look in the report.
package import BuildEngine
package import BuildGraph
import Buildfile

/// The verifier was stopped; what is known so far is for people alone.
package struct VerifierInterrupted: Error {
    package let text: String
}

/// lmsbuild's own verifier of pacts, as one run of it.
package struct Verifier: Sendable {
    /// One interaction that is to be verified.
    struct Item: Sendable {
        /// Index into the request's contracts.
        let contract: Int
        let interaction: Interaction
        let isPending: Bool
    }

    enum Outcome: Sendable {
        /// `notes`: what is worth telling all the same.
        case passed(notes: [String])
        case failed([Finding])
        /// It was never got to.
        case unknown
    }

    /// One thing that is not as it was agreed.
    struct Finding: Sendable {
        var path: String?
        var expected: String?
        var actual: String?
        let message: String

        init(_ message: String, path: String? = nil, expected: String? = nil, actual: String? = nil) {
            self.message = message
            self.path = path
            self.expected = expected
            self.actual = actual
        }

        /// On one line.
        var line: String { ReportText.line((path.map { $0 + ": " } ?? "") + message) }
    }

    let request: VerifierRequest
    let commands: any CommandRunner
    /// The recipe's.
    let environment: [String: String]
    /// Absolute: where contracts are looked for and the recipe runs.
    let folder: BytePath
    /// Told of the provider when it is started: whoever ends this program early ends it, too.
    let started: @Sendable (_ kill: @escaping @Sendable () -> Void) -> Void

    package init(
        _ request: VerifierRequest, commands: any CommandRunner, environment: [String: String], folder: BytePath,
        started: @escaping @Sendable (_ kill: @escaping @Sendable () -> Void) -> Void
    ) {
        self.request = request
        self.commands = commands
        self.environment = environment
        self.folder = folder
        self.started = started
    }

    /// Verifies, and gives what to print (the last line is for the engine) and whether all is well. Throws
    /// `VerifierInterrupted` or `CancellationError` when interrupted.
    package func run() async throws -> (text: String, passed: Bool) {
        var report = VerifierReport(request)
        do {
            let items = try readItems()
            try await verify(items, &report)
        } catch let failure as VerifierFailure {
            report.trouble = failure.message
        }
        try Task.checkCancellation()
        return (report.text, report.isRight)
    }

    // MARK: What is asked for

    private func readItems() throws -> [Item] {
        var items: [Item] = []
        for (index, contract) in request.contracts.enumerated() {
            var wanted = Set(contract.terms)
            for path in contract.paths {
                for interaction in try readInteractions(path, contract.consumer)
                where wanted.remove(interaction.digest.hash) != nil {
                    let isPending = contract.pending.contains(interaction.digest.hash)
                    items.append(Item(contract: index, interaction: interaction, isPending: isPending))
                }
            }
            if !wanted.isEmpty {
                throw VerifierFailure(
                    message: "the contract of '\(contract.consumer)' is no longer what was hashed: run again")
            }
        }
        return items
    }

    /// In the order of the file.
    private func readInteractions(_ path: String, _ consumer: String) throws -> [Interaction] {
        let bytes: [UInt8]
        do {
            bytes = try Disk.contents(of: folder.appending(BytePath(path)))
        } catch {
            throw VerifierFailure(message: "the contract '\(path)' of '\(consumer)' cannot be read: \(error)")
        }
        let document: ContractDocument
        do throws(ContractReadError) {
            document = try ContractDocument.read(bytes, name: path)
        } catch {
            throw VerifierFailure(message: error.text(name: path, bytes: bytes))
        }
        guard document.pact != nil else {
            throw VerifierFailure(
                message:
                    "'\(path)' of '\(consumer)' is no pact (\(document.kind.rawValue)): [pact] verifies pacts alone")
        }
        return document.interactions.sorted { $0.offset < $1.offset }
    }

    // MARK: Verifying

    private func verify(_ items: [Item], _ report: inout VerifierReport) async throws {
        if items.isEmpty { return }
        let settings = request.settings
        var provider: ProviderProcess?
        let isStarted = items.contains { needsProvider($0) }
        if isStarted {
            // An image has a command of its own: the file of the recipe, which is empty, is not for it.
            let words = request.removal.isEmpty ? request.recipe : Array(request.recipe.dropLast())
            let running = try ProviderProcess.start(
                words, removal: request.removal, environment: environment, folder: folder)
            started { running.kill() }
            provider = running
        }
        let exchange =
            CurlExchange(commands: commands, environment: environment)
            ?? CurlExchange(commands: commands, program: "/usr/bin/curl", environment: environment)
        let client = HTTPClient(exchange: exchange, port: provider?.port ?? 0, limit: settings.answer)
        do {
            if let trouble = try await provider?.becomeReady(client, health: settings.health, within: settings.wait) {
                report.trouble = "'\(request.provider)' did not start: \(trouble)"
            } else {
                let session = VerifierSession(
                    request: request, commands: commands, environment: environment, folder: folder,
                    client: provider == nil ? nil : client, states: states(client, isStarted: isStarted))
                try await verify(items, session, provider, &report)
            }
        } catch is CancellationError {
            report.providerOutput = await provider?.stop(immediately: true) ?? []
            throw VerifierInterrupted(text: report.interrupted)
        } catch {
            _ = await provider?.stop(immediately: true)
            throw error
        }
        let ending = provider?.ending
        let output = await provider?.stop() ?? []
        if let ending, report.trouble == nil {
            report.trouble = "'\(request.provider)' ended while it was verified: \(ending)"
        }
        report.providerOutput = output
    }

    private func needsProvider(_ item: Item) -> Bool {
        if case .http = item.interaction.content.exchange { return true }
        return !request.removal.isEmpty || request.settings.messages != nil || request.settings.states != nil
    }

    private func states(_ client: HTTPClient, isStarted: Bool) -> ProviderStates {
        if !request.statesCommand.isEmpty {
            var environment = environment
            if isStarted { environment["PORT"] = "\(client.port)" }
            return ProviderStates(
                means: .command(
                    ProviderCommand(
                        words: request.statesCommand, environment: environment, folder: folder, commands: commands,
                        limit: client.limit)))
        }
        guard let path = request.settings.states else { return ProviderStates(means: .none) }
        return ProviderStates(means: .endpoint(client, path: path))
    }

    /// What may fail comes last: a provider that it makes end has shown everything else before.
    private func verify(
        _ items: [Item], _ session: VerifierSession, _ provider: ProviderProcess?, _ report: inout VerifierReport
    ) async throws {
        let ordered = items.filter { !$0.isPending } + items.filter(\.isPending)
        try await withThrowingTaskGroup(of: (Int, Outcome).self) { group in
            var next = 0
            func addNext() {
                guard next < ordered.count, provider?.ending == nil else { return }
                let place = next
                next += 1
                group.addTask {
                    let (outcome, isLost) = try await session.verify(ordered[place])
                    if isLost { _ = await provider?.hasEnded() }
                    return (place, outcome)
                }
            }
            for _ in 0..<max(1, request.settings.parallel) { addNext() }
            var outcomes: [Int: Outcome] = [:]
            while let (place, outcome) = try await group.next() {
                outcomes[place] = outcome
                addNext()
            }
            report.outcomes = ordered.indices.map { (ordered[$0], outcomes[$0] ?? .unknown) }
        }
    }
}
