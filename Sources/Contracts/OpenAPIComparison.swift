// Two OpenAPI documents operation by operation: what the expected one does must go on working with the actual one. Schemas
// are compared elsewhere.
import BuildEngine

struct OpenAPIComparison {
    let expected: OpenAPIModel
    let actual: OpenAPIModel
    let question: CompatibilityQuestion
    private(set) var findings: [Incompatibility] = []

    init(expected: OpenAPIModel, actual: OpenAPIModel, question: CompatibilityQuestion) {
        self.expected = expected
        self.actual = actual
        self.question = question
    }

    private var old: String { question == .consumer ? "the consumer" : "the old version" }
    private var new: String { question == .consumer ? "the provider" : "the new version" }

    mutating func run() {
        for (key, operation) in expected.operations.sorted(by: { $0.key < $1.key }) {
            if let other = actual.operations[key] {
                compare(operation, other)
                continue
            }
            let path = key.parts(separatedBy: 0x20).dropFirst().joined(separator: " ")
            let isPath = actual.paths[path] == nil
            let around = actual.paths[path] ?? actual.source.root.member("paths") ?? actual.source.root
            report(
                isPath ? "path-removed" : "operation-removed", .both, operation.name,
                isPath ? "\(new) has no such path" : "\(new) has no such operation", operation.node, around,
                text: operation.name)
        }
        for (key, hook) in expected.webhooks.sorted(by: { $0.key < $1.key }) { compareHook(key, hook) }
    }

    private mutating func compare(_ mine: OpenAPIModel.Operation, _ its: OpenAPIModel.Operation) {
        compareParameters(mine, its)
        compareBodies(mine, its)
        compareResponses(mine, its)
        compareSecurity(mine, its)
        guard let callbacks = mine.callbacks else { return }
        var equality = SchemaEquality(expected.source, actual.source)
        if let others = its.callbacks, equality.isSame(callbacks, others) { return }
        report(
            "callbacks-changed", .both, mine.name, "whether the callbacks still fit cannot be told", callbacks,
            its.callbacks ?? its.node, isCertain: false)
    }

    // MARK: Requests

    private mutating func compareParameters(_ mine: OpenAPIModel.Operation, _ its: OpenAPIModel.Operation) {
        for parameter in mine.parameters {
            let shown = "\(parameter.location) parameter '\(ReportText.line(parameter.node.text("name") ?? ""))'"
            let place = "\(mine.name), \(shown)"
            guard
                let other = its.parameters.first(where: {
                    $0.name == parameter.name && $0.location == parameter.location
                })
            else {
                report(
                    "request-parameter-removed", .request, place, "\(new) does not know this parameter",
                    parameter.node, its.node, text: shown)
                continue
            }
            if other.isRequired, !parameter.isRequired {
                report(
                    "request-parameter-became-required", .request, place,
                    "\(new) requires this parameter, which \(old) may leave out", parameter.node, other.node,
                    text: "optional", otherText: "required")
            }
            if other.style != parameter.style {
                report(
                    "request-parameter-style-changed", .request, place, "it is written in another way", parameter.node,
                    other.node, text: parameter.style, otherText: other.style)
            }
            compareSchemas(parameter.schema, other.schema, .request, place)
        }
        for other in its.parameters where other.isRequired {
            let isKnown = mine.parameters.contains { $0.name == other.name && $0.location == other.location }
            if isKnown || other.location == "path" { continue }
            let shown = "\(other.location) parameter '\(ReportText.line(other.node.text("name") ?? ""))'"
            report(
                "request-required-parameter-added", .request, "\(mine.name), \(shown)",
                "\(new) requires this parameter, which \(old) does not send", mine.node, other.node, otherText: shown)
        }
    }

    private mutating func compareBodies(_ mine: OpenAPIModel.Operation, _ its: OpenAPIModel.Operation) {
        let place = "\(mine.name), request body"
        switch (mine.body, its.body) {
        case (nil, nil): break
        case (nil, let body?):
            if body.isRequired {
                report(
                    "request-body-added", .request, place, "\(new) requires a body, which \(old) does not send",
                    mine.node, body.node, otherText: "required")
            }
        case (let body?, nil):
            report("request-body-removed", .request, place, "\(new) takes no body", body.node, its.node, text: "a body")
        case (let body?, let other?):
            if other.isRequired, !body.isRequired {
                report(
                    "request-body-became-required", .request, place,
                    "\(new) requires the body, which \(old) may leave out", body.node, other.node, text: "optional",
                    otherText: "required")
            }
            compareContent(body.content, other.content, .request, place, body.node, other.node)
        }
    }

