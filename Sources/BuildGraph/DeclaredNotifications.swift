// What the `notify` blocks of a tree's Buildfiles ask for. Does not know who sends what, nor any secret: only its name.
package import Buildfile

/// One `notify` block, its words expanded.
package struct DeclaredNotification: Sendable, Hashable {
    /// The way it travels.
    package let kind: NotificationKind
    /// What it is called: its own name, or its kind's where it has none. No two are called alike.
    package let name: String
    /// Where it stands.
    package let span: SourceSpan
    /// The name of the variable that holds the address of a webhook; nil for e-mail.
    package var url: String?
    /// The name of the variable that holds the key of signatures.
    package var key: String?
    /// Of e-mail: to whom.
    package var recipients: [String] = []
    /// Of e-mail: from whom; empty for anything else.
    package var sender = ""
    /// Of e-mail: `smtps://HOST[:PORT]` or `smtp://HOST[:PORT]`; empty for anything else.
    package var server = ""
    /// Who logs in to the server.
    package var user: String?
    /// The name of the variable that holds the password.
    package var password: String?
    /// What it is told of.
    package var conditions: Set<NotificationCondition> = DeclaredNotification.usual
    /// Environments whose deployments count; empty: all.
    package var environments: [String] = []
    /// Owners of components that count; empty: all.
    package var owners: [String] = []
    /// Patterns of the branches whose runs count; empty: all.
    package var branches: [String] = []

    /// What counts without an `on` line: everything, gates as the failures that they are.
    package static let usual: Set<NotificationCondition> = [
        .failure, .recovery, .deploy, .promotion, .rollback, .drift,
    ]

    /// The variable that holds Slack's address where no `url` line says otherwise.
    package static let slackVariable = "SLACK_WEBHOOK_URL"

    /// The names of all variables whose values are nobody's business.
    package var secrets: [String] { [url, key, password].compactMap(\.self) }
}

/// All `notify` blocks of a tree.
package struct DeclaredNotifications: Sendable {
    /// In the order in which they were reached; those with mistakes are left out.
    package let notifications: [DeclaredNotification]
    /// `variable` lines, which may say where a secret is; words as written.
    package let variables: [DeclaredEnvironments.Line]
    /// The variable `project`, where there is one.
    package let project: String?
    /// What is wrong with the blocks.
    package let diagnostics: [Diagnostic]

    /// Reads the Buildfiles of `files` again. Throws where one cannot be read.
    package init(of files: any FileSystem, _ settings: ResolutionSettings) throws(FileSystemError) {
        let set = try BuildfileSet(tree: FileTree(files), settings: settings)
        var globals: [String: VariableDeclaration] = [:]
        var variables: [DeclaredEnvironments.Line] = []
        var blocks: [Directive] = []
        var environments: [String] = []
        for member in set.members {
            for declaration in member.parsed.declarations {
                switch declaration {
                case .variable(let variable) where globals[variable.name.text] == nil:
                    globals[variable.name.text] = variable
                case .directive(let directive) where directive.keyword.text == "variable":
                    variables.append(.init(directive, in: member.folder))
                case .directive(let directive) where directive.keyword.text == "notify": blocks.append(directive)
                case .environment(let block): environments.append(block.name.text)
                default: break
                }
            }
        }
        var scope = VariableScope(builtIns: [], own: [:], globals: globals, settings: SharedSettings(settings))
        (notifications, diagnostics) = Self.read(blocks, environments, &scope)
        self.variables = variables
        project =
            globals["project"].flatMap { scope.value(of: "project", at: $0.name.span) }
    }

    /// The blocks, and what is wrong with them; `environments` are those that are declared.
    static func read(
        _ blocks: [Directive], _ environments: [String], _ scope: inout VariableScope
    ) -> (notifications: [DeclaredNotification], diagnostics: [Diagnostic]) {
        var found: [DeclaredNotification] = []
        var diagnostics: [Diagnostic] = []
        for block in blocks {
            var reader = NotificationReader(environments: environments)
            let known = scope.diagnostics.count
            guard let one = reader.read(block, &scope) else { continue }
            diagnostics += reader.diagnostics + scope.diagnostics[known...]
            if let first = found.first(where: { $0.name == one.name }) {
                diagnostics.append(
                    Diagnostic(
                        .duplicateName, "two notifications are called '\(one.name)'", at: one.span,
                        notes: [Diagnostic.Note("the first is here", at: first.span)],
                        hint: "give each a name of its own: notify \(one.kind.rawValue) NAME"))
            } else if !reader.diagnostics.contains(where: { $0.severity == .error }) {
                found.append(one)
            }
        }
        return (found, diagnostics)
    }
}

extension DeclaredEnvironments.Line {
    fileprivate init(_ directive: Directive, in folder: BytePath) {
        self.init(keyword: directive.keyword, arguments: directive.arguments, folder: folder)
    }
}

/// Reads one block.
private struct NotificationReader {
    let environments: [String]
    var diagnostics: [Diagnostic] = []

    init(environments: [String]) {
        self.environments = environments
    }

