// Which directives there are, where they may stand, and what form their words have. This file does not know lines.

/// A part of a Buildfile that has its own directives.
enum Place: CaseIterable {
    case top, component, environment, notification

    var description: String {
        switch self {
        case .top: "at the top level"
        case .component: "in a component's block"
        case .environment: "in an environment's block"
        case .notification: "in a notification's block"
        }
    }

    var keywords: [String] {
        switch self {
        case .top: Self.topKeywords
        case .component: Self.componentKeywords
        case .environment: Self.environmentKeywords
        case .notification: Self.notificationKeywords
        }
    }

    // Asked of every line, so they are made once.
    private static let topKeywords = [
        "include", "default", "tool", "template", "service", "library", "services", "libraries", "environment",
        "variable", "notify", "cache",
    ]
    private static let componentKeywords = [
        "dir", "uses", "inputs", "consumes", "needs", "export", "env", "pass", "secret", "owners", "shell",
    ]
    private static let environmentKeywords = [
        "stack", "env-file", "engine", "after", "strategy", "check", "policy",
    ]
    private static let notificationKeywords = [
        "on", "environments", "owners", "branches", "url", "key", "to", "from", "server", "user", "password",
    ]

    /// The places that know `keyword`.
    static func knowing(_ keyword: String) -> [Place] { allCases.filter { $0.keywords.contains(keyword) } }
}

/// Whether `keyword` is a directive that opens a block; all stand at the top level.
func opensBlock(_ keyword: String) -> Bool {
    switch keyword {
    case "service", "library", "template", "services", "libraries", "environment": true
    default: false
    }
}

/// Whether `keyword` may have lines of its own below it, blocks of components and environments included.
func hasLines(_ keyword: String) -> Bool { keyword == "notify" || opensBlock(keyword) }

/// What the words after a keyword have to be.
enum ArgumentForm {
    case one
    case oneOrMore
    /// One or more components', tools' or environments' names.
    case names
    case variableNames
    case consumes
    case engine
    case check
    case variable
    case notify
    case conditions
    /// The name of a variable whose value is nobody's business: what stands in its place may be that value.
    case secretName
}

struct DirectiveForm {
    let arguments: ArgumentForm
    /// The form as people write it, for hints.
    let usage: String

    static func of(_ keyword: String) -> DirectiveForm? { forms[keyword] }

    private static let forms: [String: DirectiveForm] = [
        "include": DirectiveForm(arguments: .oneOrMore, usage: "include GLOB…"),
        "default": DirectiveForm(arguments: .oneOrMore, usage: "default LABEL…"),
        "variable": DirectiveForm(arguments: .variable, usage: "variable NAME: TYPE…"),
        "notify": DirectiveForm(arguments: .notify, usage: "notify slack|email|webhook [NAME]"),
        "cache": DirectiveForm(arguments: .oneOrMore, usage: "cache WORD…"),
        "dir": DirectiveForm(arguments: .one, usage: "dir PATH"),
        "uses": DirectiveForm(arguments: .names, usage: "uses COMPONENT…"),
        "inputs": DirectiveForm(arguments: .oneOrMore, usage: "inputs GLOB…"),
        "consumes": DirectiveForm(arguments: .consumes, usage: "consumes SERVICE by FILE…"),
        "needs": DirectiveForm(arguments: .names, usage: "needs TOOL…"),
        "export": DirectiveForm(arguments: .variableNames, usage: "export NAME…"),
        "env": DirectiveForm(arguments: .variableNames, usage: "env NAME…"),
        "pass": DirectiveForm(arguments: .variableNames, usage: "pass NAME…"),
        "secret": DirectiveForm(arguments: .variableNames, usage: "secret NAME…"),
        "owners": DirectiveForm(arguments: .oneOrMore, usage: "owners WORD…"),
        "shell": DirectiveForm(arguments: .oneOrMore, usage: "shell WORD…"),
        "stack": DirectiveForm(arguments: .oneOrMore, usage: "stack FILE…"),
        "env-file": DirectiveForm(arguments: .oneOrMore, usage: "env-file FILE…"),
        "engine": DirectiveForm(arguments: .engine, usage: "engine compose, engine swarm or engine plan"),
        "after": DirectiveForm(arguments: .names, usage: "after ENVIRONMENT…"),
        "strategy": DirectiveForm(arguments: .oneOrMore, usage: "strategy WORD…"),
        "check": DirectiveForm(arguments: .check, usage: "check URL [within DURATION]"),
        "policy": DirectiveForm(arguments: .oneOrMore, usage: "policy WORD…"),
        "on": DirectiveForm(
            arguments: .conditions,
            usage: "on \(NotificationCondition.allCases.map(\.rawValue).joined(separator: "|"))…"),
        "environments": DirectiveForm(arguments: .names, usage: "environments NAME…"),
        "branches": DirectiveForm(arguments: .oneOrMore, usage: "branches GLOB…"),
        "url": DirectiveForm(arguments: .secretName, usage: "url VARIABLE"),
        "key": DirectiveForm(arguments: .secretName, usage: "key VARIABLE"),
        "to": DirectiveForm(arguments: .oneOrMore, usage: "to ADDRESS…"),
        "from": DirectiveForm(arguments: .one, usage: "from ADDRESS"),
        "server": DirectiveForm(arguments: .one, usage: "server smtps://HOST or smtp://HOST"),
        "user": DirectiveForm(arguments: .one, usage: "user NAME"),
        "password": DirectiveForm(arguments: .secretName, usage: "password VARIABLE"),
    ]
}
