// Directive lines: is the keyword known here, and do its words have their form. This file does not know what the words
// refer to.

extension Parser {
    mutating func parseDirectiveLine(at line: Int, in place: Place) -> Statement? {
        guard let first = lexer.nextWord() else {
            next = lexer.finishLine()
            return nil
        }
        if isPlainDirective(first.text, in: place) { return parsePlainDirective(first.word, at: line, in: place) }
        let arguments = lexer.remainingWords()
        next = lexer.line + 1
        var keyword = first.text
        if !place.keywords.contains(keyword) {
            guard let meant = reportUnknownDirective(first.word, in: place) else {
                skipDeeperLines(than: line)
                return nil
            }
            keyword = meant
        }
        if opensBlock(keyword) {
            return parseBlockDirective(keyword, first.word, arguments, at: line)
        }
        if keyword == "tool" {
            return parseTool(first.word, arguments.map(\.word), at: line)
        }
        guard keyword == first.text else {
            skipDeeperLines(than: line)
            return nil
        }
        let parts = splittingColon(arguments)
        let directive = Directive(
            keyword: first.word, arguments: keyword == "variable" ? parts.words : arguments.map(\.word))
        guard checkArguments(of: directive, hasColon: parts.colon != nil) else { return nil }
        return .directive(directive)
    }

    /// Whether all that follows the keyword is words.
    private func isPlainDirective(_ keyword: String, in place: Place) -> Bool {
        guard place.keywords.contains(keyword) else { return false }
        return place != .top || (!opensBlock(keyword) && keyword != "tool" && keyword != "variable")
    }

    private mutating func parsePlainDirective(_ keyword: Word, at line: Int, in place: Place) -> Statement? {
        var arguments: [Word] = []
        while let word = lexer.nextWord() { arguments.append(word.word) }
        next = lexer.line + 1
        var lines: [Directive] = []
        if place == .top, hasLines(keyword.text) {
            lines = parseBlock(below: line, in: .notification).compactMap {
                if case .directive(let directive) = $0 { directive } else { nil }
            }
        }
        let directive = Directive(keyword: keyword, arguments: arguments, lines: lines)
        return checkArguments(of: directive, hasColon: false) ? .directive(directive) : nil
    }

    /// Reports the keyword, and returns the block's or tool's keyword that it seems to be, so that what stands below it
    /// is read as what it was meant to be.
    private mutating func reportUnknownDirective(_ keyword: Word, in place: Place) -> String? {
        guard !isLineDoubtful else { return nil }
        if let home = Place.knowing(keyword.text).first {
            lexer.mistakes.report(
                .misplaced, "'\(keyword.text)' belongs \(home.description)", at: keyword.span,
                hint: home == .top ? "start the line at column 1" : "indent it below the line that opens the block")
            return nil
        }
        let nearest = nearestWord(to: keyword.text, among: place.keywords)
        var hint = nearest.map { "did you mean '\($0)'?" }
        if hint == nil {
            let known = place.keywords.sorted().joined(separator: ", ")
            hint = "known \(place.description): \(known)"
        }
        lexer.mistakes.report(.unknownDirective, "unknown directive '\(keyword.text)'", at: keyword.span, hint: hint)
        return nearest.flatMap { opensBlock($0) || $0 == "tool" ? $0 : nil }
    }

    // MARK: Blocks

