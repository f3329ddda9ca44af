import Buildfile

/// Makes components and their targets from drafts.
///
/// This file expands words; TargetSeeds connects labels, TargetFiles matches globs, ImageTargets reads Dockerfiles.
struct TargetBuilder {
    let tree: FileTree
    let settings: ResolutionSettings
    let globals: [String: VariableDeclaration]
    let toolDeclarations: [String: ToolDeclaration]
    let drafts: DraftTable
    let registry: String
    private let hasRegistryVariable: Bool
    private let shared: SharedSettings
    var diagnostics: [Diagnostic] = []

    /// The rest, where only a part is resolved.
    let part: PartialGraph?
    var components: ComponentTable
    var seeds = SeedTable()
    var outputs = OutputTable()
    var asked = AskedNames()
    /// What takes long to free.
    private(set) var leftovers: [any Sendable] = []
    /// Components of which something was reported when their targets were made.
    var reported: Set<Int> = []
    /// Whether something was reported for the target at hand, now or for another before.
    var hasReported = false
    /// Of the target at hand.
    var selection = FileSelection()
    /// What patterns match by their texts: those written from the root, and those of the component at hand.
    var globCache: [BytePath: EntryRanges] = [:]
    var ownGlobs: [BytePath: EntryRanges] = [:]
    private var globComponent = -1
    /// Of the component whose targets are being made.
    var usedParts: (component: Int, part: UsedPart)?
    var libraryInputs: [Int: LibraryInputs] = [:]
    var dockerfiles = DockerfileMemory()
    /// What pins base images, once an image has asked for it.
    var baseImageLock: BaseImageLock?
    /// Components with an image rule by the names of the build arguments they come as.
    var imageOwners = ImageOwners([])
    var mentions: [SourceSpan: [String]] = [:]
    /// Entries that no input can be, reported once however many globs match them.
    var reportedSpecials: Set<Int> = []
    /// Patterns that match nothing, where they are written.
    var reportedNothing: Set<Word> = []
    /// What to say of names that no component has.
    private var unknownComponents: [String: Diagnostic] = [:]

    /// For all components of `builder`, or those of `part`.
    init(_ builder: GraphBuilder, registry: String, part: PartialGraph? = nil) {
        tree = builder.tree
        settings = builder.settings
        globals = builder.globals
        toolDeclarations = builder.tools
        drafts = part.map { DraftTable($0) } ?? DraftTable(builder.drafts)
        components = part.map { ComponentTable($0) } ?? ComponentTable([])
        self.part = part
        self.registry = registry
        hasRegistryVariable = globals["registry"] != nil
        shared = SharedSettings(builder.settings)
    }

    mutating func build() throws(FileSystemError) -> ([Component], [Target]) {
        components = ComponentTable(drafts.list.indices.map { component($0) })
        makeSeeds()
        declareOutputs()
        outputs.finish()
        diagnostics.append(contentsOf: outputs.overlaps(labels: seeds.list.map(\.label)))
        checkContracts(components.list)
        return (components.list, try makeTargets())
    }

    /// How the components were declared, and what their targets were made with.
    func facts() -> [ComponentFacts] {
        var facts = drafts.list.map(\.facts)
        for (component, names) in asked.done {
            for name in names where !facts[component].names.contains(name) { facts[component].names.append(name) }
        }
        for component in reported { facts[component].hasReported = true }
        return facts
    }

    /// Makes the targets, in portions on as many threads as there are processors, each with a builder of its own. What
    /// they report is put together in the order of the targets, and what two of them report is said once in the end.
    private mutating func makeTargets() throws(FileSystemError) -> [Target] {
        // Which glob a special file is reported for depends on those before.
        let hasSpecials = !tree.entries.areContent(0..<tree.entries.count)
        let size = seeds.list.count
        let count = hasSpecials || size < 256 ? 1 : 4 * Threads.processors
        asked.finish()
        var base = self
        base.diagnostics = []
        base.asked = AskedNames()
        base.imageOwners = ImageOwners(drafts.list)
        let parts = Threads.map(count) { [base] part in
            var builder = base
            return builder.targets(in: size * part / count..<size * (part + 1) / count)
        }
        var targets: [Target] = []
        targets.reserveCapacity(size)
        for part in parts {
            targets += try part.targets.get()
            diagnostics += part.diagnostics
            asked.done += part.asked
            reported.formUnion(part.reported)
        }
        leftovers.append(parts)
        return targets
    }

    private mutating func targets(in range: Range<Int>) -> Portion {
        var made: [Target] = []
        made.reserveCapacity(range.count)
        do throws(FileSystemError) {
            for index in range { made.append(try target(index)) }
            asked.finish()
            return Portion(
                targets: .success(made), diagnostics: diagnostics, asked: asked.done, reported: reported)
        } catch {
            return Portion(targets: .failure(error), diagnostics: [], asked: [], reported: [])
        }
    }

    private struct Portion: Sendable {
        let targets: Result<[Target], FileSystemError>
        let diagnostics: [Diagnostic]
        let asked: [(component: Int, names: [AskedName])]
        let reported: Set<Int>
    }

