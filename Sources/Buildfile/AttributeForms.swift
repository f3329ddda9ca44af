// What the words of each attribute mean. This file does not know rules, nor what an attribute does to one.

/// What kind of file `[report …]` names.
package enum ReportKind: String, Sendable, Hashable, CaseIterable {
    case junit, sarif
}

/// A number in a report that decides whether a target succeeds: `[gate mutation >= 80 reports/mutation.json]`.
package struct Gate: Sendable, Hashable {
    package enum Metric: String, Sendable, Hashable, CaseIterable {
        case mutation, coverage, lint
    }

    package enum Comparison: String, Sendable, Hashable, CaseIterable {
        case atLeast = ">="
        case above = ">"
        case atMost = "<="
        case below = "<"
        case equal = "=="
        case unequal = "!="

        /// Whether `measured` satisfies the comparison with `threshold`.
        package func accepts(_ measured: Double, _ threshold: Double) -> Bool {
            switch self {
            case .atLeast: measured >= threshold
            case .above: measured > threshold
            case .atMost: measured <= threshold
            case .below: measured < threshold
            case .equal: measured == threshold
            case .unequal: measured != threshold
            }
        }
    }

    /// What is compared with the number.
    package enum Subject: String, Sendable, Hashable, CaseIterable {
        /// What the report says.
        case value = ""
        /// How many of the findings the base does not have: of `lint` alone.
        case new
        /// How many percentage points less than the base's it is: of `mutation` and `coverage`.
        case drop
    }

    package let metric: Metric
    package let subject: Subject
    package let comparison: Comparison
    package let threshold: Double
    package let file: Word
    /// Whether a base that nobody knows refuses the target; otherwise it passes with a notice.
    package let failsIfUnknown: Bool

    package init(
        metric: Metric, subject: Subject = .value, comparison: Comparison, threshold: Double, file: Word,
        failsIfUnknown: Bool = false
    ) {
        self.metric = metric
        self.subject = subject
        self.failsIfUnknown = failsIfUnknown
        self.comparison = comparison
        self.threshold = threshold
        self.file = file
    }
}

/// An attribute whose words have been understood.
package enum RuleAttribute: Sendable, Hashable {
    case timeout(Duration)
    case retries(Int)
    case pool(String)
    case network
    case uncached
    /// A folder, with its trailing `/`.
    case keep(Word)
    case report(kind: ReportKind, glob: Word)
    case gate(Gate)
    /// `os/arch` or `os/arch/variant`, each.
    case platform([String])
    case dockerfile(Word)
    case context(Word)
    case target(Word)
    case argument(name: String, value: Word)
    case pact(PactSettings)
    /// A command's words.
    case states([String])
    case pending
    case batch
    case changedOnly
    /// A document of the provider's own, and what it describes.
    case document(InterfaceKind, Word)

    /// Nil for an unknown attribute and for words that have not the attribute's form; `$name` has to be expanded before.
    package init?(_ attribute: Attribute) {
        guard let form = AttributeForm(rawValue: attribute.name.text),
            case .success(let value) = form.read(attribute.arguments)
        else { return nil }
        self = value
    }
}

/// `90s`, `10m`, `1h30m`: hours, minutes and seconds in this order, each at most once, at least one of them.
/// Nil for anything else, and for more than a year.
package func parseDuration(_ text: String) -> Duration? {
    let longest = 366 * 24 * 3600
    var seconds = 0
    var number: Int?
    var nextUnit = 0
    for byte in text.utf8 {
        if byte.isDigit {
            let value = (number ?? 0) * 10 + Int(byte - UInt8(ascii: "0"))
            guard value <= longest else { return nil }
            number = value
            continue
        }
        guard let value = number else { return nil }
        let unit: (place: Int, seconds: Int)
        switch byte {
        case UInt8(ascii: "h"): unit = (0, 3600)
        case UInt8(ascii: "m"): unit = (1, 60)
        case UInt8(ascii: "s"): unit = (2, 1)
        default: return nil
        }
        guard unit.place >= nextUnit else { return nil }
        seconds += value * unit.seconds
        nextUnit = unit.place + 1
        number = nil
    }
    guard number == nil, nextUnit > 0, seconds <= longest else { return nil }
    return .seconds(seconds)
}

/// The attributes there are.
enum AttributeForm: String, CaseIterable {
    case timeout, retries, pool, network, uncached, keep, report, gate, platform, dockerfile, context, target, arg
    case pact, states, pending, batch, openapi, proto, schema
    case changedOnly = "changed-only"

    /// The first word that has not the form; nil where the number of words is wrong.
    struct Mismatch: Error {
        let word: Word?
    }

    /// Whether a rule may have several of it.
    var isRepeatable: Bool {
        switch self {
        // Protobuf definitions lie in several files.
        case .keep, .report, .gate, .arg, .proto: true
        default: false
        }
    }

