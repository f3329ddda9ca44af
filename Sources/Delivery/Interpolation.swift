// Replaces `$NAME` and `${NAME…}` in one text by compose-go's rules. Does not know files, YAML, or where values come from.

/// What became of one text.
package struct Interpolation: Sendable {
    /// What is wrong with a text, and where in its bytes.
    package struct Mistake: Error, Sendable, Hashable {
        /// In one line without a final full stop.
        package let message: String
        /// What to do; nil where the message says it all.
        package let hint: String?
        /// Offsets in the text's UTF-8.
        package let range: Range<Int>
    }

    /// One place that names a variable.
    package struct Mention: Sendable, Hashable {
        /// What follows the name.
        package enum Form: Sendable, Hashable {
            /// `$NAME` or `${NAME}`: empty where the variable is not set.
            case plain
            /// `:-`, `-`, `:+`, `+`: the text says what stands there without it.
            case optional
            /// `:?` or `?`: the text demands it.
            case required
        }

        package let name: String
        package let form: Form
        /// Offsets in the text's UTF-8, of all from `$` to the end.
        package let range: Range<Int>
    }

    /// The text with its variables replaced.
    package let text: String
    /// Plain mentions of variables that are not set, as far as they were needed.
    package let unset: [Mention]

    /// Longest text that can come of one.
    static let largest = 1 << 20

    /// Replaces the variables of `text`. Defaults and alternatives are looked at only where they are needed; throws the
    /// first mistake: an invalid template, a variable that `?` demands, a text beyond 1 MiB.
    package init(_ text: String, lookup: (String) -> String?) throws(Mistake) {
        guard text.utf8.contains(UInt8(ascii: "$")) else {
            self.text = text
            unset = []
            return
        }
        let template = Template(bytes: Array(text.utf8))
        var unset: [Mention] = []
        let whole = 0..<template.bytes.count
        let bytes = try template.expanded(whole, depth: 0, lookup: lookup, unset: &unset)
        self.text = String(decoding: bytes, as: UTF8.self)
        self.unset = unset
    }

    /// Every mention in `text`, those in defaults included, whether they would be looked at or not. Empty where the
    /// template is invalid.
    package static func mentions(in text: String) -> [Mention] {
        let template = Template(bytes: Array(text.utf8))
        return (try? template.mentions(0..<template.bytes.count, depth: 0)) ?? []
    }
}

private struct Template {
    enum Part {
        case dollar
        case variable(name: String, operation: [UInt8], argument: Range<Int>)
    }

    let bytes: [UInt8]

    private static let deepest = 32

    /// The parts of `range`, with the plain text between them told by their ranges.
    private func parts(_ range: Range<Int>) throws(Interpolation.Mistake) -> [(range: Range<Int>, part: Part)] {
        var parts: [(range: Range<Int>, part: Part)] = []
        var index = range.lowerBound
        while index < range.upperBound {
            guard bytes[index] == UInt8(ascii: "$"), index + 1 < range.upperBound else {
                index += 1
                continue
            }
            let next = bytes[index + 1]
            if next == UInt8(ascii: "$") {
                parts.append((index..<index + 2, .dollar))
                index += 2
            } else if next == UInt8(ascii: "{") {
                let found = try braced(at: index, in: range)
                parts.append(found)
                index = found.range.upperBound
            } else {
                let end = nameEnd(from: index + 1, in: range)
                if end > index + 1 {
                    let name = String(decoding: bytes[(index + 1)..<end], as: UTF8.self)
                    parts.append((index..<end, .variable(name: name, operation: [], argument: end..<end)))
                }
                index = max(end, index + 1)
            }
        }
        return parts
    }

    private func nameEnd(from start: Int, in range: Range<Int>) -> Int {
        var end = start
        while end < range.upperBound {
            switch bytes[end] {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"):
                end += 1
            case UInt8(ascii: "0")...UInt8(ascii: "9") where end > start: end += 1
            default: return end
            }
        }
        return end
    }

