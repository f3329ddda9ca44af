// The comparison that verification is about: what a pact demands, and what really came. Pure; does not send anything.
import BuildEngine

/// Matching by the rules of the Pact specification, versions 2 to 4.
package enum PactMatching {
    /// What differs in a request; empty where it is what the contract says. Strict: no members, parameters or elements
    /// that are not expected, but any further headers.
    package static func request(expected: PactRequest, actual: PactRequest) -> [Mismatch] {
        let rules = expected.rules
        let method = single(.method, expected.method, actual.method, rules.method) {
            $0.asciiLowercased == $1.asciiLowercased ? nil : "expected the method \($0), but it is \($1)"
        }
        let path = single(.path, expected.path, actual.path, rules.path) {
            ValueMatching.problem(.equality, expectedText: $0, actualText: $1)
        }
        return method + path + FieldMatching.query(expected.query, actual.query, rules.query)
            + FieldMatching.headers(expected.headers, actual.headers, rules.header)
            + body(expected.body, expected.headers, actual.body, actual.headers, rules, allowsUnexpected: false)
    }

    /// What differs in a response; empty where it is what the contract says. More members than expected are allowed.
    package static func response(expected: PactResponse, actual: PactResponse) -> [Mismatch] {
        let rules = expected.rules
        let list = rules.status ?? RuleList(rules: [.equality])
        let status = ValueMatching.problems(list) {
            ValueMatching.problem($0, expectedStatus: expected.status, actualStatus: actual.status)
        }.map { Mismatch(.status, expected: String(expected.status), actual: String(actual.status), $0) }
        return status + FieldMatching.headers(expected.headers, actual.headers, rules.header)
            + body(expected.body, expected.headers, actual.body, actual.headers, rules, allowsUnexpected: true)
    }

    /// What differs in a message; empty where it is what the contract says. More members than expected are allowed.
    package static func message(expected: PactMessage, actual: PactMessage) -> [Mismatch] {
        let matching = BodyMatching(allowsUnexpected: true, rules: expected.rules.body)
        let left = BodyMatching.Side(body: expected.contents, header: expected.metadata.contentType)
        let right = BodyMatching.Side(body: actual.contents, header: actual.metadata.contentType)
        return metadata(expected.metadata, actual.metadata, expected.rules.metadata)
            + matching.compare(left, right, isHeaderMatched: false)
    }

    // MARK: Parts

    private static func single(
        _ part: Mismatch.Part, _ expected: String, _ actual: String, _ list: RuleList?,
        equal: (String, String) -> String?
    ) -> [Mismatch] {
        let problems =
            list.map { list in
                ValueMatching.problems(list) {
                    ValueMatching.problem($0, expectedText: expected, actualText: actual)
                }
            } ?? equal(expected, actual).map { [$0] } ?? []
        return problems.map { Mismatch(part, expected: expected, actual: actual, $0) }
    }

    private static func body(
        _ expected: PactBody, _ expectedHeaders: [PactField], _ actual: PactBody, _ actualHeaders: [PactField],
        _ rules: PactRules, allowsUnexpected: Bool
    ) -> [Mismatch] {
        let left = BodyMatching.Side(body: expected, header: expectedHeaders.header("content-type"))
        let right = BodyMatching.Side(body: actual, header: actualHeaders.header("content-type"))
        let list = rules.header.all(for: ValuePath.root.appending("content-type"))
        let isMatched = list.map { list in
            ValueMatching.problems(list) {
                ValueMatching.problem($0, expectedText: left.header ?? "", actualText: right.header ?? "")
            }.isEmpty
        }
        return BodyMatching(allowsUnexpected: allowsUnexpected, rules: rules.body)
            .compare(left, right, isHeaderMatched: isMatched ?? false)
    }

    private static func metadata(
        _ expected: [JSONTree.Member], _ actual: [JSONTree.Member], _ rules: RuleCategory
    ) -> [Mismatch] {
        expected.flatMap { member -> [Mismatch] in
            let path = ValuePath.root.appending(member.name)
            let isType = ["contenttype", "content-type"].contains(member.name.asciiLowercased)
            let found =
                isType
                ? actual.first { ["contenttype", "content-type"].contains($0.name.asciiLowercased) }?.value
                : actual.first(named: member.name)
            func mismatch(_ sentence: String) -> Mismatch {
                Mismatch(
                    .metadata, path: path.text, expected: member.value.text(pretty: false),
                    actual: found?.text(pretty: false), sentence)
            }
            guard let found else { return [mismatch("expected \"\(member.name)\", but it is missing")] }
            if let list = rules.best(for: path) {
                return ValueMatching.problems(list) {
                    ValueMatching.problem($0, expected: member.value, actual: found, isCascaded: list.isCascaded)
                }.map(mismatch)
            }
            if isType, let left = member.value.text, let right = found.text {
                return FieldMatching.isParameterised(left, right)
                    ? [] : [mismatch("expected \"\(right)\" to be equal to \"\(left)\"")]
            }
            return ValueMatching.problem(.equality, expected: member.value, actual: found, isCascaded: false)
                .map { [mismatch($0)] } ?? []
        }
    }
}
