package import BuildGraph
import CLinux
import Glibc

/// A program that runs on while a test looks at what it says, and that ends by a signal.
package final class RunningProgram {
    package struct Silence: Error, CustomStringConvertible {
        package let description: String
    }

    private let process: StartedProcess
    private let folder: TemporaryFolder
    /// How much of what was said has been expected already.
    private var seen = 0

    /// Starts `arguments` in `path` with `environment` and nothing else.
    package init(_ arguments: [String], in path: BytePath, environment: [String: String]) throws {
        folder = try TemporaryFolder()
        process = try StartedProcess(arguments, in: path, environment: environment, errors: folder("errors"))
    }

    deinit { if process.ending() == nil { kill(process.pid, SIGKILL) } }

    /// All that it wrote to standard error up to now.
    package var text: String { (try? String(decoding: readFile(folder("errors").shown), as: UTF8.self)) ?? "" }

    /// Waits until it has said `words` after what was expected before, and gives all that it said in between, `words`
    /// included.
    @discardableResult
    package func expect(_ words: String) async throws -> String {
        let end = ContinuousClock.now + .seconds(120)
        while true {
            let isOver = process.ending() != nil
            let rest = String(decoding: Array(text.utf8.dropFirst(seen)), as: UTF8.self)
            if let end = rest.firstRange(of: words)?.upperBound {
                let said = String(rest[..<end])
                seen += said.utf8.count
                return said
            }
            if isOver || ContinuousClock.now > end {
                throw Silence(description: "'\(words)' was not said\(isOver ? " before it ended" : ""): \(text)")
            }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    /// Sends `number` and waits for the end: the exit status, or 128 and the signal that ended it.
    package func end(by number: Int32 = 2) async throws -> Int32 {
        kill(process.pid, number)
        let end = ContinuousClock.now + .seconds(120)
        while true {
            if let status = process.ending() { return status }
            if ContinuousClock.now > end { throw Silence(description: "signal \(number) does not end it: \(text)") }
            try await Task.sleep(for: .milliseconds(5))
        }
    }
}

/// A process of a group of its own, which is waited for by asking.
private final class StartedProcess {
    let pid: pid_t
    private var status: Int32?

    init(_ arguments: [String], in path: BytePath, environment: [String: String], errors: BytePath) throws {
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
        _ = errors.withCString { posix_spawn_file_actions_addopen(&actions, 2, $0, O_WRONLY | O_CREAT, 0o600) }
        _ = path.withCString { clinux_spawn_in_folder(&actions, $0) }
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
        var words = arguments.map { strdup($0) } + [nil]
        var pairs = environment.map { strdup($0.key + "=" + $0.value) } + [nil]
        defer { for word in words + pairs { free(word) } }
        var started: pid_t = 0
        let code = posix_spawn(&started, arguments.first ?? "", &actions, &attributes, &words, &pairs)
        guard code == 0 else { throw RunningProgram.Silence(description: "\(arguments): errno \(code)") }
        pid = started
    }

    /// Nil while it runs; then its exit status, or 128 and the signal that ended it.
    func ending() -> Int32? {
        var value: Int32 = 0
        if status == nil, waitpid(pid, &value, WNOHANG) == pid {
            status = value & 0x7f == 0 ? (value >> 8) & 0xff : 128 + (value & 0x7f)
        }
        return status
    }
}

extension Program {
    /// Starts the program, which runs on, in `folder` with nothing in its environment but PATH and HOME; `before` is
    /// what starts it.
    package func start(_ arguments: [String], in folder: BytePath, before: [String] = []) throws -> RunningProgram {
        let search = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"
        return try RunningProgram(
            before + [path] + arguments, in: folder, environment: ["PATH": search, "HOME": "/nonexistent"])
    }
}
