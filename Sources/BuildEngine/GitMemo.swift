// What git said of a repository, with the state of all that it said it from. Asks nothing of git (`GitAnswers.swift` does);
// knows what git's answers depend on.
import BuildGraph
import Buildfile
import Glibc

/// Git's answers from an earlier run. Each is believed as long as nothing that git made it from can have changed: git, its
/// environment, each configuration file that was there or might come, the repository's place, the index, ignore rules.
///
/// Statuses hold inode and change time, which nobody can choose: a memo from elsewhere fits nowhere.
struct GitMemo: Sendable, Equatable {
    /// A path that git read or looked for, and what was there before it was asked.
    struct Watched: Sendable, Equatable {
        let path: BytePath
        let state: FileState
    }

    /// What follows from the index and the ignore rules, for one workspace.
    struct Tracked: Sendable, Equatable {
        var root: BytePath
        var index: FileState
        /// `GitIndexFile.Summary.key`.
        var key: Fingerprint
        /// As `GitIndexFile.Summary` has it.
        var hasAttributes: Bool
        /// The ignore files from outside the workspace.
        var outer: [FileState]
        /// `WorkingTree.ignoreFilesKey`.
        var rules: Fingerprint
        var ignored: [BytePath]
        var submodules: [BytePath: [UInt8]]
    }

    var place: GitPlace
    var program: Watched
    /// `GitAsker.key`.
    var environment: [UInt8]
    /// Files of configuration and what else decides which of it counts.
    var watched: [Watched]
    var excludesFile: BytePath?
    /// What git printed of the settings that decide how files are checked out.
    var settings: [UInt8]
    /// Of the configuration that decides which files are ignored and what else there may be in an index.
    var configuration: Fingerprint
    /// Bytes of an object's id.
    var idSize: Int
    var tracked: Tracked?

    /// As it is now; nil where there is none that can be read.
    var index: GitIndexFile? { GitIndexFile(place.gitFolder.appending("index"), idSize: idSize) }

    /// Whether what git said of the repository and its configuration holds.
    func holds(_ asker: GitAsker) -> Bool {
        guard asker.key == environment, FileState.program(asker) == program, place.isAsItWas else { return false }
        // Those that must be there whatever the memo's file says.
        let needed = GitConfigFiles.candidates(asker.environment, place)
        guard let needed, needed.elementsEqual(watched.prefix(needed.count).map(\.path)) else { return false }
        return watched.allSatisfy { $0.state != .unknown && FileState.of($0.path) == $0.state }
    }

    /// The memo of a workspace that the absolute `folder` is in, whose repository is the one that git would find from
    /// there; nil where git has to be asked.
    static func find(from folder: BytePath, _ asker: GitAsker) -> GitMemo? {
        var candidates: [BytePath] = []
        var level = folder
        while true {
            candidates.append(level.appending(".lmsbuild/git"))
            if Disk.status(level.appending(".git")) != nil { break }
            // A folder that looks like a bare repository, and a border between file systems, ends git's search.
            guard Disk.status(level.appending("HEAD")) == nil, level.parent != level,
                let here = Disk.status(level), let above = Disk.status(level.parent), here.st_dev == above.st_dev
            else { return nil }
            level = level.parent
        }
        for candidate in candidates {
            if let memo = read(candidate), memo.place.top == level, memo.holds(asker) { return memo }
        }
        return nil
    }
}

/// What is at a path.
enum FileState: Sendable, Hashable {
    case absent
    case present(FileStatus)
    /// Never the same as what is found later: not a plain file, or one whose status may not tell of a change.
    case unknown

    /// Links are followed, as git does with files of configuration, unless told otherwise.
    static func of(_ path: BytePath, followingLinks: Bool = true) -> FileState {
        // It has nothing in it whenever it was last touched.
        if path == BytePath("/dev/null") { return .absent }
        errno = 0
        guard let found = followingLinks ? Disk.followed(path) : Disk.status(path) else {
            return errno == ENOENT || errno == ENOTDIR ? .absent : .unknown
        }
        return found.isFile ? .present(FileStatus(found)) : .unknown
    }

