import Buildfile
import Glibc

// The built-in image action: which files, values and images its Dockerfile takes. How a Dockerfile is read is
// DockerfileInputs' business.
extension TargetBuilder {
    mutating func imageRule(
        _ seed: TargetSeed, _ attributes: RuleAttributes.Image, edges: [Edge], inputs: [Word]
    ) throws(FileSystemError) -> (rule: ImageRule, files: EntrySet, secrets: [String]) {
        let folder = components[seed.component].folder
        let prerequisites = imagePrerequisites(edges)
        let context = attributes.context.flatMap { path($0, in: folder) } ?? folder
        let dockerfile = dockerfilePath(seed, attributes, inputs: inputs)
        var values: [String: String] = [:]
        for argument in attributes.arguments { values[argument.name] = argument.value.text }
        var bases: [String: String] = [:]
        func rule(_ used: [String: String], takesDockerfile: Bool = false) -> ImageRule {
            ImageRule(
                dockerfile: dockerfile.path, context: context, targetStage: attributes.targetStage?.text,
                arguments: used, imagePrerequisites: prerequisites,
                takesDockerfile: takesDockerfile, externalBases: bases)
        }
        guard let index = tree.index(of: dockerfile.path) else {
            diagnostics.append(
                .missingInput(
                    Word(dockerfile.path.shown, dockerfile.span), path: dockerfile.path, tree: tree,
                    producer: outputs.owner(of: dockerfile.path).map { seeds[$0].label }))
            return (rule(values), EntrySet(), [])
        }
        var known = values
        for name in prerequisites.keys { known[name] = "\(name):pinned" }
        let read = dockerfiles.read(
            dockerfile.path, try tree.files.contents(of: dockerfile.path), arguments: known,
            targetStage: attributes.targetStage?.text)
        diagnostics.append(contentsOf: read.diagnostics)
        checkArguments(attributes, read)
        checkBases(read, seed, prerequisites)
        checkRemotes(read)
        let secrets = secrets(read, seed)
        bases = try externalBases(read, prerequisites)
        var files = try select(read, rule(values), seed, edges)
        let takesDockerfile = files.contains(index)
        files.insert(index)
        return (
            rule(values.filter { read.usedArguments.contains($0.key) }, takesDockerfile: takesDockerfile), files,
            secrets
        )
    }

    /// The secrets that the Dockerfile mounts, sorted; one that the component does not name is an error.
    private mutating func secrets(_ read: DockerfileInputs, _ seed: TargetSeed) -> [String] {
        let declared = drafts[seed.component].block.words("secret").map(\.text)
        var refused: Set<String> = []
        for mount in read.secrets where !declared.contains(mount.name) && refused.insert(mount.name).inserted {
            let owner = seed.label.component
            diagnostics.append(
                Diagnostic(
                    .undeclaredSecret, "the secret '\(mount.name)' is mounted here, and '\(owner)' does not name it",
                    at: mount.span, notes: [.init("the rule", at: seed.rule.stage.span)],
                    hint: nearestWord(to: mount.name, among: declared).map { "did you mean '\($0)'?" }
                        ?? "add 'secret \(mount.name)' to the block of '\(owner)'"))
        }
        return Set(read.secrets.map(\.name)).intersection(declared).sorted()
    }

    /// `python-base:image` arrives as the build argument `python_base`.
    private func imagePrerequisites(_ edges: [Edge]) -> [String: Int] {
        var found: [String: Int] = [:]
        for edge in edges where edge.kind == .input && isImage(edge.target) {
            found[argumentName(seeds[edge.target].label.component)] = edge.target
        }
        return found
    }

    func isImage(_ target: Int) -> Bool {
        seeds[target].label.stage == "image" && seeds[target].rule.recipe == nil
    }

    private func argumentName(_ component: String) -> String { ImageOwners.argumentName(of: component) }

