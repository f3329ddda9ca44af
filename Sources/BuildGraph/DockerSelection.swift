// Which files of a build context a Dockerfile takes. Does not read a Dockerfile, nor any file's bytes.
package import Buildfile

/// One path pattern that an instruction takes from the build context.
package struct ContextSource: Sendable, Hashable {
    /// Relative to the context; the empty pattern is all of it.
    package let pattern: DockerPattern
    /// After substitution, as people write it.
    package let text: String
    package private(set) var span: SourceSpan
    /// The `--exclude` patterns.
    package let excludes: [DockerIgnorePattern]
    /// The `--exclude` patterns' text.
    package let excludeTexts: [String]
    /// The builder may accept that it matches nothing: it has wildcards, or only stands for something unknown.
    package let isOptional: Bool

    init(
        pattern: DockerPattern, text: String, span: SourceSpan, excludeTexts: [String] = [], isOptional: Bool = false
    ) {
        self.pattern = pattern
        self.text = text
        self.span = span
        self.excludeTexts = excludeTexts
        self.excludes = excludeTexts.compactMap {
            DockerIgnorePattern(DockerIgnorePattern.cleaned(Array($0.utf8)[...]))
        }
        self.isOptional = isOptional || pattern.hasWildcards
    }

    /// The same, standing somewhere else.
    func moved(to span: SourceSpan) -> ContextSource {
        var copy = self
        copy.span = span
        return copy
    }

    /// Whether it takes the file or link `path`.
    package func takes(_ path: BytePath) -> Bool {
        guard pattern.takes(path) else { return false }
        return !isLeftOut(path)
    }

    /// Builders disagree on whether `--exclude` counts from the context or from the source's folder, so a file is left
    /// out only where both readings leave it out.
    private func isLeftOut(_ path: BytePath) -> Bool {
        guard !excludes.isEmpty, path.components.count > pattern.count || pattern.hasWildcards else { return false }
        let below = BytePath(bytes: Array(path.components.dropFirst(pattern.count).joined(separator: [0x2F])))
        let seen = below.isEmpty ? path.name : below
        return excludes.contains { $0.matchesOrIsBelow(path) } && excludes.contains { $0.matchesOrIsBelow(seen) }
    }

    /// Whether it could take `path`, or something below it where it is a folder.
    package func mayTake(_ path: BytePath, isFolder: Bool) -> Bool {
        if pattern.takes(path) { return isFolder || !isLeftOut(path) }
        return isFolder && pattern.mayNameBelow(path)
    }
}

/// What a Dockerfile takes from a given context.
package struct DockerSelection: Sendable, Hashable {
    /// Sorted by path.
    package let files: [FileEntry]
    /// Sources that name none of the context's files.
    package let unmatched: [ContextSource]
    /// A source leads through a symbolic link whose target is not known here: everything is taken.
    package let isWhole: Bool
}

extension DockerfileInputs {
    /// The files that the sources take of `entries`, whose paths are relative to the context.
    ///
    /// A link below a folder that is taken is taken as a link. Where a source itself names a link, or leads through
    /// one, builders follow it: `linkText` tells where to; where it gives nil, the whole context is taken.
    package func select(
        from entries: [FileEntry], ignore: DockerIgnore, linkText: (BytePath) -> [UInt8]? = { _ in nil }
    ) -> DockerSelection {
        let seen = entries.filter { !ignore.excludes($0.path) }.sorted { $0.path < $1.path }
        let links = seen.filter { $0.kind == .link }.map(\.path)
        var taken: Set<BytePath> = []
        var unmatched: [ContextSource] = []
        var isWhole = wholeContext
        for source in sources {
            var hits = seen.filter { source.takes($0.path) }.map(\.path)
            var further: [[UInt8]] = []
            for link in links {
                guard source.pattern.matches(link) || source.pattern.mayNameBelow(link) else { continue }
                guard let text = linkText(link), let rest = source.pattern.rest(from: link.components.count) else {
                    isWhole = true
                    continue
                }
                hits.append(link)
                further.append(Self.target(of: link, text: text, rest: rest))
            }
            hits.append(contentsOf: Self.follow(further, in: seen, linkText, &isWhole))
            if hits.isEmpty, source.pattern.count > 0 { unmatched.append(source) }
            taken.formUnion(hits)
        }
        return DockerSelection(
            files: seen.filter { isWhole || taken.contains($0.path) }, unmatched: unmatched, isWhole: isWhole)
    }

    /// Where a link leads, rooted at the context as builders root it.
    private static func target(of link: BytePath, text: [UInt8], rest: [ArraySlice<UInt8>]) -> [UInt8] {
        let base = text.first == UInt8(ascii: "/") ? [] : link.parent.bytes + [UInt8(ascii: "/")]
        return base + text + [UInt8(ascii: "/")] + Array(rest.joined(separator: [UInt8(ascii: "/")]))
    }

    /// What paths that came out of links take, further links followed too.
    private static func follow(
        _ paths: [[UInt8]], in entries: [FileEntry], _ linkText: (BytePath) -> [UInt8]?, _ isWhole: inout Bool
    ) -> [BytePath] {
        var waiting = paths
        var done: Set<DockerPattern> = []
        var hits: [BytePath] = []
        while let path = waiting.popLast() {
            // The same cutting at the root that a source's own path gets.
            let pattern = DockerPattern(literalCutAtRoot: path)
            guard done.insert(pattern).inserted else { continue }
            if done.count > 64 {
                isWhole = true
                return hits
            }
            for entry in entries {
                if pattern.takes(entry.path) { hits.append(entry.path) }
                guard entry.kind == .link, pattern.matches(entry.path) || pattern.mayNameBelow(entry.path) else {
                    continue
                }
                hits.append(entry.path)
                guard let text = linkText(entry.path), let rest = pattern.rest(from: entry.path.components.count) else {
                    isWhole = true
                    continue
                }
                waiting.append(target(of: entry.path, text: text, rest: rest))
            }
        }
        return hits
    }

    /// Whether some source could take `path`, relative to the context, once a rule has put it out.
    package func mayTake(_ path: BytePath, isFolder: Bool) -> Bool {
        wholeContext || sources.contains { $0.mayTake(path, isFolder: isFolder) }
    }
}
