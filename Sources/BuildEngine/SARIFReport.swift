// SARIF 2.1.0, as analysers write it. Reads what is found; does not know which of it matters to anyone.
import BuildGraph

/// The findings of a SARIF log.
///
/// Left out is what SARIF itself says is none: results whose `kind` is not `fail`, whose level is `none`, that are suppressed
/// (3.27.23), or that are gone (`baselineState: absent`).
struct SARIFReport: Sendable {
    var findings: [Finding] = []
    var suppressed = 0

    /// Throws for a log that is damaged, or of a run that did not finish.
    init(_ log: JSONTree) throws(ReportError) {
        if let version = log.member("version"), version.text?.hasPrefix("2.") != true {
            throw ReportError("the report is no SARIF 2.1.0", at: version.range.lowerBound)
        }
        let runs = try log.list("runs", of: "the report")
        if runs.isEmpty { throw ReportError("the report has no run", at: log.range.lowerBound) }
        for run in runs { try add(run) }
    }

    private mutating func add(_ run: JSONTree) throws(ReportError) {
        // 3.14.23: a run that did not get as far as looking has no results, or null.
        guard let results = run.member("results"), !results.isNull else {
            throw ReportError("a run of the report has no 'results': the tool did not finish", at: run.range.lowerBound)
        }
        guard let elements = results.elements else {
            throw ReportError("'results' is no array", at: results.range.lowerBound)
        }
        for invocation in run.member("invocations")?.elements ?? [] {
            if case .bool(false)? = invocation.member("executionSuccessful")?.content {
                throw ReportError(
                    "the report says of itself that the tool failed ('executionSuccessful' is false)",
                    at: invocation.range.lowerBound)
            }
        }
        let rules = SARIFRules(run)
        for result in elements {
            if findings.count == 100_000 {
                throw ReportError("the report has more than 100000 findings", at: result.range.lowerBound)
            }
            guard result.members != nil else { throw ReportError("a result is no object", at: result.range.lowerBound) }
            try add(result, rules, run)
        }
    }

    private mutating func add(_ result: JSONTree, _ rules: SARIFRules, _ run: JSONTree) throws(ReportError) {
        guard result.member("kind")?.text ?? "fail" == "fail", result.member("baselineState")?.text != "absent" else {
            return
        }
        let rule = rules.rule(of: result)
        let word = result.member("level")?.text ?? rule?.member("defaultConfiguration")?.member("level")?.text
        let level: Finding.Level
        switch word {
        case nil, "warning"?: level = .warning
        case "error"?: level = .error
        case "note"?: level = .note
        case "none"?: return
        case let other?:
            throw ReportError(
                "a result has the unknown level '\(BytePath(other).shown)'",
                at: (result.member("level") ?? result).range.lowerBound)
        }
        if Self.isSuppressed(result) {
            suppressed += 1
            return
        }
        let location = result.member("locations")?.elements?.first?.member("physicalLocation")
        findings.append(
            Finding(
                rule: (result.member("ruleId")?.text ?? result.member("rule")?.member("id")?.text
                    ?? rule?.member("id")?.text ?? "").bounded(200),
                level: level, message: Self.message(result, rule).bounded(500),
                file: location.flatMap { Self.file($0, run) },
                line: location?.member("region")?.member("startLine")?.whole.flatMap { $0 > 0 ? $0 : nil },
                fingerprint: Self.fingerprint(result)))
    }

    /// One suppression that is rejected, or still under review, and the result counts (3.35.3).
    private static func isSuppressed(_ result: JSONTree) -> Bool {
        guard let suppressions = result.member("suppressions")?.elements, !suppressions.isEmpty else { return false }
        return suppressions.allSatisfy { ["accepted"].contains($0.member("status")?.text ?? "accepted") }
    }