    /// The form as people write it.
    var usage: String {
        switch self {
        case .timeout: "[timeout DURATION], such as 90s, 10m or 1h30m"
        case .retries: "[retries N], N from 0 to 100"
        case .pool: "[pool NAME]"
        case .network: "[network]"
        case .uncached: "[uncached]"
        case .keep: "[keep DIR/], with a '/' at its end"
        case .report: "[report junit GLOB] or [report sarif GLOB]"
        case .gate:
            "[gate mutation|coverage|lint OP NUMBER FILE], or against the base [gate lint new OP NUMBER FILE] and "
                + "[gate mutation|coverage drop OP NUMBER FILE], with if-unknown=pass|fail at the end; "
                + "OP one of >= > <= < == !="
        case .platform: "[platform OS/ARCH…], such as linux/amd64"
        case .dockerfile: "[dockerfile PATH]"
        case .context: "[context PATH]"
        case .target: "[target STAGE]"
        case .arg: "[arg NAME=VALUE]"
        case .pact:
            "[pact KEY=VALUE…] or [pact image KEY=VALUE…], KEY=VALUE once each of health=/PATH states=/PATH messages=/PATH wait=30s answer=30s parallel=N"
        case .states: "[states WORD…], the words of a command"
        case .pending: "[pending]"
        case .batch: "[batch]"
        case .changedOnly: "[changed-only]"
        case .openapi: "[openapi FILE], the provider's OpenAPI document"
        case .proto: "[proto FILE], the provider's .proto file or binary FileDescriptorSet"
        case .schema: "[schema FILE], the JSON Schema of the provider's messages"
        }
    }

    private func acceptsCount(_ count: Int) -> Bool {
        switch self {
        case .network, .uncached, .pending, .batch, .changedOnly: count == 0
        case .platform, .states: count >= 1
        case .pact: true
        case .report: count == 2
        case .gate: (4...6).contains(count)
        default: count == 1
        }
    }

    /// What the words mean, or the first one that is wrong.
    func read(_ words: [Word]) -> Result<RuleAttribute, Mismatch> {
        guard acceptsCount(words.count) else { return .failure(Mismatch(word: nil)) }
        switch self {
        case .network: return .success(.network)
        case .uncached: return .success(.uncached)
        case .pending: return .success(.pending)
        case .batch: return .success(.batch)
        case .changedOnly: return .success(.changedOnly)
        case .states:
            if words[0].text.isEmpty { return .failure(Mismatch(word: words[0])) }
            return .success(.states(words.map(\.text)))
        case .pact:
            do throws(PactSettings.Mismatch) {
                return .success(.pact(try PactSettings(words)))
            } catch {
                return .failure(Mismatch(word: error.word))
            }
        case .report:
            return value(words[0]) { ReportKind(rawValue: $0).map { .report(kind: $0, glob: words[1]) } }
        case .gate: return readGate(words)
        case .platform:
            if let bad = words.first(where: { !Self.isPlatform($0.text) }) { return .failure(Mismatch(word: bad)) }
            return .success(.platform(words.map(\.text)))
        default: return readSingle(words[0])
        }
    }

    private func readSingle(_ word: Word) -> Result<RuleAttribute, Mismatch> {
        value(word) { text in
            switch self {
            case .timeout: parseDuration(text).flatMap { $0 > .zero ? .timeout($0) : nil }
            case .retries: Self.count(text, upTo: 100).map { .retries($0) }
            case .pool: isName(text) ? .pool(text) : nil
            case .keep: text.utf8.last == UInt8(ascii: "/") ? .keep(word) : nil
            case .dockerfile: text.isEmpty ? nil : .dockerfile(word)
            case .context: text.isEmpty ? nil : .context(word)
            case .target: text.isEmpty ? nil : .target(word)
            case .arg: Self.argument(word)
            case .openapi, .proto, .schema:
                text.isEmpty || text.utf8.last == UInt8(ascii: "/")
                    ? nil : InterfaceKind(rawValue: rawValue).map { .document($0, word) }
            case .network, .uncached, .report, .gate, .platform, .pact, .states, .pending, .batch, .changedOnly: nil
            }
        }
    }

    private func readGate(_ words: [Word]) -> Result<RuleAttribute, Mismatch> {
        guard let metric = Gate.Metric(rawValue: words[0].text) else { return .failure(Mismatch(word: words[0])) }
        var rest = words.dropFirst()
        var subject = Gate.Subject.value
        if let named = rest.first.flatMap({ Gate.Subject(rawValue: $0.text) }), named != .value {
            guard (metric == .lint) == (named == .new) else { return .failure(Mismatch(word: words[1])) }
            subject = named
            rest = rest.dropFirst()
        }
        var failsIfUnknown = false
        if rest.count == 4, subject != .value {
            guard let policy = rest.popLast(), ["if-unknown=pass", "if-unknown=fail"].contains(policy.text) else {
                return .failure(Mismatch(word: words.last))
            }
            failsIfUnknown = policy.text.hasSuffix("fail")
        }
        let words = Array(rest)
        guard words.count == 3 else { return .failure(Mismatch(word: nil)) }
        guard let comparison = Gate.Comparison(rawValue: words[0].text) else {
            return .failure(Mismatch(word: words[0]))
        }
        return value(words[1]) { text in
            guard text.utf8.allSatisfy({ $0.isDigit || $0 == UInt8(ascii: ".") }), let threshold = Double(text),
                threshold.isFinite
            else { return nil }
            return .gate(
                Gate(
                    metric: metric, subject: subject, comparison: comparison, threshold: threshold, file: words[2],
                    failsIfUnknown: failsIfUnknown))
        }
    }

