// A snapshot's graph for another state of the files: what differs is asked and hashed again, the rest is as it was. Does not
// resolve; gives up where the graph itself may be another.
import Buildfile

/// How a tree differs from a workspace's base.
struct BaseDifference: Sendable {
    let base: WorkspaceBase
    let tree: FileTree
    /// Sorted by path; those that are there now are in the order of the tree's patch.
    let changes: [PathPatch.Change]
}

extension GraphSnapshot {
    /// The hashed graph of the tree of `difference`: what resolving and hashing it would give. Nil where only that can tell.
    /// Throws for a file that cannot be read.
    func hashed(
        _ difference: BaseDifference, _ settings: ResolutionSettings
    ) throws(FileSystemError) -> HashedGraph? {
        guard baseGeneration == difference.base.generation, settingsKey == settings.fingerprint,
            origin.environment.allSatisfy({ settings.environment[$0.key] == $0.value })
        else { return nil }
        var move = SnapshotMove(self, difference, settings)
        return try move.run()
    }
}

private struct SnapshotMove {
    private let snapshot: GraphSnapshot
    private let difference: BaseDifference
    private let settings: ResolutionSettings
    private let tree: FileTree
    private let entries: FileEntries
    private let contents: EntryDigests
    /// By places in the snapshot.
    private var dirty: Set<Int> = []
    private var files: [Int: EntryRanges] = [:]
    /// What was resolved again.
    private var part: ResolvedPart?

    init(_ snapshot: GraphSnapshot, _ difference: BaseDifference, _ settings: ResolutionSettings) {
        self.settings = settings
        self.snapshot = snapshot
        self.difference = difference
        tree = difference.tree
        entries = difference.tree.entries
        let base = difference.base
        let entries = difference.tree.entries
        contents = EntryDigests(tree) { position in
            guard case .packed(let place)? = entries.origin(of: position) else { return nil }
            return base.content(place)?.digest
        }
    }

    mutating func run() throws(FileSystemError) -> HashedGraph? {
        var moved: [BytePath] = []
        var touched: [BytePath] = []
        for change in difference.changes {
            switch try judge(change) {
            case .nothing: continue
            case .content(let path): touched.append(path)
            case .presence(let path):
                moved.append(path)
                touched.append(path)
            case .everything: return nil
            }
        }
        guard try shape(touched, moved) else { return nil }
        if !moved.isEmpty {
            guard try presence(of: moved) else { return nil }
        }
        let unmoved = Set(touched).subtracting(moved)
        for path in unmoved {
            guard let position = entries.index(of: path) else { return nil }
            for target in snapshot.watching(path) where !isKnown(target) {
                if self.target(target).files.contains(position) { dirty.insert(target) }
            }
        }
        return try rehash()
    }

    /// Resolves again what the files that shaped the graph decide. False where all of it has to be.
    private mutating func shape(_ touched: [BytePath], _ moved: [BytePath]) throws(FileSystemError) -> Bool {
        let shaping = Set(touched.filter { isShaping($0) } + moved.filter { $0.bytes.hasSuffix(".dockerignore") })
        if shaping.isEmpty { return true }
        var resolution = PartialResolution(snapshot, difference, settings)
        part = try resolution.run(shaping)
        return part != nil
    }

    private func isShaping(_ path: BytePath) -> Bool {
        let shapes = snapshot.origin.shapedBy
        var low = 0
        var high = shapes.count
        while low < high {
            let middle = (low + high) / 2
            if shapes[middle] < path { low = middle + 1 } else { high = middle }
        }
        return low < shapes.count && shapes[low] == path
    }

    /// A target by its place in the snapshot.
    private func target(_ index: Int) -> Target { snapshot.target(index, entries, files: files[index]) }

    private var places: TargetPlaces { part?.overlay.places ?? TargetPlaces() }

    /// Whether a target, by its place in the snapshot, need not be asked: it was resolved again, or has been.
    private func isKnown(_ target: Int) -> Bool {
        dirty.contains(target) || part?.overlay.targets[places.new(target)] != nil
    }

    // MARK: What a change may mean

    private enum Meaning {
        case nothing
        case content(BytePath)
        /// It came, went, or is another kind of thing.
        case presence(BytePath)
        case everything
    }

