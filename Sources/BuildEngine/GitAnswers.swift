// Git's answers on a workspace: from the memo where they hold, and else from git. Does not scan the workspace.
package import BuildGraph
import Buildfile
import Glibc

/// What a look at a workspace has to know from git, and what to see to afterwards.
package struct GitAnswers: Sendable {
    package let options: WorkingTreeOptions
    /// What git printed of how files are checked out; nil where it has to be asked.
    let settings: [UInt8]?
    /// What to keep; nil for nothing.
    fileprivate var memo: GitMemo?
    /// When git was asked what is tracked, by the clock that stamps files; nil where the memo told.
    fileprivate var askedAt: Int64?
    /// What was read.
    fileprivate var old: GitMemo?
    /// Bytes of an object's id; nil where nobody has asked.
    var idSize: Int?

    /// Whether git's index names a `.gitattributes`; nil where the memo does not tell.
    var stagesAttributes: Bool? { memo?.tracked?.hasAttributes }

    var knownIDSize: Int? { idSize ?? memo?.idSize }

    /// What is known of files that git may convert, by the absolute `file`, as long as git's configuration is what it was;
    /// nothing is read or kept where that is not watched.
    package func conversions(keptIn file: BytePath?) -> ConversionMemo {
        guard let memo, let file else { return ConversionMemo(at: nil, meaning: Fingerprint(high: 0, low: 0)) }
        var text = memo.environment + [0] + memo.settings + [0]
        text += memo.program.path.bytes + [0] + memo.program.state.text + [0] + memo.configuration.text
        return ConversionMemo(at: file, meaning: Fingerprint.of(text))
    }

    /// Keeps `memo` in `file`.
    fileprivate func keep(_ memo: GitMemo, in file: BytePath?) {
        if let file, memo != old { memo.write(file) }
    }
}

extension GitRepository {
    /// As `workingTreeOptions(root:)`, with what the memo at the absolute `file` knows; nil for a memo that nobody keeps
    /// nor believes. What comes of a look with these options must be shown to `corrected`.
    package func answers(root: BytePath, memo file: BytePath?) async throws -> GitAnswers {
        // A root that is reached through a link, or a link in place of a folder above it, is not worth the thought.
        let old = file.flatMap(GitMemo.read)
        guard file != nil, !isBare, let prefix = root.relative(to: top), Disk.realPath(root) == root,
            var memo = try await repositoryMemo(old)
        else {
            return GitAnswers(options: try await workingTreeOptions(root: root), settings: nil)
        }
        let moment = FileStatus.now
        var options = WorkingTreeOptions(root: root)
        options.prefix = prefix
        let outer = outerFiles(prefix, memo.excludesFile)
        let path = memo.place.gitFolder.appending("index")
        let state = FileState.of(path).settled(at: moment)
        if let tracked = memo.tracked, tracked.root == root, tracked.outer == outer, !outer.contains(.unknown),
            let holding = holding(tracked, path, state, prefix, memo.idSize)
        {
            memo.tracked = holding
            options.trackedIgnored = holding.ignored
            options.submodules = holding.submodules
            options.ignoreFiles = try ignoreFiles(above: prefix, excludes: memo.excludesFile)
            return GitAnswers(options: options, settings: memo.settings, memo: memo, old: old)
        }
        memo.tracked = nil
        let asker = asker(in: root)
        let index = GitIndexFile(path, idSize: memo.idSize)
        let summary = index?.summary(below: prefix)
        async let staged = summary == nil ? asker.output(Self.stagedQuestion) : []
        options.trackedIgnored = try await Self.paths(asker.output(Self.ignoredQuestion))
        let printed = try await staged
        options.submodules = summary?.submodules ?? Self.submodules(in: printed)
        options.ignoreFiles = try ignoreFiles(above: prefix, excludes: memo.excludesFile)
        if let index, let summary, FileState.present(index.status).settled(at: moment) == state, state != .unknown {
            memo.tracked = GitMemo.Tracked(
                root: root, index: state, key: summary.key, hasAttributes: summary.hasAttributes,
                outer: outer.map { $0.settled(at: moment) },
                rules: Fingerprint(high: 0, low: 0), ignored: options.trackedIgnored, submodules: options.submodules)
        }
        return GitAnswers(options: options, settings: memo.settings, memo: memo, askedAt: moment, old: old)
    }

