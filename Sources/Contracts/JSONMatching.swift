// Two JSON values against each other, with the rules of a pact: what is in objects and arrays, which rule counts where.
import BuildEngine

/// A comparison of JSON bodies.
struct JSONMatching {
    /// In responses and messages more members than expected are allowed; requests are to have no others.
    let allowsUnexpected: Bool

    /// What differs at and below `path`. As deep as the JSON nests, which its reader bounds.
    func compare(
        _ expected: JSONTree, _ actual: JSONTree, at path: ValuePath, _ rules: RuleCategory
    ) -> [Mismatch] {
        switch (expected.content, actual.content) {
        case (.object(let left), .object(let right)):
            return objects(expected, actual, left, right, at: path, rules)
        case (.array(let left), .array(let right)): return arrays(expected, actual, left, right, at: path, rules)
        case (.object, _), (.array, _):
            let sentence =
                "expected \(actual.shown) (\(actual.kind)) to be of the same type as \(expected.shown) (\(expected.kind))"
            return [mismatch(path, expected, actual, sentence)]
        default:
            let list = rules.best(for: path) ?? RuleList(rules: [.equality])
            return ValueMatching.problems(list) {
                ValueMatching.problem($0, expected: expected, actual: actual, isCascaded: list.isCascaded)
            }.map { mismatch(path, expected, actual, $0) }
        }
    }

    private func mismatch(_ path: ValuePath, _ expected: JSONTree?, _ actual: JSONTree?, _ sentence: String) -> Mismatch
    {
        Mismatch(
            .body, path: path.text, expected: expected?.text(pretty: false), actual: actual?.text(pretty: false),
            sentence)
    }

    /// Each rule by itself, and together as the list says.
    private func combine(_ list: RuleList, _ check: (MatchingRule) -> [Mismatch]) -> [Mismatch] {
        let results = list.rules.map(check)
        if list.isAny, results.contains(where: \.isEmpty) { return [] }
        return results.flatMap { $0 }.unique
    }

    // MARK: Objects

    private func objects(
        _ expected: JSONTree, _ actual: JSONTree, _ left: [JSONTree.Member], _ right: [JSONTree.Member],
        at path: ValuePath, _ rules: RuleCategory
    ) -> [Mismatch] {
        guard let list = rules.best(for: path) else {
            return names(expected, actual, left, right, at: path, rules) + common(left, right, at: path, rules)
        }
        return combine(list) { rule in
            switch rule {
            case .values where !list.isCascaded: return values(left, right, at: path, rules)
            case .eachValue(let inner) where !list.isCascaded:
                return values(left, right, at: path, rules.replacing(PathExpression(path, then: .any), with: inner))
            case .eachKey(let inner) where !list.isCascaded:
                return keys(right, at: path, inner) + common(left, right, at: path, rules)
            default:
                return object(rule, list, expected, actual, at: path)
                    + names(expected, actual, left, right, at: path, rules) + common(left, right, at: path, rules)
            }
        }
    }

    /// A rule for the object as such.
    private func object(
        _ rule: MatchingRule, _ list: RuleList, _ expected: JSONTree, _ actual: JSONTree, at path: ValuePath
    ) -> [Mismatch] {
        switch rule {
        case .equality, .notEmpty, .type, .unsupported:
            let problem = ValueMatching.problem(rule, expected: expected, actual: actual, isCascaded: list.isCascaded)
            return problem.map { [mismatch(path, expected, actual, $0)] } ?? []
        case .regex, .values, .arrayContains, .eachKey, .eachValue: return []
        default:
            if list.isCascaded { return [] }
            return [mismatch(path, expected, actual, "this matching rule can't be applied to an object")]
        }
    }

    /// The names that are there and should not be, or the other way round.
    private func names(
        _ expected: JSONTree, _ actual: JSONTree, _ left: [JSONTree.Member], _ right: [JSONTree.Member],
        at path: ValuePath, _ rules: RuleCategory
    ) -> [Mismatch] {
        if rules.exact(path).contains(where: \.frees) { return [] }
        let missing = left.filter { right.first(named: $0.name) == nil }.map {
            mismatch(path.appending($0.name), $0.value, nil, "expected a member \"\($0.name)\", but it is missing")
        }
        if allowsUnexpected { return missing }
        let others = right.filter { left.first(named: $0.name) == nil }.map {
            mismatch(path.appending($0.name), nil, $0.value, "the member \"\($0.name)\" is not expected")
        }
        return missing + others
    }