    private func judge(_ change: PathPatch.Change) throws(FileSystemError) -> Meaning {
        let old = change.packed.map { difference.base.entries.entry($0) }
        guard let path = change.entry?.path ?? old?.path else { return .nothing }
        // It may pin any image's base.
        if path == BaseImageLock.path(settings) { return .everything }
        guard let place = change.packed, let old, let new = change.entry, old.kind.isPlain, new.kind.isPlain else {
            // What can be no input is told of where it matches.
            if let kind = change.entry?.kind, !kind.isContent { return .everything }
            if let kind = old?.kind, !kind.isContent { return .everything }
            return .presence(path)
        }
        // Nobody took it in, and it shaped nothing: then its digest would be known.
        guard let known = difference.base.content(place) else { return .nothing }
        if old.kind == new.kind, try tree.files.digest(of: path) == known.digest { return .nothing }
        return .content(path)
    }

    // MARK: Files that came or went

    /// Finds the files anew of all targets that may take another set of them. False where the graph may be another.
    private mutating func presence(of paths: [BytePath]) throws(FileSystemError) -> Bool {
        let outputs = part?.outputs ?? OutputTable(sorted: snapshot.claims)
        var asked: Set<Int> = []
        for path in paths {
            guard !changesGraph(path) else { return false }
            if outputs.claimed(below: path.parent).contains(path) { continue }
            for target in snapshot.watching(path) where !asked.contains(target) && !isKnown(target) {
                if mayTake(self.target(target), path) { asked.insert(target) }
            }
        }
        for target in asked.sorted() {
            guard let found = try files(of: self.target(target), outputs, new: Set(paths)) else { return false }
            files[target] = found
            dirty.insert(target)
        }
        return true
    }

    /// Whether the coming or going of `path` may make or unmake a Buildfile, a component or a mistake.
    private func changesGraph(_ path: BytePath) -> Bool {
        let origin = snapshot.origin
        if origin.includes.contains(where: { $0.matches(path) }) { return true }
        if origin.contracts.contains(path) { return true }
        // Folders that came or went with it.
        var folders: [BytePath] = []
        var folder = path.parent
        while !folder.isEmpty {
            let isNow = !entries.range(inside: folder).isEmpty
            let was = !FileEntries(difference.base.entries).range(inside: folder).isEmpty
            if isNow && was { break }
            folders.append(folder)
            folder = folder.parent
        }
        for glob in origin.componentGlobs {
            if glob.mayEndInFile, glob.pattern.captures(path) != nil { return true }
            if folders.contains(where: { glob.pattern.captures($0) != nil }) { return true }
        }
        if folders.isEmpty { return false }
        return (0..<snapshot.componentCount).contains { folders.contains(snapshot.component($0).folder) }
    }

    private func mayTake(_ target: Target, _ path: BytePath) -> Bool {
        if target.selection.isImage {
            guard case .image(let rule) = target.making else { return true }
            return path.isInside(rule.context) || path == rule.dockerfile
        }
        return target.selection.literals.contains(path)
            || target.selection.lists.joined().contains { $0.pattern.matches(path) }
    }

    /// What `target` takes of the tree as it is now; nil where that is a mistake or a warning.
    private func files(
        of target: Target, _ outputs: OutputTable, new: Set<BytePath>
    ) throws(FileSystemError) -> EntryRanges? {
        if target.selection.isImage { return try imageFiles(of: target, outputs) }
        var found = EntrySet()
        for globs in target.selection.lists {
            var some = EntrySet()
            for glob in globs {
                guard let matched = matches(of: glob.pattern, outputs) else { return nil }
                if glob.isExclusion {
                    some.subtract(matched)
                } else {
                    // It matches nothing now, or did so before: the warning comes or goes.
                    if matched.allSatisfy({ new.contains(entries[$0].path) }) { return nil }
                    some.formUnion(matched)
                }
            }
            found.formUnion(some.indices)
        }
        for path in target.selection.literals {
            guard let position = entries.index(of: path) else { return nil }
            found.insert(position)
        }
        return EntryRanges(found.indices)
    }

    private func matches(of pattern: PathPattern, _ outputs: OutputTable) -> [Int]? {
        var found: [Int] = []
        let claimed = outputs.claimed(below: BytePath(bytes: pattern.literalPrefix))
        for position in tree.indices(matching: pattern) {
            let entry = entries[position]
            if claimed.contains(entry.path) { continue }
            guard entry.kind.isContent else { return nil }
            found.append(position)
        }
        return found
    }

