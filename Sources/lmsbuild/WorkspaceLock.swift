// One run at a time in a workspace.
import BuildEngine
import BuildGraph
import Buildfile
import CLinux
import Glibc

/// An `flock` on `.lmsbuild/lock`, which the kernel gives back when its holder ends, however it ends.
struct WorkspaceLock {
    private let descriptor: Int32

    /// Waits for the run that holds the lock, after saying who that is; without `waits` it is exit 9.
    static func take(_ opened: Workspace, waits: Bool) async throws -> WorkspaceLock {
        guard opened.makeState() else {
            throw Refusal(.unusableStore(.system("mkdir", opened.state, errno)), .machine)
        }
        let path = opened.state.appending("lock")
        let descriptor = path.withCString { clinux_openat(AT_FDCWD, $0, O_RDWR | O_CREAT | O_CLOEXEC, 0o644) }
        guard descriptor >= 0 else { throw Refusal(.unusableStore(.system("open", path, errno)), .machine) }
        if flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            let holder = Diagnostic(
                .locked, waits ? .notice : .error,
                "another run\(holderText(descriptor)) holds this workspace" + (waits ? "; waiting for it" : ""),
                hint: waits ? "'--no-wait' exits with 9 instead" : "run again when it has ended, or without '--no-wait'"
            )
            guard waits else {
                close(descriptor)
                throw Refusal(holder, .locked)
            }
            Workspace.show([holder])
            while flock(descriptor, LOCK_EX) != 0, errno == EINTR {}
        }
        let text = "\(getpid())\n"
        ftruncate(descriptor, 0)
        _ = text.withCString { pwrite(descriptor, $0, strlen($0), 0) }
        return WorkspaceLock(descriptor: descriptor)
    }

    private static func holderText(_ descriptor: Int32) -> String {
        var buffer = [UInt8](repeating: 0, count: 32)
        let count = pread(descriptor, &buffer, buffer.count, 0)
        guard count > 1 else { return "" }
        let digits = buffer[..<count].prefix { $0 != UInt8(ascii: "\n") }
        return " (process \(String(decoding: digits, as: UTF8.self)))"
    }

    func release() {
        ftruncate(descriptor, 0)
        close(descriptor)
    }
}