    private func value(_ word: Word, _ read: (String) -> RuleAttribute?) -> Result<RuleAttribute, Mismatch> {
        guard let attribute = read(word.text) else { return .failure(Mismatch(word: word)) }
        return .success(attribute)
    }

    private static func count(_ text: String, upTo most: Int) -> Int? {
        guard text.utf8.allSatisfy(\.isDigit), let number = Int(text), number <= most else { return nil }
        return number
    }

    private static func isPlatform(_ text: String) -> Bool {
        let parts = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard parts.count == 2 || parts.count == 3 else { return false }
        return parts.allSatisfy { part in
            !part.isEmpty
                && part.allSatisfy { $0.isLowercaseLetter || $0.isDigit || $0 == UInt8(ascii: "_") }
        }
    }

    private static func argument(_ word: Word) -> RuleAttribute? {
        guard let equals = word.text.utf8.firstIndex(of: UInt8(ascii: "=")) else { return nil }
        let name = String(word.text[..<equals])
        guard isVariableName(name) else { return nil }
        let value = String(word.text[word.text.utf8.index(after: equals)...])
        // With quotes inside, the text's bytes are not the source's, and the whole word is pointed at.
        let isPlain = word.span.length == word.text.utf8.count
        let span = SourceSpan(
            word.span.source, offset: isPlain ? word.span.offset + name.utf8.count + 1 : word.span.offset,
            length: isPlain ? value.utf8.count : word.span.length)
        return .argument(name: name, value: Word(value, span))
    }

    /// The mistake in `words`, if there is one; a word that holds a `$` is right until it has been expanded.
    func mismatch(in words: [Word]) -> Mismatch? {
        let isExpanded = !words.contains { $0.text.utf8.contains(UInt8(ascii: "$")) }
        let expanded =
            isExpanded
            ? words
            : words.enumerated().map { index, word in
                word.text.utf8.contains(UInt8(ascii: "$"))
                    ? Word(standIn(for: word, at: index, of: words), word.span) : word
            }
        guard case .failure(let mismatch) = read(expanded) else { return nil }
        return mismatch
    }

    /// As below, for a gate: with more than four words it is one against the base.
    private static func gateStandIn(at index: Int, of words: [Word]) -> String {
        let isAgainstBase = words.count > 4
        switch isAgainstBase && index > 1 ? index - 1 : index {
        case 0: return isAgainstBase && words[1].text == "new" ? "lint" : "mutation"
        case 1 where isAgainstBase && index == 1: return words[0].text == "lint" ? "new" : "drop"
        case 1: return ">="
        case 2: return "0"
        case 4: return "if-unknown=pass"
        default: return "name"
        }
    }

    /// A word that has the form of the one at `index`.
    private func standIn(for word: Word, at index: Int, of words: [Word]) -> String {
        switch self {
        case .pact: PactSettings.standIn(for: word)
        case .timeout: "1s"
        case .retries: "0"
        case .keep: "folder/"
        case .report where index == 0: "junit"
        case .gate: Self.gateStandIn(at: index, of: words)
        case .platform: "linux/amd64"
        case .arg: "NAME=value"
        default: "name"
        }
    }
}

/// What is wrong with `attribute`, which stands after the attributes `earlier` of the same rule.
func checkForm(of attribute: Attribute, after earlier: [Attribute]) -> Diagnostic? {
    let name = attribute.name
    guard let form = AttributeForm(rawValue: name.text) else {
        let known = AttributeForm.allCases.map(\.rawValue)
        let hint =
            nearestWord(to: name.text, among: known).map { "did you mean '\($0)'?" }
            ?? "known attributes: \(known.sorted().joined(separator: ", "))"
        return Diagnostic(.unknownAttribute, "unknown attribute '\(name.text)'", at: name.span, hint: hint)
    }
    if let mismatch = form.mismatch(in: attribute.arguments) {
        let wrong = mismatch.word
        let message =
            wrong.map { "'\(name.text)' does not take '\($0.text)'" } ?? "'\(name.text)' has the wrong number of words"
        return Diagnostic(
            .badAttribute, message, at: wrong?.span ?? name.span, hint: "write \(form.usage)")
    }
    if !form.isRepeatable, let first = earlier.first(where: { $0.name.text == name.text }) {
        return Diagnostic(
            .badAttribute, "'\(name.text)' is given twice", at: name.span,
            notes: [Diagnostic.Note("given first here", at: first.name.span)], hint: "remove one of them")
    }
    return nil
}
