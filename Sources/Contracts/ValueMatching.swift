// One rule against one value: a JSON value, a text, bytes or a status. Does not go into objects and arrays, nor choose
// rules.
import BuildEngine

enum ValueMatching {
    /// Applies the rules of a list: what does not hold, empty where the list is content.
    static func problems(_ list: RuleList, _ check: (MatchingRule) -> String?) -> [String] {
        let problems = list.rules.map(check)
        if list.isAny, problems.contains(where: { $0 == nil }) { return [] }
        return problems.compactMap { $0 }
    }

    // MARK: JSON

    /// What is wrong with `actual` by the rule, nil where nothing is.
    static func problem(_ rule: MatchingRule, expected: JSONTree, actual: JSONTree, isCascaded: Bool) -> String? {
        switch rule {
        case .equality, .values:
            return expected.isEqual(to: actual)
                ? nil : "expected \(actual.shown) to be equal to \(expected.shown)"
        case .type(let min, let max):
            guard expected.kind == actual.kind else {
                return
                    "expected \(actual.shown) (\(actual.kind)) to be of the same type as \(expected.shown) (\(expected.kind))"
            }
            guard !isCascaded, let count = actual.elements?.count ?? actual.members?.count else { return nil }
            return size(count, min: min, max: max)
        case .integer: return actual.number?.isWhole == true ? nil : actual.isNot("a whole number")
        case .decimal: return actual.number?.isWhole == false ? nil : actual.isNot("a number with decimal places")
        case .number: return actual.number != nil ? nil : actual.isNot("a number")
        case .null: return actual.isNull ? nil : actual.isNot("null")
        case .boolean:
            if case .bool = actual.content { return nil }
            return actual.text == "true" || actual.text == "false" ? nil : actual.isNot("true or false")
        case .notEmpty:
            let isEmpty =
                actual.isNull || actual.text?.isEmpty == true || actual.elements?.isEmpty == true
                || actual.members?.isEmpty == true
            return isEmpty ? "expected \(actual.shown) (\(actual.kind)) not to be empty" : nil
        case .semver:
            guard let text = actual.text else { return actual.isNot("a semantic version") }
            return problem(rule, expectedText: "", actualText: text)
        case .contentType(let type):
            let bytes = actual.text.map { Base64.decode($0) ?? Array($0.utf8) } ?? actual.bytes
            return problem(contentType: type, bytes)
        case .regex, .include, .date, .time, .dateTime:
            return problem(rule, expectedText: "", actualText: actual.text ?? actual.text(pretty: false))
        case .statusCode(let codes):
            guard let status = actual.whole else { return actual.isNot("a status code") }
            return problem(codes, status: status)
        // Rules about what is in a collection say nothing about the values further down.
        case .arrayContains, .eachKey, .eachValue: return nil
        case .unsupported(let reason): return reason
        }
    }

    /// The size of a collection; nil where it fits.
    static func size(_ count: Int, min: Int?, max: Int?) -> String? {
        if let min, count < min { return "expected at least \(min) elements, but there are \(count)" }
        if let max, count > max { return "expected at most \(max) elements, but there are \(count)" }
        return nil
    }

    // MARK: Text

    /// The same for values that are nothing but text: headers, parameters, paths, XML.
    static func problem(_ rule: MatchingRule, expectedText: String, actualText actual: String) -> String? {
        let shown = "\"\(Mismatch.shown(actual))\""
        func unless(_ holds: Bool, _ what: String) -> String? { holds ? nil : "expected \(shown) to be \(what)" }
        switch rule {
        case .equality, .values:
            return unless(actual.isSame(as: expectedText), "equal to \"\(Mismatch.shown(expectedText))\"")
        case .type: return nil
        case .regex(let pattern): return problem(regex: pattern, actual)
        case .include(let text): return actual.holds(text) ? nil : "expected \(shown) to include \"\(text)\""
        case .integer: return unless(number(actual)?.isWhole == true, "a whole number")
        case .decimal: return unless(number(actual)?.isWhole == false, "a number with decimal places")
        case .number: return unless(number(actual) != nil, "a number")
        case .boolean: return unless(actual == "true" || actual == "false", "true or false")
        case .null: return unless(false, "null")
        case .notEmpty: return actual.isEmpty ? "expected a value that is not empty" : nil
        case .semver: return unless(SemanticVersion.isValid(actual), "a semantic version")
        case .date(let format): return problem(format, or: DatePattern.date, "date", actual)
        case .time(let format): return problem(format, or: DatePattern.time, "time", actual)
        case .dateTime(let format): return problem(format, or: DatePattern.dateTime, "date and time", actual)
        case .contentType(let type): return problem(contentType: type, Array(actual.utf8))
        case .statusCode(let codes):
            guard let status = Int(actual) else { return unless(false, "a status code") }
            return problem(codes, status: status)
        case .arrayContains, .eachKey, .eachValue: return nil
        case .unsupported(let reason): return reason
        }
    }

    private static func number(_ text: String) -> JSONNumber? {
        guard let tree = try? JSONTree.parse(Array(text.utf8)) else { return nil }
        return tree.number
    }

    private static func problem(regex pattern: String, _ text: String) -> String? {
        do throws(JavaRegexError) {
            if try JavaRegex(pattern).matchesWhole(text) { return nil }
            return "expected \"\(Mismatch.shown(text))\" to match /\(pattern)/"
        } catch {
            return "the regular expression /\(Mismatch.shown(pattern))/ can't be used: \(error.message)"
        }
    }

