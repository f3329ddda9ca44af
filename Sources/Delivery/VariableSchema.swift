// The schema that `variable` lines make: names, types, rules, and where secrets come from. Does not know values.
package import BuildGraph
package import Buildfile

/// The variables that all environments share.
package struct VariableSchema: Sendable {
    /// Where a secret's value is.
    package enum Source: Sendable, Hashable {
        /// A variable of lmsbuild's own environment.
        case environment(String)
        /// Relative to the workspace's root, or absolute.
        case file(BytePath)
        /// What a program prints; its arguments, no shell.
        case command([String])
    }

    /// One variable.
    package struct Variable: Sendable {
        package let name: String
        package let span: SourceSpan
        package let type: VariableType
        package var isRequired = false
        package var isSecret = false
        package var defaultValue: String?
        /// Empty: any.
        package var choices: [String] = []
        /// A regular expression for the whole value.
        package var pattern: String?
        /// What it is for.
        package var help: String?
        /// Of a secret; words may name the environment as `$environment`.
        var source: [Word]?
        var sourceFolder: BytePath = .root

        /// What is wrong with `value`, to follow the name; nil where nothing is. Does not repeat the value.
        package func problem(with value: String) -> String? {
            if let problem = type.problem(with: value) { return problem }
            if !choices.isEmpty, !choices.contains(value) { return "is none of \(choices.joined(separator: ", "))" }
            if let pattern, let regex = try? Regex(pattern), (try? regex.wholeMatch(in: value)) == nil {
                return "does not match /\(pattern)/"
            }
            return nil
        }

        /// Where the secret is in `environment`; by default in a variable of lmsbuild's own environment with its name.
        package func source(in environment: String) -> Source {
            let words = (source ?? []).map {
                $0.text.replacing("${environment}", with: environment).replacing("$environment", with: environment)
            }
            guard let kind = words.first, words.count > 1 else { return .environment(name) }
            switch kind {
            case "file":
                let bytes = Array(words[1].utf8)
                if bytes.first == UInt8(ascii: "/") { return .file(BytePath(bytes: bytes)) }
                return .file(BytePath.resolving(bytes, in: sourceFolder) ?? BytePath(bytes: bytes))
            case "command": return .command(Array(words.dropFirst()))
            default: return .environment(words[1])
            }
        }
    }

    /// Sorted by name.
    package let variables: [Variable]

    /// The variable called `name`.
    package func variable(_ name: String) -> Variable? { variables.first { $0.name == name } }

    /// The schema of `lines`, with what is wrong with them.
    package static func read(
        _ lines: [DeclaredEnvironments.Line]
    ) -> (schema: VariableSchema, diagnostics: [Diagnostic]) {
        var variables: [Variable] = []
        var diagnostics: [Diagnostic] = []
        for line in lines {
            var reader = VariableReader(words: line.arguments[...])
            let variable = reader.variable(folder: line.folder)
            diagnostics += reader.diagnostics
            guard let variable else { continue }
            if let first = variables.first(where: { $0.name == variable.name }) {
                diagnostics.append(
                    Diagnostic(
                        .duplicateName, "variable '\(variable.name)' is declared twice", at: variable.span,
                        notes: [Diagnostic.Note("first declared here", at: first.span)],
                        hint: "rename or remove one of them"))
            } else {
                variables.append(variable)
            }
        }
        return (VariableSchema(variables: variables.sorted { $0.name < $1.name }), diagnostics)
    }
}

private struct VariableReader {
    var words: ArraySlice<Word>
    var diagnostics: [Diagnostic] = []

    private static let clauses = ["required", "secret", "default", "one", "pattern", "from", "help"]
    private static let usage =
        "variable NAME: TYPE [required] [secret] [default X] [one of A B…] [pattern /…/] [help TEXT] [from env|file|command …]"

    private mutating func report(_ message: String, _ word: Word, hint: String? = nil) {
        diagnostics.append(Diagnostic(.badEnvironmentVariable, message, at: word.span, hint: hint))
    }