    /// `mine` are the media types that are expected to go on.
    private mutating func compareContent(
        _ mine: [(type: String, node: SchemaNode)], _ its: [(type: String, node: SchemaNode)],
        _ side: Incompatibility.Side, _ place: String, _ node: SchemaNode, _ other: SchemaNode
    ) {
        for (type, media) in mine {
            let found =
                its.first { $0.type == type } ?? its.first { Self.covers($0.type, type) }
                ?? its.first { Self.covers(type, $0.type) }
            let whole = "\(place), \(ReportText.line(type))"
            guard let found else {
                report(
                    "\(side.rawValue)-media-type-removed", side, whole,
                    side == .request ? "\(new) does not take this media type" : "\(new) does not send this media type",
                    media, other, text: type, otherText: its.map(\.type).joined(separator: ", "))
                continue
            }
            compareSchemas(media.member("schema"), found.node.member("schema"), side, whole)
            if side == .request, media.member("encoding") != nil || found.node.member("encoding") != nil {
                var equality = SchemaEquality(expected.source, actual.source)
                if let one = media.member("encoding"), let another = found.node.member("encoding"),
                    equality.isSame(one, another)
                {
                    continue
                }
                report(
                    "request-encoding-changed", .request, whole, "whether the parts' encodings fit cannot be told",
                    media, found.node, isCertain: false)
            }
        }
    }

    private static func covers(_ range: String, _ type: String) -> Bool {
        if range == "*/*" { return true }
        return range.hasSuffix("/*") && type.hasPrefix(range.dropLast(1))
    }

    // MARK: Responses

    private mutating func compareResponses(_ mine: OpenAPIModel.Operation, _ its: OpenAPIModel.Operation) {
        var pairs: [(OpenAPIModel.Response, OpenAPIModel.Response)] = []
        for response in mine.responses {
            let found = its.responses.filter { Self.isIn($0.status, response.status) }
            if !found.isEmpty {
                pairs += found.map { (response, $0) }
            } else if let wide = Self.cover(response.status, its.responses) {
                pairs.append((response, wide))
            } else {
                report(
                    "response-status-removed", .response, "\(mine.name), response \(response.status)",
                    "\(new) does not answer so", response.node, its.node.member("responses") ?? its.node,
                    text: response.status, otherText: its.responses.map(\.status).joined(separator: ", "))
            }
        }
        for response in its.responses where !pairs.contains(where: { $0.1.status == response.status }) {
            if let known = Self.cover(response.status, mine.responses) {
                pairs.append((known, response))
            } else if response.status.hasPrefix("2"), !mine.responses.isEmpty {
                report(
                    "response-status-added", .response, "\(mine.name), response \(response.status)",
                    "\(new) may answer so, which \(old) does not know", mine.node.member("responses") ?? mine.node,
                    response.node, text: mine.responses.map(\.status).joined(separator: ", "),
                    otherText: response.status)
            }
        }
        for (one, other) in pairs { compare(one, other, mine) }
    }

    /// Whether everything of `status` is something of `wide`.
    private static func isIn(_ status: String, _ wide: String) -> Bool {
        status == wide || (wide.hasSuffix("XX") && status.utf8.first == wide.utf8.first)
    }

    private static func cover(_ status: String, _ responses: [OpenAPIModel.Response]) -> OpenAPIModel.Response? {
        responses.first { $0.status == status } ?? responses.first { isIn(status, $0.status) }
            ?? responses.first { $0.status == "default" }
    }

    private mutating func compare(
        _ mine: OpenAPIModel.Response, _ its: OpenAPIModel.Response, _ operation: OpenAPIModel.Operation
    ) {
        let place = "\(operation.name), response \(its.status)"
        compareContent(mine.content, its.content, .response, place, mine.node, its.node)
        for header in mine.headers {
            let whole = "\(place), header '\(ReportText.line(header.name))'"
            guard let other = its.headers.first(where: { $0.name == header.name }) else {
                report(
                    "response-header-removed", .response, whole, "\(new) does not send this header", header.node,
                    its.node, text: header.name)
                continue
            }
            if header.isRequired, !other.isRequired {
                report(
                    "response-header-became-optional", .response, whole,
                    "\(new) may leave out this header, which \(old) always expects", header.node, other.node,
                    text: "required", otherText: "optional")
            }
            compareSchemas(header.schema, other.schema, .response, whole)
        }
    }

