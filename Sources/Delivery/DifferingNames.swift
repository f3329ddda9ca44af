// Two names for one thing: found by what the names say and by what they are set to. Does not know which one is right.
import Buildfile

/// All environments of a workspace, checked together.
package struct EnvironmentSurvey: Sendable {
    package let schema: VariableSchema
    /// In the order of the Buildfiles.
    package let environments: [CheckedEnvironment]
    /// Of each environment in turn, then of all of them together.
    package let problems: [EnvironmentProblem]

    /// Looks for what no environment shows by itself: declared variables that nobody uses, differing names.
    package init(_ schema: VariableSchema, _ environments: [CheckedEnvironment]) {
        self.schema = schema
        self.environments = environments
        var problems = environments.flatMap(\.problems)
        let areRead = !environments.isEmpty && environments.allSatisfy { $0.reading.project != nil }
        let mentioned = environments.reduce(into: Set<String>()) {
            $0.formUnion($1.reading.mentions.map(\.name))
            $0.formUnion($1.reading.taken)
        }
        for variable in schema.variables where areRead && !mentioned.contains(variable.name) {
            let isNamed = environments.contains { $0.values.named[variable.name] != nil }
            if isNamed && !variable.isSecret { continue }
            problems.append(
                EnvironmentProblem(
                    .unused, nil, variable.name,
                    Diagnostic(
                        .badEnvironmentVariable, "'\(variable.name)' is declared, and no stack mentions it",
                        at: variable.span, hint: "write ${\(variable.name)} where it is wanted, or remove the line")))
        }
        problems += Self.differing(schema, environments)
        self.problems = problems
    }

    private static let same: [String: String] = [
        "database": "db", "username": "user", "usr": "user", "password": "pass", "passwd": "pass", "pwd": "pass",
        "uri": "url", "address": "addr", "hostname": "host", "environment": "env", "directory": "dir",
        "folder": "dir", "configuration": "conf", "config": "conf", "cfg": "conf", "service": "svc", "server": "srv",
        "secs": "seconds", "sec": "seconds", "millis": "ms", "num": "count", "message": "msg",
    ]

    /// What a name says, without its spelling: `DATABASE_URL` and `dbUrl` are `dburl`.
    static func meaning(_ name: String) -> String {
        var words: [String] = []
        var word: [UInt8] = []
        var wasSmall = false
        for byte in name.utf8 {
            let isCapital = (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
            if byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
                || (isCapital && wasSmall)
            {
                if !word.isEmpty { words.append(String(decoding: word, as: UTF8.self)) }
                word = []
            }
            wasSmall = !isCapital && byte.isAlpha
            if byte.isAlpha { word.append(byte | 0x20) } else if byte.isDecimal { word.append(byte) }
        }
        if !word.isEmpty { words.append(String(decoding: word, as: UTF8.self)) }
        return words.map { same[$0] ?? $0 }.joined()
    }

    private static func differing(
        _ schema: VariableSchema, _ environments: [CheckedEnvironment]
    ) -> [EnvironmentProblem] {
        var places: [String: SourceSpan?] = [:]
        func note(_ name: String, _ span: SourceSpan?) { if places[name] == nil { places[name] = .some(span) } }
        for variable in schema.variables { note(variable.name, variable.span) }
        for environment in environments {
            for (name, span) in environment.values.named.sorted(by: { $0.key < $1.key }) { note(name, span) }
            for mention in environment.reading.mentions { note(mention.name, mention.span) }
            for setting in environment.reading.settings { note(setting.key, setting.span) }
        }
        var pairs: [(String, String)] = []
        let groups = Dictionary(grouping: places.keys.sorted()) { meaning($0) }
        for (_, names) in groups.sorted(by: { $0.key < $1.key }) where names.count > 1 {
            pairs += names.dropFirst().map { (names[0], $0) }
        }
        // What several services are given under several names: a variable as a whole, or an address.
        var byValue: [String: [String]] = [:]
        for setting in environments.flatMap(\.reading.settings) {
            let mentions = Interpolation.mentions(in: setting.written)
            let isWhole = mentions.count == 1 && mentions[0].range == 0..<setting.written.utf8.count
            guard isWhole || setting.written.contains("://") else { continue }
            if byValue[setting.written]?.contains(setting.key) != true {
                byValue[setting.written, default: []].append(setting.key)
            }
        }
        for (_, names) in byValue.sorted(by: { $0.key < $1.key }) where names.count > 1 {
            pairs += names.dropFirst().map { (names[0], $0) }
        }
        var seen: Set<Set<String>> = []
        return pairs.filter { seen.insert([$0.0, $0.1]).inserted }.map { first, second in
            let (firstSpan, secondSpan) = (places[first] ?? nil, places[second] ?? nil)
            return EnvironmentProblem(
                .differingNames, nil, second,
                Diagnostic(
                    .badEnvironmentVariable, "'\(first)' and '\(second)' seem to be one thing", at: secondSpan,
                    notes: [Diagnostic.Note("'\(first)' is here", at: firstSpan)],
                    hint: "use one of the names everywhere"))
        }
    }
}