    /// The text itself, or the rule's message string that it names, with its arguments (3.11).
    private static func message(_ result: JSONTree, _ rule: JSONTree?) -> String {
        let message = result.member("message")
        if let text = message?.member("text")?.text { return text }
        let name = message?.member("id")?.text ?? "default"
        let template =
            rule?.member("messageStrings")?.member(name)?.member("text")?.text
            ?? rule?.member("shortDescription")?.member("text")?.text ?? ""
        return (message?.member("arguments")?.elements ?? []).enumerated().reduce(template) { text, argument in
            text.replacing("{\(argument.offset)}", with: argument.element.text ?? "")
        }
    }

    private static func fingerprint(_ result: JSONTree) -> String? {
        // 'fingerprints' are the tool's complete ones, 'partialFingerprints' parts of one; both are stable by definition.
        let members =
            (result.member("fingerprints")?.members ?? []) + (result.member("partialFingerprints")?.members ?? [])
        let parts = members.compactMap { member in member.value.text.map { "\(member.name)=\($0)" } }
        return parts.isEmpty ? nil : parts.sorted().joined(separator: "\n").bounded(2000)
    }

    private static func file(_ location: JSONTree, _ run: JSONTree) -> BytePath? {
        var artifact = location.member("artifactLocation")
        if artifact?.member("uri") == nil, let index = artifact?.member("index")?.whole,
            let artifacts = run.member("artifacts")?.elements, artifacts.indices.contains(index)
        {
            artifact = artifacts[index].member("location")
        }
        guard let uri = artifact?.member("uri")?.text else { return nil }
        if uri.contains(":") { return path(uri) }
        // A base that is a place on a disk makes it one, too; any other base is as good as none.
        let base = artifact?.member("uriBaseId")?.text
            .flatMap { run.member("originalUriBaseIds")?.member($0)?.member("uri")?.text }
        if let base, base.hasPrefix("file://") { return path(base.hasSuffix("/") ? base + uri : base + "/" + uri) }
        return path(uri)
    }

    /// The path of a `file:` URI, or of a relative reference; nil for other schemes.
    private static func path(_ uri: String) -> BytePath? {
        var rest = uri[...]
        if uri.hasPrefix("file://") {
            rest = uri.dropFirst(7).drop { $0 != "/" }
        } else if uri.hasPrefix("file:") {
            rest = uri.dropFirst(5)
        } else if uri.utf8.prefix(while: { $0 != UInt8(ascii: "/") }).contains(UInt8(ascii: ":")) {
            return nil
        }
        var bytes: [UInt8] = []
        var source = Array(rest.utf8)[...]
        while let byte = source.popFirst() {
            if byte == UInt8(ascii: "%"), source.count >= 2, let high = source[source.startIndex].hexValue,
                let low = source[source.startIndex + 1].hexValue
            {
                bytes.append(high << 4 | low)
                source = source.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return bytes.isEmpty || bytes.contains(0) ? nil : BytePath(bytes: bytes)
    }
}

/// The rules that a run's results refer to.
private struct SARIFRules {
    private let driver: [JSONTree]
    private let extensions: [[JSONTree]]
    private let byName: [String: JSONTree]

    init(_ run: JSONTree) {
        let tool = run.member("tool")
        driver = tool?.member("driver")?.member("rules")?.elements ?? []
        extensions = (tool?.member("extensions")?.elements ?? []).map { $0.member("rules")?.elements ?? [] }
        byName = Dictionary(
            (driver + extensions.flatMap { $0 }).compactMap { rule in rule.member("id")?.text.map { ($0, rule) } }
        ) { first, _ in first }
    }

    /// By index, and by name where no index fits; `a/b` is also a case of the rule `a` (3.27.5).
    func rule(of result: JSONTree) -> JSONTree? {
        let reference = result.member("rule")
        var rules = driver
        if let index = reference?.member("toolComponent")?.member("index")?.whole {
            rules = extensions.indices.contains(index) ? extensions[index] : []
        }
        if let index = result.member("ruleIndex")?.whole ?? reference?.member("index")?.whole,
            rules.indices.contains(index)
        {
            return rules[index]
        }
        guard let name = result.member("ruleId")?.text ?? reference?.member("id")?.text else { return nil }
        if let rule = byName[name] { return rule }
        return name.lastIndex(of: "/").flatMap { byName[String(name[..<$0])] }
    }
}