    /// `[dockerfile PATH]`, else the input word that looks like one, else `Dockerfile`.
    private mutating func dockerfilePath(
        _ seed: TargetSeed, _ attributes: RuleAttributes.Image, inputs: [Word]
    ) -> (path: BytePath, span: SourceSpan) {
        let folder = components[seed.component].folder
        if let word = attributes.dockerfile, let path = path(word, in: folder) { return (path, word.span) }
        for word in inputs where !word.text.isLabel && !PathPattern.hasWildcards(Array(word.text.utf8)) {
            let isOne = BytePath(word.text).name.withCString {
                strstr($0, "Dockerfile") != nil || strstr($0, "Containerfile") != nil
            }
            if isOne, let path = path(word, in: folder) {
                return (path, word.span)
            }
        }
        return (folder.appending("Dockerfile"), seed.rule.stage.span)
    }

    private mutating func checkArguments(_ attributes: RuleAttributes.Image, _ read: DockerfileInputs) {
        for argument in attributes.arguments where !read.usedArguments.contains(argument.name) {
            diagnostics.append(
                .unknown(
                    .badDockerfile, "build argument", argument.name, at: argument.value.span,
                    among: read.usedArguments.sorted(), otherwise: "the Dockerfile declares no 'ARG \(argument.name)'"))
        }
    }

    /// `FROM ${python_base}` without the prerequisite `python-base:image` would build from nothing.
    private mutating func checkBases(_ read: DockerfileInputs, _ seed: TargetSeed, _ prerequisites: [String: Int]) {
        for base in read.baseImages {
            guard let name = base.argumentName, prerequisites[name] == nil,
                let place = imageOwner(name, but: seed.label.component)
            else { continue }
            let owner = drafts[place]
            diagnostics.append(
                Diagnostic(
                    .missingImagePrerequisite,
                    "'FROM $\(name)' is the image of '\(owner.name)', which '\(seed.label)' does not name",
                    at: base.span, notes: [.init("the rule", at: seed.rule.stage.span)],
                    hint: "add '\(owner.name):image' to the rule's inputs"))
        }
        // By its name in the registry it would be whatever that name stands for on the day.
        guard !registry.isEmpty else { return }
        for base in read.baseImages where base.isResolved && base.argumentName.map({ prerequisites[$0] == nil }) ?? true
        {
            let name = Self.withoutTag(base.reference)
            guard name.hasPrefix(registry + "/"),
                let place = drafts.place(of: String(name.dropFirst(registry.count + 1))),
                drafts[place].block.rules["image"] != nil
            else { continue }
            let owner = drafts[place]
            let argument = argumentName(owner.name)
            diagnostics.append(
                Diagnostic(
                    .missingImagePrerequisite,
                    "'\(base.reference)' is the image of '\(owner.name)', which '\(seed.label)' must take as a build argument",
                    at: base.span, notes: [.init("the rule", at: seed.rule.stage.span)],
                    hint:
                        "write 'ARG \(argument)' and '${\(argument)}' here, and add '\(owner.name):image' to the rule's inputs"
                ))
        }
    }

    private func imageOwner(_ argument: String, but component: String) -> Int? {
        if let part { return part.imageOwner(argument, but: component) }
        return imageOwners.byArgument[argument]?.first { drafts[$0].name != component }
    }

    /// `registry/name` of `registry:5000/name:tag@digest`.
    private static func withoutTag(_ reference: String) -> String {
        let name = reference.prefix { $0 != "@" }
        let last = name.lastIndex(of: "/") ?? name.startIndex
        guard let colon = name[last...].firstIndex(of: ":") else { return String(name) }
        return String(name[..<colon])
    }

    /// What the image takes from elsewhere, with what each is pinned to.
    private mutating func externalBases(
        _ read: DockerfileInputs, _ prerequisites: [String: Int]
    ) throws(FileSystemError) -> [String: String] {
        let bases = read.externalBases(prerequisites: Set(prerequisites.keys))
        if bases.isEmpty { return [:] }
        let lock: BaseImageLock
        if let baseImageLock { lock = baseImageLock } else { lock = try readBaseImageLock() }
        baseImageLock = lock
        return Dictionary(
            bases.map { ($0.reference, lock.pins[$0.reference] ?? "") }, uniquingKeysWith: { first, _ in first })
    }

    private mutating func readBaseImageLock() throws(FileSystemError) -> BaseImageLock {
        let path = BaseImageLock.path(settings)
        guard tree.contains(path) else { return BaseImageLock() }
        let read = BaseImageLock.read(SourceText(name: path.shown, bytes: try tree.files.contents(of: path)))
        diagnostics.append(contentsOf: read.mistakes)
        return read.lock
    }

