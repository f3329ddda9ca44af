// `matchingRules` as pacts write them: version 2 with one rule for each path from `$.body` on, versions 3 and 4 by
// categories with lists of rules. Both forms are read in any pact, as the libraries that write pacts mix them.
import BuildEngine

enum MatchingRuleReader {
    /// The rules of `matchingRules`; none for nil.
    static func read(_ tree: JSONTree?) throws(ContractReadError) -> PactRules {
        var rules = PactRules()
        guard let tree, !tree.isNull else { return rules }
        guard let members = tree.members else {
            throw ContractReadError("matchingRules is no object", expected: "{…}", at: tree.range.lowerBound)
        }
        for member in members {
            if member.name.utf8.first == UInt8(ascii: "$") {
                try readFlat(member, into: &rules)
            } else {
                try readCategory(member, into: &rules)
            }
        }
        return rules
    }

    // MARK: Version 2

    private static func readFlat(_ member: JSONTree.Member, into rules: inout PactRules) throws(ContractReadError) {
        let path = try expression(member)
        guard case .name(let category)? = path.tokens.first else {
            throw ContractReadError(
                "the path names no part", expected: "$.body, $.headers, $.query or $.path", at: member.offset)
        }
        let rest = PathExpression(tokens: Array(path.tokens.dropFirst()))
        try add(list(member.value), at: rest, of: category, member, into: &rules)
    }

    // MARK: Versions 3 and 4

    private static func readCategory(_ member: JSONTree.Member, into rules: inout PactRules) throws(ContractReadError) {
        guard let members = member.value.members else {
            throw ContractReadError(
                "the rules for \(member.name) are no object", expected: "{…}", at: member.value.range.lowerBound)
        }
        // A part without names has its rules right here.
        if member.value.member("matchers") != nil {
            return try add(list(member.value), at: .root, of: member.name, member, into: &rules)
        }
        for rule in members {
            let isName = ["header", "headers", "query", "metadata"].contains(member.name)
            let path = isName ? namePath(rule.name) : rule.name.isEmpty ? .root : try expression(rule)
            try add(list(rule.value), at: path, of: member.name, rule, into: &rules)
        }
    }

    /// A header's or parameter's name, perhaps with the place of one of its values: `id`, `id[0]`, `$.id`.
    private static func namePath(_ name: String) -> PathExpression {
        if name.utf8.first == UInt8(ascii: "$"), let path = PathExpression(name) { return path }
        let bytes = Array(name.utf8)
        if bytes.last == UInt8(ascii: "]"), let open = bytes.lastIndex(of: UInt8(ascii: "[")), open > 0 {
            let index = String(decoding: bytes[(open + 1)..<(bytes.count - 1)], as: UTF8.self)
            let base = String(decoding: bytes[..<open], as: UTF8.self)
            if index == "*" { return PathExpression(tokens: [.name(base), .anyIndex]) }
            if let index = Int(index), index >= 0 { return PathExpression(tokens: [.name(base), .index(index)]) }
        }
        return PathExpression(tokens: [.name(name)])
    }

    private static func add(
        _ list: RuleList, at path: PathExpression, of category: String, _ member: JSONTree.Member,
        into rules: inout PactRules
    ) throws(ContractReadError) {
        if list.rules.isEmpty { return }
        let entry = RuleCategory.Entry(path: path, list: list)
        switch category {
        case "method": rules.method = list
        case "path": rules.path = list
        case "status": rules.status = list
        case "query": rules.query.entries.append(entry)
        case "header", "headers":
            let small = path.tokens.map { token in
                if case .name(let name) = token { PathExpression.Token.name(name.asciiLowercased) } else { token }
            }
            rules.header.entries.append(.init(path: PathExpression(tokens: small), list: list))
        case "body", "content", "contents": rules.body.entries.append(entry)
        case "metadata", "metaData": rules.metadata.entries.append(entry)
        default:
            throw ContractReadError(
                "there are no matching rules for \(category)",
                expected: "method, path, query, header, body, status or metadata", at: member.offset)
        }
    }

    private static func expression(_ member: JSONTree.Member) throws(ContractReadError) -> PathExpression {
        guard let path = PathExpression(member.name) else {
            throw ContractReadError(
                "\"\(member.name)\" is no path", expected: "a path such as $.items[*]['a name']", at: member.offset)
        }
        return path
    }

