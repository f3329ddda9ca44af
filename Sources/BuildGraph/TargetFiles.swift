import Buildfile

/// Places of entries, in ascending order without duplicates.
struct EntrySet: Sendable {
    private(set) var indices: [Int] = []

    init(_ indices: [Int] = []) {
        self.indices = indices
    }

    mutating func insert(_ index: Int) { formUnion([index]) }

    /// `other` is ascending, as all lists of matches are.
    mutating func formUnion(_ other: [Int]) {
        guard let first = other.first else { return }
        guard let last = indices.last, last >= first else {
            if indices.isEmpty { indices = other } else { indices += other }
            return
        }
        var merged: [Int] = []
        merged.reserveCapacity(indices.count + other.count)
        var place = 0
        for index in other {
            while place < indices.count, indices[place] < index {
                merged.append(indices[place])
                place += 1
            }
            if place < indices.count, indices[place] == index { place += 1 }
            merged.append(index)
        }
        merged += indices[place...]
        indices = merged
    }

    /// `other` is ascending.
    mutating func subtract(_ other: [Int]) {
        var place = 0
        indices = indices.filter { index in
            while place < other.count, other[place] < index { place += 1 }
            return place == other.count || other[place] != index
        }
    }
}

// Which files a target's words name.
extension TargetBuilder {
    /// The entries that `words` (globs, exclusions among them, in order) match from the seed's folder.
    mutating func matchFiles(_ words: [Word], _ seed: TargetSeed) -> EntrySet {
        matchFiles(words, in: components[seed.component].folder)
    }

    mutating func matchFiles(_ words: [Word], in folder: BytePath) -> EntrySet {
        var found = EntrySet()
        var globs: [FileSelection.Glob] = []
        defer { if !globs.isEmpty { selection.lists.append(globs) } }
        for word in words {
            guard let glob = FileGlob(word, text: word.text, in: folder) else {
                diagnostics.append(.leavesWorkspace(word))
                continue
            }
            globs.append(FileSelection.Glob(pattern: glob.pattern, isExclusion: glob.isExclusion))
            let matched = match(glob)
            if glob.isExclusion {
                found.subtract(matched)
                continue
            }
            if matched.isEmpty { reportNothing(word, glob) }
            found.formUnion(matched)
        }
        return found
    }

    private mutating func match(_ glob: FileGlob) -> [Int] {
        if let known = globCache[glob.pattern] { return known }
        var found: [Int] = []
        let claimed = outputs.claimed(below: BytePath(bytes: glob.pattern.literalPrefix))
        for index in tree.indices(matching: glob) {
            let entry = tree.entries[index]
            if claimed.contains(entry.path) { continue }
            guard entry.kind.isContent else {
                guard reportedSpecials.insert(index).inserted else { continue }
                diagnostics.append(
                    Diagnostic(
                        .specialFile, "'\(entry.path.shown)' is a \(entry.kind), which cannot be an input",
                        at: glob.word.span,
                        hint: "take it away with '!/\(entry.path.shown)', or remove it"))
                continue
            }
            found.append(index)
        }
        globCache[glob.pattern] = found
        return found
    }

    private mutating func reportNothing(_ word: Word, _ glob: FileGlob) {
        if let path = glob.literalPath {
            // A special file has been reported already.
            if let index = tree.index(of: path), !tree.entries[index].kind.isContent { return }
            diagnostics.append(
                .missingInput(word, path: path, tree: tree, producer: outputs.owner(of: path).map { seeds[$0].label }))
        } else {
            diagnostics.append(
                Diagnostic(
                    .emptyGlob, .warning, "'\(word.text)' matches no file", at: word.span,
                    hint: "files that git ignores and outputs of rules are never matched"))
        }
    }

    /// What `uses` brings a rule that has a recipe: a used component's `build` target, or where it has none its
    /// `inputs` and what it uses itself.
    mutating func takeUses(of seed: TargetSeed, _ edges: inout [Edge], _ files: inout EntrySet) {
        var open = components[seed.component].uses.reversed().map { ($0, seed.component) }
        var seen: Set<String> = []
        while let (name, user) = open.popLast() {
            guard seen.insert(name).inserted, let place = componentPlaces[name] else { continue }
            let span = (drafts[user].block.lists["uses"] ?? []).first { $0.text == name }?.span ?? drafts[user].span
            if let build = stages[Label(component: name, stage: "build")] {
                edges.append(contentsOf: build.map { Edge(kind: .input, target: $0, span: span) })
                continue
            }
            var scope = scope(component: place)
            let words = expand(drafts[place].block.lists["inputs"] ?? [], &scope)
            if words.isEmpty {
                diagnostics.append(
                    Diagnostic(
                        .missingInput, "'\(name)' has neither a 'build' rule nor 'inputs', so using it brings nothing",
                        at: span, notes: [.init("declared here", at: drafts[place].span)],
                        hint: "'inputs GLOB…' in its block names the files that make it up"))
            }
            files.formUnion(matchFiles(words, in: components[place].folder).indices)
            open.append(contentsOf: components[place].uses.map { ($0, place) })
        }
    }

    /// The contracts of a `verify` instance: files, or the rules that put them out.
    mutating func take(_ consumption: Component.Consumption, _ edges: inout [Edge], _ files: inout EntrySet) {
        for path in consumption.contracts {
            if let owner = outputs.owner(of: path) {
                edges.append(Edge(kind: .input, target: owner, span: consumption.span))
            } else if let index = tree.index(of: path) {
                files.insert(index)
                selection.literals.append(path)
            }
        }
    }
}
