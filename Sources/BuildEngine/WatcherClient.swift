// Asks the watcher of a workspace. Does not start one, and takes no answer that does not come at once.
package import BuildGraph
import CLinux
package import Glibc

/// The watcher that `lmsbuild watch` is, as seen from a run.
package struct WatcherClient: ChangeSource {
    private let place: WatchPlace
    private let patience: Duration

    /// `state` is the workspace's state folder.
    package init(in state: BytePath, patience: Duration = .milliseconds(200)) {
        place = WatchPlace(in: state)
        self.patience = patience
    }

    package var name: String { "lmsbuild" }

    /// The folder of a watcher is there: one may run. Costs one system call.
    package var mayRun: Bool { Disk.status(place.socket) != nil }

    package func changes(of base: BaseIdentity, since clock: [UInt8]?) -> ChangeAnswer {
        switch ask(.changes(of: base, since: clock)) {
        case .nobody: .nobody
        case .silence(let why): .doubt(why)
        case .said(let reply, _):
            switch reply {
            case .doubt(let why): .doubt(why)
            case .fromNow(let clock, let why): .fromNow(clock: clock, why)
            case .since(let new, let suspects):
                clock == nil ? .doubt("the watcher answered another question") : .since(clock: new, suspects)
            case .status, .stopping: .doubt("the watcher answered another question")
            }
        }
    }

    enum Answer {
        /// Nobody listens.
        case nobody
        case silence(String)
        case said(WatchReply, process: pid_t)
    }

    func ask(_ question: WatchQuestion) -> Answer {
        let end = ContinuousClock.now + patience
        guard mayRun else { return .nobody }
        guard place.isPrivate else { return .silence("the watcher's folder is open to others, or another user's") }
        guard let descriptor = place.withShortName({ clinux_connect($0) }) else { return .nobody }
        guard descriptor >= 0 else {
            let isNobody = [ENOENT, ECONNREFUSED].contains(errno)
            return isNobody ? .nobody : .silence("the watcher cannot be reached")
        }
        guard let connection = WatchConnection(owning: descriptor) else {
            return .silence("the watcher is another user's")
        }
        let process = connection.process
        guard connection.send(WatchMessage.bytes(question), until: end),
            let body = connection.receive(limit: WatchMessage.mostReply, until: end)
        else { return .silence("the watcher did not answer in time, or is of another version") }
        guard let reply = WatchMessage.reply(body) else { return .silence("the watcher cannot be understood") }
        return .said(reply, process: process)
    }

    // MARK: For people

    /// What the watcher says of itself; nil where none runs.
    package func status() -> String? {
        switch ask(.status) {
        case .nobody: nil
        case .silence(let why): why
        case .said(.status(let text), _): text
        case .said: "the watcher answered another question"
        }
    }

    /// Ends the watcher, by a signal where it does not answer, and waits for that. False where none ran; nil where it does not
    /// end.
    package func stop() -> Bool? {
        guard let holder = WatchLock.holder(place) else { return false }
        if case .said(.stopping, _) = ask(.stop), WatchLock.isFree(place, within: .seconds(5)) { return true }
        // The holder of the lock is a watcher of ours: others cannot open the lock's file.
        for number in [SIGTERM, SIGKILL] {
            kill(holder, number)
            if WatchLock.isFree(place, within: .seconds(5)) { return true }
        }
        return nil
    }
}

/// One watcher a workspace: an `flock` that the kernel gives back when its holder ends, however it ends.
package final class WatchLock: Sendable {
    private let descriptor: Int32

    /// Nil where another process holds it, or its file cannot be made.
    package init?(_ place: WatchPlace) {
        let flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW
        let descriptor = place.lock.withCString { clinux_openat(AT_FDCWD, $0, flags, 0o600) }
        guard descriptor >= 0 else { return nil }
        // Who asks whether somebody holds it takes it for an instant.
        var tries = 0
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            tries += 1
            guard tries < 20 else {
                close(descriptor)
                return nil
            }
            usleep(5000)
        }
        let text = "\(getpid())\n"
        ftruncate(descriptor, 0)
        _ = text.withCString { pwrite(descriptor, $0, strlen($0), 0) }
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// The process that holds the lock; nil where none does.
    package static func holder(_ place: WatchPlace) -> pid_t? {
        guard place.isPrivate else { return nil }
        let descriptor = place.lock.withCString { clinux_openat(AT_FDCWD, $0, O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0) }
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return nil }
        var buffer = [UInt8](repeating: 0, count: 32)
        let count = pread(descriptor, &buffer, buffer.count, 0)
        let digits = buffer.prefix(max(0, count)).prefix { (0x30...0x39).contains($0) }
        return pid_t(String(decoding: digits, as: UTF8.self)).flatMap { $0 > 1 ? $0 : nil }
    }

    static func isFree(_ place: WatchPlace, within limit: Duration) -> Bool {
        let end = ContinuousClock.now + limit
        while holder(place) != nil {
            if ContinuousClock.now > end { return false }
            usleep(5000)
        }
        return true
    }
}
