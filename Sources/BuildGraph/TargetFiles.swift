import Buildfile

/// Places of entries, in ascending order without duplicates. Takes time proportional to the ranges, not to the places.
struct EntrySet: Sendable {
    private(set) var places: EntryRanges

    init(_ places: EntryRanges = EntryRanges()) {
        self.places = places
    }

    /// `indices` are ascending.
    init(_ indices: [Int]) {
        places = EntryRanges(indices)
    }

    var indices: [Int] { Array(places) }

    func contains(_ index: Int) -> Bool { places.contains(index) }

    mutating func insert(_ index: Int) {
        if !places.contains(index) { formUnion([index]) }
    }

    /// `other` is ascending, as all lists of matches are.
    mutating func formUnion(_ other: [Int]) { formUnion(EntryRanges(other)) }

    mutating func formUnion(_ other: EntryRanges) {
        if other.isEmpty { return }
        if places.isEmpty {
            places = other
            return
        }
        var merged = EntryRanges()
        var last: Range<Int>?
        func take(_ range: Range<Int>) {
            guard let before = last, range.lowerBound <= before.upperBound else {
                if let last { merged.append(last) }
                last = range
                return
            }
            last = before.lowerBound..<max(before.upperBound, range.upperBound)
        }
        let (left, right) = (places.ranges, other.ranges)
        var (one, two) = (0, 0)
        while one < left.count || two < right.count {
            if two == right.count || (one < left.count && left[one].lowerBound <= right[two].lowerBound) {
                take(left[one])
                one += 1
            } else {
                take(right[two])
                two += 1
            }
        }
        if let last { merged.append(last) }
        places = merged
    }

    /// `other` is ascending.
    mutating func subtract(_ other: [Int]) { subtract(EntryRanges(other)) }

    mutating func subtract(_ other: EntryRanges) {
        if other.isEmpty { return }
        let taken = other.ranges
        var left = EntryRanges()
        var next = 0
        for range in places.ranges {
            while next < taken.count, taken[next].upperBound <= range.lowerBound { next += 1 }
            var start = range.lowerBound
            var place = next
            while place < taken.count, taken[place].lowerBound < range.upperBound {
                if taken[place].lowerBound > start { left.append(start..<taken[place].lowerBound) }
                start = max(start, taken[place].upperBound)
                place += 1
            }
            if start < range.upperBound { left.append(start..<range.upperBound) }
        }
        places = left
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
        if words.isEmpty { return found }
        var globs: [FileSelection.Glob] = []
        defer { if !globs.isEmpty { selection.lists.append(globs) } }
        for word in words {
            var bytes = Array(word.text.utf8)
            let isExclusion = bytes.first == UInt8(ascii: "!")
            if isExclusion { bytes.removeFirst() }
            guard let text = PathPattern.resolved(bytes, in: folder) else {
                diagnostics.append(.leavesWorkspace(word))
                continue
            }
            let matched = match(text, word)
            globs.append(FileSelection.Glob(text: text, isExclusion: isExclusion))
            if isExclusion {
                found.subtract(matched)
                continue
            }
            if matched.isEmpty { reportNothing(word, PathPattern(text)) }
            found.formUnion(matched)
        }
        return found
    }

    private mutating func match(_ text: [UInt8], _ word: Word) -> EntryRanges {
        let key = BytePath(bytes: text)
        // What is written from the root may be asked for by any component, and the rest mostly by one alone.
        let isShared = word.text.utf8.first { $0 != UInt8(ascii: "!") } == UInt8(ascii: "/")
        if let known = isShared ? globCache[key] : ownGlobs[key] { return known }
        let pattern = PathPattern(text)
        let claimed = outputs.claimed(below: BytePath(bytes: pattern.literalPrefix))
        var found = claimed.left(of: tree.ranges(matching: pattern), in: tree)
        if found.ranges.contains(where: { !tree.entries.areContent($0) }) { found = withoutSpecials(found, word) }
        if isShared { globCache[key] = found } else { ownGlobs[key] = found }
        return found
    }