    private mutating func report(_ message: String, _ word: Word, hint: String) {
        diagnostics.append(Diagnostic(.badNotification, message, at: word.span, hint: hint))
    }

    mutating func read(_ block: Directive, _ scope: inout VariableScope) -> DeclaredNotification? {
        guard let first = block.arguments.first, let kind = NotificationKind(rawValue: first.text) else { return nil }
        let name = block.arguments.dropFirst().first.map { scope.expand($0) ?? $0.text } ?? kind.rawValue
        var result = DeclaredNotification(kind: kind, name: name, span: block.arguments.last?.span ?? first.span)
        var seen: [String: Word] = [:]
        for line in block.lines {
            let keyword = line.keyword
            guard Self.keywords(of: kind).contains(keyword.text) else {
                report(
                    "'notify \(kind.rawValue)' takes no '\(keyword.text)'", keyword,
                    hint: "it takes \(Self.keywords(of: kind).joined(separator: ", "))")
                continue
            }
            if seen.updateValue(keyword, forKey: keyword.text) != nil {
                report("'\(keyword.text)' stands twice in one block", keyword, hint: "write all its words in one line")
            }
            take(line, &result, &scope)
        }
        if kind == .slack, result.url == nil { result.url = DeclaredNotification.slackVariable }
        checkWhole(result, block)
        return result
    }

    private static func keywords(of kind: NotificationKind) -> [String] {
        let shared = ["on", "environments", "owners", "branches"]
        switch kind {
        case .slack: return shared + ["url"]
        case .webhook: return shared + ["url", "key"]
        case .email: return shared + ["to", "from", "server", "user", "password"]
        }
    }

    private mutating func take(
        _ line: Directive, _ result: inout DeclaredNotification, _ scope: inout VariableScope
    ) {
        let words = line.arguments.map { Word(scope.expand($0) ?? $0.text, $0.span) }
        let texts = words.map(\.text)
        switch line.keyword.text {
        case "on": result.conditions = Set(texts.compactMap { NotificationCondition(rawValue: $0) })
        case "environments":
            for word in words where !environments.contains(word.text) {
                report(
                    "unknown environment '\(word.text)'", word,
                    hint: nearestWord(to: word.text, among: environments).map { "did you mean '\($0)'?" }
                        ?? (environments.isEmpty
                            ? "'environment NAME' declares one"
                            : "declared are: \(environments.joined(separator: ", "))"))
            }
            result.environments = texts
        case "owners": result.owners = texts
        case "branches": result.branches = texts
        case "url": result.url = texts.first
        case "key": result.key = texts.first
        case "to":
            for word in words { checkAddress(word) }
            result.recipients = texts
        case "from":
            for word in words { checkAddress(word) }
            result.sender = texts.first ?? ""
        case "server":
            for word in words { checkServer(word) }
            result.server = texts.first ?? ""
        case "user": result.user = texts.first
        default: result.password = texts.first
        }
    }

    /// RFC 5321 allows more; what is refused here has never reached anybody.
    private mutating func checkAddress(_ word: Word) {
        let parts = word.text.split(separator: "@", omittingEmptySubsequences: false)
        let isPlain = word.text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && !"<>()[],;:\\\"".utf8.contains($0) }
        if parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty, isPlain { return }
        report("'\(word.text)' is no e-mail address", word, hint: "write NAME@HOST")
    }

    private mutating func checkServer(_ word: Word) {
        let host = ["smtps://", "smtp://"].first { word.text.hasPrefix($0) }.map { word.text.dropFirst($0.count) }
        let isPlain = host?.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && !"/@?#\\\"".utf8.contains($0) } ?? false
        if let host, !host.isEmpty, isPlain { return }
        // A line with a password in it is not shown.
        let place = word.text.utf8.contains(UInt8(ascii: "@")) ? nil : word.span
        diagnostics.append(
            Diagnostic(
                .badNotification, "what 'server' names is no address of a mail server", at: place,
                hint: "write smtps://HOST[:PORT], or smtp://HOST[:PORT] for STARTTLS, without user and password"))
    }

    private mutating func checkWhole(_ result: DeclaredNotification, _ block: Directive) {
        func lacks(_ word: String, _ usage: String) {
            diagnostics.append(
                Diagnostic(
                    .badNotification, "'notify \(result.kind.rawValue)' lacks '\(word)'", at: block.keyword.span,
                    hint: "add a line: \(usage)"))
        }
        let written = Set(block.lines.map(\.keyword.text))
        switch result.kind {
        case .slack: break
        case .webhook: if !written.contains("url") { lacks("url", "url VARIABLE, the variable that holds the address") }
        case .email:
            if !written.contains("to") { lacks("to", "to ADDRESS…") }
            if !written.contains("from") { lacks("from", "from ADDRESS") }
            if !written.contains("server") { lacks("server", "server smtps://HOST or smtp://HOST") }
            if written.contains("user") != written.contains("password") {
                written.contains("user")
                    ? lacks("password", "password VARIABLE, the variable that holds it") : lacks("user", "user NAME")
            }
        }
    }
}
