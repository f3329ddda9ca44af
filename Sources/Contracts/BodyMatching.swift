// Bodies against each other: which are there at all, of which type they are, and the comparison for that type.
import BuildEngine

struct BodyMatching {
    let allowsUnexpected: Bool
    let rules: RuleCategory

    /// A body, and what a header says of it.
    struct Side {
        let body: PactBody
        let header: String?

        var type: ContentType? { body.type(header: header) }

        /// What it is said to be, not what it looks like.
        var saidType: ContentType? { body.contentType ?? header.flatMap { ContentType($0) } }
    }

    /// `isHeaderMatched`: a rule for the content type's header holds, so the types need not be the same.
    func compare(_ expected: Side, _ actual: Side, isHeaderMatched: Bool) -> [Mismatch] {
        if case .missing = expected.body.state { return [] }
        if let left = expected.type, let right = actual.saidType, !isHeaderMatched, !left.isEquivalent(to: right),
            case .present = expected.body.state
        {
            return [
                Mismatch(
                    .body, path: "$", expected: left.base, actual: right.base,
                    "expected a body of type \(left.base), but it is of type \(right.base)")
            ]
        }
        switch (expected.body.state, actual.body.state) {
        case (.missing, _), (.empty, .missing), (.empty, .null), (.empty, .empty): return []
        case (.null, .missing), (.null, .null), (.null, .empty): return []
        case (.null, .present(let bytes)):
            if expected.type?.isJSON != false, (try? JSONTree.parse(bytes))?.isNull == true { return [] }
            return [mismatch(nil, bytes, "expected no body")]
        case (.empty, .present(let bytes)): return [mismatch([], bytes, "expected an empty body")]
        case (.present(let bytes), .present(let others)): return contents(bytes, others, expected, actual)
        case (.present(let bytes), .missing), (.present(let bytes), .null):
            return [mismatch(bytes, nil, "expected a body, but there is none")]
        case (.present(let bytes), .empty): return [mismatch(bytes, [], "expected a body, but it is empty")]
        }
    }

    private func mismatch(_ expected: [UInt8]?, _ actual: [UInt8]?, _ sentence: String) -> Mismatch {
        Mismatch(.body, path: "$", expected: expected.map(Self.shown), actual: actual.map(Self.shown), sentence)
    }

    /// Text as it is, other bytes as base64.
    static func shown(_ bytes: [UInt8]) -> String {
        String(validating: bytes, as: UTF8.self) ?? "base64 " + Base64.encode(bytes)
    }

    private func contents(_ expected: [UInt8], _ actual: [UInt8], _ left: Side, _ right: Side) -> [Mismatch] {
        let root = rules.best(for: .root)
        let isBytes = root?.rules.contains { if case .contentType = $0 { true } else { false } } == true
        guard let type = left.type, !isBytes else { return bytes(expected, actual, isText: !isBytes) }
        if type.isJSON { return json(expected, actual) }
        if type.isXML { return xml(expected, actual) }
        if type.isForm { return form(expected, actual) }
        if type.isMultipart {
            return MultipartMatching(body: self).compare(expected, actual, left.boundary, right.boundary)
        }
        return bytes(expected, actual, isText: !type.isBinary)
    }

    // MARK: Types

    private func json(_ expected: [UInt8], _ actual: [UInt8]) -> [Mismatch] {
        do throws(JSONError) {
            let left = try JSONTree.parse(expected)
            let right = try JSONTree.parse(actual)
            return JSONMatching(allowsUnexpected: allowsUnexpected).compare(left, right, at: .root, rules).unique
        } catch {
            let isExpected = (try? JSONTree.parse(expected)) == nil
            let whose = isExpected ? "the expected body" : "the body"
            return [mismatch(expected, actual, "\(whose) is not JSON: \(error.message)")]
        }
    }

    private func xml(_ expected: [UInt8], _ actual: [UInt8]) -> [Mismatch] {
        do throws(ContractReadError) {
            let left = try XMLDocument.parse(expected)
            let right = try XMLDocument.parse(actual)
            return XMLMatching(allowsUnexpected: allowsUnexpected, rules: rules).compare(left.root, right.root).unique
        } catch {
            let isExpected = (try? XMLDocument.parse(expected)) == nil
            let whose = isExpected ? "the expected body" : "the body"
            return [mismatch(expected, actual, "\(whose) is not XML that can be read: \(error.message)")]
        }
    }

    private func form(_ expected: [UInt8], _ actual: [UInt8]) -> [Mismatch] {
        let left = PactField.query(String(decoding: expected, as: UTF8.self).trimmed)
        let right = PactField.query(String(decoding: actual, as: UTF8.self).trimmed)
        return FieldMatching.query(left, right, rules).map {
            Mismatch(
                .body, path: ValuePath.root.appending($0.path).text, expected: $0.expected, actual: $0.actual,
                $0.sentence)
        }
    }

    func bytes(_ expected: [UInt8], _ actual: [UInt8], isText: Bool) -> [Mismatch] {
        guard let list = rules.best(for: .root) else {
            if expected == actual { return [] }
            let what = isText ? "text" : "bytes"
            return [mismatch(expected, actual, "the \(what) differ\(isText ? "s" : "") from what is expected")]
        }
        return ValueMatching.problems(list) {
            ValueMatching.problem($0, expected: expected, actual: actual)
        }.map { mismatch(expected, actual, $0) }
    }
}

extension BodyMatching.Side {
    /// What separates the parts of a multipart body.
    fileprivate var boundary: String? {
        body.contentType?.parameter("boundary") ?? header.flatMap { ContentType($0) }?.parameter("boundary")
    }
}
