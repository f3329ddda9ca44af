// One logical line: which of the three forms it has, and its words in that form. This file does not know what the words
// of a directive have to be (DirectiveParser.swift).

/// The form of a line, by its first bytes.
enum LineForm {
    case attributes
    case variable(name: Range<Int>, valueStart: Int, isDefault: Bool)
    case rule(stage: Range<Int>, colon: Int)
    /// `:=`, `+=` and others that Make knows.
    case foreignAssignment(operation: Range<Int>)
    case directive
}

extension Lexer {
    /// The form of the line that has been begun, or of the rest of it. Reads nothing.
    func lineForm(in place: Place) -> LineForm {
        let start = position
        if current == UInt8(ascii: "[") { return .attributes }
        var end = start
        while let next = byte(at: end), !next.isBlank, next != UInt8(ascii: ":"), next != UInt8(ascii: "="),
            next != UInt8(ascii: "\"")
        {
            end += 1
        }
        var index = end
        while let next = byte(at: index), next.isBlank { index += 1 }
        guard let found = byte(at: index) else { return .directive }
        let following = byte(at: index + 1)
        let equals = UInt8(ascii: "=")
        if found == equals {
            if index == end, end > start, let operation = byte(at: end - 1), "?+!".utf8.contains(operation) {
                if operation == UInt8(ascii: "?") {
                    return .variable(name: start..<end - 1, valueStart: index + 1, isDefault: true)
                }
                return .foreignAssignment(operation: end - 1..<index + 1)
            }
            return .variable(name: start..<end, valueStart: index + 1, isDefault: false)
        }
        if following == equals, index > end, "?+!".utf8.contains(found) {
            if found == UInt8(ascii: "?") {
                return .variable(name: start..<end, valueStart: index + 2, isDefault: true)
            }
            return .foreignAssignment(operation: index..<index + 2)
        }
        guard found == UInt8(ascii: ":") else { return .directive }
        if following == equals { return .foreignAssignment(operation: index..<index + 2) }
        if following == found, byte(at: index + 2) == equals {
            return .foreignAssignment(operation: index..<index + 3)
        }
        // `default :unit` has a label, `service : name` has lost its name. A keyword's colon that touches it is a rule's,
        // but for keywords that open blocks.
        let isLabel = index > end && following.map { !$0.isBlank } ?? false
        let keyword = text(start..<end)
        if isLabel ? place.keywords.contains(keyword) : opensBlock(keyword) && place == .top {
            return .directive
        }
        return .rule(stage: start..<end, colon: index)
    }
}

extension Parser {
    /// Reads the line and what is indented below it; nil where it says nothing that could be understood.
    mutating func parseStatement(at line: Int, in place: Place) -> Statement? {
        lexer.begin(line: line)
        switch lexer.lineForm(in: place) {
        case .attributes:
            return parseAttributeLine(at: line, in: place)
        case .rule(let stage, let colon):
            return parseRule(at: line, in: place, stage: stage, colon: colon)
        case .variable(let name, let valueStart, let isDefault):
            reportLooseAttributes()
            return parseVariable(in: place, name: name, valueStart: valueStart, isDefault: isDefault)
        case .foreignAssignment(let operation):
            reportLooseAttributes()
            lexer.mistakes.report(
                .badSyntax, "'\(lexer.text(operation))' is no assignment of a Buildfile", at: lexer.span(operation),
                hint: "write NAME = VALUE, or NAME ?= VALUE for a default")
            next = lexer.finishLine()
            return nil
        case .directive:
            reportLooseAttributes()
            return parseDirectiveLine(at: line, in: place)
        }
    }

