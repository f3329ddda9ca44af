// Starts one program. Knows file descriptors and arguments; does not know when the program ends or who waits for it.
import BuildGraph
import CLinux
import Glibc

/// What a started program has for its three standard streams.
struct SpawnStreams {
    /// Nil: `/dev/null`.
    let input: Int32?
    let output: Int32
    /// Nil: `/dev/null`.
    let errors: Int32?
}

/// A program that was started.
struct StartedProgram {
    let pid: pid_t
    /// Readable once it has ended; closed on exec.
    let pidDescriptor: Int32
}

extension Command {
    /// As `spawn`, by one call of the kernel's own where it has that one.
    func start(_ streams: SpawnStreams) throws(SpawnError) -> StartedProgram {
        let program = try executablePath()
        var pid: pid_t = 0
        var descriptor: Int32 = -1
        let code = withCStrings(arguments) { argv in
            withCStrings(variables) { envp in
                program.withCString { path in
                    folder.withCString { folder in
                        var wanted = clinux_program(
                            path: path, arguments: argv, environment: envp, folder: folder,
                            input: streams.input ?? -1, output: streams.output, errors: streams.errors ?? -1)
                        return clinux_start(&wanted, &pid, &descriptor)
                    }
                }
            }
        }
        if code == 0 { return StartedProgram(pid: pid, pidDescriptor: descriptor) }
        if code > 0 { throw refusal(code) }
        pid = try spawn(streams)
        descriptor = clinux_pidfd_open(pid)
        if descriptor < 0 {
            let code = errno
            kill(-pid, SIGKILL)
            waitpid(pid, nil, 0)
            throw SpawnError(program: arguments.first ?? "", errno: code)
        }
        return StartedProgram(pid: pid, pidDescriptor: descriptor)
    }

    private var variables: [String] { environment.sorted { $0.key < $1.key }.map { $0.key + "=" + $0.value } }

    private func refusal(_ code: Int32) -> SpawnError {
        let folderIsThere = folder.withCString { access($0, X_OK) } == 0
        return SpawnError(program: folderIsThere ? arguments.first ?? "" : folder.shown, errno: code)
    }

    /// Starts the program in a process group of its own, with default signal handling and no descriptor but its three
    /// streams, and gives its process id.
    func spawn(_ streams: SpawnStreams) throws(SpawnError) -> pid_t {
        let name = arguments.first ?? ""
        let program = try executablePath()
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        guard posix_spawn_file_actions_init(&actions) == 0, posix_spawnattr_init(&attributes) == 0 else {
            throw SpawnError(program: name, errno: ENOMEM)
        }
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        var code = Self.fill(&actions, streams, folder: folder)
        if code == 0 { code = Self.fill(&attributes) }
        var pid: pid_t = 0
        if code == 0 {
            code = withCStrings(arguments) { argv in
                withCStrings(variables) { envp in posix_spawn(&pid, program, &actions, &attributes, argv, envp) }
            }
        }
        if code == 0 { return pid }
        throw refusal(code)
    }

    private static func fill(
        _ actions: inout posix_spawn_file_actions_t, _ streams: SpawnStreams, folder: BytePath
    ) -> Int32 {
        var codes: [Int32] = []
        if let input = streams.input {
            codes.append(posix_spawn_file_actions_adddup2(&actions, input, 0))
        } else {
            codes.append(posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0))
        }
        codes.append(posix_spawn_file_actions_adddup2(&actions, streams.output, 1))
        if let errors = streams.errors {
            codes.append(posix_spawn_file_actions_adddup2(&actions, errors, 2))
        } else {
            codes.append(posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0))
        }
        codes.append(clinux_spawn_closing_from(&actions, 3))
        codes.append(folder.withCString { clinux_spawn_in_folder(&actions, $0) })
        return codes.first { $0 != 0 } ?? 0
    }

    private static func fill(_ attributes: inout posix_spawnattr_t) -> Int32 {
        var none = sigset_t()
        var all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        let flags = Int16(POSIX_SPAWN_SETPGROUP) | Int16(POSIX_SPAWN_SETSIGDEF) | Int16(POSIX_SPAWN_SETSIGMASK)
        let codes = [
            posix_spawnattr_setflags(&attributes, flags),
            posix_spawnattr_setpgroup(&attributes, 0),
            posix_spawnattr_setsigmask(&attributes, &none),
            posix_spawnattr_setsigdefault(&attributes, &all),
        ]
        return codes.first { $0 != 0 } ?? 0
    }

    /// The file that the first argument names, looked up in the command's own PATH.
    private func executablePath() throws(SpawnError) -> String {
        guard let name = arguments.first, !name.isEmpty else { throw SpawnError(program: "", errno: ENOENT) }
        guard arguments.allSatisfy(\.isCString), environment.allSatisfy({ $0.key.isCString && $0.value.isCString })
        else {
            throw SpawnError(program: name, errno: EINVAL)
        }
        if name.utf8.contains(UInt8(ascii: "/")) { return name }
        guard let found = ProgramSearch(path: environment["PATH"] ?? "/usr/bin:/bin").file(named: name) else {
            throw SpawnError(program: name, errno: ENOENT)
        }
        return found
    }
}

/// Looks programs up as `execvp` does, in a PATH that need not be this process's own.
package struct ProgramSearch: Sendable {
    /// The absolute folders of the PATH, in order; relative ones are left out, for they would mean another folder to
    /// each program.
    package let folders: [String]

    package init(path: String) {
        folders = path.utf8.split(separator: UInt8(ascii: ":")).compactMap { part in
            part.first == UInt8(ascii: "/") ? String(Substring(part)) : nil
        }
    }

    /// The absolute path of the first regular file called `name` that this user may execute.
    package func file(named name: String) -> String? {
        for folder in folders {
            let candidate = folder + "/" + name
            var status = stat()
            if stat(candidate, &status) == 0, status.st_mode & S_IFMT == S_IFREG, access(candidate, X_OK) == 0 {
                return candidate
            }
        }
        return nil
    }
}

extension String {
    /// Whether nothing of it is lost where a zero ends it.
    fileprivate var isCString: Bool {
        let isWhole = utf8.withContiguousStorageIfAvailable { bytes in
            bytes.baseAddress.map { memchr($0, 0, bytes.count) == nil } ?? true
        }
        return isWhole ?? !utf8.contains(0)
    }
}

/// Calls `body` with a null-terminated array of C strings.
private func withCStrings<Result>(
    _ texts: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
    var pointers: [UnsafeMutablePointer<CChar>?] = texts.map { strdup($0) }
    pointers.append(nil)
    defer { for pointer in pointers { free(pointer) } }
    return body(pointers)
}

/// A pipe whose ends close on exec: (what is read, what is written).
func makePipe() -> (reading: Int32, writing: Int32)? {
    var ends: [Int32] = [-1, -1]
    guard clinux_pipe(&ends) == 0 else { return nil }
    return (ends[0], ends[1])
}