    // MARK: Scopes

    func scope(component: Int, seed: TargetSeed? = nil) -> VariableScope {
        var builtIns: [VariableScope.BuiltIn] = [.init(name: "name", value: drafts[component].name)]
        if !hasRegistryVariable { builtIns.append(.init(name: "registry", value: registry)) }
        if let seed {
            builtIns.append(.init(name: "stage", value: seed.label.stage))
            // What it says is known when it runs, and is no part of any hash: here only that it is there.
            if seed.rule.attributes.contains(where: { $0.name.text == "changed-only" }) {
                builtIns.append(.init(name: "changed", value: ""))
            }
            if let consumption = seed.consumption, let consumer = seed.label.consumer {
                let folder = components[component].folder
                let contracts = contractVariable(consumption.contracts, in: folder)
                builtIns += [
                    .init(name: "consumer", value: consumer), .init(name: "provider", value: drafts[component].name),
                    .init(name: "contract", value: contracts),
                ]
            }
        }
        return VariableScope(
            builtIns: builtIns, own: drafts[component].block.variables, globals: globals, settings: shared)
    }

    mutating func expand(_ words: [Word], _ scope: inout VariableScope) -> [Word] {
        // Most words have no variable, and are taken as they are.
        guard words.contains(where: { $0.text.utf8.contains(UInt8(ascii: "$")) }) else { return words }
        return words.compactMap { word in scope.expand(word).map { Word($0, word.span) } }
    }

    /// The path `word` names from `folder`; a diagnostic where it leaves the workspace.
    mutating func path(_ word: Word, in folder: BytePath) -> BytePath? {
        if let path = BytePath.resolving(Array(word.text.utf8), in: folder) { return path }
        diagnostics.append(.leavesWorkspace(word))
        return nil
    }

    // MARK: Components

    mutating func component(_ index: Int) -> Component {
        let draft = drafts[index]
        var scope = VariableScope(
            builtIns: [.init(name: "name", value: draft.name)], own: draft.block.variables, globals: globals,
            settings: shared)
        var folder = draft.defaultFolder
        if let word = draft.block.folder, let text = scope.expand(word) {
            // A template's `dir` means the component's: it is taken from the component's Buildfile, not the template's.
            folder = path(Word(text, word.span), in: draft.defaultFolder) ?? folder
            if !tree.hasFolder(folder) {
                diagnostics.append(
                    Diagnostic(
                        .missingInput, "there is no folder '\(folder.shown)'", at: word.span,
                        hint: "a folder counts when it holds a file that git does not ignore"))
            }
        }
        let uses = expand(draft.block.words("uses"), &scope)
        for word in uses where drafts.place(of: word.text) == nil { reportUnknownComponent(word) }
        let consumes = consumptions(draft, folder: folder, &scope)
        let owners = expand(draft.block.words("owners"), &scope).map(\.text)
        diagnostics.append(contentsOf: scope.diagnostics)
        asked.add(.variable, scope.asked, for: index)
        return Component(
            name: draft.name, kind: draft.kind, folder: folder,
            uses: uses.map(\.text).filter { drafts.place(of: $0) != nil }, consumes: consumes, owners: owners,
            span: draft.span)
    }

    private mutating func consumptions(
        _ draft: ComponentDraft, folder: BytePath, _ scope: inout VariableScope
    ) -> [Component.Consumption] {
        var found: [Component.Consumption] = []
        for directive in draft.block.consumes {
            let words = expand(directive.arguments, &scope)
            guard let provider = words.first, words.count > 2 else { continue }
            guard drafts.place(of: provider.text) != nil else {
                reportUnknownComponent(provider)
                continue
            }
            let contracts = words.dropFirst(2).compactMap { path($0, in: folder) }
            found.append(.init(provider: provider.text, contracts: contracts, span: provider.span))
        }
        return found
    }

    mutating func reportUnknownComponent(_ word: Word) {
        // Thousands may name the one that is missing, and the nearest is looked for among thousands.
        let known = unknownComponents[word.text] ?? unknownComponent(word)
        unknownComponents[word.text] = known
        diagnostics.append(Diagnostic(known.code, known.message, at: word.span, hint: known.hint))
    }

    private func unknownComponent(_ word: Word) -> Diagnostic {
        let names = drafts.list.map(\.name)
        return .unknown(
            .unknownComponent, "component", word.text, at: word.span, among: names,
            otherwise: names.isEmpty
                ? "no component is declared" : "declared are: \(names.prefix(20).joined(separator: ", "))")
    }

    /// Every contract is a file or comes from a rule, whether its provider verifies it or not.
    mutating func checkContracts(_ components: some Sequence<Component>) {
        for consumption in components.lazy.flatMap(\.consumes) {
            for path in consumption.contracts where outputs.owner(of: path) == nil && !tree.contains(path) {
                diagnostics.append(
                    .missingInput(Word(path.shown, consumption.span), path: path, tree: tree, producer: nil))
            }
        }
    }

