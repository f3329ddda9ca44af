package import Buildfile

/// What a resolution depends on besides the files: where the root Buildfile is and what overrides its `?=` variables.
package struct ResolutionSettings: Sendable {
    package enum RootBuildfile: Sendable {
        /// A file of the tree that is looked at.
        case inTree(BytePath)
        /// `-f`: the same text for every tree.
        case given(SourceText)
    }

    package var root: RootBuildfile
    /// `NAME=VALUE` of the command line.
    package var overrides: [String: String]
    /// The environment, for `?=` and `env`.
    package var environment: [String: String]
    /// Tells what contracts ask for: whoever hashes for the same store uses the same.
    package var contracts: any ContractReading
    /// Which variables were asked for, while a graph is made.
    var environmentReads: EnvironmentReads?

    /// A variable of the environment.
    func variable(_ name: String) -> String? {
        environmentReads?.note(name, environment[name])
        return environment[name]
    }

    package init(
        root: RootBuildfile = .inTree(BytePath("Buildfile")), overrides: [String: String] = [:],
        environment: [String: String] = [:], contracts: any ContractReading = OpaqueContracts()
    ) {
        self.root = root
        self.overrides = overrides
        self.environment = environment
        self.contracts = contracts
    }
}

/// The Buildfiles of a tree: the root's path, unless it was given, then those of all that it includes, in the order they
/// are reached. The diagnostics tell what is wrong with the `include` lines, not with the rest of the texts.
package func buildfilePaths(
    of files: any FileSystem, _ settings: ResolutionSettings
) throws(FileSystemError) -> (paths: [BytePath], diagnostics: [Diagnostic]) {
    let found = try BuildfileSet(tree: FileTree(files), settings: settings)
    let ofIncludes: Set<DiagnosticCode> = [.noBuildfile, .emptyInclude, .pathLeavesWorkspace]
    return (found.paths, found.diagnostics.filter { ofIncludes.contains($0.code) })
}

/// The root Buildfile and all that it includes, parsed, in the order they were reached.
///
/// Knows files and the text of Buildfiles. Does not know what their words refer to.
struct BuildfileSet {
    struct Member {
        /// The Buildfile's folder, from which its globs and default `dir` are taken.
        let folder: BytePath
        let parsed: ParsedBuildfile
        /// Nil for one that was given.
        let path: BytePath?
        /// Its place among all.
        let number: Int
    }

    private(set) var members: [Member] = []
    /// Of the members that are files of the tree.
    private(set) var paths: [BytePath] = []
    /// The globs of `include` words.
    private(set) var globs: [PathPattern] = []
    private(set) var diagnostics: [Diagnostic] = []
    private var seen: Set<BytePath> = []
    /// Files that were read before their turn.
    private var readAhead: [BytePath: ParsedBuildfile] = [:]
    private let tree: FileTree

    init(tree: FileTree, settings: ResolutionSettings) throws(FileSystemError) {
        self.tree = tree
        switch settings.root {
        case .given(let source): try add(parseBuildfile(source), nil)
        case .inTree(let path):
            guard tree.contains(path) else {
                diagnostics.append(
                    Diagnostic(
                        .noBuildfile, "there is no '\(path.shown)' in this tree",
                        hint: "'-f FILE' takes the root Buildfile from elsewhere"))
                return
            }
            try addFile(path)
        }
    }

    /// Some of the members of a set that had no mistakes.
    init(_ members: [Member], in tree: FileTree) {
        self.tree = tree
        self.members = members
    }

    private mutating func addFile(_ path: BytePath) throws(FileSystemError) {
        guard seen.insert(path).inserted else { return }
        paths.append(path)
        if let known = readAhead.removeValue(forKey: path) {
            try add(known, path)
        } else {
            try add(try Self.read(path, in: tree), path)
        }
    }

    private static func read(_ path: BytePath, in tree: FileTree) throws(FileSystemError) -> ParsedBuildfile {
        parseBuildfile(SourceText(name: path.shown, bytes: try tree.files.contents(of: path)))
    }

    /// Reads many files on as many threads as there are processors; what comes of it is taken in the files' order.
    private mutating func readAhead(_ paths: [BytePath]) throws(FileSystemError) {
        let wanted = paths.filter { !seen.contains($0) && readAhead[$0] == nil }
        guard wanted.count >= 32 else { return }
        let tree = tree
        let parsed = try Threads.map(wanted.count) { index throws(FileSystemError) in
            try Self.read(wanted[index], in: tree)
        }
        for (path, parsed) in zip(wanted, parsed) { readAhead[path] = parsed }
    }

    private mutating func add(_ parsed: ParsedBuildfile, _ path: BytePath?) throws(FileSystemError) {
        let folder = path?.parent ?? .root
        members.append(Member(folder: folder, parsed: parsed, path: path, number: members.count))
        diagnostics.append(contentsOf: parsed.diagnostics)
        for case .directive(let directive) in parsed.declarations where directive.keyword.text == "include" {
            for word in directive.arguments { try include(word, from: folder) }
        }
    }

    private mutating func include(_ word: Word, from folder: BytePath) throws(FileSystemError) {
        guard let glob = FileGlob(word, text: word.text, in: folder) else {
            diagnostics.append(.leavesWorkspace(word))
            return
        }
        globs.append(glob.pattern)
        let found = tree.indices(matching: glob).filter { tree.entries.kind($0).isContent }
            .map { tree.entries[$0].path }
        if found.isEmpty {
            diagnostics.append(
                Diagnostic(
                    .emptyInclude, "'\(word.text)' matches no file", at: word.span,
                    hint: "paths are relative to the folder of this Buildfile; files that git ignores don't count"))
        }
        try readAhead(found)
        for path in found { try addFile(path) }
    }
}
