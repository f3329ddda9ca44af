import Buildfile

// Which files a target's words name.
extension TargetBuilder {
    /// The entries that `words` (globs, exclusions among them, in order) match from the seed's folder.
    mutating func matchFiles(_ words: [Word], _ seed: TargetSeed) -> Set<Int> {
        matchFiles(words, in: components[seed.component].folder)
    }

    mutating func matchFiles(_ words: [Word], in folder: BytePath) -> Set<Int> {
        var found: Set<Int> = []
        for word in words {
            guard let glob = FileGlob(word, text: word.text, in: folder) else {
                diagnostics.append(.leavesWorkspace(word))
                continue
            }
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
        if let known = globCache[glob] { return known }
        var found: [Int] = []
        for index in tree.indices(matching: glob) {
            let entry = tree.entries[index]
            if outputs.owner(of: entry.path) != nil { continue }
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
        globCache[glob] = found
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
    mutating func takeUses(of seed: TargetSeed, _ edges: inout [Edge], _ files: inout Set<Int>) {
        var open = components[seed.component].uses.reversed().map { ($0, seed.component) }
        var seen: Set<String> = []
        while let (name, user) = open.popLast() {
            guard seen.insert(name).inserted,
                let place = components.firstIndex(where: { $0.name == name })
            else { continue }
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
            files.formUnion(matchFiles(words, in: components[place].folder))
            open.append(contentsOf: components[place].uses.map { ($0, place) })
        }
    }

    /// The contracts of a `verify` instance: files, or the rules that put them out.
    mutating func take(_ consumption: Component.Consumption, _ edges: inout [Edge], _ files: inout Set<Int>) {
        for path in consumption.contracts {
            if let owner = outputs.owner(of: path) {
                edges.append(Edge(kind: .input, target: owner, span: consumption.span))
            } else if let index = tree.index(of: path) {
                files.insert(index)
            }
        }
    }
}
