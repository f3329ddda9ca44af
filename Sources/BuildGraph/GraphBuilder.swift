import Buildfile

/// Resolves declarations into a graph, collecting every mistake.
///
/// This file gathers what is declared at the top level and makes components; TargetBuilder makes their targets.
struct GraphBuilder {
    let tree: FileTree
    let settings: ResolutionSettings
    private let set: BuildfileSet
    var diagnostics: [Diagnostic]

    /// What takes long to free.
    private(set) var leftovers: [any Sendable] = []

    var globals: [String: VariableDeclaration] = [:]
    var tools: [String: ToolDeclaration] = [:]
    private(set) var templates: [String: ComponentDeclaration] = [:]
    private(set) var environments: [EnvironmentDeclaration] = []
    private var notifications: [Directive] = []
    private(set) var defaults: [Word] = []
    /// Of `services` and `libraries`.
    private var componentGlobs: [ComponentGlob] = []
    private(set) var drafts: [ComponentDraft] = []
    private var draftPlaces: [String: Int] = [:]

    init(tree: FileTree, set: BuildfileSet, settings: ResolutionSettings) {
        self.tree = tree
        self.set = set
        self.settings = settings
        diagnostics = set.diagnostics
    }

    mutating func build() throws(FileSystemError) -> Resolution {
        gather()
        var templateSet = TemplateSet(templates)
        makeDrafts(&templateSet)
        diagnostics.append(contentsOf: templateSet.diagnostics)
        checkOverrides()
        let registry = registry
        var builder = TargetBuilder(self, registry: registry)
        let (components, targets) = try builder.build()
        leftovers = builder.leftovers + [builder]
        diagnostics.append(contentsOf: builder.diagnostics)
        diagnostics = unique(diagnostics)
        guard !diagnostics.contains(where: { $0.severity == .error }) else {
            return Resolution(graph: nil, diagnostics: diagnostics)
        }
        switch order(targets) {
        case .failure(let cycle):
            return Resolution(graph: nil, diagnostics: diagnostics + [cycle])
        case .success(let order):
            var graph = Graph(
                tree: tree, components: ComponentList(components), targets: TargetList(targets), order: order,
                defaults: defaults, registry: registry, environments: environments)
            graph.origin.includes = set.globs
            graph.origin.contracts = Set(components.flatMap(\.consumes).flatMap(\.contracts))
            graph.origin.componentGlobs = componentGlobs
            graph.origin.declared = DeclaredParts(
                set.members.map { BuildfileMember(path: $0.path, $0.parsed) }, builder.facts())
            diagnostics.append(contentsOf: checkDefaults(graph))
            let failed = diagnostics.contains { $0.severity == .error }
            return Resolution(graph: failed ? nil : graph, diagnostics: diagnostics)
        }
    }

    /// What images' references begin with.
    var registry: String {
        var scope = VariableScope(builtIns: [], own: [:], globals: globals, settings: SharedSettings(settings))
        return globals["registry"].flatMap { scope.value(of: "registry", at: $0.name.span) }
            ?? settings.overrides["registry"] ?? ""
    }

    private func unique(_ all: [Diagnostic]) -> [Diagnostic] {
        if all.count < 2 { return all }
        var seen: Set<Diagnostic> = []
        return all.filter { seen.insert($0).inserted }
    }

    // MARK: What is declared

