// Asks Watchman, where it runs and watches this very workspace already. Starts nothing and has nothing watched.
package import BuildGraph
import CLinux
import Glibc

/// Watchman's daemon, as seen from a run: its clocks serve as those of our own watcher do.
package struct WatchmanClient: ChangeSource {
    private let environment: [String: String]
    private let findsSocket: @Sendable () -> String?
    private let patience: Duration

    /// `socket` is asked for the path of the daemon's socket where nothing else tells.
    package init(
        _ environment: [String: String], patience: Duration = .milliseconds(200),
        socket: @escaping @Sendable () -> String?
    ) {
        self.environment = environment
        self.patience = patience
        findsSocket = socket
    }

    package var name: String { "watchman" }

    /// Where the program is that would tell where the daemon listens; nil where there is none.
    package static func program(_ environment: [String: String]) -> String? {
        ProgramSearch(path: environment["PATH"] ?? "").file(named: "watchman")
    }

    /// What `watchman get-sockname --no-spawn` printed, as the path it names.
    package static func socket(in output: [UInt8]) -> String? {
        (try? JSONValue.parse(output, limit: 1 << 16))?.member("sockname")?.text
    }

    /// A clock of ours: the socket that gave it, a zero byte, Watchman's own clock.
    private static func split(_ clock: [UInt8]) -> (socket: String, clock: String)? {
        let parts = clock.split(separator: 0, maxSplits: 1)
        guard parts.count == 2 else { return nil }
        return (String(decoding: parts[0], as: UTF8.self), String(decoding: parts[1], as: UTF8.self))
    }

    /// Whether the last look's clock tells where the daemon listens.
    package static func isKnown(_ files: StateFiles) -> Bool {
        files.notedClock(of: "watchman").flatMap(split) != nil
    }

    package func changes(of base: BaseIdentity, since clock: [UInt8]?) -> ChangeAnswer {
        let known = clock.flatMap(Self.split)
        guard let root = String(validating: base.root.bytes, as: UTF8.self),
            let socket = environment["WATCHMAN_SOCK"] ?? known?.socket ?? findsSocket()
        else { return .nobody }
        let end = ContinuousClock.now + patience
        let descriptor = clinux_connect(socket)
        guard descriptor >= 0 else { return .nobody }
        guard let connection = WatchConnection(owning: descriptor) else { return .doubt("Watchman is another user's") }
        if let doubt = WatchedFileSystem.doubt(of: base.root) { return .doubt(doubt) }
        func ask(_ words: [JSONValue]) -> JSONValue? {
            guard connection.send(Array((JSONValue.array(words).text(pretty: false) + "\n").utf8), until: end),
                let line = connection.receiveLine(limit: 16 << 20, until: end)
            else { return nil }
            return try? JSONValue.parse(line)
        }
        let milliseconds = JSONValue.number(max(1, Int(patience / .milliseconds(1))))
        if let known, known.socket == socket {
            let question = JSONValue.object([
                ("since", .string(known.clock)), ("fields", .array(["name", "type", "exists"].map { .string($0) })),
                ("sync_timeout", milliseconds), ("empty_on_fresh_instance", .bool(true)),
            ])
            guard let answer = ask([.string("query"), .string(root), question]) else {
                return .doubt("Watchman did not answer in time")
            }
            if answer.member("error") != nil { return .nobody }
            return read(answer, socket)
        }
        guard let settings = ask([.string("get-config"), .string(root)]) else {
            return .doubt("Watchman did not answer in time")
        }
        if settings.member("error") != nil { return .nobody }
        guard settings.member("config")?.member("ignore_dirs") == nil,
            settings.member("config")?.member("ignore_vcs") == nil
        else { return .doubt("Watchman leaves folders out") }
        let wait = JSONValue.object([("sync_timeout", milliseconds)])
        guard let answer = ask([.string("clock"), .string(root), wait]), let new = answer.member("clock")?.text else {
            return .doubt("Watchman did not tell its clock")
        }
        return .fromNow(clock: Self.clock(socket, new), "this is the first look that asks Watchman")
    }

    private static func clock(_ socket: String, _ clock: String) -> [UInt8] {
        Array(socket.utf8) + [0] + Array(clock.utf8)
    }

    private func read(_ answer: JSONValue, _ socket: String) -> ChangeAnswer {
        guard let new = answer.member("clock")?.text, let isFresh = answer.member("is_fresh_instance"),
            let files = answer.member("files")?.elements
        else { return .doubt("Watchman cannot be understood") }
        let clock = Self.clock(socket, new)
        guard isFresh == .bool(false) else { return .fromNow(clock: clock, "Watchman has started anew") }
        var suspects: Set<Suspect> = []
        for file in files {
            // Bytes that are no UTF-8 come as something else.
            guard let name = file.member("name")?.text, !name.contains("?"), !name.contains("\u{FFFD}") else {
                return .doubt("Watchman cannot tell the name of a file")
            }
            let path = BytePath(name)
            if !path.parent.isLeftOut { suspects.insert(Suspect(.folder, path.parent)) }
            if path.isLeftOut { continue }
            suspects.insert(Suspect(.file, path))
            let isFolder = file.member("type")?.text == "d"
            // What is in a folder that is still there is told by its own names; another folder shows by its inode.
            if isFolder { suspects.insert(Suspect(file.member("exists") == .bool(true) ? .folder : .tree, path)) }
        }
        return .since(clock: clock, Array(suspects))
    }
}
