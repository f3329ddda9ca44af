// Where the parts of a text are after an edit, and whether what was declared there is what it was. Does not know what a
// declaration is for.
import Buildfile

/// One text and what it became: bytes at its start and end that are the same, and others between them.
struct SpanShift: Sendable {
    let text: SourceText
    private let sameAtStart: Int
    private let oldEnd: Int
    private let growth: Int

    init(from old: [UInt8], to new: SourceText) {
        let shared = min(old.count, new.bytes.count)
        var start = 0
        while start < shared, old[start] == new.bytes[start] { start += 1 }
        var end = 0
        while end < shared - start, old[old.count - 1 - end] == new.bytes[new.bytes.count - 1 - end] { end += 1 }
        text = new
        sameAtStart = start
        oldEnd = old.count - end
        growth = new.bytes.count - old.count
    }

    /// Where `length` bytes from `offset` on are now; nil where they were edited.
    func offset(_ offset: Int, _ length: Int) -> Int? {
        if offset + length <= sameAtStart { return offset }
        return offset >= oldEnd ? offset + growth : nil
    }

    /// `span`, which points into the old text.
    func moved(_ span: SourceSpan) -> SourceSpan? {
        offset(span.offset, span.length).map { SourceSpan(text, offset: $0, length: span.length) }
    }

    // MARK: Whether what stands there is the same

    private func same(_ old: SourceSpan, _ new: SourceSpan) -> Bool {
        old.length == new.length && offset(old.offset, old.length) == new.offset
    }

    private func same<Element>(_ old: [Element], _ new: [Element], _ isSame: (Element, Element) -> Bool) -> Bool {
        old.count == new.count && zip(old, new).allSatisfy(isSame)
    }

    func same(_ old: Word, _ new: Word) -> Bool { old.text == new.text && same(old.span, new.span) }

    func same(_ old: [Word], _ new: [Word]) -> Bool { same(old, new) { same($0, $1) } }

    func same(_ old: VariableDeclaration, _ new: VariableDeclaration) -> Bool {
        same(old.name, new.name) && old.isDefault == new.isDefault && same(old.value, new.value)
    }

    func same(_ old: Directive, _ new: Directive) -> Bool {
        same(old.keyword, new.keyword) && same(old.arguments, new.arguments)
            && same(old.lines, new.lines) { same($0, $1) }
    }

    private func same(_ old: Recipe?, _ new: Recipe?) -> Bool {
        guard let old, let new else { return (old == nil) == (new == nil) }
        return old.text == new.text && same(old.span, new.span)
    }

    private func same(_ old: RuleDeclaration, _ new: RuleDeclaration) -> Bool {
        same(old.stage, new.stage) && same(old.inputs, new.inputs) && same(old.gates, new.gates)
            && same(old.outputs, new.outputs) && same(old.recipe, new.recipe)
            && same(old.attributes, new.attributes) { same($0.name, $1.name) && same($0.arguments, $1.arguments) }
    }

    func same(_ old: ToolDeclaration, _ new: ToolDeclaration) -> Bool {
        same(old.name, new.name) && same(old.version, new.version) && same(old.command, new.command)
    }

    func same(_ old: EnvironmentDeclaration, _ new: EnvironmentDeclaration) -> Bool {
        same(old.keyword, new.keyword) && same(old.name, new.name)
            && same(old.directives, new.directives) { same($0, $1) }
    }

    private func same(_ old: ComponentItem, _ new: ComponentItem) -> Bool {
        switch (old, new) {
        case (.variable(let old), .variable(let new)): same(old, new)
        case (.directive(let old), .directive(let new)): same(old, new)
        case (.rule(let old), .rule(let new)): same(old, new)
        default: false
        }
    }

    func same(_ old: ComponentDeclaration, _ new: ComponentDeclaration) -> Bool {
        sameFace(old, new) && same(old.items.filter(\.isRule), new.items.filter(\.isRule)) { same($0, $1) }
    }

    /// Whether all but the rules is the same.
    func sameFace(_ old: ComponentDeclaration, _ new: ComponentDeclaration) -> Bool {
        old.kind == new.kind && same(old.name, new.name) && same(old.templates, new.templates)
            && same(old.items.filter { !$0.isRule }, new.items.filter { !$0.isRule }) { same($0, $1) }
    }
}

extension ComponentItem {
    fileprivate var isRule: Bool { if case .rule = self { true } else { false } }
}