    mutating func variable(folder: BytePath) -> VariableSchema.Variable? {
        guard let name = words.popFirst(), let type = words.popFirst() else { return nil }
        let known = VariableType.allCases.map(\.rawValue)
        if VariableType(rawValue: type.text) == nil {
            report(
                "unknown type '\(type.text)'", type,
                hint: nearestWord(to: type.text, among: known).map { "did you mean '\($0)'?" }
                    ?? "known are \(known.joined(separator: ", "))")
        }
        var variable = VariableSchema.Variable(
            name: name.text, span: name.span, type: VariableType(rawValue: type.text) ?? .text)
        variable.sourceFolder = folder
        var defaultWord: Word?
        var choiceWords: [Word] = []
        while let word = words.popFirst() {
            switch word.text {
            case "required": variable.isRequired = true
            case "secret": variable.isSecret = true
            case "default":
                defaultWord = next(after: word)
                variable.defaultValue = defaultWord?.text
            case "one": choiceWords = choices(after: word)
            case "pattern": variable.pattern = pattern(after: word)
            case "help": variable.help = next(after: word)?.text
            case "from": variable.source = source(after: word)
            default:
                report(
                    "unknown word '\(word.text)'", word,
                    hint: nearestWord(to: word.text, among: Self.clauses).map { "did you mean '\($0)'?" }
                        ?? "write \(Self.usage)")
            }
        }
        variable.choices = choiceWords.map(\.text)
        check(&variable, defaultWord, choiceWords)
        return variable
    }

    private mutating func next(after word: Word) -> Word? {
        if let next = words.popFirst() { return next }
        report("'\(word.text)' lacks a word", word, hint: "write \(Self.usage)")
        return nil
    }

    /// `one of A B C`, up to the next clause.
    private mutating func choices(after word: Word) -> [Word] {
        guard let of = next(after: word), of.text == "of" else {
            report("'one' is followed by 'of'", word, hint: "write one of A B…")
            return []
        }
        var found: [Word] = []
        while let choice = words.first, !Self.clauses.contains(choice.text) {
            found.append(choice)
            words = words.dropFirst()
        }
        if found.isEmpty { report("'one of' lacks a word", of, hint: "write one of A B…") }
        return found
    }

    private mutating func pattern(after word: Word) -> String? {
        guard let pattern = next(after: word) else { return nil }
        guard pattern.text.hasPrefix("/"), pattern.text.hasSuffix("/"), pattern.text.utf8.count > 2 else {
            report(
                "'\(pattern.text)' is no pattern", pattern,
                hint: "write pattern /[a-z]+/; in quotes where it has spaces")
            return nil
        }
        let text = String(pattern.text.dropFirst().dropLast())
        do {
            _ = try Regex(text)
            return text
        } catch {
            report("'\(pattern.text)' is no regular expression", pattern)
            return nil
        }
    }

    private mutating func source(after word: Word) -> [Word]? {
        guard let kind = next(after: word) else { return nil }
        let takesOne = ["env", "file"].contains(kind.text)
        guard takesOne || kind.text == "command" else {
            report(
                "a secret does not come from '\(kind.text)'", kind,
                hint: "write from env NAME, from file PATH or from command WORD…")
            words = []
            return nil
        }
        guard let first = next(after: kind) else { return nil }
        var found = [kind, first]
        if kind.text == "command" {
            found += words
            words = []
        }
        return found
    }

    private mutating func check(_ variable: inout VariableSchema.Variable, _ value: Word?, _ choices: [Word]) {
        if variable.isSecret, let value {
            report(
                "a secret has no default: '\(variable.name)'", value,
                hint: "say where it is: from env NAME, from file PATH or from command WORD…")
            variable.defaultValue = nil
        } else if let value, let problem = variable.problem(with: value.text) {
            report("the default of '\(variable.name)' \(problem)", value)
        }
        for choice in choices {
            if let problem = variable.type.problem(with: choice.text) {
                report("the choice '\(choice.text)' \(problem)", choice)
            }
        }
        if !variable.isSecret, let word = variable.source?.first {
            report(
                "'from' is for secrets, and '\(variable.name)' is none", word,
                hint:
                    "add 'secret', or set it in an env file; a name alone on its line there comes from the environment")
        }
    }
}