    /// Sees whether the ignore files that the look `tree` came upon are those that the memo's answers were made with, and
    /// keeps what is new in the absolute `file`; nil to keep nothing. Nil where the look was right; otherwise what to look
    /// again with.
    package func corrected(
        _ answers: GitAnswers, by tree: WorkingTree, memo file: BytePath?
    ) async throws -> GitAnswers? {
        guard var memo = answers.memo else { return nil }
        if let moment = answers.askedAt {
            if let key = tree.ignoreFilesKey, tree.hasSameRules(since: moment), readsNoOtherRules(memo, tree) {
                memo.tracked?.rules = key
            } else {
                memo.tracked = nil
            }
            answers.keep(memo, in: file)
            return nil
        }
        if let key = tree.ignoreFilesKey, memo.tracked?.rules == key {
            answers.keep(memo, in: file)
            return nil
        }
        // Only what was asked before a look can be kept (see `hasSameRules`): the next run asks once more.
        memo.tracked = nil
        answers.keep(memo, in: file)
        let asker = asker(in: answers.options.root)
        var options = answers.options
        async let staged = asker.output(Self.stagedQuestion)
        options.trackedIgnored = try await Self.paths(asker.output(Self.ignoredQuestion))
        options.submodules = try await Self.submodules(in: staged)
        let isRight =
            Set(options.trackedIgnored) == Set(answers.options.trackedIgnored)
            && options.submodules == answers.options.submodules
        if isRight { return nil }
        return GitAnswers(options: options, settings: answers.settings)
    }

    /// As `workingTreeOptions(root:)`, from the index itself, and as though nothing that is tracked were ignored; nil where
    /// only git can tell.
    package func quickAnswers(root: BytePath) async throws -> GitAnswers? {
        guard !isBare, let prefix = root.relative(to: top), let folder = GitFolder.of(top) else { return nil }
        async let settings = asker.run(CheckoutSettings.question)
        async let format = asker.output(["rev-parse", "--show-object-format"])
        var options = WorkingTreeOptions(root: root)
        options.prefix = prefix
        options.ignoreFiles = try ignoreFiles(above: prefix, excludes: try await excludesFile())
        let idSize = try await format.starts(with: "sha256".utf8) ? 32 : 20
        let printed = try await settings.output
        guard let index = GitIndexFile(folder.appending("index"), idSize: idSize),
            let submodules = index.submodules(below: prefix)
        else { return nil }
        options.submodules = submodules
        return GitAnswers(options: options, settings: printed, idSize: idSize)
    }

    private static var ignoredQuestion: [String] { ["ls-files", "-z", "--cached", "--ignored", "--exclude-standard"] }
    private static var stagedQuestion: [String] { ["ls-files", "-z", "--stage"] }

    private static func paths(_ output: [UInt8]) -> [BytePath] {
        output.split(separator: 0).map { BytePath(bytes: Array($0)) }
    }

    // MARK: What is tracked

    /// What the memo says of tracked files, where it holds for the index as it is now. An index with another status that
    /// has the same paths, submodules and `.gitignore`s tells the same: git adds and refreshes entries all the time.
    private func holding(
        _ tracked: GitMemo.Tracked, _ path: BytePath, _ state: FileState, _ prefix: BytePath, _ idSize: Int
    ) -> GitMemo.Tracked? {
        if state == tracked.index, case .present = state { return tracked }
        guard let index = GitIndexFile(path, idSize: idSize), let summary = index.summary(below: prefix),
            summary.key == tracked.key
        else { return nil }
        var same = tracked
        same.submodules = summary.submodules
        // What was read is what is there under this status; unsettled, it is read again.
        same.index = FileState.present(index.status) == state ? state : .unknown
        return same
    }

    /// The states of the ignore files from outside the workspace.
    private func outerFiles(_ prefix: BytePath, _ excludes: BytePath?) -> [FileState] {
        var states = [excludes.map { FileState.of($0) } ?? .absent]
        states.append(FileState.of(commonFolder.appending("info/exclude")))
        var folder = BytePath.root
        for part in prefix.components {
            states.append(FileState.of(top.appending(folder).appending(".gitignore"), followingLinks: false))
            folder = folder.appending(BytePath(bytes: Array(part)))
        }
        return states
    }

