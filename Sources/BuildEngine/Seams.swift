package import BuildGraph

/// Runs actions: local, image, and in tests recorded. Does not know keys, caches or the graph.
package protocol ActionRunner: Sendable {
    /// Runs `action`, whose inputs are in the store, and stores its outputs and its log.
    /// Throws `ActionFailure` for whatever must not be kept, and `CancellationError` when the run was interrupted.
    func run(_ action: Action) async throws -> ActionResult
    /// Asks the world itself whether what `result` says is still there (an image in an engine's store). Outputs are
    /// files and looked at by the caller.
    func isPresent(_ action: Action, _ result: ActionResult) async -> Bool
    /// Whether the action's secrets have the values with which it last succeeded here.
    func hasSameSecrets(_ action: Action) async -> Bool
    /// Whether actions read the workspace's own files, which may change under them, and not the store's.
    var readsWorkspace: Bool { get }
}

extension ActionRunner {
    package var readsWorkspace: Bool { false }
    package func hasSameSecrets(_ action: Action) async -> Bool { true }
}

/// Digest → bytes. A blob is written elsewhere and renamed into place, and no bytes are handed out that are not what their
/// digest says.
package protocol ContentStore: Sendable {
    func contains(_ digest: Digest) async -> Bool
    /// Throws `StoreError` when the blob is missing or its bytes are not what its name says.
    func read(_ digest: Digest) async throws -> [UInt8]
    func write(_ bytes: [UInt8]) async throws -> Digest
    /// Copies the file at the absolute `path` in. Throws `StoreError.changed` where its content is not `expected`.
    func writeFile(at path: BytePath, expecting expected: Digest?) async throws -> Digest
    /// Puts the blob at the absolute `path`, in a file of its own with mode 0755 or 0644 (never shared with the
    /// store), by a rename in the same folder.
    func place(_ digest: Digest, at path: BytePath, executable: Bool) async throws
}

package enum StoreError: Error, Sendable, Hashable {
    case missing(Digest)
    case damaged(Digest)
    /// The file that was to be stored is no longer what was hashed.
    case changed(BytePath)
    /// A system call failed: operation, path, errno.
    case system(String, BytePath, Int32)
}

/// Action key → action result.
package protocol ActionCache: Sendable {
    /// Nil for a miss; a damaged entry is a miss.
    func result(for key: ActionKey) async -> ActionResult?
    func store(_ result: ActionResult, for key: ActionKey) async throws
}

/// What a program is started with.
package struct Command: Sendable, Hashable {
    /// The first is looked up in the environment's PATH where it has no `/`.
    package var arguments: [String]
    package var environment: [String: String]
    /// Absolute.
    package var folder: BytePath
    /// Fed to standard input, which is otherwise /dev/null.
    package var input: [UInt8] = []
    package var timeout: Duration?
    /// Bytes of output kept; what comes after is counted and cut, with a marker line.
    package var outputLimit = 64 * 1024 * 1024
    /// True: standard error goes to a stream of its own; false: one stream in the order written.
    package var separateErrors = false
    /// True where the program may ask the kernel to be ended with the thread that started it, which then lasts as long as
    /// the runner does; false saves a detour.
    package var mayEndWithItsStarter = true

    package init(_ arguments: [String], environment: [String: String], folder: BytePath) {
        self.arguments = arguments
        self.environment = environment
        self.folder = folder
    }
}

package struct CommandResult: Sendable, Hashable {
    package enum Ending: Sendable, Hashable {
        case exited(Int32)
        case signalled(Int32)
        case timedOut
    }

    package let ending: Ending
    /// Standard output, or both streams in the order written.
    package let output: [UInt8]
    /// Standard error where it was separate.
    package let errors: [UInt8]
    package let duration: Duration

    package init(ending: Ending, output: [UInt8], errors: [UInt8] = [], duration: Duration = .zero) {
        self.ending = ending
        self.output = output
        self.errors = errors
        self.duration = duration
    }

    package var succeeded: Bool { ending == .exited(0) }
}

/// A program that could not be started.
package struct SpawnError: Error, Sendable, Hashable {
    package let program: String
    package let errno: Int32

    package init(program: String, errno: Int32) {
        self.program = program
        self.errno = errno
    }
}

/// The only thing that starts programs. Each gets a process group of its own; cancelling the task sends it TERM, and
/// KILL after 5 s.
package protocol CommandRunner: Sendable {
    /// Runs to the end. Throws `SpawnError` where the program cannot be started, `CancellationError` when cancelled.
    func run(_ command: Command) async throws -> CommandResult
    /// Starts a program that is asked and answers (`git cat-file --batch`); `command.input` is written first.
    func open(_ command: Command) throws -> any CommandPipe
}

/// A running program's standard input and output, for one asker at a time; calls block. Standard error is dropped.
package protocol CommandPipe: Sendable {
    func write(_ bytes: [UInt8]) throws
    /// Up to and without the next newline; nil at the end.
    func readLine() throws -> [UInt8]?
    /// Exactly `count` bytes; fewer only at the end.
    func read(_ count: Int) throws -> [UInt8]
    /// Closes standard input and waits for the program to end.
    func close()
    /// As `close`, and says how the program ended; `.exited(0)` where nobody can tell.
    func finish() -> CommandResult.Ending
}

extension CommandPipe {
    package func finish() -> CommandResult.Ending {
        close()
        return .exited(0)
    }
}

/// Talks to one container engine.
package protocol ContainerDriver: Sendable {
    var name: String { get }
    /// The digest (`sha256:…`) of the image named `reference` in the engine's own store, or nil. Throws
    /// `ActionFailure` of kind `.unavailable` where the engine cannot be asked.
    func digest(of reference: String) async throws -> String?
    /// Builds `request` from `context`, an absolute folder that holds exactly the image's inputs, with the
    /// Dockerfile at the absolute path `dockerfile`. Gives the digest and what the engine printed.
    func build(
        _ request: ImageRequest, context: BytePath, dockerfile: BytePath
    ) async throws -> (digest: String, log: [UInt8])
}
