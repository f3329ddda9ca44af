// Headers, query parameters and forms: names with texts.

enum FieldMatching {
    // MARK: Query

    /// Both have the same parameters; the values of one name come in the same order.
    static func query(_ expected: [PactField], _ actual: [PactField], _ rules: RuleCategory) -> [Mismatch] {
        var mismatches: [Mismatch] = []
        for field in expected {
            guard let found = actual.first(where: { $0.name.isSame(as: field.name) }) else {
                mismatches.append(
                    Mismatch(
                        .query, path: field.name, expected: field.shown, actual: nil,
                        "expected the parameter \"\(field.name)\", but it is missing"))
                continue
            }
            mismatches += values(.query, field, found, at: ValuePath.root.appending(field.name), rules) {
                ValueMatching.problem(.equality, expectedText: $0, actualText: $1)
            }
        }
        for field in actual where !expected.contains(where: { $0.name.isSame(as: field.name) }) {
            mismatches.append(
                Mismatch(
                    .query, path: field.name, expected: nil, actual: field.shown,
                    "the parameter \"\(field.name)\" is not expected"))
        }
        return mismatches
    }

    // MARK: Headers

    /// The expected ones are there in any case of their names; others may be there too.
    static func headers(_ expected: [PactField], _ actual: [PactField], _ rules: RuleCategory) -> [Mismatch] {
        expected.flatMap { field in
            let small = field.name.asciiLowercased
            guard let found = actual.first(where: { $0.name.asciiLowercased == small }) else {
                return [
                    Mismatch(
                        .header, path: field.name, expected: field.shown, actual: nil,
                        "expected the header \"\(field.name)\", but it is missing")
                ]
            }
            return values(.header, field, found, at: ValuePath.root.appending(small), rules) {
                headerProblem(small, expected: $0, actual: $1)
            }
        }
    }

    /// Nil where the value of a header without rules is good enough.
    static func headerProblem(_ name: String, expected: String, actual: String) -> String? {
        let isSame =
            ["accept", "content-type"].contains(name)
            ? isParameterised(expected, actual) : commaFree(expected).isSame(as: commaFree(actual))
        return isSame
            ? nil : "expected \"\(Mismatch.shown(actual))\" to be equal to \"\(Mismatch.shown(expected))\""
    }

    /// White space around commas does not count.
    private static func commaFree(_ text: String) -> String {
        text.parts(separatedBy: UInt8(ascii: ",")).map(\.trimmed).joined(separator: ",")
    }

    /// The same value, and every expected parameter: in any order, its value in any case. More parameters than
    /// expected are allowed.
    static func isParameterised(_ expected: String, _ actual: String) -> Bool {
        func split(_ text: String) -> (value: String, parameters: [(name: String, value: String)]) {
            let parts = text.parts(separatedBy: UInt8(ascii: ";")).map(\.trimmed).filter { !$0.isEmpty }
            let parameters = parts.dropFirst().map { part in
                let pair = part.utf8.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
                    .map { String(decoding: $0, as: UTF8.self).trimmed }
                return (name: pair[0].asciiLowercased, value: pair.count > 1 ? pair[1].asciiLowercased : "")
            }
            return (parts.first ?? "", parameters)
        }
        let (left, right) = (split(expected), split(actual))
        guard left.value.isSame(as: right.value) else { return false }
        return left.parameters.allSatisfy { wanted in right.parameters.contains { $0 == wanted } }
    }

    // MARK: Values

    /// The values of one name: by its rules, or by `equal`, which says what is wrong.
    private static func values(
        _ part: Mismatch.Part, _ expected: PactField, _ actual: PactField, at path: ValuePath, _ rules: RuleCategory,
        equal: (String, String) -> String?
    ) -> [Mismatch] {
        func mismatch(_ sentence: String) -> Mismatch {
            Mismatch(part, path: expected.name, expected: expected.shown, actual: actual.shown, sentence)
        }
        if let list = rules.all(for: path) {
            return ValueMatching.problems(list) { rule in
                problem(rule, expected.values, actual.values)
            }.map(mismatch)
        }
        var mismatches = zip(expected.values, actual.values).enumerated().flatMap { place, pair in
            guard let list = rules.all(for: path.appending(.index(place))) else {
                return equal(pair.0, pair.1).map { [mismatch($0)] } ?? []
            }
            return ValueMatching.problems(list) {
                ValueMatching.problem($0, expectedText: pair.0, actualText: pair.1)
            }.map(mismatch)
        }
        if expected.values.count != actual.values.count {
            mismatches.append(
                mismatch("expected \(expected.values.count) values, but there are \(actual.values.count)"))
        }
        return mismatches
    }

    /// A rule for all values of one name.
    private static func problem(_ rule: MatchingRule, _ expected: [String], _ actual: [String]) -> String? {
        switch rule {
        case .equality, .values:
            if expected.count == actual.count, zip(expected, actual).allSatisfy({ $0.isSame(as: $1) }) { return nil }
            return "expected \(actual) to be equal to \(expected)"
        case .type(let min, let max): return ValueMatching.size(actual.count, min: min, max: max)
        case .arrayContains(let variants):
            let places = variants.isEmpty ? Array(expected.indices) : variants.map(\.index)
            let missing = places.first { !expected.indices.contains($0) || !actual.contains(expected[$0]) }
            return missing.map { "no value matches variant \($0)" }
        case .eachValue(let inner):
            for value in actual {
                for rule in inner {
                    if let problem = ValueMatching.problem(rule, expectedText: "", actualText: value) { return problem }
                }
            }
            return nil
        case .notEmpty where actual.isEmpty: return "expected a value"
        default:
            if actual.isEmpty { return "expected a value" }
            for (place, value) in actual.enumerated() {
                let example = place < expected.count ? expected[place] : expected.first ?? ""
                if let problem = ValueMatching.problem(rule, expectedText: example, actualText: value) {
                    return problem
                }
            }
            return nil
        }
    }
}

extension PactField {
    var shown: String { values.joined(separator: ", ") }
}