    /// `${NAME}` or `${NAME:-…}` at `start`.
    private func braced(
        at start: Int, in range: Range<Int>
    ) throws(Interpolation.Mistake) -> (range: Range<Int>, part: Part) {
        let end = nameEnd(from: start + 2, in: range)
        guard let close = closing(from: start, in: range) else {
            throw invalid(start..<range.upperBound, hint: "close it with '}', or write '$$' for a dollar sign")
        }
        let hint = "write ${NAME}, ${NAME:-default}, ${NAME:+other} or ${NAME:?message}; '$$' is a dollar sign"
        guard end > start + 2 else { throw invalid(start..<close + 1, hint: hint) }
        let name = String(decoding: bytes[(start + 2)..<end], as: UTF8.self)
        if end == close { return (start..<close + 1, .variable(name: name, operation: [], argument: end..<end)) }
        var operation: [UInt8] = []
        var argument = end
        if bytes[argument] == UInt8(ascii: ":") {
            operation.append(bytes[argument])
            argument += 1
        }
        guard argument < close, "-+?".utf8.contains(bytes[argument]) else {
            throw invalid(start..<close + 1, hint: hint)
        }
        operation.append(bytes[argument])
        argument += 1
        return (start..<close + 1, .variable(name: name, operation: operation, argument: argument..<close))
    }

    /// Where the brace of the `${` at `start` is closed; those within count.
    private func closing(from start: Int, in range: Range<Int>) -> Int? {
        var open = 0
        var index = start
        while index < range.upperBound {
            if bytes[index] == UInt8(ascii: "}") {
                open -= 1
                if open == 0 { return index }
            } else if bytes[index] == UInt8(ascii: "$"), index + 1 < range.upperBound,
                bytes[index + 1] == UInt8(ascii: "{")
            {
                open += 1
                index += 1
            }
            index += 1
        }
        return nil
    }

    private func invalid(_ range: Range<Int>, hint: String) -> Interpolation.Mistake {
        Interpolation.Mistake(
            message: "invalid template '\(String(decoding: bytes[range].prefix(80), as: UTF8.self))'", hint: hint,
            range: range)
    }

    private func checkDepth(_ depth: Int, _ range: Range<Int>) throws(Interpolation.Mistake) {
        guard depth > Self.deepest else { return }
        throw Interpolation.Mistake(
            message: "this template is nested more than \(Self.deepest) deep", hint: nil, range: range)
    }

    func mentions(_ range: Range<Int>, depth: Int) throws(Interpolation.Mistake) -> [Interpolation.Mention] {
        try checkDepth(depth, range)
        var found: [Interpolation.Mention] = []
        for (place, part) in try parts(range) {
            guard case .variable(let name, let operation, let argument) = part else { continue }
            found.append(Interpolation.Mention(name: name, form: Self.form(operation), range: place))
            found += try mentions(argument, depth: depth + 1)
        }
        return found
    }

    private static func form(_ operation: [UInt8]) -> Interpolation.Mention.Form {
        switch operation.last {
        case nil: .plain
        case UInt8(ascii: "?"): .required
        default: .optional
        }
    }

    func expanded(
        _ range: Range<Int>, depth: Int, lookup: (String) -> String?, unset: inout [Interpolation.Mention]
    ) throws(Interpolation.Mistake) -> [UInt8] {
        try checkDepth(depth, range)
        var result: [UInt8] = []
        var last = range.lowerBound
        for (place, part) in try parts(range) {
            result += bytes[last..<place.lowerBound]
            last = place.upperBound
            guard case .variable(let name, let operation, let argument) = part else {
                result.append(UInt8(ascii: "$"))
                continue
            }
            let value = lookup(name)
            let counts = operation.first == UInt8(ascii: ":") ? value?.isEmpty == false : value != nil
            switch operation.last {
            case nil:
                if value == nil { unset.append(Interpolation.Mention(name: name, form: .plain, range: place)) }
                result += Array((value ?? "").utf8)
            case UInt8(ascii: "-"):
                result +=
                    counts
                    ? Array((value ?? "").utf8)
                    : try expanded(argument, depth: depth + 1, lookup: lookup, unset: &unset)
            case UInt8(ascii: "+"):
                if counts { result += try expanded(argument, depth: depth + 1, lookup: lookup, unset: &unset) }
            default:
                guard counts else {
                    let reason = try expanded(argument, depth: depth + 1, lookup: lookup, unset: &unset)
                    let text = String(decoding: reason, as: UTF8.self)
                    throw Interpolation.Mistake(
                        message: "the required variable '\(name)' is \(value == nil ? "not set" : "empty")"
                            + (text.isEmpty ? "" : ": \(text)"), hint: nil, range: place)
                }
                result += Array((value ?? "").utf8)
            }
            if result.count > Interpolation.largest {
                throw Interpolation.Mistake(message: "this becomes larger than 1 MiB", hint: nil, range: place)
            }
        }
        return result + bytes[last..<range.upperBound]
    }
}
