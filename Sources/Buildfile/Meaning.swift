// Whether two Buildfiles say the same, wherever in the text they say it.

extension ParsedBuildfile {
    /// Whether both have the same declarations in the same order, apart from where these stand, and neither a mistake.
    package func saysTheSame(as other: ParsedBuildfile) -> Bool {
        let nowhere = SourceSpan(SourceText(name: "", bytes: []), offset: 0, length: 0)
        return diagnostics.isEmpty && other.diagnostics.isEmpty
            && declarations.map { $0.moved(to: nowhere) } == other.declarations.map { $0.moved(to: nowhere) }
    }
}

extension Word {
    fileprivate func moved(to place: SourceSpan) -> Word { Word(text, place) }
}

extension [Word] {
    fileprivate func moved(to place: SourceSpan) -> [Word] { map { $0.moved(to: place) } }
}

extension Recipe {
    fileprivate func moved(to place: SourceSpan) -> Recipe { Recipe(text: text, span: place) }
}

extension VariableDeclaration {
    fileprivate func moved(to place: SourceSpan) -> VariableDeclaration {
        VariableDeclaration(name: name.moved(to: place), isDefault: isDefault, value: value.moved(to: place))
    }
}

extension Directive {
    fileprivate func moved(to place: SourceSpan) -> Directive {
        Directive(
            keyword: keyword.moved(to: place), arguments: arguments.moved(to: place),
            lines: lines.map { $0.moved(to: place) })
    }
}

extension RuleDeclaration {
    fileprivate func moved(to place: SourceSpan) -> RuleDeclaration {
        RuleDeclaration(
            stage: stage.moved(to: place), inputs: inputs.moved(to: place), gates: gates.moved(to: place),
            outputs: outputs.moved(to: place),
            attributes: attributes.map {
                Attribute(name: $0.name.moved(to: place), arguments: $0.arguments.moved(to: place))
            },
            recipe: recipe?.moved(to: place))
    }
}

extension ComponentItem {
    fileprivate func moved(to place: SourceSpan) -> ComponentItem {
        switch self {
        case .variable(let variable): .variable(variable.moved(to: place))
        case .directive(let directive): .directive(directive.moved(to: place))
        case .rule(let rule): .rule(rule.moved(to: place))
        }
    }
}

extension Declaration {
    fileprivate func moved(to place: SourceSpan) -> Declaration {
        switch self {
        case .variable(let variable): .variable(variable.moved(to: place))
        case .directive(let directive): .directive(directive.moved(to: place))
        case .tool(let tool):
            .tool(
                ToolDeclaration(
                    name: tool.name.moved(to: place), version: tool.version.moved(to: place),
                    command: tool.command?.moved(to: place)))
        case .component(let component):
            .component(
                ComponentDeclaration(
                    kind: component.kind, keyword: component.keyword.moved(to: place),
                    name: component.name.moved(to: place), templates: component.templates.moved(to: place),
                    items: component.items.map { $0.moved(to: place) }))
        case .environment(let environment):
            .environment(
                EnvironmentDeclaration(
                    keyword: environment.keyword.moved(to: place), name: environment.name.moved(to: place),
                    directives: environment.directives.map { $0.moved(to: place) }))
        }
    }
}