    mutating func gather() {
        for member in set.members {
            for declaration in member.parsed.declarations {
                switch declaration {
                case .variable(let variable):
                    if let first = globals[variable.name.text] {
                        diagnostics.append(.duplicate("variable", variable.name, first: first.name.span))
                    } else {
                        globals[variable.name.text] = variable
                    }
                case .tool(let tool):
                    if let first = tools[tool.name.text] {
                        diagnostics.append(.duplicate("tool", tool.name, first: first.name.span))
                    } else {
                        tools[tool.name.text] = tool
                    }
                case .component(let component) where component.kind == .template:
                    if let first = templates[component.name.text] {
                        diagnostics.append(.duplicate("template", component.name, first: first.name.span))
                    } else {
                        templates[component.name.text] = component
                    }
                case .environment(let environment):
                    if let first = environments.first(where: { $0.name.text == environment.name.text }) {
                        diagnostics.append(.duplicate("environment", environment.name, first: first.name.span))
                    } else {
                        environments.append(environment)
                    }
                case .directive(let directive):
                    if directive.keyword.text == "default", member.number == 0 {
                        defaults.append(contentsOf: directive.arguments)
                    } else if directive.keyword.text == "notify" {
                        notifications.append(directive)
                    }
                case .component: break
                }
            }
        }
        checkEnvironments()
        if notifications.isEmpty { return }
        var scope = VariableScope(builtIns: [], own: [:], globals: globals, settings: SharedSettings(settings))
        diagnostics += DeclaredNotifications.read(notifications, environments.map(\.name.text), &scope).diagnostics
    }

    private mutating func checkEnvironments() {
        let names = environments.map(\.name.text)
        for environment in environments {
            for directive in environment.directives where directive.keyword.text == "after" {
                for word in directive.arguments where !names.contains(word.text) {
                    diagnostics.append(
                        .unknown(
                            .badEnvironment, "environment", word.text, at: word.span, among: names,
                            otherwise: "declared are: \(names.joined(separator: ", "))"))
                }
            }
        }
    }

    /// `NAME=VALUE` must name a `?=` variable of some scope.
    private mutating func checkOverrides() {
        if settings.overrides.isEmpty { return }
        var known: Set<String> = Set(globals.values.filter(\.isDefault).map(\.name.text))
        for draft in drafts { known.formUnion(draft.block.variables.values.filter(\.isDefault).map(\.name.text)) }
        for name in settings.overrides.keys.sorted() where !known.contains(name) {
            let isFixed = globals[name] != nil || drafts.contains { $0.block.variables[name] != nil }
            diagnostics.append(
                Diagnostic(
                    .badCommandLine,
                    isFixed
                        ? "'\(name)' is set with '=', so it cannot be overridden" : "there is no variable '\(name)'",
                    hint: isFixed
                        ? "declare it with '\(name) ?= …' to allow it"
                        : nearestWord(to: name, among: known.sorted()).map { "did you mean '\($0)'?" }))
        }
    }

    private func checkDefaults(_ graph: Graph) -> [Diagnostic] {
        defaults.compactMap { word in
            if case .failure(let diagnostic) = LabelPattern.parse(word.text, at: word.span) { return diagnostic }
            return graph.select([word]).isEmpty
                ? graph.noMatch(word.text, at: word.span, code: .unknownStage) : nil
        }
    }

    // MARK: Components

    private mutating func makeDrafts(_ templateSet: inout TemplateSet) {
        for member in set.members {
            for case .component(let component) in member.parsed.declarations
            where component.kind == .services || component.kind == .libraries {
                addMatches(of: component, in: member, &templateSet)
            }
        }
        for member in set.members {
            for case .component(let component) in member.parsed.declarations
            where component.kind == .service || component.kind == .library {
                addBlock(component, in: member, &templateSet)
            }
        }
        drafts.sort { $0.name < $1.name }
    }

