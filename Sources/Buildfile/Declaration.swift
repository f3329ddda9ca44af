// What a Buildfile says, line by line, before any name is resolved, any variable expanded or any glob matched.
// This file does not know templates' merging, components' folders, or the file system: BuildGraph does.

/// One word of a header or directive line as written, `$name` unexpanded, quotes removed.
package struct Word: Sendable, Hashable {
    package let text: String
    package let span: SourceSpan

    package init(_ text: String, _ span: SourceSpan) {
        self.text = text
        self.span = span
    }
}

/// `name = value` or `name ?= value`.
package struct VariableDeclaration: Sendable, Hashable {
    package let name: Word
    /// True for `?=`: `NAME=VALUE` on the command line, then the environment, win over `value`.
    package let isDefault: Bool
    /// The rest of the line, trimmed, its comment and quotes removed, `$name` unexpanded.
    package let value: Word

    package init(name: Word, isDefault: Bool, value: Word) {
        self.name = name
        self.isDefault = isDefault
        self.value = value
    }
}

/// A recipe: one script, its common indentation removed, lines joined by `\n`, with a final `\n`.
package struct Recipe: Sendable, Hashable {
    package let text: String
    package let span: SourceSpan

    package init(text: String, span: SourceSpan) {
        self.text = text
        self.span = span
    }
}

/// `[name words…]` above a rule. Its words are checked against the attribute's form by the parser.
package struct Attribute: Sendable, Hashable {
    package let name: Word
    package let arguments: [Word]

    package init(name: Word, arguments: [Word]) {
        self.name = name
        self.arguments = arguments
    }
}

/// `stage: inputs | gates -> outputs`, with the attributes above it and the recipe below it.
package struct RuleDeclaration: Sendable, Hashable {
    package let stage: Word
    package let inputs: [Word]
    package let gates: [Word]
    package let outputs: [Word]
    package let attributes: [Attribute]
    package let recipe: Recipe?

    package init(
        stage: Word, inputs: [Word] = [], gates: [Word] = [], outputs: [Word] = [], attributes: [Attribute] = [],
        recipe: Recipe? = nil
    ) {
        self.stage = stage
        self.inputs = inputs
        self.gates = gates
        self.outputs = outputs
        self.attributes = attributes
        self.recipe = recipe
    }
}

/// `keyword words…`, for every directive whose words need no further structure.
package struct Directive: Sendable, Hashable {
    package let keyword: Word
    package let arguments: [Word]
    /// What is indented below it: of `notify` alone.
    package let lines: [Directive]

    package init(keyword: Word, arguments: [Word], lines: [Directive] = []) {
        self.keyword = keyword
        self.arguments = arguments
        self.lines = lines
    }
}

/// `tool NAME VERSION` with the command that prints the version below it.
package struct ToolDeclaration: Sendable, Hashable {
    package let name: Word
    package let version: Word
    package let command: Recipe?

    package init(name: Word, version: Word, command: Recipe?) {
        self.name = name
        self.version = version
        self.command = command
    }
}

/// `service`, `library`, `template`, `services`, `libraries`, with the block below.
package struct ComponentDeclaration: Sendable, Hashable {
    package enum Kind: String, Sendable, Hashable {
        case service, library, template
        /// A component for every folder that `name`, a glob, matches.
        case services, libraries
    }

    package let kind: Kind
    /// The keyword itself, for diagnostics.
    package let keyword: Word
    /// The component's or template's name, or the glob of `services`/`libraries`.
    package let name: Word
    package let templates: [Word]
    package let items: [ComponentItem]

    package init(kind: Kind, keyword: Word, name: Word, templates: [Word] = [], items: [ComponentItem] = []) {
        self.kind = kind
        self.keyword = keyword
        self.name = name
        self.templates = templates
        self.items = items
    }
}

/// One line (with what is indented below it) of a component's block, in the order written.
package enum ComponentItem: Sendable, Hashable {
    case variable(VariableDeclaration)
    /// `dir uses inputs consumes needs export env pass secret owners shell`.
    case directive(Directive)
    case rule(RuleDeclaration)
}

/// `environment NAME` with its block of `stack env-file engine after strategy check policy`.
package struct EnvironmentDeclaration: Sendable, Hashable {
    package let keyword: Word
    package let name: Word
    package let directives: [Directive]

    package init(keyword: Word, name: Word, directives: [Directive] = []) {
        self.keyword = keyword
        self.name = name
        self.directives = directives
    }
}

/// One top-level statement of a Buildfile.
package enum Declaration: Sendable, Hashable {
    case variable(VariableDeclaration)
    /// `include default notify cache` and `variable NAME: TYPE …` (its first argument keeps the colon off).
    case directive(Directive)
    case tool(ToolDeclaration)
    case component(ComponentDeclaration)
    case environment(EnvironmentDeclaration)
}

/// One parsed Buildfile.
package struct ParsedBuildfile: Sendable {
    package let source: SourceText
    package let declarations: [Declaration]
    /// Every mistake in the text; where there is an error, `declarations` holds what could be understood.
    package let diagnostics: [Diagnostic]

    package init(source: SourceText, declarations: [Declaration], diagnostics: [Diagnostic]) {
        self.source = source
        self.declarations = declarations
        self.diagnostics = diagnostics
    }
}
