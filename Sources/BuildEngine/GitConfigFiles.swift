// Which files git's configuration comes from, and which it would come from if they were there. Does not read them: git does.
import BuildGraph
import Buildfile
import Glibc

/// What `git config --list --show-origin -z` and `--system` say, for a memo: which files to watch.
struct GitConfigFiles {
    /// Absolute, those of `candidates` first.
    private(set) var paths: [BytePath]
    /// `GitMemo.configuration`.
    let fingerprint: Fingerprint

    static let question = ["config", "--list", "--show-origin", "-z"]
    /// Names the machine's file, where there is one; how it is called depends on how git was built.
    static let systemQuestion = ["config", "--system", "--list", "--show-origin", "-z"]

    /// The files that git looks for besides the machine's and included ones; nil for what cannot be told from here, such
    /// as a path that is relative.
    static func candidates(_ environment: [String: String], _ place: GitPlace) -> [BytePath]? {
        var texts: [String] = []
        if let file = environment["GIT_CONFIG_SYSTEM"] { texts.append(file) }
        if let file = environment["GIT_CONFIG_GLOBAL"] {
            texts.append(file)
        } else {
            let home = environment["HOME"]
            if let folder = environment["XDG_CONFIG_HOME"], !folder.isEmpty {
                texts.append(folder + "/git/config")
            } else if let home {
                texts.append(home + "/.config/git/config")
            }
            if let home { texts.append(home + "/.gitconfig") }
        }
        let files = texts.map { BytePath($0) }
        guard files.allSatisfy(\.isAbsolute) else { return nil }
        let own = ["config.worktree", "commondir", "info/sparse-checkout"].map { place.gitFolder.appending($0) }
        return files + own + [place.commonFolder.appending("config"), place.commonFolder.appending("info/attributes")]
    }

    /// Nil where the configuration has something whose effect cannot be watched.
    init?(_ listing: CommandResult, system: CommandResult, _ asker: GitAsker, _ place: GitPlace) {
        guard listing.succeeded, let candidates = Self.candidates(asker.environment, place),
            let machine = Self.systemFile(system)
        else { return nil }
        paths = candidates
        var counting: [UInt8] = []
        var isByBranch = false
        var found: [BytePath] = [machine]
        for (origin, entry) in Self.entries(listing.output) {
            let words = entry.split(separator: 10, maxSplits: 1, omittingEmptySubsequences: false)
            let key = String(decoding: words[0], as: UTF8.self)
            guard Self.isKnown(key) else { return nil }
            isByBranch = isByBranch || key.hasPrefix("includeif.onbranch:")
            // Neither has a say in what is tracked or ignored.
            if !["branch.", "remote.", "user."].contains(where: key.hasPrefix) { counting += Array(entry) + [0] }
            if origin.elementsEqual("command line:".utf8) { continue }
            guard origin.starts(with: "file:".utf8) else { return nil }
            let file = BytePath(bytes: Array(origin.dropFirst(5)))
            let source = file.isAbsolute ? file : place.top.appending(file)
            found.append(source)
            guard key == "include.path" || key.hasPrefix("includeif.") && key.hasSuffix(".path") else { continue }
            guard words.count == 2, let target = Self.included(Array(words[1]), by: source, asker) else { return nil }
            found.append(target)
        }
        fingerprint = Fingerprint.of(counting)
        if isByBranch {
            guard let files = Self.branchFiles(place) else { return nil }
            found += files
        }
        var known = Set(paths)
        for path in found where known.insert(path).inserted { paths.append(path) }
    }

    private static func entries(_ output: [UInt8]) -> [(origin: ArraySlice<UInt8>, entry: ArraySlice<UInt8>)] {
        var fields = output.split(separator: 0, omittingEmptySubsequences: false)[...]
        var found: [(ArraySlice<UInt8>, ArraySlice<UInt8>)] = []
        while fields.count >= 2 {
            let origin = fields.removeFirst()
            found.append((origin, fields.removeFirst()))
        }
        return found
    }

    /// Whether what the key does is known here: other extensions of a repository's format and other conditions may look
    /// at anything.
    private static func isKnown(_ key: String) -> Bool {
        if key.hasPrefix("extensions.") {
            let known = [
                "worktreeconfig", "objectformat", "partialclone", "noop", "preciousobjects", "relativeworktrees",
            ]
            return known.contains(String(key.dropFirst("extensions.".count)))
        }
        if key.hasPrefix("includeif.") {
            let known = ["gitdir:", "gitdir/i:", "onbranch:", "hasconfig:remote.*.url:"]
            return known.contains { key.dropFirst("includeif.".count).hasPrefix($0) }
        }
        return true
    }

    private static func included(_ value: [UInt8], by source: BytePath, _ asker: GitAsker) -> BytePath? {
        if value.starts(with: "~/".utf8) {
            guard let home = asker.environment["HOME"], home.hasPrefix("/") else { return nil }
            return BytePath(home).appending(BytePath(bytes: Array(value.dropFirst(2))))
        }
        let path = BytePath(bytes: value)
        if path.isAbsolute { return path }
        // Another user's home, git's own folder, and forms to come.
        guard let first = value.first, !"~%:".utf8.contains(first) else { return nil }
        return source.parent.appending(path)
    }

    /// The machine's file: where it came from, or the complaint that it is not there.
    private static func systemFile(_ result: CommandResult) -> BytePath? {
        var text: [UInt8]
        if result.succeeded {
            guard let origin = entries(result.output).first?.origin, origin.starts(with: "file:".utf8) else {
                return nil
            }
            text = Array(origin.dropFirst(5))
        } else {
            let start = "fatal: unable to read config file '"
            let end = "': No such file or directory"
            let words = String(decoding: result.errors, as: UTF8.self).split(separator: "\n")
            guard words.count == 1, let line = words.first, line.hasPrefix(start), line.hasSuffix(end) else {
                return nil
            }
            text = Array(line.dropFirst(start.count).dropLast(end.count).utf8)
        }
        let path = BytePath(bytes: text)
        return path.isAbsolute ? path : nil
    }

    /// What decides how the branch is called that is checked out.
    private static func branchFiles(_ place: GitPlace) -> [BytePath]? {
        let head = place.gitFolder.appending("HEAD")
        guard let text = try? Disk.contents(of: head) else { return nil }
        guard text.starts(with: "ref: ".utf8) else { return [head] }
        // Itself a link to another branch it may become.
        let name = BytePath(bytes: Array(text.dropFirst(5).prefix { $0 != 10 }))
        return [head, place.gitFolder.appending(name), place.commonFolder.appending(name)]
    }
}
