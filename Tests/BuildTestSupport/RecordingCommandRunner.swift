package import BuildEngine
import Synchronization

/// Runs nothing: answers commands from a script and keeps what was asked.
package final class RecordingCommandRunner: CommandRunner {
    private let commandsSeen = Mutex<[Command]>([])
    private let answer: @Sendable (Command) throws -> CommandResult
    private let pipes: @Sendable (Command) throws -> any CommandPipe

    /// `answer` gives each command's result, or throws what starting it would throw.
    package init(
        answer: @escaping @Sendable (Command) throws -> CommandResult = { _ in
            CommandResult(ending: .exited(0), output: [])
        },
        pipes: @escaping @Sendable (Command) throws -> any CommandPipe = {
            throw SpawnError(program: $0.arguments.first ?? "", errno: 2)
        }
    ) {
        self.answer = answer
        self.pipes = pipes
    }

    /// In the order in which they were started.
    package var commands: [Command] { commandsSeen.withLock { $0 } }

    package func run(_ command: Command) async throws -> CommandResult {
        commandsSeen.withLock { $0.append(command) }
        return try answer(command)
    }

    package func open(_ command: Command) throws -> any CommandPipe {
        commandsSeen.withLock { $0.append(command) }
        return try pipes(command)
    }
}
