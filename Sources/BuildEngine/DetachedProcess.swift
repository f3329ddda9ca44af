// Starts a program that outlives the one that started it. Does not know what it does.
package import BuildGraph
import CLinux
import Glibc

/// A program in a session of its own, with what it says at its start.
package struct DetachedProcess {
    package enum Failure: Error {
        case system(String, Int32)
    }

    /// What it wrote to standard output until it closed that.
    package let said: [UInt8]
    /// Its exit status where it ended by then; nil where it runs on.
    package let status: Int32?

    /// Starts this very program with `arguments` in the absolute `folder`, its standard error appended to the file `log`, and
    /// waits until it closes its standard output.
    package init(again arguments: [String], in folder: BytePath, log: BytePath) throws(Failure) {
        guard let pipe = makePipe() else { throw .system("pipe", errno) }
        defer { close(pipe.reading) }
        let flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW
        let errors = log.withCString { clinux_openat(AT_FDCWD, $0, flags, 0o600) }
        guard errors >= 0 else {
            let code = errno
            close(pipe.writing)
            throw .system("open '\(log.shown)'", code)
        }
        var child: pid_t = 0
        let code = Self.spawn(arguments, folder, output: pipe.writing, errors: errors, &child)
        close(pipe.writing)
        close(errors)
        guard code == 0 else { throw .system("start this program again", code) }
        var said: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(pipe.reading, &buffer, buffer.count)
            if count > 0 { said += buffer.prefix(count) } else if count == 0 || errno != EINTR { break }
        }
        self.said = said
        // One that says nothing has failed, and is about to end.
        var ended: Int32 = 0
        let waited = waitpid(child, &ended, said.isEmpty ? 0 : WNOHANG)
        status = waited == child ? (clinux_exited(ended) != 0 ? clinux_exit_code(ended) : 128) : nil
    }

    private static func spawn(
        _ arguments: [String], _ folder: BytePath, output: Int32, errors: Int32, _ child: inout pid_t
    ) -> Int32 {
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        guard posix_spawn_file_actions_init(&actions) == 0, posix_spawnattr_init(&attributes) == 0 else {
            return ENOMEM
        }
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        var all = sigset_t()
        var none = sigset_t()
        sigfillset(&all)
        sigemptyset(&none)
        let codes = [
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0),
            posix_spawn_file_actions_adddup2(&actions, output, 1),
            posix_spawn_file_actions_adddup2(&actions, errors, 2),
            clinux_spawn_closing_from(&actions, 3),
            folder.withCString { clinux_spawn_in_folder(&actions, $0) },
            posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF) | Int16(POSIX_SPAWN_SETSIGMASK)),
            posix_spawnattr_setsigmask(&attributes, &none),
            posix_spawnattr_setsigdefault(&attributes, &all),
            clinux_spawn_in_session(&attributes),
        ]
        if let code = codes.first(where: { $0 != 0 }) { return code }
        var pointers: [UnsafeMutablePointer<CChar>?] = (["lmsbuild"] + arguments).map { strdup($0) }
        pointers.append(nil)
        defer { for pointer in pointers { free(pointer) } }
        return posix_spawn(&child, "/proc/self/exe", &actions, &attributes, pointers, environ)
    }
}
