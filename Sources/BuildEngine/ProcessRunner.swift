// The only place that starts programs. Does not know actions, sandboxes or containers.
import Glibc

/// Runs programs of this machine.
///
/// One thread serves all of them. Each gets a process group of its own, `/dev/null` or the given bytes as standard
/// input, default signal handling, and no open file but its three streams. A timeout or a cancelled task sends its
/// group TERM, and KILL after the grace. What a program leaves behind in its group is killed when it ends; output that
/// such a process holds open is waited for no longer than the drain.
package final class ProcessRunner: CommandRunner {
    private let loop: ChildLoop

    /// `grace`: from TERM to KILL. `drain`: how long output is read on after the program itself has ended.
    package init(grace: Duration = .seconds(5), drain: Duration = .milliseconds(500)) {
        // A pipe must never become one of this process's own three streams.
        for descriptor: Int32 in 0...2 where fcntl(descriptor, F_GETFD) < 0 { _ = Glibc.open("/dev/null", O_RDWR) }
        loop = ChildLoop(grace: grace, drain: drain)
    }

    deinit {
        loop.stop()
    }

    package func run(_ command: Command) async throws -> CommandResult {
        try Task.checkCancellation()
        return try await loop.run(command)
    }

    package func open(_ command: Command) throws -> any CommandPipe {
        try CompanionPipe(command, loop: loop)
    }

    /// For a signal to this process: sends every running program's group TERM (and KILL after the grace), or KILL at
    /// once. Does not wait; the runs end with `.signalled`.
    package func terminateAll(immediately: Bool) {
        loop.terminateAll(immediately: immediately)
    }
}
