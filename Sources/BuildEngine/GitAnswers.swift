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
    /// When git was asked what is tracked, by the clock that stamps files; nil where it was not.
    fileprivate var askedAt: Int64?
    /// The index from which it was guessed that nothing that is tracked is ignored.
    fileprivate var guessedFrom: GitIndexFile?
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
    /// The workspace at the absolute `root` as `look` sees it, with what git says of it. The memo at the absolute `file` tells
    /// what it knows and keeps what is new; nil for a memo that nobody keeps nor believes. Looks again where the first look
    /// shows that what was known or guessed of git's answers is wrong. `isGuessing`: git is not asked what the look can tell.
    package func seen(
        root: BytePath, memo file: BytePath?, isGuessing: Bool, look: (WorkingTreeOptions) throws -> WorkingTree
    ) async throws -> (tree: WorkingTree, answers: GitAnswers) {
        let quick = isGuessing && file == nil ? try await quickAnswers(root: root) : nil
        var answers: GitAnswers
        if let quick { answers = quick } else { answers = try await self.answers(root: root, memo: file) }
        var tree = try look(answers.options)
        for _ in 1..<Self.mostLooks {
            guard let correction = try await corrected(answers, by: tree, memo: file) else { break }
            answers = correction
            tree = try look(answers.options)
        }
        return (tree, answers)
    }

    /// As `workingTreeOptions(root:)`, with what the memo knows. What comes of a look with these options must be shown to
    /// `corrected`.
    private func answers(root: BytePath, memo file: BytePath?) async throws -> GitAnswers {
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
        options.ignoreFiles = try ignoreFiles(above: prefix, excludes: memo.excludesFile)
        memo.tracked = nil
        guard let index = memo.index, let summary = index.summary(below: prefix) else {
            return try await asked(options, memo, old)
        }
        options.submodules = summary.submodules
        memo.tracked = Self.tracked(options, index, summary, outer, moment)
        return GitAnswers(options: options, settings: memo.settings, memo: memo, guessedFrom: index, old: old)
    }

    /// What git says is tracked and ignored.
    private func asked(
        _ guessed: WorkingTreeOptions, _ repository: GitMemo, _ old: GitMemo?
    ) async throws -> GitAnswers {
        var (options, memo) = (guessed, repository)
        let moment = FileStatus.now
        let outer = outerFiles(options.prefix, memo.excludesFile)
        let index = memo.index
        let summary = index?.summary(below: options.prefix)
        let asker = asker(in: options.root)
        async let staged = summary == nil ? asker.output(Self.stagedQuestion) : []
        options.trackedIgnored = try await Self.paths(asker.output(Self.ignoredQuestion))
        let printed = try await staged
        options.submodules = summary?.submodules ?? Self.submodules(in: printed)
        options.ignoreFiles = try ignoreFiles(above: options.prefix, excludes: memo.excludesFile)
        memo.tracked = nil
        if let index, let summary { memo.tracked = Self.tracked(options, index, summary, outer, moment) }
        return GitAnswers(options: options, settings: memo.settings, memo: memo, askedAt: moment, old: old)
    }

    /// What can be kept of `options`, whose rules are not known yet; nil where `index` may be written to without that showing.
    private static func tracked(
        _ options: WorkingTreeOptions, _ index: GitIndexFile, _ summary: GitIndexFile.Summary, _ outer: [FileState],
        _ moment: Int64
    ) -> GitMemo.Tracked? {
        let state = FileState.present(index.status).settled(at: moment)
        if state == .unknown { return nil }
        return GitMemo.Tracked(
            root: options.root, index: state, key: summary.key, hasAttributes: summary.hasAttributes,
            outer: outer.map { $0.settled(at: moment) }, rules: Fingerprint(high: 0, low: 0),
            ignored: options.trackedIgnored, submodules: options.submodules)
    }

    /// Sees whether what the look `tree` was made with goes with the ignore files that it came upon, and keeps what is new in
    /// the absolute `file`; nil to keep nothing. Nil where the look was right; otherwise what to look again with.
    private func corrected(
        _ answers: GitAnswers, by tree: WorkingTree, memo file: BytePath?
    ) async throws -> GitAnswers? {
        guard var memo = answers.memo else {
            if answers.guessedFrom == nil || isWhole(answers, tree) { return nil }
            return try await self.answers(root: answers.options.root, memo: nil)
        }
        let key = tree.ignoreFilesKey
        if let moment = answers.askedAt {
            let isSame = tree.hasSameRules(since: moment)
            if let key, isSame, readsNoOtherRules(memo, tree) {
                memo.tracked?.rules = key
            } else {
                memo.tracked = nil
            }
            answers.keep(memo, in: file)
            if isSame { return nil }
            // Git was asked before the look, and rules may have come between.
            let again = try await asked(answers.options, memo, answers.old)
            return again.options.hasSameTracked(as: answers.options) ? nil : again
        }
        let isKnown = answers.guessedFrom == nil && key != nil && memo.tracked?.rules == key
        if !isKnown {
            guard isWhole(answers, tree) else { return try await asked(answers.options, memo, answers.old) }
            if let key { memo.tracked?.rules = key } else { memo.tracked = nil }
        }
        answers.keep(memo, in: file)
        return nil
    }

    /// Whether `tree`, which was looked at as though nothing that is tracked were ignored, has all that is tracked: then nothing
    /// of it is ignored by the rules that the look came upon, whatever else is on the disk.
    private func isWhole(_ answers: GitAnswers, _ tree: WorkingTree) -> Bool {
        guard answers.options.trackedIgnored.isEmpty, let index = answers.guessedFrom ?? answers.memo?.index,
            answers.guessedFrom != nil || FileState.present(index.status) == answers.memo?.tracked?.index
        else { return false }
        return index.isWhole(in: tree.entries, below: answers.options.prefix)
    }

    /// As `workingTreeOptions(root:)`, from the index itself, and as though nothing that is tracked were ignored; nil where
    /// only git can tell. `commit` is the id of any commit of the repository, where one is known: all ids are as long.
    package func quickAnswers(root: BytePath, commit: String? = nil) async throws -> GitAnswers? {
        guard !isBare, let prefix = root.relative(to: top), Disk.realPath(root) == root, let folder = GitFolder.of(top)
        else { return nil }
        async let settings = asker.run(CheckoutSettings.question)
        async let format = commit == nil ? asker.output(["rev-parse", "--show-object-format"]) : []
        var options = WorkingTreeOptions(root: root)
        options.prefix = prefix
        options.ignoreFiles = try ignoreFiles(above: prefix, excludes: try await excludesFile())
        let told = try await format
        let idSize = commit.map { $0.utf8.count / 2 } ?? (told.starts(with: "sha256".utf8) ? 32 : 20)
        let printed = try await settings.output
        let index = GitIndexFile(folder.appending("index"), idSize: idSize)
        guard let index, let submodules = index.submodules(below: prefix)
        else { return nil }
        options.submodules = submodules
        return GitAnswers(options: options, settings: printed, guessedFrom: index, idSize: idSize)
    }

    /// Looks at a workspace that changes all the while.
    private static let mostLooks = 4

    static var ignoredQuestion: [String] { ["ls-files", "-z", "--cached", "--ignored", "--exclude-standard"] }
    static var stagedQuestion: [String] { ["ls-files", "-z", "--stage"] }

    static func paths(_ output: [UInt8]) -> [BytePath] {
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
            let index = memo.index, FileState.present(index.status) == tracked.index,
            let needed = index.folders(below: prefix)
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

extension WorkingTreeOptions {
    fileprivate func hasSameTracked(as other: WorkingTreeOptions) -> Bool {
        Set(trackedIgnored) == Set(other.trackedIgnored) && submodules == other.submodules
    }
}