    private mutating func parseVariable(
        in place: Place, name range: Range<Int>, valueStart: Int, isDefault: Bool
    ) -> Statement? {
        let name = Word(lexer.text(range), lexer.span(range))
        lexer.position = valueStart
        let value = lexer.remainingValue()
        next = lexer.finishLine()
        if range.isEmpty {
            lexer.mistakes.report(
                .badSyntax, "a name is missing before the '='", at: lexer.span(range), hint: "write NAME = VALUE")
            return nil
        }
        guard isVariableName(name.text) else {
            lexer.mistakes.report(
                .badName, "'\(name.text)' is no variable's name", at: name.span,
                hint: "a variable's name is made of letters, digits and '_', and does not begin with a digit")
            return nil
        }
        if place == .environment || place == .notification, !isLineDoubtful {
            lexer.mistakes.report(
                .misplaced, "the variable '\(name.text)' is set \(place.description)", at: name.span,
                hint: place == .environment
                    ? "set it in the file that 'env-file' names, or at the top level" : "set it at the top level")
            return nil
        }
        return .variable(VariableDeclaration(name: name, isDefault: isDefault, value: value))
    }

    // MARK: Attributes

    private mutating func parseAttributeLine(at line: Int, in place: Place) -> Statement? {
        while lexer.current == UInt8(ascii: "["), !lexer.mistakes.isFull {
            parseAttribute()
            lexer.skipBlanks()
        }
        guard !lexer.isAtEnd else {
            next = lexer.line + 1
            return nil
        }
        let rest = lexer.position
        let form = lexer.lineForm(in: .component)
        let word = lexer.nextWord()?.span ?? lexer.span(rest..<rest)
        lexer.mistakes.report(
            .badSyntax, "only attributes may stand in this line", at: word,
            hint: "put the rule on the line below its attributes")
        if case .rule(let stage, let colon) = form {
            return parseRule(at: line, in: place, stage: stage, colon: colon)
        }
        next = lexer.finishLine()
        return nil
    }

    private mutating func parseAttribute() {
        let open = lexer.position
        lexer.position += 1
        let first = lexer.nextWord(inBrackets: true)?.word
        var arguments: [Word] = []
        while let word = lexer.nextWord(inBrackets: true) { arguments.append(word.word) }
        let isClosed = lexer.current == UInt8(ascii: "]")
        if isClosed { lexer.position += 1 }
        guard isClosed else {
            lexer.mistakes.report(
                .badSyntax, "'[' is opened and not closed in this line", at: lexer.span(open..<open + 1),
                hint: "close it with ']'")
            return
        }
        guard let name = first else {
            lexer.mistakes.report(
                .badSyntax, "an attribute's name is missing", at: lexer.span(open..<lexer.position),
                hint: "write [NAME WORD…]")
            return
        }
        let attribute = Attribute(name: name, arguments: arguments)
        if let mistake = checkForm(of: attribute, after: attributes) {
            lexer.mistakes.report(
                mistake.code, mistake.message, at: mistake.span ?? name.span, notes: mistake.notes, hint: mistake.hint)
        }
        // A rule with a mistaken attribute is a rule with attributes.
        attributes.append(attribute)
    }

    // MARK: Rules

    private mutating func parseRule(
        at line: Int, in place: Place, stage range: Range<Int>, colon: Int
    ) -> Statement? {
        let stage = Word(lexer.text(range), lexer.span(range))
        lexer.position = colon + 1
        let words = parseRuleWords(at: colon)
        next = lexer.line + 1
        let attributes = self.attributes
        self.attributes = []
        let recipe = parseRecipe(below: line)
        if range.isEmpty {
            lexer.mistakes.report(
                .badSyntax, "a stage's name is missing before the ':'", at: lexer.span(colon..<colon + 1),
                hint: "write STAGE: INPUTS | GATES -> OUTPUTS")
        } else if place != .component {
            reportMisplacedRule(stage, in: place)
        } else if !isName(stage.text) {
            reportBadName(stage, of: "stage")
        } else if let mistake = checkContractAttributes(attributes, stage: stage, hasRecipe: recipe != nil)
            ?? checkChangedOnly(attributes, hasRecipe: recipe != nil)
        {
            lexer.mistakes.report(
                mistake.code, mistake.message, at: mistake.span ?? stage.span, notes: mistake.notes, hint: mistake.hint)
        }
        return .rule(
            RuleDeclaration(
                stage: stage, inputs: words.inputs, gates: words.gates ?? [], outputs: words.outputs ?? [],
                attributes: attributes, recipe: recipe))
    }