    private mutating func parseBlockDirective(
        _ keyword: String, _ word: Word, _ arguments: [Lexeme], at line: Int
    ) -> Statement? {
        let parts = splittingColon(arguments)
        let isGlob = keyword == "services" || keyword == "libraries"
        let what = isGlob ? "glob" : "name"
        let usage = keyword == "environment" ? "environment NAME" : "\(keyword) \(what.uppercased()) : TEMPLATE…"
        let name = parts.before.first
        if let name {
            if let extra = parts.before.dropFirst().first {
                let isEnvironment = keyword == "environment"
                lexer.mistakes.report(
                    .badSyntax, "unexpected '\(extra.text)' after the \(what) '\(name.text)'", at: extra.span,
                    hint: isEnvironment ? "write \(usage)" : "templates follow a colon: \(usage)")
            }
            if !isGlob { checkName(name, of: keyword == "environment" ? "environment" : Self.noun(keyword)) }
        } else {
            lexer.mistakes.report(
                .badSyntax, "'\(keyword)' needs a \(what)", at: word.span, hint: "write \(usage)")
        }
        if let colon = parts.colon {
            if keyword == "environment" {
                lexer.mistakes.report(
                    .badSyntax, "an environment has no templates", at: colon, hint: "write environment NAME")
            } else if parts.after.isEmpty {
                lexer.mistakes.report(
                    .badSyntax, "no template follows the ':'", at: colon, hint: "name one, or remove the ':'")
            }
        }
        if keyword == "environment" {
            let statements = parseBlock(below: line, in: .environment)
            guard let name else { return nil }
            let directives = statements.compactMap { if case .directive(let directive) = $0 { directive } else { nil } }
            return .environment(EnvironmentDeclaration(keyword: word, name: name, directives: directives))
        }
        for template in parts.after { checkName(template, of: "template") }
        let items = parseBlock(below: line, in: .component).compactMap(ComponentItem.init)
        guard let name, let kind = ComponentDeclaration.Kind(rawValue: keyword) else { return nil }
        return .component(
            ComponentDeclaration(kind: kind, keyword: word, name: name, templates: parts.after, items: items))
    }

    private static func noun(_ keyword: String) -> String { keyword == "template" ? "template" : "component" }

    private mutating func parseTool(_ keyword: Word, _ arguments: [Word], at line: Int) -> Statement? {
        let command = parseRecipe(below: line)
        guard arguments.count == 2 else {
            let span = arguments.count > 2 ? arguments[2].span : keyword.span
            lexer.mistakes.report(
                .badSyntax, "'tool' takes a name and a version", at: span,
                hint: "write tool NAME VERSION, and below it the command that prints the version")
            return nil
        }
        checkName(arguments[0], of: "tool")
        return .tool(ToolDeclaration(name: arguments[0], version: arguments[1], command: command))
    }

    private struct ColonParts {
        var before: [Word] = []
        var colon: SourceSpan?
        var after: [Word] = []

        var words: [Word] { before + after }
    }

    /// The words before and after the first colon, which may stand alone or touch a word.
    private func splittingColon(_ lexemes: [Lexeme]) -> ColonParts {
        var parts = ColonParts()
        for lexeme in lexemes {
            guard parts.colon == nil, !lexeme.isQuoted,
                let colon = lexeme.text.utf8.firstIndex(of: UInt8(ascii: ":"))
            else {
                if parts.colon == nil { parts.before.append(lexeme.word) } else { parts.after.append(lexeme.word) }
                continue
            }
            // Unquoted, so the text's bytes are the source's.
            let offset = lexeme.span.offset
            let length = lexeme.text.utf8.distance(from: lexeme.text.utf8.startIndex, to: colon)
            let source = lexeme.span.source
            parts.colon = SourceSpan(source, offset: offset + length, length: 1)
            if length > 0 {
                let span = SourceSpan(source, offset: offset, length: length)
                parts.before.append(Word(String(lexeme.text[..<colon]), span))
            }
            let rest = lexeme.text[lexeme.text.utf8.index(after: colon)...]
            if !rest.isEmpty {
                let span = SourceSpan(source, offset: offset + length + 1, length: lexeme.span.length - length - 1)
                parts.after.append(Word(String(rest), span))
            }
        }
        return parts
    }

    // MARK: Words

    mutating func checkName(_ name: Word, of what: String) {
        guard !name.text.utf8.contains(UInt8(ascii: "$")), !isName(name.text) else { return }
        reportBadName(name, of: what)
    }

    mutating func reportBadName(_ name: Word, of what: String) {
        let isLong = name.text.utf8.count > 128
        lexer.mistakes.report(
            .badName, isLong ? "this \(what)'s name is too long" : "'\(name.text)' is no \(what)'s name", at: name.span,
            hint: isLong
                ? "a name has at most 128 characters"
                : "a name is made of a-z, 0-9, '.', '_' and '-', and begins with a letter or a digit")
    }