    // MARK: The rest

    private mutating func compareSecurity(_ mine: OpenAPIModel.Operation, _ its: OpenAPIModel.Operation) {
        guard let asked = its.security, !asked.isEmpty, !asked.contains(where: \.isEmpty) else { return }
        // A consumer's document that says nothing of security leaves it to where it runs.
        if question == .consumer, !expected.saysSecurity, mine.security == nil { return }
        let given = mine.security ?? []
        let node = mine.node.member("security") ?? expected.source.root.member("security") ?? mine.node
        let other = its.node.member("security") ?? actual.source.root.member("security") ?? its.node
        for one in given.isEmpty ? [[:]] : given {
            let fits = asked.contains { needed in
                needed.allSatisfy { scheme, scopes in one[scheme].map { scopes.isSubset(of: $0) } ?? false }
            }
            if fits { continue }
            let hasSchemes = asked.contains { needed in needed.keys.allSatisfy { one[$0] != nil } }
            report(
                one.isEmpty
                    ? "request-security-added" : hasSchemes ? "request-scopes-added" : "request-security-changed",
                .request, "\(mine.name), security",
                one.isEmpty
                    ? "\(new) requires credentials" : "\(new) does not take these credentials alone", node, other,
                text: one.isEmpty ? "none" : one.keys.sorted().joined(separator: " and "),
                otherText: asked.map { $0.keys.sorted().joined(separator: " and ") }.joined(separator: " or "))
        }
    }

    /// What the provider sends by itself: its body is what the consumer reads.
    private mutating func compareHook(_ key: String, _ hook: OpenAPIModel.Operation) {
        guard let other = actual.webhooks[key] else {
            report(
                "webhook-removed", .response, hook.name, "\(new) does not send this", hook.node,
                actual.source.root.member("webhooks") ?? actual.source.root, text: hook.name)
            return
        }
        if let body = hook.body {
            guard let sent = other.body else {
                report(
                    "response-body-removed", .response, hook.name, "\(new) sends no body", body.node, other.node,
                    text: "a body")
                return
            }
            compareContent(body.content, sent.content, .response, hook.name, body.node, sent.node)
        }
        for response in other.responses where response.status.hasPrefix("2") {
            guard let mine = Self.cover(response.status, hook.responses) else { continue }
            compareContent(
                mine.content, response.content, .request, "\(hook.name), response \(response.status)", mine.node,
                response.node)
        }
    }

    private mutating func compareSchemas(
        _ mine: SchemaNode?, _ its: SchemaNode?, _ side: Incompatibility.Side, _ place: String
    ) {
        let nothing = JSONTree(.object([]))
        if mine == nil, its == nil { return }
        // What a consumer does not look at may be anything; what nobody describes may be anything too.
        if side == .response, mine == nil { return }
        if side == .request, its == nil { return }
        var comparison = SchemaComparison(
            expected: expected.source, actual: actual.source, question: question, side: side, place: place)
        comparison.compare(
            mine ?? SchemaNode(pointer: "", variant: "nothing", tree: nothing),
            its ?? SchemaNode(pointer: "", variant: "nothing", tree: nothing))
        findings += comparison.findings
    }

    private mutating func report(
        _ kind: String, _ side: Incompatibility.Side, _ place: String, _ message: String, _ node: SchemaNode,
        _ other: SchemaNode, text: String? = nil, otherText: String? = nil, isCertain: Bool = true
    ) {
        func spot(_ node: SchemaNode, _ source: SchemaSource, _ text: String?) -> Incompatibility.Spot {
            Incompatibility.Spot(
                pointer: node.pointer, line: source.line(node), text: text.map(SchemaComparison.short))
        }
        findings.append(
            Incompatibility(
                kind: kind, side: side, isCertain: isCertain, place: place,
                expected: spot(node, expected.source, text), actual: spot(other, actual.source, otherText),
                message: message))
    }
}