    private mutating func reportMisplacedRule(_ stage: Word, in place: Place) {
        let isKeyword = place.keywords.contains(stage.text)
        lexer.mistakes.report(
            .misplaced, "the rule '\(stage.text)' stands \(place.description)", at: stage.span,
            hint: isKeyword
                ? "for the directive, remove the ':' after '\(stage.text)'"
                : "a rule belongs in the block of a service, library or template")
    }

    private enum Section: String {
        case inputs = ":"
        case gates = "|"
        case outputs = "->"

        init?(separator lexeme: Lexeme) {
            guard !lexeme.isQuoted else { return nil }
            switch lexeme.text {
            case "|": self = .gates
            case "->": self = .outputs
            default: return nil
            }
        }
    }

    /// The words of a rule's line; nil where their separator is missing.
    private struct RuleWords {
        var inputs: [Word] = []
        var gates: [Word]?
        var outputs: [Word]?

        subscript(section: Section) -> [Word]? {
            switch section {
            case .inputs: inputs
            case .gates: gates
            case .outputs: outputs
            }
        }

        /// Begins `section`, unless it has begun before.
        mutating func begin(_ section: Section) {
            switch section {
            case .inputs: break
            case .gates: if gates == nil { gates = [] }
            case .outputs: if outputs == nil { outputs = [] }
            }
        }

        mutating func append(_ word: Word, to section: Section) {
            switch section {
            case .inputs: inputs.append(word)
            case .gates: gates?.append(word)
            case .outputs: outputs?.append(word)
            }
        }
    }

    private mutating func parseRuleWords(at colon: Int) -> RuleWords {
        var words = RuleWords()
        var section = Section.inputs
        var opening = lexer.span(colon..<colon + 1)
        while let lexeme = lexer.nextWord() {
            guard let separator = Section(separator: lexeme) else {
                if section == .gates { checkGate(lexeme.word) }
                words.append(lexeme.word, to: section)
                continue
            }
            reportEmptySection(section, words, opening)
            opening = lexeme.span
            if words[separator] != nil {
                lexer.mistakes.report(
                    .badSyntax, "a second '\(separator.rawValue)' in this rule", at: lexeme.span,
                    hint: "write STAGE: INPUTS | GATES -> OUTPUTS")
            } else if separator == .gates, section == .outputs {
                lexer.mistakes.report(
                    .badSyntax, "'|' stands after '->'", at: lexeme.span,
                    hint: "gates come before outputs: STAGE: INPUTS | GATES -> OUTPUTS")
            }
            section = separator
            words.begin(separator)
        }
        reportEmptySection(section, words, opening)
        return words
    }

    private mutating func reportEmptySection(_ section: Section, _ words: RuleWords, _ span: SourceSpan) {
        guard section != .inputs, words[section]?.isEmpty ?? true else { return }
        let what = section == .gates ? "gate" : "output"
        lexer.mistakes.report(
            .badSyntax, "no \(what) follows the '\(section.rawValue)'", at: span,
            hint: "name one, or remove the '\(section.rawValue)'")
    }

    private mutating func checkGate(_ word: Word) {
        guard !word.text.utf8.contains(UInt8(ascii: ":")), !word.text.utf8.contains(UInt8(ascii: "$")) else { return }
        lexer.mistakes.report(
            .badSyntax, "the gate '\(word.text)' is no label", at: word.span,
            hint: isName(word.text)
                ? "a gate is a target: ':\(word.text)' here, or 'component:\(word.text)'"
                : "files are inputs, before the '|'")
    }
}