    private static func problem(_ format: String, or standard: String, _ what: String, _ text: String) -> String? {
        let format = format.isEmpty ? standard : format
        do throws(DatePatternError) {
            if try DatePattern(format).matches(text) { return nil }
            return "expected \"\(Mismatch.shown(text))\" to be a \(what) such as \(format)"
        } catch {
            return "the format \(format) can't be used: \(error.message)"
        }
    }

    // MARK: Bytes and statuses

    static func problem(contentType expected: String, _ bytes: [UInt8]) -> String? {
        let found = ContentType.detect(bytes) ?? (bytes.isEmpty ? "application/x-empty" : "application/octet-stream")
        guard let wanted = ContentType(expected) else { return "\"\(expected)\" is no content type" }
        if wanted.base == found { return nil }
        // Bytes alone do not tell one format of text from another.
        if found == "text/plain", wanted.isText, wanted.subtype != "html" { return nil }
        if found == "application/json", wanted.isJSON || wanted.base == "text/plain" { return nil }
        if found == "application/xml", wanted.isXML || wanted.base == "text/plain" { return nil }
        if found == "application/octet-stream", wanted.isBinary, wanted.type == "application" { return nil }
        return "expected bytes of type \(wanted.base), but they look like \(found)"
    }

    static func problem(_ rule: MatchingRule, expected: [UInt8], actual: [UInt8]) -> String? {
        switch rule {
        case .equality, .values:
            return expected == actual
                ? nil : "expected the same \(expected.count) bytes, but there are other \(actual.count)"
        case .type: return nil
        case .contentType(let type): return problem(contentType: type, actual)
        case .notEmpty: return actual.isEmpty ? "expected a body that is not empty" : nil
        default:
            guard let text = String(validating: actual, as: UTF8.self) else { return "the bytes are not UTF-8 text" }
            return problem(rule, expectedText: String(decoding: expected, as: UTF8.self), actualText: text)
        }
    }

    static func problem(_ codes: MatchingRule.StatusCodes, status: Int) -> String? {
        codes.contains(status) ? nil : "expected the status \(status) to be \(codes.text)"
    }

    static func problem(_ rule: MatchingRule, expectedStatus: Int, actualStatus: Int) -> String? {
        switch rule {
        case .statusCode(let codes): problem(codes, status: actualStatus)
        case .equality, .values:
            expectedStatus == actualStatus ? nil : "expected the status \(expectedStatus), but it is \(actualStatus)"
        default: problem(rule, expectedText: String(expectedStatus), actualText: String(actualStatus))
        }
    }
}

extension JSONTree {
    /// The type's name for people.
    var kind: String {
        switch content {
        case .object: "object"
        case .array: "array"
        case .string: "text"
        case .number: "number"
        case .bool: "boolean"
        case .null: "null"
        }
    }

    var number: JSONNumber? {
        if case .number(let spelling) = content { JSONNumber(spelling) } else { nil }
    }

    var shown: String { Mismatch.shown(text(pretty: false)) }

    fileprivate func isNot(_ what: String) -> String { "expected \(shown) (\(kind)) to be \(what)" }

    /// The same value: members in any order, numbers by what they are.
    func isEqual(to other: JSONTree) -> Bool {
        switch (content, other.content) {
        case (.object(let left), .object(let right)):
            guard left.count == right.count else { return false }
            return zip(left.sortedByName, right.sortedByName).allSatisfy {
                $0.name.isSame(as: $1.name) && $0.value.isEqual(to: $1.value)
            }
        case (.array(let left), .array(let right)):
            return left.count == right.count && zip(left, right).allSatisfy { $0.isEqual(to: $1) }
        case (.string(let left), .string(let right)): return left.isSame(as: right)
        case (.number(let left), .number(let right)): return JSONNumber(left) == JSONNumber(right)
        case (.bool(let left), .bool(let right)): return left == right
        case (.null, .null): return true
        default: return false
        }
    }
}

/// Versions by semver.org 2.0.0.
enum SemanticVersion {
    static func isValid(_ text: String) -> Bool {
        if text.utf8.count > 1000 { return false }
        let build = text.utf8.split(separator: UInt8(ascii: "+"), maxSplits: 1, omittingEmptySubsequences: false)
        if build.count == 2, !identifiers(build[1], isNumberPlain: false) { return false }
        let parts = build[0].split(separator: UInt8(ascii: "-"), maxSplits: 1, omittingEmptySubsequences: false)
        if parts.count == 2, !identifiers(parts[1], isNumberPlain: true) { return false }
        let numbers = parts[0].split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        return numbers.count == 3 && numbers.allSatisfy { isNumber($0) }
    }

    private static func isNumber(_ digits: Substring.UTF8View) -> Bool {
        !digits.isEmpty && digits.allSatisfy(\.isDigit) && (digits.count == 1 || digits.first != UInt8(ascii: "0"))
    }

    private static func identifiers(_ text: Substring.UTF8View, isNumberPlain: Bool) -> Bool {
        text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).allSatisfy { part in
            guard !part.isEmpty, part.allSatisfy({ $0.isLetter || $0.isDigit || $0 == UInt8(ascii: "-") }) else {
                return false
            }
            return !isNumberPlain || !part.allSatisfy(\.isDigit) || isNumber(part)
        }
    }
}