    /// Unknown where a write after `moment` might leave the same status.
    func settled(at moment: Int64) -> FileState {
        if case .present(let status) = self, !status.isSettled(at: moment) { return .unknown }
        return self
    }

    /// The program that answers; nil where there is none, or a script, which may start any.
    static func program(_ asker: GitAsker) -> GitMemo.Watched? {
        guard let path = asker.environment["PATH"], let file = ProgramSearch(path: path).file(named: "git") else {
            return nil
        }
        return GitMemo.Watched(path: BytePath(file), state: of(BytePath(file)))
    }
}

/// Where a repository is.
struct GitPlace: Sendable, Equatable {
    let top: BytePath
    let commonFolder: BytePath
    /// The working tree's own git folder: without links in it.
    let gitFolder: BytePath
    /// Places on the disk and owners: git refuses what belongs to others.
    let identity: [UInt8]

    /// As it is now; nil where it is out of the ordinary.
    init?(top: BytePath, commonFolder: BytePath, gitFolder: BytePath) {
        self.top = top
        self.commonFolder = commonFolder
        self.gitFolder = gitFolder
        guard let identity = Self.identity(top, commonFolder, gitFolder) else { return nil }
        self.identity = identity
    }

    init(top: BytePath, commonFolder: BytePath, gitFolder: BytePath, identity: [UInt8]) {
        self.top = top
        self.commonFolder = commonFolder
        self.gitFolder = gitFolder
        self.identity = identity
    }

    var isAsItWas: Bool { Self.identity(top, commonFolder, gitFolder) == identity }

    private static func identity(_ top: BytePath, _ common: BytePath, _ own: BytePath) -> [UInt8]? {
        let dot = top.appending(".git")
        guard let topStatus = Disk.status(top), let dotStatus = Disk.status(dot), let ownStatus = Disk.status(own),
            topStatus.isFolder, ownStatus.isFolder, isHead(own.appending("HEAD")),
            isEntered(common.appending("objects")), isEntered(common.appending("refs"))
        else { return nil }
        var text = "\(geteuid()) \(topStatus.st_dev) \(topStatus.st_uid) \(dotStatus.st_uid)"
        text += " \(ownStatus.st_dev) \(ownStatus.st_ino) \(ownStatus.st_uid) "
        if dotStatus.isFolder {
            return own == dot ? Array(text.utf8) : nil
        }
        // A file's text says it all, so its times do not matter.
        guard dotStatus.isFile, let content = try? Disk.contents(of: dot), Disk.realPath(own) == own else { return nil }
        return Array(text.utf8) + content
    }

    private static func isEntered(_ folder: BytePath) -> Bool {
        Disk.followed(folder)?.isFolder == true && folder.withCString { access($0, X_OK) } == 0
    }

    /// Whether git takes it for a repository's HEAD.
    private static func isHead(_ path: BytePath) -> Bool {
        guard let text = try? Disk.contents(of: path) else { return false }
        if text.starts(with: "ref:".utf8) {
            return text.dropFirst(4).drop { $0 == 32 || $0 == 9 }.starts(with: "refs/".utf8)
        }
        return ObjectID(hex: text.prefix { $0 != 10 }) != nil
    }
}

extension GitAsker {
    /// What of the environment git's answers depend on, with who asks. What leads to other machines does not matter to
    /// them, and of PATH only the git that it leads to.
    var key: [UInt8] {
        let others: Set = ["PATH", "SSH_AUTH_SOCK", "http_proxy", "https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY"]
        let counting = command([]).environment.filter { !others.contains($0.key) }
        var text = counting.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)\0" }.joined()
        // `includeIf.gitdir:~/…` follows links.
        if let home = environment["HOME"] { text += Disk.realPath(BytePath(home))?.shown ?? "none" }
        return Array(text.utf8)
    }
}