    private mutating func addMatches(
        of declaration: ComponentDeclaration, in member: BuildfileSet.Member, _ templateSet: inout TemplateSet
    ) {
        guard let glob = FileGlob(declaration.name, text: declaration.name.text, in: member.folder) else {
            diagnostics.append(.leavesWorkspace(declaration.name))
            return
        }
        let block = templateSet.block(of: declaration)
        componentGlobs.append(ComponentGlob(glob))
        let found = ComponentGlob(glob).matches(in: tree)
        if found.isEmpty {
            diagnostics.append(
                Diagnostic(
                    .emptyGlob, .warning, "'\(declaration.name.text)' matches no folder", at: declaration.name.span))
        }
        for match in found {
            guard isComponentName(match.name) else {
                diagnostics.append(
                    Diagnostic(
                        .badName,
                        "folder '\(match.folder.shown)' gives the name '\(match.name)', which is no component name",
                        at: declaration.name.span, hint: "names are [a-z0-9][a-z0-9._-]*, at most 128 characters"))
                continue
            }
            let place = ComponentFacts.Glob(
                member: member.number, text: declaration.name.text, folder: match.folder)
            add(
                ComponentDraft(name: match.name, declaration, glob: place, block: block),
                word: Word(match.name, declaration.name.span))
        }
    }

    private mutating func addBlock(
        _ declaration: ComponentDeclaration, in member: BuildfileSet.Member, _ templateSet: inout TemplateSet
    ) {
        let block = templateSet.block(of: declaration)
        let kind: Component.Kind = declaration.kind == .service ? .service : .library
        if let place = draftPlaces[declaration.name.text], drafts[place].glob != nil,
            drafts[place].blockMember == nil, drafts[place].kind == kind
        {
            drafts[place] = drafts[place].adding(declaration, block: block, member: member.number)
            return
        }
        add(
            ComponentDraft(declaration, in: member.folder, block: block, member: member.number),
            word: declaration.name)
    }

    private mutating func add(_ draft: ComponentDraft, word: Word) {
        if let place = draftPlaces[draft.name] {
            diagnostics.append(.duplicate("component", word, first: drafts[place].span))
            return
        }
        draftPlaces[draft.name] = drafts.count
        drafts.append(draft)
    }

    /// `[a-z0-9][a-z0-9._-]*`, at most 128 characters.
    private func isComponentName(_ name: String) -> Bool {
        guard let first = name.utf8.first, name.utf8.count <= 128 else { return false }
        func isPlain(_ byte: UInt8) -> Bool {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        }
        return isPlain(first) && name.utf8.allSatisfy { isPlain($0) || "._-".utf8.contains($0) }
    }

    // MARK: Order

    /// Every target after those its edges name, or the circle that makes it impossible.
    private func order(_ targets: [Target]) -> Result<[Int], Diagnostic> {
        var order: [Int] = []
        var state = [UInt8](repeating: 0, count: targets.count)
        for root in targets.indices where state[root] == 0 {
            var stack: [(target: Int, next: Int)] = [(root, 0)]
            state[root] = 1
            while let top = stack.last {
                let edges = targets[top.target].edges
                guard top.next < edges.count else {
                    state[top.target] = 2
                    order.append(top.target)
                    stack.removeLast()
                    continue
                }
                stack[stack.count - 1].next += 1
                let following = edges[top.next].target
                if state[following] == 1 {
                    return .failure(circle(stack.map(\.target), backTo: following, edges[top.next], targets))
                }
                if state[following] == 0 {
                    state[following] = 1
                    stack.append((following, 0))
                }
            }
        }
        return .success(order)
    }

    private func circle(_ stack: [Int], backTo start: Int, _ last: Edge, _ targets: [Target]) -> Diagnostic {
        let path = Array(stack.drop { $0 != start })
        let names = (path + [start]).map { targets[$0].label.description }
        var notes: [Diagnostic.Note] = []
        for (index, target) in path.enumerated() {
            let following = index + 1 < path.count ? path[index + 1] : start
            guard let edge = targets[target].edges.first(where: { $0.target == following }) else { continue }
            notes.append(.init("'\(targets[target].label)' needs '\(targets[following].label)' here", at: edge.span))
        }
        return Diagnostic(
            .cycle, "targets need each other in a circle: \(names.joined(separator: " -> "))", at: last.span,
            notes: notes, hint: "remove one of these edges; a gate after '|' counts as one")
    }
}
