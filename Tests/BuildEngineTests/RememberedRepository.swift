import BuildEngine
import BuildGraph
import BuildTestSupport
import Buildfile
import Glibc
import Synchronization
import Testing

/// Runs what it is given, and keeps what was asked.
final class CountingRunner: CommandRunner {
    private let runner = ProcessRunner()
    private let seen = Mutex<[[String]]>([])
    private let counted = Mutex<(word: String, count: Int)>(("", 0))
    private let meddling = Mutex<(word: String, body: @Sendable () throws -> Void)?>(nil)

    /// The commands since the last call, without what comes before git's own words.
    func takeCommands() -> [String] {
        seen.withLock { commands in
            defer { commands = [] }
            return commands.map { $0.drop { !$0.hasPrefix("core.quotePath") }.dropFirst().joined(separator: " ") }
        }
    }

    /// How many words, each ended by a zero byte, commands with the counted word were given to read.
    var inputs: Int { counted.withLock { $0.count } }

    func countInput(of word: String) { counted.withLock { $0 = (word, 0) } }

    /// Done once, when the next command that has the word `after` has answered.
    func meddle(after word: String, _ body: @escaping @Sendable () throws -> Void) {
        meddling.withLock { $0 = (word, body) }
    }

    func run(_ command: Command) async throws -> CommandResult {
        seen.withLock { $0.append(command.arguments) }
        counted.withLock { counted in
            if command.arguments.contains(counted.word) { counted.count += command.input.count { $0 == 0 } }
        }
        let result = try await runner.run(command)
        let body = meddling.withLock { waiting -> (@Sendable () throws -> Void)? in
            guard let found = waiting, command.arguments.contains(found.word) else { return nil }
            waiting = nil
            return found.body
        }
        try body?()
        return result
    }

    func open(_ command: Command) throws -> any CommandPipe {
        seen.withLock { $0.append(command.arguments) }
        return try runner.open(command)
    }
}

/// A repository that is looked at as a command does it, with a memo and a base from one look to the next.
struct RememberedRepository {
    let repository: TestRepository
    let runner = CountingRunner()
    /// Of the repository, or of a linked working tree.
    var top: BytePath
    /// Of the workspace in it.
    var prefix = BytePath.root
    var environment: [String: String]

    var root: BytePath { top.appending(prefix) }
    var memo: BytePath { root.appending(".lmsbuild/git") }

    struct Seen: Equatable {
        var files: [String: String] = [:]
        var submodules: [String: String] = [:]
    }

    init(_ repository: TestRepository) throws {
        self.repository = repository
        top = repository.path
        environment = repository.environment
        try hideState()
    }

    func hideState() throws {
        try createFile(root.appending(".lmsbuild/.gitignore"), bytes: Array("*\n".utf8))
    }

    func settle() throws { try repository.folder.settle(by: "clock") }

    private func find(believingMemos: Bool) async throws -> GitRepository {
        try #require(
            try await GitRepository.discover(
                from: root, runner: runner, environment: environment, believingMemos: believingMemos))
    }

    private func seen(
        _ tree: WorkingTree, _ git: GitRepository, _ answers: GitAnswers?, forms: String? = ".lmsbuild/forms"
    ) async throws -> Seen {
        let stored = try await git.checkedOut(
            tree, prefix: prefix, objects: git.objects(memo: nil, trustingMemo: false), answers: answers,
            conversions: answers?.conversions(keptIn: forms.map { root.appending(BytePath($0)) }))
        var seen = Seen()
        for entry in stored.entries {
            let digest =
                entry.kind.isContent || entry.kind == .submodule ? try stored.digest(of: entry.path).hash.hex : ""
            seen.files[entry.path.shown] = "\(entry.kind) \(digest)"
        }
        return seen
    }

    /// What a command sees.
    func look() async throws -> Seen {
        let git = try await find(believingMemos: true)
        let index = FileIndex(at: root.appending(".lmsbuild/index"), trustingFingerprints: true)
        let files = StateFiles(in: root.appending(".lmsbuild"))
        let (tree, answers) = try await git.seen(root: root, memo: memo, isGuessing: true) {
            try WorkingTree.look($0, index: index, files)
        }
        var seen = try await seen(tree, git, answers)
        for (path, id) in answers.options.submodules {
            seen.submodules[path.shown] = String(decoding: id, as: UTF8.self)
        }
        try tree.save(files)
        return seen
    }

    /// What a command sees where nothing is remembered, and nothing will be.
    func lookInCI() async throws -> Seen {
        let git = try await find(believingMemos: false)
        let (tree, answers) = try await git.seen(root: root, memo: nil, isGuessing: true) { try WorkingTree.scan($0) }
        var seen = try await seen(tree, git, answers, forms: nil)
        for (path, id) in answers.options.submodules {
            seen.submodules[path.shown] = String(decoding: id, as: UTF8.self)
        }
        return seen
    }

    /// What there is to see, by git alone.
    func truth() async throws -> Seen {
        let git = try await find(believingMemos: false)
        let options = try await git.workingTreeOptions(root: root)
        var seen = try await seen(WorkingTree.scan(options), git, nil)
        for (path, id) in options.submodules { seen.submodules[path.shown] = String(decoding: id, as: UTF8.self) }
        return seen
    }

    /// Looks until all is remembered, and makes sure that it is.
    func remember() async throws {
        try settle()
        for _ in 0..<2 { _ = try await look() }
        _ = runner.takeCommands()
        _ = try await look()
        #expect(runner.takeCommands() == [])
    }
}