    private mutating func withoutSpecials(_ places: EntryRanges, _ word: Word) -> EntryRanges {
        var found = EntryRanges()
        for index in places {
            let kind = tree.entries.kind(index)
            if kind.isContent {
                found.append(index..<index + 1)
            } else if reportedSpecials.insert(index).inserted {
                let path = tree.entries[index].path
                diagnostics.append(
                    Diagnostic(
                        .specialFile, "'\(path.shown)' is a \(kind), which cannot be an input",
                        at: word.span, hint: "take it away with '!/\(path.shown)', or remove it"))
            }
        }
        return found
    }

    private mutating func reportNothing(_ word: Word, _ pattern: PathPattern) {
        hasReported = true
        // A template's word says the same for all its components where it names a file from the root.
        guard reportedNothing.insert(Word(String(decoding: pattern.text, as: UTF8.self), word.span)).inserted else {
            return
        }
        if let path = pattern.literalPath {
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
    mutating func takeUses(of component: Int, _ edges: inout [Edge], _ files: inout EntrySet) {
        if components[component].uses.isEmpty { return }
        let part: UsedPart
        if let known = usedParts, known.component == component {
            part = known.part
        } else {
            part = usedPart(of: component)
            usedParts = (component, part)
        }
        edges.append(contentsOf: part.edges)
        selection.lists.append(contentsOf: part.lists)
        files.formUnion(part.files.places)
    }

    private mutating func usedPart(of component: Int) -> UsedPart {
        var part = UsedPart()
        var open = components[component].uses.reversed().map { ($0, component) }
        var seen: Set<String> = []
        while let (name, user) = open.popLast() {
            guard seen.insert(name).inserted, let place = drafts.place(of: name) else { continue }
            let span = drafts[user].block.words("uses").first { $0.text == name }?.span ?? drafts[user].span
            if let build = targets(ofStage: "build", of: place) {
                part.edges.append(contentsOf: build.map { Edge(kind: .input, target: $0, span: span) })
                continue
            }
            let inputs = librariesInputs(of: place)
            if inputs.isNothing {
                diagnostics.append(
                    Diagnostic(
                        .missingInput, "'\(name)' has neither a 'build' rule nor 'inputs', so using it brings nothing",
                        at: span, notes: [.init("declared here", at: drafts[place].span)],
                        hint: "'inputs GLOB…' in its block names the files that make it up"))
            }
            part.files.formUnion(inputs.files.places)
            part.lists.append(contentsOf: inputs.lists)
            open.append(contentsOf: components[place].uses.map { ($0, place) })
        }
        return part
    }

    /// What the `inputs` of a component without a `build` rule match: the same for all that use it.
    private mutating func librariesInputs(of place: Int) -> LibraryInputs {
        if let known = libraryInputs[place] {
            if known.hasReported { hasReported = true }
            return known
        }
        let (reportedBefore, countBefore) = (hasReported, diagnostics.count)
        hasReported = false
        var scope = scope(component: place)
        let words = expand(drafts[place].block.words("inputs"), &scope)
        let kept = selection
        selection = FileSelection()
        let files = matchFiles(words, in: components[place].folder)
        asked.add(.variable, scope.asked, for: place)
        let found = LibraryInputs(
            lists: selection.lists, files: files, isNothing: words.isEmpty,
            hasReported: hasReported || diagnostics.count > countBefore)
        hasReported = reportedBefore || found.hasReported
        selection = kept
        libraryInputs[place] = found
        return found
    }

    /// The contracts of a `verify` instance: files, or the rules that put them out.
    mutating func take(_ consumption: Component.Consumption, _ edges: inout [Edge], _ files: inout EntrySet) {
        for path in consumption.contracts {
            if let owner = outputs.owner(of: path) {
                edges.append(Edge(kind: .contract, target: owner, span: consumption.span))
            } else if let index = tree.index(of: path) {
                files.insert(index)
                selection.literals.append(path)
            }
        }
    }
}

/// What `uses` brings each of a component's rules.
struct UsedPart {
    var edges: [Edge] = []
    var lists: [[FileSelection.Glob]] = []
    var files = EntrySet()
}

/// What a library without a `build` rule brings those that use it.
struct LibraryInputs {
    let lists: [[FileSelection.Glob]]
    let files: EntrySet
    let isNothing: Bool
    /// Whether something was reported when they were matched.
    let hasReported: Bool
}

extension FileEntries {
    /// Whether all in `range` can be inputs.
    func areContent(_ range: Range<Int>) -> Bool {
        for place in range where !kind(place).isContent { return false }
        return true
    }
}