    /// The members that both have.
    private func common(
        _ left: [JSONTree.Member], _ right: [JSONTree.Member], at path: ValuePath, _ rules: RuleCategory
    ) -> [Mismatch] {
        left.flatMap { member in
            guard let actual = right.first(named: member.name) else { return [Mismatch]() }
            return compare(member.value, actual, at: path.appending(member.name), rules)
        }
    }

    /// Every value that came, against the example of its name or else the first example.
    private func values(
        _ left: [JSONTree.Member], _ right: [JSONTree.Member], at path: ValuePath, _ rules: RuleCategory
    ) -> [Mismatch] {
        right.flatMap { member in
            guard let example = left.first(named: member.name) ?? left.first?.value else { return [Mismatch]() }
            return compare(example, member.value, at: path.appending(member.name), rules)
        }
    }

    private func keys(_ right: [JSONTree.Member], at path: ValuePath, _ inner: [MatchingRule]) -> [Mismatch] {
        right.flatMap { member in
            inner.compactMap { rule in
                ValueMatching.problem(rule, expectedText: "", actualText: member.name).map {
                    Mismatch(
                        .body, path: path.appending(member.name).text, expected: nil, actual: member.name,
                        "the name of a member: \($0)")
                }
            }
        }
    }

    // MARK: Arrays

    private func arrays(
        _ expected: JSONTree, _ actual: JSONTree, _ left: [JSONTree], _ right: [JSONTree], at path: ValuePath,
        _ rules: RuleCategory
    ) -> [Mismatch] {
        guard let list = rules.best(for: path) else {
            let differences = zip(left, right).enumerated().flatMap { place, pair in
                compare(pair.0, pair.1, at: path.appending(.index(place)), rules)
            }
            if left.count == right.count { return differences }
            let sentence = "expected \(left.count) elements, but there are \(right.count)"
            return differences + [mismatch(path, expected, actual, sentence)]
        }
        return combine(list) { rule in
            switch rule {
            case .arrayContains(let variants) where !list.isCascaded:
                return contains(variants, expected, actual, left, right, at: path)
            case .eachValue(let inner) where !list.isCascaded:
                return elements(left, right, at: path, rules.replacing(PathExpression(path, then: .any), with: inner))
            case .equality, .notEmpty, .type, .unsupported:
                let problem = ValueMatching.problem(
                    rule, expected: expected, actual: actual, isCascaded: list.isCascaded)
                return (problem.map { [mismatch(path, expected, actual, $0)] } ?? [])
                    + elements(left, right, at: path, rules)
            case .null:
                return [mismatch(path, expected, actual, "expected an array to be null")]
            default: return elements(left, right, at: path, rules)
            }
        }
    }

    /// Every element that came, against the example at its place or else the first one.
    private func elements(
        _ left: [JSONTree], _ right: [JSONTree], at path: ValuePath, _ rules: RuleCategory
    ) -> [Mismatch] {
        guard let first = left.first else { return [] }
        return right.enumerated().flatMap { place, value in
            compare(place < left.count ? left[place] : first, value, at: path.appending(.index(place)), rules)
        }
    }

    private func contains(
        _ variants: [MatchingRule.Variant], _ expected: JSONTree, _ actual: JSONTree, _ left: [JSONTree],
        _ right: [JSONTree], at path: ValuePath
    ) -> [Mismatch] {
        let all = left.indices.map { MatchingRule.Variant(index: $0, rules: .none) }
        return (variants.isEmpty ? all : variants).compactMap { variant in
            guard left.indices.contains(variant.index) else {
                return mismatch(path, expected, actual, "the contract has no example for variant \(variant.index)")
            }
            let example = left[variant.index]
            if right.contains(where: { compare(example, $0, at: .root, variant.rules).isEmpty }) { return nil }
            return mismatch(path, example, actual, "no element matches variant \(variant.index), \(example.shown)")
        }
    }
}