    private mutating func checkRemotes(_ read: DockerfileInputs) {
        for remote in read.remoteSources where !remote.isPinned {
            diagnostics.append(
                Diagnostic(
                    .notReproducible, .warning,
                    "'\(remote.text)' is fetched when the image is built, so the same tag may come to hold other content",
                    at: remote.span, hint: "add '--checksum=sha256:…' to the ADD, or name a git commit in full"))
        }
    }

    private mutating func select(
        _ read: DockerfileInputs, _ rule: ImageRule, _ seed: TargetSeed, _ edges: [Edge]
    ) throws(FileSystemError) -> EntrySet {
        let selection = try ImageSelection(read, rule, tree: tree, outputs: outputs)
        let named: Set<Int> =
            selection.takenOutputs.isEmpty
            ? [] : Set(edges.filter { $0.kind == .input }.flatMap { producers(behind: $0.target, seen: []) })
        for (source, output, owner) in selection.takenOutputs where !named.contains(owner) {
            diagnostics.append(
                Diagnostic(
                    .missingImagePrerequisite,
                    "'\(source.text)' takes '\(output.path.shown)', which '\(seeds[owner].label)' puts out, but '\(seed.label)' does not name it",
                    at: source.span, notes: [.init("the image's rule", at: seed.rule.stage.span)],
                    hint:
                        "add '\(seeds[owner].label.component == seed.label.component ? "" : seeds[owner].label.component):\(seeds[owner].label.stage)' to the rule's inputs, or exclude the path in .dockerignore"
                ))
        }
        for source in selection.unserved {
            diagnostics.append(
                Diagnostic(
                    .missingInput,
                    "'\(source.text)' matches no file of the build context '\(rule.context.isEmpty ? "." : rule.context.shown)'",
                    at: source.span, hint: "paths are relative to the context; '[context PATH]' changes it"))
        }
        return EntrySet(selection.taken)
    }

    private func producers(behind target: Int, seen: Set<Int>) -> [Int] {
        let seed = seeds[target]
        guard seed.rule.recipe == nil, seed.label.stage != "image", !seen.contains(target) else { return [target] }
        var visitor = self
        return visitor.labelsOnly(seed).flatMap { producers(behind: $0, seen: seen.union([target])) }
    }

    private mutating func labelsOnly(_ seed: TargetSeed) -> [Int] {
        var scope = scope(component: seed.component, seed: seed)
        return expand(seed.rule.inputs, &scope).filter { $0.text.isLabel }
            .flatMap { targets(named: $0, from: seed.component) }
    }
}

/// The components with an image rule, for those who look for one by another name.
struct ImageOwners {
    /// Build argument → places of components, ascending: `a-b` and `a.b` arrive as the same.
    private(set) var byArgument: [String: [Int]] = [:]

    init(_ drafts: [ComponentDraft]) {
        for (place, draft) in drafts.enumerated() where draft.block.rules["image"] != nil {
            byArgument[Self.argumentName(of: draft.name), default: []].append(place)
        }
    }

    /// The build argument as which the image of `component` arrives.
    static func argumentName(of component: String) -> String {
        String(
            decoding: component.utf8.map {
                $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") ? UInt8(ascii: "_") : $0
            }, as: UTF8.self)
    }
}

/// What a Dockerfile takes from its build context.
struct ImageSelection {
    /// Of the tree's entries.
    private(set) var taken = EntryRanges()
    var places: [Int] { Array(taken) }
    /// Outputs of rules that a source may take.
    private(set) var takenOutputs: [(source: ContextSource, output: DeclaredOutput, owner: Int)] = []
    /// Sources that must take something, and take neither a file nor an output.
    private(set) var unserved: [ContextSource] = []