    private func imageFiles(of target: Target, _ outputs: OutputTable) throws(FileSystemError) -> EntryRanges? {
        guard case .image(let rule) = target.making, let dockerfile = entries.index(of: rule.dockerfile) else {
            return nil
        }
        let text = SourceText(
            name: rule.dockerfile.shown, bytes: try tree.files.contents(of: rule.dockerfile))
        var known = rule.arguments
        for name in rule.imagePrerequisites.keys { known[name] = "\(name):pinned" }
        let read = DockerfileInputs.read(text, arguments: known, targetStage: rule.targetStage)
        let selection = try ImageSelection(read, rule, tree: tree, outputs: outputs)
        guard selection.unserved.isEmpty, selection.places.contains(dockerfile) == rule.takesDockerfile else {
            return nil
        }
        var files = EntrySet(selection.places)
        files.insert(dockerfile)
        return EntryRanges(files.indices)
    }

    // MARK: Hashing

    private func rehash() throws(FileSystemError) -> HashedGraph {
        var overlay = part?.overlay ?? SnapshotOverlay(snapshot, entries)
        for (target, files) in files { overlay.files[places.new(target)] = files }
        let order = part?.order ?? snapshot.order
        var graph = Graph(overlay, tree: tree, part, order: order)
        graph.contractReader = settings.contracts
        var owns = snapshot.owns
        var hashes = snapshot.hashes
        if !places.isSame {
            let nothing = SHA256Value(words: (0, 0, 0, 0))
            owns = places.spread(owns, filling: nothing)
            hashes = places.spread(hashes, filling: InputHash(nothing))
        }
        let dirty = Set(dirty.map { places.new($0) }).union(overlay.targets.keys)
        for (target, own) in zip(dirty, try ownHashes(of: Array(dirty), in: graph)) { owns[target] = own }
        var isWaiting = [Bool](repeating: false, count: hashes.count)
        var waiting = dirty.count
        for target in dirty { isWaiting[target] = true }
        for target in order where isWaiting[target] {
            waiting -= 1
            let hash = HashedGraph.hash(graph, graph.targets[target], owns[target]) { hashes[$0] }
            if hash != hashes[target] {
                hashes[target] = hash
                for old in places.old(target).map({ snapshot.dependents(of: $0) }) ?? [] {
                    let dependent = places.new(old)
                    if isWaiting[dependent] { continue }
                    isWaiting[dependent] = true
                    waiting += 1
                }
            }
            if waiting == 0 { break }
        }
        return HashedGraph(graph, contents, owns, hashes: hashes)
    }

    /// A library's file is one of every service that uses it, so there may be many.
    private func ownHashes(of targets: [Int], in graph: Graph) throws(FileSystemError) -> [SHA256Value] {
        let contents = contents
        @Sendable func own(_ number: Int) throws(FileSystemError) -> SHA256Value {
            try graph.ownHash(of: targets[number]) { place throws(FileSystemError) in try contents.digest(place) }
        }
        guard targets.count >= Self.worthThreads else {
            var owns: [SHA256Value] = []
            for number in targets.indices { owns.append(try own(number)) }
            return owns
        }
        return try Threads.map(targets.count, own)
    }

    /// A target of a hundred files is hashed in about the time that a thread takes to start.
    private static let worthThreads = 8
}

extension FileKind {
    fileprivate var isPlain: Bool { self == .file || self == .executable }
}

extension Array where Element == UInt8 {
    fileprivate func hasSuffix(_ text: String) -> Bool {
        count >= text.utf8.count && self[(count - text.utf8.count)...].elementsEqual(text.utf8)
    }
}

extension Graph {
    /// The graph of a snapshot over another tree, with what was resolved again.
    fileprivate init(_ overlay: SnapshotOverlay, tree: FileTree, _ part: ResolvedPart?, order: [Int]) {
        let snapshot = overlay.snapshot
        self.init(
            tree: tree, components: ComponentList(overlay), targets: TargetList(overlay), order: order,
            defaults: part?.defaults ?? snapshot.defaults, registry: snapshot.registry,
            environments: part?.environments ?? snapshot.environments)
        origin = part?.origin ?? snapshot.origin
        if part == nil { origin.declared = DeclaredParts(snapshot) }
    }
}