    /// False where the directive's words cannot be used.
    private mutating func checkArguments(of directive: Directive, hasColon: Bool) -> Bool {
        guard let form = DirectiveForm.of(directive.keyword.text) else { return true }
        let words = directive.arguments
        switch form.arguments {
        case .one:
            guard words.count == 1 else { return reportForm(form, directive, at: words.dropFirst().first) }
        case .oneOrMore:
            guard !words.isEmpty else { return reportForm(form, directive, at: nil) }
        case .names:
            guard !words.isEmpty else { return reportForm(form, directive, at: nil) }
            let keyword = directive.keyword.text
            let noun =
                keyword == "needs"
                ? "tool" : keyword == "after" || keyword == "environments" ? "environment" : "component"
            for word in words { checkName(word, of: noun) }
        case .variableNames:
            guard !words.isEmpty else { return reportForm(form, directive, at: nil) }
            for word in words { checkVariableName(word) }
        case .consumes:
            guard words.count >= 3, words[1].text == "by" else {
                let misplaced = words.dropFirst().first.flatMap { $0.text == "by" ? nil : $0 }
                return reportForm(form, directive, at: misplaced)
            }
            checkName(words[0], of: "component")
        case .engine:
            guard words.count == 1, ["compose", "swarm", "plan"].contains(words[0].text) else {
                return reportForm(form, directive, at: words.count == 1 ? words[0] : words.dropFirst().first)
            }
        case .check:
            let isWithin = words.count == 3 && words[1].text == "within"
            guard words.count == 1 || isWithin else {
                return reportForm(form, directive, at: words.count > 3 ? words[3] : words.dropFirst().first)
            }
            if isWithin, !words[2].text.utf8.contains(UInt8(ascii: "$")), parseDuration(words[2].text) == nil {
                return reportForm(form, directive, at: words[2])
            }
        case .variable:
            guard words.count >= 2 else { return reportForm(form, directive, at: nil) }
            guard hasColon else { return reportForm(form, directive, at: words[1]) }
            checkVariableName(words[0])
        case .notify:
            guard let kind = words.first else { return reportForm(form, directive, at: nil) }
            guard NotificationKind(rawValue: kind.text) != nil else { return reportForm(form, directive, at: kind) }
            guard words.count <= 2 else { return reportForm(form, directive, at: words[2]) }
        case .conditions:
            guard !words.isEmpty else { return reportForm(form, directive, at: nil) }
            for word in words where NotificationCondition(rawValue: word.text) == nil {
                return reportForm(form, directive, at: word)
            }
        case .secretName:
            guard words.count == 1, isVariableName(words[0].text) else { return reportSecret(form, directive) }
        }
        return true
    }

    /// Shows no line: what stands where a secret's name belongs may be the secret.
    private mutating func reportSecret(_ form: DirectiveForm, _ directive: Directive) -> Bool {
        let keyword = directive.keyword
        if directive.arguments.isEmpty { return reportForm(form, directive, at: nil) }
        lexer.mistakes.reportUnseen(
            .badSyntax, "'\(keyword.text)' takes the name of one variable, not the secret itself", at: keyword.span,
            hint:
                "write \(form.usage), and keep the secret in the environment or declare 'variable NAME: text secret from …'"
        )
        return false
    }

    private mutating func checkVariableName(_ word: Word) {
        guard !word.text.utf8.contains(UInt8(ascii: "$")), !isVariableName(word.text) else { return }
        lexer.mistakes.report(
            .badName, "'\(word.text)' is no variable's name", at: word.span,
            hint: "a variable's name is made of letters, digits and '_', and does not begin with a digit")
    }

    private mutating func reportForm(_ form: DirectiveForm, _ directive: Directive, at word: Word?) -> Bool {
        let keyword = directive.keyword
        let message =
            word.map { "'\(keyword.text)' does not take '\($0.text)' here" } ?? "'\(keyword.text)' lacks a word"
        lexer.mistakes.report(.badSyntax, message, at: (word ?? keyword).span, hint: "write \(form.usage)")
        return false
    }
}

extension ComponentItem {
    fileprivate init?(_ statement: Statement) {
        switch statement {
        case .variable(let variable): self = .variable(variable)
        case .directive(let directive): self = .directive(directive)
        case .rule(let rule): self = .rule(rule)
        case .tool, .component, .environment: return nil
        }
    }
}
