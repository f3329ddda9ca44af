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
    private let declarations: [String: ComponentDeclaration]
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
struct ComponentDraft {
    let name: String
    let kind: Component.Kind
    let span: SourceSpan
    /// The folder of the Buildfile that declares it, or the folder that `services`/`libraries` matched.
    let defaultFolder: BytePath
    var block: MergedBlock
    /// Where `services` or `libraries` made it; a `service NAME` block may then add to it.
    let isFromGlob: Bool
    var hasOwnBlock = false
}