    /// Whether every `.gitignore` that git reads for tracked files lies in a folder that the look went into, so that the
    /// look's `ignoreFilesKey` tells of each change. Git also reads those behind a link in place of a folder, and in a
    /// repository that lies where tracked files should: then nothing is kept. A folder that is not there may come later
    /// as anything: as long as no look goes into it nothing in it counts, and a look that does sees its `.gitignore`.
    private func readsNoOtherRules(_ memo: GitMemo, _ tree: WorkingTree) -> Bool {
        guard let tracked = memo.tracked, !tracked.outer.contains(.unknown),
            let prefix = tracked.root.relative(to: top),
            let index = GitIndexFile(memo.place.gitFolder.appending("index"), idSize: memo.idSize),
            FileState.present(index.status) == tracked.index, let needed = index.folders(below: prefix)
        else { return false }
        let seen = tree.folders
        return needed.allSatisfy { folder in
            if folder.isLeftOut { return true }
            if seen.contains(folder) {
                let rules = Disk.status(tracked.root.appending(folder).appending(".gitignore"))
                return rules?.isFile ?? true
            }
            return FileState.of(tracked.root.appending(folder), followingLinks: false) == .absent
        }
    }

    // MARK: The repository

    /// The `old` memo where it holds, or a new one without `tracked`; nil where what git answers here depends on more than
    /// can be watched.
    private func repositoryMemo(_ old: GitMemo?) async throws -> GitMemo? {
        let asker = self.asker
        if let old, old.place.top == top, old.place.commonFolder == commonFolder, old.holds(asker) { return old }
        guard var new = try await askedMemo(asker) else { return nil }
        // What is tracked and ignored does not depend on the rest of the configuration.
        if let old, old.configuration == new.configuration, old.excludesFile == new.excludesFile,
            old.place == new.place, old.program == new.program, old.environment == new.environment
        {
            new.tracked = old.tracked
        }
        return new
    }

    /// States are taken before git is asked, and believed only where a write since would show: what git said was made
    /// from these or from newer ones. That the files are all there are is seen by asking for them twice.
    private func askedMemo(_ asker: GitAsker) async throws -> GitMemo? {
        guard let program = FileState.program(asker), isCompiled(program.path) else { return nil }
        let placeAsked = try await asker.run(Self.placeQuestion)
        let lines = placeAsked.output.split(separator: 10).map { BytePath(bytes: Array($0)) }
        guard placeAsked.succeeded, lines.count == 4, lines[0] == top, lines[1] == commonFolder,
            let idSize = ["sha1": 20, "sha256": 32][lines[3].shown],
            let place = GitPlace(top: top, commonFolder: commonFolder, gitFolder: lines[2])
        else { return nil }
        async let listing = asker.run(GitConfigFiles.question)
        async let system = asker.run(GitConfigFiles.systemQuestion)
        let first = try await listing
        guard let files = GitConfigFiles(first, system: try await system, asker, place) else { return nil }
        let moment = FileStatus.now
        let watched = files.paths.map { GitMemo.Watched(path: $0, state: FileState.of($0).settled(at: moment)) }
        guard program.state.settled(at: moment) != .unknown, watched.allSatisfy({ $0.state != .unknown }) else {
            return nil
        }
        async let again = asker.run(GitConfigFiles.question)
        async let placeAgain = asker.run(Self.placeQuestion)
        async let settings = asker.run(CheckoutSettings.question)
        let excludes = try await excludesFile()
        guard try await again.output == first.output, try await placeAgain.output == placeAsked.output, place.isAsItWas
        else { return nil }
        return GitMemo(
            place: place, program: program, environment: asker.key, watched: watched, excludesFile: excludes,
            settings: try await settings.output, configuration: files.fingerprint, idSize: idSize, tracked: nil)
    }

    private static var placeQuestion: [String] {
        [
            "rev-parse", "--path-format=absolute", "--show-toplevel", "--git-common-dir", "--absolute-git-dir",
            "--show-object-format",
        ]
    }

    /// A script may start any git, or another one tomorrow.
    private func isCompiled(_ program: BytePath) -> Bool {
        guard let descriptor = try? Disk.open(program, O_RDONLY) else { return false }
        defer { close(descriptor) }
        var start = [UInt8](repeating: 0, count: 4)
        return read(descriptor, &start, 4) == 4 && start.elementsEqual([0x7F] + Array("ELF".utf8))
    }
}