    // MARK: Targets

    /// Makes the target at `index`.
    mutating func target(_ index: Int) throws(FileSystemError) -> Target {
        let seed = seeds[index]
        let before = diagnostics.count
        hasReported = false
        defer { if hasReported || diagnostics.count > before { reported.insert(seed.component) } }
        selection = FileSelection()
        if seed.component != globComponent {
            globComponent = seed.component
            ownGlobs.removeAll(keepingCapacity: true)
        }
        var scope = scope(component: seed.component, seed: seed)
        let rule = seed.rule
        let inputs = expand(rule.inputs, &scope)
        let gates = expand(rule.gates, &scope)
        _ = expand(rule.outputs, &scope)
        let attributes = RuleAttributes(
            rule.attributes.map { attribute in
                Attribute(name: attribute.name, arguments: expand(attribute.arguments, &scope))
            })
        diagnostics.append(contentsOf: attributes.diagnostics)

        var edges = labels(among: inputs, kind: .input, seed) + labels(among: gates, kind: .gate, seed)
        for gate in gates where !gate.text.isLabel {
            diagnostics.append(
                Diagnostic(
                    .unknownStage, "'\(gate.text)' is no label", at: gate.span,
                    hint: "only labels stand after '|'; ':\(gate.text)' is this component's stage"))
        }
        var files = matchFiles(inputs.filter { !$0.text.isLabel }, seed)
        if let consumption = seed.consumption {
            take(consumption, &edges, &files)
            try takeDocuments(attributes.documents, seed, consumption, &edges, &files)
        }

        let making: Making
        var mounted: [String] = []
        let folder = components[seed.component].folder
        if let recipe = rule.recipe {
            takeUses(of: seed.component, &edges, &files)
            making = .recipe(recipe, shell: shell(seed.component, &scope))
        } else if attributes.plain.pact?.image == true || !attributes.documents.isEmpty {
            // What is started, if anything, is the component's image.
            if attributes.plain.pact?.image == true { takeOwnImage(seed, &edges) }
            making = .recipe(Recipe(text: "", span: rule.stage.span), shell: ["/bin/sh"])
        } else if seed.label.stage == "image" {
            let image = try imageRule(seed, attributes.image, edges: edges, inputs: inputs)
            making = .image(image.rule)
            files = image.files
            mounted = image.secrets
            selection = FileSelection(isImage: true)
        } else {
            making = .group
        }
        let environment = recipeEnvironment(seed, rule.recipe, &scope, &edges)
        diagnostics.append(contentsOf: scope.diagnostics)
        let ownAttributes = resolve(attributes, in: folder)
        let tools = rule.recipe == nil ? [] : tools(seed.component, &scope)
        asked.add(.variable, scope.asked, for: seed.component)
        return Target(
            label: seed.label, component: seed.component, making: making, selection: selection,
            files: files.places,
            edges: uniqueEdges(edges), outputs: outputs.outputs(of: index),
            attributes: ownAttributes, values: environment.values,
            contracts: seed.consumption?.contracts ?? [], passed: environment.passed,
            secrets: environment.secrets + mounted, tools: tools, span: rule.stage.span)
    }

    private func uniqueEdges(_ edges: [Edge]) -> [Edge] {
        if edges.count < 2 { return edges }
        var seen: Set<Int> = []
        // A gate that is an input as well adds nothing: inputs must have succeeded too.
        return [Edge.Kind.input, .contract, .gate, .tag].flatMap { kind in
            edges.filter { $0.kind == kind && seen.insert($0.target).inserted }
        }
    }

    private mutating func labels(among words: [Word], kind: Edge.Kind, _ seed: TargetSeed) -> [Edge] {
        words.filter { $0.text.isLabel }.flatMap { word in
            targets(named: word, from: seed.component).map { Edge(kind: kind, target: $0, span: word.span) }
        }
    }

    private mutating func shell(_ component: Int, _ scope: inout VariableScope) -> [String] {
        guard let words = drafts[component].block.shell else { return ["/bin/sh", "-eu"] }
        return expand(words, &scope).map(\.text)
    }

    private mutating func tools(_ component: Int, _ scope: inout VariableScope) -> [Tool] {
        var found: [String: Tool] = [:]
        let words = expand(drafts[component].block.words("needs"), &scope)
        asked.add(.tool, words.map(\.text), for: component)
        for word in words {
            guard let declaration = toolDeclarations[word.text] else {
                let known = toolDeclarations.keys.sorted()
                diagnostics.append(
                    .unknown(
                        .unknownTool, "tool", word.text, at: word.span, among: known,
                        otherwise: "declare it at the top level: 'tool \(word.text) VERSION'"))
                continue
            }
            found[word.text] = Tool(
                name: word.text, version: scope.expand(declaration.version) ?? declaration.version.text,
                command: declaration.command?.text)
        }
        return found.values.sorted { $0.name < $1.name }
    }
}

extension String {
    /// Whether the word names a target and no file.
    var isLabel: Bool { utf8.contains(UInt8(ascii: ":")) }
}