    // MARK: Rules

    private static func list(_ tree: JSONTree) throws(ContractReadError) -> RuleList {
        guard tree.members != nil else {
            throw ContractReadError("a matching rule is no object", expected: "{…}", at: tree.range.lowerBound)
        }
        guard let matchers = tree.member("matchers") else { return RuleList(rules: [try rule(tree)]) }
        guard let elements = matchers.elements else {
            throw ContractReadError("matchers is no array", expected: "[…]", at: matchers.range.lowerBound)
        }
        var rules: [MatchingRule] = []
        for element in elements { rules.append(try rule(element)) }
        let combine = tree.member("combine")?.text ?? "AND"
        return RuleList(rules: rules, isAny: combine.asciiLowercased == "or")
    }

    private static func rule(_ tree: JSONTree) throws(ContractReadError) -> MatchingRule {
        guard tree.members != nil else {
            throw ContractReadError("a matching rule is no object", expected: "{…}", at: tree.range.lowerBound)
        }
        func text(_ names: String...) -> String? { names.lazy.compactMap { tree.member($0)?.text }.first }
        let size = (min: count(tree.member("min")), max: count(tree.member("max")))
        let isSized = size.min != nil || size.max != nil
        guard let name = tree.member("match")?.text else {
            if let regex = text("regex") { return .regex(regex) }
            if let format = text("timestamp", "datetime") { return .dateTime(format: format) }
            if let format = text("date") { return .date(format: format) }
            if let format = text("time") { return .time(format: format) }
            return isSized
                ? .type(min: size.min, max: size.max) : .unsupported("a matching rule without \"match\"")
        }
        switch name {
        case "equality": return .equality
        case "regex": return text("regex").map { .regex($0) } ?? .unsupported("a regex rule without \"regex\"")
        case "type", "min", "max": return .type(min: size.min, max: size.max)
        case "include": return text("value").map { .include($0) } ?? .unsupported("an include rule without \"value\"")
        case "integer": return .integer
        case "decimal": return .decimal
        case "number", "real": return .number
        case "datetime", "timestamp": return .dateTime(format: text("format", "timestamp", "datetime") ?? "")
        case "date": return .date(format: text("format", "date") ?? "")
        case "time": return .time(format: text("format", "time") ?? "")
        case "null": return .null
        case "boolean": return .boolean
        case "contentType", "content-type":
            return text("value").map { .contentType($0) } ?? .unsupported("a contentType rule without \"value\"")
        case "values": return .values
        case "notEmpty": return .notEmpty
        case "semver": return .semver
        case "statusCode": return statusCode(tree.member("status"))
        case "arrayContains": return try arrayContains(tree)
        case "eachKey": return .eachKey(try inner(tree))
        case "eachValue": return .eachValue(try inner(tree))
        default: return .unsupported("the matching rule \"\(name)\" is not known")
        }
    }

    /// A size, which some libraries write as text.
    private static func count(_ tree: JSONTree?) -> Int? { tree?.whole ?? tree?.text.flatMap { Int($0) } }

    private static func statusCode(_ tree: JSONTree?) -> MatchingRule {
        if let name = tree?.text {
            return MatchingRule.StatusCodes(name: name).map { .statusCode($0) }
                ?? .unsupported("the status code class \"\(name)\" is not known")
        }
        guard let codes = tree?.elements?.map(\.whole), codes.allSatisfy({ $0 != nil }) else {
            return .unsupported("a statusCode rule without \"status\"")
        }
        return .statusCode(.list(codes.compactMap { $0 }))
    }

    private static func inner(_ tree: JSONTree) throws(ContractReadError) -> [MatchingRule] {
        var rules: [MatchingRule] = []
        for element in tree.member("rules")?.elements ?? [] { rules.append(try rule(element)) }
        return rules
    }

    private static func arrayContains(_ tree: JSONTree) throws(ContractReadError) -> MatchingRule {
        var variants: [MatchingRule.Variant] = []
        for (place, element) in (tree.member("variants")?.elements ?? []).enumerated() {
            var category = RuleCategory()
            for member in element.member("rules")?.members ?? [] {
                category.entries.append(.init(path: try expression(member), list: try list(member.value)))
            }
            variants.append(.init(index: element.member("index")?.whole ?? place, rules: category))
        }
        return .arrayContains(variants)
    }
}
