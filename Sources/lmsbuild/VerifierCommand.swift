// `lmsbuild verify-contracts`, which the engine runs in place of a recipe's shell; people never do. Does not know how it verifies.
import BuildEngine
import BuildGraph
import Contracts
import Glibc
import Synchronization

enum VerifierCommand {
    /// The exit status; the report is printed by then. `words` stand behind the subcommand.
    static func run(_ words: [String]) async -> Int32 {
        guard let request = VerifierRequest(arguments: words), let folder = currentFolder() else {
            Terminal.say("lmsbuild: '\(VerifierRequest.command)' is lmsbuild's own: a rule with [pact] runs it")
            return 2
        }
        let commands = ProcessRunner()
        let kills = Mutex<[@Sendable () -> Void]>([])
        let verify: @Sendable (VerifierRequest) async throws -> (text: String, passed: Bool) = { pacts in
            let verifier = Verifier(
                pacts, commands: commands, environment: Workspace.currentEnvironment(), folder: folder,
                started: { kill in kills.withLock { $0.append(kill) } })
            return try await verifier.run()
        }
        let work = Task { try await InterfaceVerifier(request, folder: folder).run(pacts: verify) }
        // Whoever sends the signal will not wait long: the provider is ended at once.
        let end: @Sendable () -> Void = {
            work.cancel()
            for kill in kills.withLock({ $0 }) { kill() }
            commands.terminateAll(immediately: true)
        }
        Interruption.shared.handle(first: { _ in end() }, second: end)
        do {
            let (text, passed) = try await work.value
            Terminal.out(text)
            return passed ? 0 : 1
        } catch let interruption as VerifierInterrupted {
            Terminal.out(interruption.text)
        } catch {
            Terminal.say("lmsbuild: the verifier was interrupted: \(error)")
        }
        return 128 + (Interruption.shared.received ?? SIGTERM)
    }

    private static func currentFolder() -> BytePath? {
        guard let text = getcwd(nil, 0) else { return nil }
        defer { free(text) }
        return BytePath(String(cString: text))
    }
}
