// The watcher of a workspace: one process that keeps what has changed, and answers those who ask. Does not look at files and
// decides nothing.
package import BuildGraph
import CLinux
package import Glibc

/// Watches until it is told to stop, nobody has asked and nothing has changed for a while, or the workspace goes.
///
/// What it is sure of, it has seen: a doubt of any kind is answered as one, and it starts anew with another clock.
package final class WatchServer {
    /// Why it ended.
    package enum Ending: Sendable, Hashable {
        case stopped
        case idle
        case gone
    }

    private let root: BytePath
    private let files: StateFiles
    private let stateFolder: BytePath
    private let place: WatchPlace
    private let idle: Duration
    private let say: (String) -> Void
    private let lock: WatchLock
    private let listener: Int32
    private var kernel: Inotify
    private var stateWatch: Int32 = -1
    private var watch: BaseWatch?
    /// Why there is no `watch`.
    private var doubt = "there is no base yet: the first run makes it"
    /// There is a new base, or the watch is not to be believed any more.
    private var needsStart = true
    private var lastNews = ContinuousClock.now
    private var lastStart = ContinuousClock.now
    private var ending: Ending?

    /// Why no watcher can be had.
    package enum Failure: Error {
        /// By another process, if it can be told.
        case runsAlready(pid_t?)
        case system(String, BytePath, Int32)
    }

    /// Takes the workspace's watch over, and clears away what a killed watcher left. `root` and `state` are absolute; `say`
    /// is told what a log should have.
    package init(
        root: BytePath, state: BytePath, idle: Duration, say: @escaping (String) -> Void
    ) throws(Failure) {
        self.root = root
        self.idle = idle
        self.say = say
        files = StateFiles(in: state)
        stateFolder = state
        place = WatchPlace(in: state)
        guard place.make() else { throw .system("use the private folder", place.folder, errno == 0 ? EPERM : errno) }
        guard let lock = WatchLock(place) else { throw .runsAlready(WatchLock.holder(place)) }
        self.lock = lock
        do {
            kernel = try Inotify()
        } catch {
            throw .system(FolderWatch.starting, root, error.errno)
        }
        _ = place.socket.withCString { unlink($0) }
        listener = place.withShortName { clinux_listen($0) } ?? -1
        guard listener >= 0 else { throw .system("listen at", place.socket, errno) }
    }

    deinit {
        // Only as long as the lock is held is the socket ours to remove.
        _ = place.socket.withCString { unlink($0) }
        close(listener)
    }

    /// Watches all folders of the base that is there. Throws where they cannot be: nobody needs a watcher then.
    package func start() throws(Failure) {
        begin()
        if let code = lastCode, watch == nil { throw .system(FolderWatch.watching, root, code) }
    }

    private var lastCode: Int32?

    /// How many folders it watches.
    package var folderCount: Int { watch?.watchCount ?? 0 }
    /// Why it can tell nothing; nil where it can.
    package var trouble: String? { watch == nil ? doubt : nil }

    /// Answers until the end.
    package func serve() -> Ending {
        while true {
            if let ending { return ending }
            if needsStart { begin() }
            let rest = ContinuousClock.now.duration(to: lastNews + idle)
            if rest <= .zero { return .idle }
            var waiting = [
                pollfd(fd: listener, events: Int16(POLLIN), revents: 0),
                pollfd(fd: kernel.descriptor, events: Int16(POLLIN), revents: 0),
            ]
            let milliseconds = Int32(clamping: Int(rest / .milliseconds(1)) + 1)
            guard poll(&waiting, 2, milliseconds) > 0 else { continue }
            drain()
            answerAll()
            if ending != nil || needsStart { continue }
            // Events are taken in portions, or a busy workspace would keep this process busy.
            poll(&waiting, 1, 20)
        }
    }

    // MARK: Watching

    private func begin() {
        needsStart = false
        lastStart = .now
        lastCode = nil
        watch = nil
        doubt = "the watcher is just starting"
        do {
            kernel = try Inotify()
        } catch {
            doubt = "inotify cannot be used: \(String(cString: strerror(error.errno)))"
            return
        }
        stateWatch = kernel.add(stateFolder, followingLinks: false)
        guard stateWatch >= 0 else {
            ending = .gone
            return
        }
        guard let folders = BaseFolders.open(files) else {
            doubt = "there is no base yet: the next run makes it"
            return
        }
        do throws(WatchDoubt) {
            watch = try BaseWatch(root, folders, kernel: kernel) { [listener, doubt] in
                Self.answerBusy(listener, doubt)
            }
            say("watching \(folderCount) folders")
        } catch {
            lastCode = error.code == 0 ? nil : error.code
            fail(error)
        }
    }

    /// Without a watch until there is another base.
    private func fail(_ error: WatchDoubt) {
        watch = nil
        doubt = error.code == 0 ? error.text : "\(error.text): \(String(cString: strerror(error.code)))"
        say("in doubt: \(doubt)")
    }

    /// Takes in what has happened.
    private func drain() {
        var others: [WatchEvent] = []
        do throws(WatchDoubt) {
            if watch != nil {
                let before = watch?.record.count ?? 0
                others = try watch?.drain() ?? []
                if watch?.record.count != before { lastNews = .now }
            } else {
                others = kernel.events()
            }
        } catch {
            fail(error)
            // A folder that went is followed by the end, everything else by a new start.
            if Disk.status(root)?.isFolder != true { ending = .gone } else { needsStart = true }
            return
        }
        for event in others where event.watch == stateWatch {
            if event.has(IN_IGNORED, IN_DELETE_SELF, IN_MOVE_SELF, IN_UNMOUNT) { ending = .gone }
            if event.has(IN_MOVED_TO, IN_CREATE), event.name == files.baseName { needsStart = true }
        }
        if others.contains(where: { $0.has(IN_Q_OVERFLOW) }) { needsStart = true }
    }

    // MARK: Answering

    private func answerAll() {
        while ending == nil {
            let descriptor = clinux_accept(listener)
            guard descriptor >= 0 else { return }
            answer(descriptor)
        }
    }

    private func answer(_ descriptor: Int32) {
        // Nobody may hold up the others.
        let end = ContinuousClock.now + .milliseconds(100)
        guard let connection = WatchConnection(owning: descriptor),
            let body = connection.receive(limit: WatchMessage.mostQuestion, until: end)
        else { return }
        var reply = WatchReply.doubt("the watcher did not understand")
        if let question = WatchMessage.question(body) { reply = self.reply(question) }
        _ = connection.send(WatchMessage.bytes(reply), until: end)
    }

    private func reply(_ question: WatchQuestion) -> WatchReply {
        switch question {
        case .stop:
            ending = .stopped
            return .stopping
        case .status:
            return .status(trouble.map { "nothing is known: \($0)" } ?? "watching \(folderCount) folders")
        case .changes(let base, let clock):
            lastNews = .now
            return reply(base, since: clock)
        }
    }

    private func reply(_ base: BaseIdentity, since clock: [UInt8]?) -> WatchReply {
        // What was done before the question has its events in the queue already.
        drain()
        if ending != nil || needsStart { return .doubt(needsStart ? "there is a new base" : "the workspace went") }
        guard let identity = watch?.identity, let generation = watch?.folders.generation else {
            // What was in the way may have gone.
            if lastStart.duration(to: .now) > .seconds(60) { needsStart = true }
            return .doubt(doubt)
        }
        guard base.device == identity.device, base.inode == identity.inode else {
            return .doubt("the watcher watches another folder")
        }
        guard base.generation == generation else {
            needsStart = true
            return .doubt("there is a new base")
        }
        if let folders = watch?.folders, let doubt = MountTable.doubt(of: root, has: folders.has) {
            fail(WatchDoubt(text: doubt))
            return .doubt(doubt)
        }
        guard let (suspects, new) = watch?.since(clock) else { return .doubt(doubt) }
        guard let suspects else {
            return .fromNow(
                clock: new,
                clock == nil
                    ? "this is the first look since it watches" : "too much has changed, or the watcher is a new one")
        }
        return .since(clock: new, suspects)
    }

    /// While folders are being watched nothing can be told.
    private static func answerBusy(_ listener: Int32, _ why: String) {
        while true {
            let descriptor = clinux_accept(listener)
            guard descriptor >= 0 else { return }
            let end = ContinuousClock.now + .milliseconds(100)
            guard let connection = WatchConnection(owning: descriptor),
                connection.receive(limit: WatchMessage.mostQuestion, until: end) != nil
            else { continue }
            _ = connection.send(WatchMessage.bytes(.doubt(why)), until: end)
        }
    }
}
