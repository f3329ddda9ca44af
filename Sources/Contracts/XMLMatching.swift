// Two XML bodies against each other, with the rules of a pact. An element's path is made of the names from the root on;
// `@name` is an attribute and `#text` the text. Elements of one name are compared in their order. Libraries that write
// pacts name an element's place in two ways, so a rule may say `$.a.b`, `$.a.b[0]` or `$.a[0].b`.

struct XMLMatching {
    let allowsUnexpected: Bool
    let rules: RuleCategory

    func compare(_ expected: XMLElement, _ actual: XMLElement) -> [Mismatch] {
        compare(expected, actual, at: XMLPaths(ValuePath.root.appending(expected.name)))
    }

    private func compare(_ expected: XMLElement, _ actual: XMLElement, at path: XMLPaths) -> [Mismatch] {
        let list = rules.best(for: path.all) ?? RuleList(rules: [.equality])
        let problems = ValueMatching.problems(list) { element($0, list, expected, actual) }
        if !problems.isEmpty {
            return problems.map { mismatch(path, expected.name, actual.name, $0) }
        }
        return attributes(expected, actual, at: path) + children(expected, actual, at: path)
            + text(path.appending("#text"), expected.text, actual.text)
    }

    private func mismatch(_ path: XMLPaths, _ expected: String?, _ actual: String?, _ sentence: String) -> Mismatch {
        Mismatch(.body, path: path.shown.text, expected: expected, actual: actual, sentence)
    }

    /// A rule for the element itself: its name, and how many children it has.
    private func element(
        _ rule: MatchingRule, _ list: RuleList, _ expected: XMLElement, _ actual: XMLElement
    ) -> String? {
        let isSame = expected.name.isSame(as: actual.name)
        let other = "expected <\(actual.name)> to be <\(expected.name)>"
        switch rule {
        case .type(let min, let max):
            if !isSame { return other }
            return list.isCascaded ? nil : ValueMatching.size(actual.children.count, min: min, max: max)
        case .notEmpty:
            return actual.children.isEmpty && actual.text.isEmpty
                ? "expected <\(actual.name)> not to be empty" : isSame ? nil : other
        case .unsupported(let reason): return reason
        // Rules for values are for the text and the attributes.
        default: return isSame ? nil : other
        }
    }

    private func attributes(_ expected: XMLElement, _ actual: XMLElement, at path: XMLPaths) -> [Mismatch] {
        let missing = expected.attributes.flatMap { attribute in
            let place = path.appending("@" + attribute.name)
            guard let found = actual.attributes.first(where: { $0.name.isSame(as: attribute.name) }) else {
                return [
                    mismatch(
                        place, attribute.value, nil, "expected the attribute \"\(attribute.name)\", but it is missing")
                ]
            }
            return text(place, attribute.value, found.value)
        }
        if allowsUnexpected { return missing }
        let others = actual.attributes.filter { attribute in
            !expected.attributes.contains { $0.name.isSame(as: attribute.name) }
        }.map {
            mismatch(
                path.appending("@" + $0.name), nil, $0.value, "the attribute \"\($0.name)\" is not expected")
        }
        return missing + others
    }

    private func text(_ path: XMLPaths, _ expected: String, _ actual: String) -> [Mismatch] {
        let list = rules.best(for: path.all) ?? RuleList(rules: [.equality])
        return ValueMatching.problems(list) {
            ValueMatching.problem($0, expectedText: expected, actualText: actual)
        }.map { mismatch(path, expected, actual, $0) }
    }

    // MARK: Children

    private func children(_ expected: XMLElement, _ actual: XMLElement, at path: XMLPaths) -> [Mismatch] {
        var mismatches: [Mismatch] = []
        var seen: Set<String> = []
        for name in expected.children.map(\.name) where seen.insert(name).inserted {
            let left = expected.children.filter { $0.name.isSame(as: name) }
            let right = actual.children.filter { $0.name.isSame(as: name) }
            mismatches += siblings(left, right, at: path.appending(name))
        }
        for name in actual.children.map(\.name) where seen.insert(name).inserted {
            let place = path.appending(name)
            if allowsUnexpected, rules.best(for: place.all)?.rules.contains(where: \.isType) != true { continue }
            mismatches.append(mismatch(place, nil, name, "the element <\(name)> is not expected"))
        }
        return mismatches
    }

    /// Elements of one name, at least one of them expected.
    private func siblings(_ left: [XMLElement], _ right: [XMLElement], at path: XMLPaths) -> [Mismatch] {
        guard let example = left.first else { return [] }
        if right.isEmpty {
            return [mismatch(path, example.name, nil, "expected an element <\(example.name)>, but it is missing")]
        }
        let isRepeated = rules.best(for: path.all)?.rules.contains(where: \.isType) == true
        var mismatches: [Mismatch] = []
        for (place, element) in right.enumerated() {
            if place < left.count || isRepeated {
                let paths = path.withPlace(place, rules)
                mismatches += compare(place < left.count ? left[place] : example, element, at: paths)
            } else if !allowsUnexpected {
                mismatches.append(mismatch(path, nil, element.name, "there are more <\(element.name)> than expected"))
            }
        }
        if right.count < left.count, !isRepeated {
            mismatches.append(
                mismatch(
                    path, example.name, nil, "expected \(left.count) <\(example.name)>, but there are \(right.count)"))
        }
        return mismatches
    }
}

/// The paths by which rules may name one place in an XML body.
private struct XMLPaths {
    /// The names alone.
    let shown: ValuePath
    /// Others, which some rule goes through.
    private var others: [ValuePath] = []
    /// Those of the element around, for `$.a[0].b`.
    private var parents: [ValuePath] = []
    private var name: String?

    init(_ path: ValuePath) {
        shown = path
    }

    var all: [ValuePath] { [shown] + others }

    func appending(_ name: String) -> XMLPaths {
        var paths = XMLPaths(shown.appending(name))
        paths.others = others.map { $0.appending(name) }
        paths.parents = all
        paths.name = name
        return paths
    }

    /// With the element's place among those of its name.
    func withPlace(_ place: Int, _ rules: RuleCategory) -> XMLPaths {
        guard let name else { return self }
        var paths = self
        let placed =
            all.map { $0.appending(.index(place)) } + parents.map { $0.appending(.index(place)).appending(name) }
        // What no rule goes through is dropped, so that their number does not grow with the depth.
        paths.others = Array((others + placed).filter(rules.leadsThrough).suffix(20))
        return paths
    }
}
