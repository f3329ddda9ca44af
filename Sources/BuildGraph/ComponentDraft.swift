import Buildfile

/// A component's or template's block with its templates merged in: later templates override earlier ones rule by rule
/// and variable by variable, the block itself overrides all; lists add up.
struct MergedBlock {
    var variables: [String: VariableDeclaration] = [:]
    var rules: [String: RuleDeclaration] = [:]
    /// `uses inputs needs export env pass secret owners`, in the order written, templates first.
    var lists: [String: [Word]] = [:]
    var consumes: [Directive] = []
    var folder: Word?
    var shell: [Word]?

    func words(_ keyword: String) -> [Word] { lists[keyword] ?? [] }

    mutating func add(_ items: [ComponentItem]) {
        for item in items {
            switch item {
            case .variable(let variable): variables[variable.name.text] = variable
            case .rule(let rule): rules[rule.stage.text] = rule
            case .directive(let directive):
                switch directive.keyword.text {
                case "dir": folder = directive.arguments.first
                case "shell": shell = directive.arguments
                case "consumes": consumes.append(directive)
                case let keyword: lists[keyword, default: []].append(contentsOf: directive.arguments)
                }
            }
        }
    }

    mutating func add(_ other: MergedBlock) {
        if !other.variables.isEmpty { variables.merge(other.variables) { $1 } }
        if !other.rules.isEmpty { rules.merge(other.rules) { $1 } }
        for (keyword, words) in other.lists { lists[keyword, default: []].append(contentsOf: words) }
        consumes.append(contentsOf: other.consumes)
        folder = other.folder ?? folder
        shell = other.shell ?? shell
    }
}

/// Templates by name, merged with what they are made from.
struct TemplateSet {
    let declarations: [String: ComponentDeclaration]
    private var merged: [String: MergedBlock] = [:]
    private(set) var diagnostics: [Diagnostic] = []

    init(_ declarations: [String: ComponentDeclaration]) {
        self.declarations = declarations
    }

    /// `templates` merged in order; unknown ones and circles are reported once, where they are named.
    mutating func merge(_ templates: [Word], below path: [String] = []) -> MergedBlock {
        // One template is taken as it is, so that thousands of components share its block.
        if templates.count == 1, let word = templates.first {
            return template(word, below: path) ?? MergedBlock()
        }
        var block = MergedBlock()
        for word in templates {
            if let part = template(word, below: path) { block.add(part) }
        }
        return block
    }

    /// The block of `declaration` with its templates merged in.
    mutating func block(of declaration: ComponentDeclaration) -> MergedBlock {
        var block = merge(declaration.templates)
        if !declaration.items.isEmpty { block.add(declaration.items) }
        return block
    }

    private mutating func template(_ word: Word, below path: [String]) -> MergedBlock? {
        let name = word.text
        if let done = merged[name] { return done }
        guard let declaration = declarations[name] else {
            diagnostics.append(
                .unknown(
                    .unknownTemplate, "template", name, at: word.span, among: declarations.keys.sorted(),
                    otherwise: declarations.isEmpty
                        ? "no template is declared; 'template \(name)' opens one"
                        : "declared are: \(declarations.keys.sorted().joined(separator: ", "))"))
            return nil
        }
        guard !path.contains(name) else {
            let circle = (path.drop { $0 != name } + [name]).joined(separator: " -> ")
            diagnostics.append(Diagnostic(.cycle, "a template is made from itself: \(circle)", at: word.span))
            return nil
        }
        var block = merge(declaration.templates, below: path + [name])
        block.add(declaration.items)
        merged[name] = block
        return block
    }
}

/// A component on its way to a `Component`: what is declared, not yet what its words mean.
///
/// A class, because it is large and asked for much.
final class ComponentDraft: Sendable {
    let name: String
    let kind: Component.Kind
    let span: SourceSpan
    /// The folder of the Buildfile that declares it, or the folder that `services`/`libraries` matched.
    let defaultFolder: BytePath
    let block: MergedBlock
    /// Names of the templates that it is made from, not those that these are made from.
    let templates: [String]
    /// Where `services` or `libraries` made it; a `service NAME` block may then add to it.
    let glob: ComponentFacts.Glob?
    /// The place of the Buildfile with the block, of those that have one.
    let blockMember: Int?

    private init(
        name: String, kind: Component.Kind, span: SourceSpan, folder: BytePath, block: MergedBlock,
        templates: [String], glob: ComponentFacts.Glob?, blockMember: Int?
    ) {
        self.name = name
        self.kind = kind
        self.span = span
        defaultFolder = folder
        self.block = block
        self.templates = templates
        self.glob = glob
        self.blockMember = blockMember
    }

    /// The component that a `services` or `libraries` makes of a folder.
    convenience init(
        name: String, _ declaration: ComponentDeclaration, glob: ComponentFacts.Glob, block: MergedBlock
    ) {
        self.init(
            name: name, kind: declaration.kind == .services ? .service : .library, span: declaration.name.span,
            folder: glob.folder, block: block, templates: declaration.templates.map(\.text), glob: glob,
            blockMember: nil)
    }

    /// The component of a `service` or `library`.
    convenience init(_ declaration: ComponentDeclaration, in folder: BytePath, block: MergedBlock, member: Int) {
        self.init(
            name: declaration.name.text, kind: declaration.kind == .service ? .service : .library,
            span: declaration.name.span, folder: folder, block: block, templates: declaration.templates.map(\.text),
            glob: nil, blockMember: member)
    }

    /// With the block that a `service` or `library` adds to what a glob made.
    func adding(_ declaration: ComponentDeclaration, block more: MergedBlock, member: Int) -> ComponentDraft {
        var block = block
        block.add(more)
        return ComponentDraft(
            name: name, kind: kind, span: span, folder: defaultFolder, block: block,
            templates: templates + declaration.templates.map(\.text), glob: glob, blockMember: member)
    }

    var facts: ComponentFacts {
        ComponentFacts(
            glob: glob, block: blockMember, hasVerify: block.rules["verify"] != nil,
            names: templates.map { AskedName(kind: .template, name: $0) })
    }
}