    init(
        _ read: DockerfileInputs, _ rule: ImageRule, tree: FileTree, outputs: OutputTable
    ) throws(FileSystemError) {
        let ignore = try Self.ignore(rule, tree)
        let context = rule.context
        let unmatched: [ContextSource]
        if let sources = Self.literalPaths(of: read, in: context, tree) {
            unmatched = take(sources, of: read, below: context, ignore, tree, outputs)
        } else {
            unmatched = search(read, below: context, ignore, tree, outputs)
        }
        var served: Set<SourceSpan> = []
        for (output, owner) in outputs.all(inside: context) {
            guard let path = output.path.relative(to: context), !ignore.excludes(path) else { continue }
            for source in read.sources where source.mayTake(path, isFolder: output.isFolder) {
                served.insert(source.span)
                takenOutputs.append((source, output, owner))
            }
        }
        unserved = unmatched.filter { !served.contains($0.span) && !$0.isOptional }
    }

    /// What each source names, where none has wildcards or exclusions or leads through a link: then what they take is
    /// found without a look at all that the context has.
    private static func literalPaths(
        of read: DockerfileInputs, in context: BytePath, _ tree: FileTree
    ) -> [BytePath]? {
        if read.wholeContext { return nil }
        var paths: [BytePath] = []
        for source in read.sources {
            guard source.excludes.isEmpty, source.excludeTexts.isEmpty, let parts = source.pattern.rest(from: 0) else {
                return nil
            }
            var path = context
            for part in parts {
                path = path.appending(BytePath(bytes: Array(part)))
                if let index = tree.index(of: path), tree.entries.kind(index) == .link { return nil }
            }
            paths.append(path)
        }
        return paths
    }

    /// Takes what lies at and below `paths`, which are the sources'; gives the sources that name nothing.
    private mutating func take(
        _ paths: [BytePath], of read: DockerfileInputs, below context: BytePath, _ ignore: DockerIgnore,
        _ tree: FileTree, _ outputs: OutputTable
    ) -> [ContextSource] {
        let claimed = outputs.claimed(below: context)
        var all = EntrySet()
        var unmatched: [ContextSource] = []
        for (source, path) in zip(read.sources, paths) {
            var found = EntryRanges()
            if source.pattern.count > 0, let index = tree.index(of: path) { found.append(index..<index + 1) }
            // The paths from "PATH/" on stand behind PATH itself.
            found.append(tree.range(inside: path))
            found = claimed.left(of: found, in: tree)
            if ignore != .nothing || found.ranges.contains(where: { !tree.entries.areContent($0) }) {
                found = EntryRanges(
                    found.lazy.filter { place in
                        tree.entries.kind(place).isContent
                            && !(tree.entries[place].path.relative(to: context).map(ignore.excludes) ?? true)
                    })
            }
            if found.isEmpty, source.pattern.count > 0 { unmatched.append(source) }
            all.formUnion(found)
        }
        taken = all.places
        return unmatched
    }

    /// Takes what the sources match of all that the context has; gives the sources that match nothing.
    private mutating func search(
        _ read: DockerfileInputs, below context: BytePath, _ ignore: DockerIgnore, _ tree: FileTree,
        _ outputs: OutputTable
    ) -> [ContextSource] {
        var known: [Int] = []
        var entries: [FileEntry] = []
        let claimed = outputs.claimed(below: context)
        for index in tree.range(inside: context) {
            let entry = tree.entries[index]
            guard entry.kind.isContent, !claimed.contains(entry.path),
                let path = entry.path.relative(to: context)
            else { continue }
            known.append(index)
            entries.append(FileEntry(path: path, kind: entry.kind))
        }
        let files = tree.files
        let selection = read.select(from: entries, ignore: ignore) { link in
            try? files.contents(of: context.appending(link))
        }
        // Both lists are sorted by path.
        var next = 0
        taken = EntryRanges(
            selection.files.compactMap { file -> Int? in
                while next < entries.count, entries[next].path < file.path { next += 1 }
                return next < entries.count && entries[next].path == file.path ? known[next] : nil
            })
        return selection.unmatched
    }

    /// `NAME.dockerignore` beside the Dockerfile wins over `.dockerignore` in the context's root.
    private static func ignore(_ rule: ImageRule, _ tree: FileTree) throws(FileSystemError) -> DockerIgnore {
        for path in [rule.ignoreFileBeside, rule.context.appending(".dockerignore")] where tree.contains(path) {
            return DockerIgnore.parse(try tree.files.contents(of: path))
        }
        return DockerIgnore.parse([])
    }
}
