// What one generator makes.
import BuildEngine

extension GeneratorRun {
    /// The value that takes the example's place.
    mutating func value(_ generator: JSONTree, _ example: JSONTree) throws(GeneratorError) -> JSONTree {
        let type = generator.member("type")?.text ?? ""
        let digits = min(max(generator.member("digits")?.whole ?? 10, 1), 1000)
        let format = generator.member("format")?.text
        let expression = generator.member("expression")?.text ?? ""
        switch type {
        case "ProviderState": return try state(expression, generator.member("dataType")?.text)
        case "RandomInt":
            let low = generator.member("min")?.whole ?? 0
            let high = generator.member("max")?.whole ?? 2_147_483_647
            guard low <= high else { throw GeneratorError("RandomInt: min is greater than max") }
            return number(String(Int.random(in: low...high, using: &random)), like: example)
        case "RandomDecimal": return number(decimal(digits), like: example)
        case "RandomHexadecimal": return JSONTree(.string(characters("0123456789abcdef", digits)))
        case "RandomString":
            let size = min(max(generator.member("size")?.whole ?? 20, 0), 100_000)
            return JSONTree(.string(characters(Self.letters, size)))
        case "RandomBoolean": return JSONTree(.bool(Bool.random(using: &random)))
        case "Regex": return JSONTree(.string(try matching(generator.member("regex")?.text ?? "")))
        case "Uuid": return JSONTree(.string(uuid(format)))
        case "Date": return try date(format ?? DatePattern.date, expression)
        case "Time": return try date(format ?? DatePattern.time, expression, isTime: true)
        case "DateTime": return try date(format ?? "yyyy-MM-dd'T'HH:mm:ss.SSSxx", expression)
        // There is no mock server when a provider is verified.
        case "MockServerURL": return generator.member("example") ?? example
        case "ArrayContains": return example
        default: throw GeneratorError("the generator \"\(type)\" is not known")
        }
    }

    private static let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

    /// A number in JSON, unless the example is text.
    private func number(_ spelling: String, like example: JSONTree) -> JSONTree {
        JSONTree(example.text == nil ? .number(spelling) : .string(spelling))
    }

    private mutating func characters(_ alphabet: String, _ count: Int) -> String {
        let alphabet = Array(alphabet.utf8)
        let bytes = (0..<count).map { _ in alphabet[Int.random(in: alphabet.indices, using: &random)] }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// With a point, and no zero that a reader could drop at either end.
    private mutating func decimal(_ digits: Int) -> String {
        if digits == 1 { return characters("123456789", 1) }
        let whole = Int.random(in: 1..<digits, using: &random)
        let first = characters("123456789", 1) + characters("0123456789", whole - 1)
        return first + "." + characters("0123456789", digits - whole - 1) + characters("123456789", 1)
    }

    private mutating func uuid(_ format: String?) -> String {
        var bytes = (0..<16).map { _ in UInt8.random(in: 0...255, using: &random) }
        bytes[6] = bytes[6] & 0x0F | 0x40
        bytes[8] = bytes[8] & 0x3F | 0x80
        let hex = bytes.map { byte in
            let text = String(byte, radix: 16)
            return text.utf8.count == 1 ? "0" + text : text
        }
        if format == "simple" { return hex.joined() }
        let groups = [0..<4, 4..<6, 6..<8, 8..<10, 10..<16].map { hex[$0].joined() }.joined(separator: "-")
        switch format {
        case "upper-case-hyphenated": return groups.uppercased()
        case "URN": return "urn:uuid:" + groups
        default: return groups
        }
    }

    private func date(_ format: String, _ expression: String, isTime: Bool = false) throws(GeneratorError) -> JSONTree {
        do throws(DatePatternError) {
            let moment = try DateExpression.moment(expression, from: now, isTime: isTime)
            return JSONTree(.string(try DatePattern(format).text(of: moment)))
        } catch {
            throw GeneratorError("the date can't be made from \"\(format)\" and \"\(expression)\": \(error.message)")
        }
    }

    // MARK: Provider states

    /// A name, or a text with `${name}` in it. A text that is but one name keeps the value's type.
    private func state(_ expression: String, _ type: String?) throws(GeneratorError) -> JSONTree {
        let bytes = Array(expression.utf8)
        var text: [UInt8] = []
        var only: JSONTree?
        var offset = 0
        var hasName = false
        while offset < bytes.count {
            guard bytes[offset...].starts(with: "${".utf8) else {
                text.append(bytes[offset])
                offset += 1
                continue
            }
            guard let end = bytes[offset...].firstIndex(of: UInt8(ascii: "}")) else {
                throw GeneratorError("the expression \"\(expression)\" has a ${ that is not closed")
            }
            let value = try known(String(decoding: bytes[(offset + 2)..<end], as: UTF8.self))
            if offset == 0, end == bytes.count - 1 { only = value }
            hasName = true
            text += Array((value.text ?? value.text(pretty: false)).utf8)
            offset = end + 1
        }
        let value: JSONTree
        if let only {
            value = only
        } else {
            value = hasName ? JSONTree(.string(String(decoding: text, as: UTF8.self))) : try known(expression)
        }
        return try cast(value, type ?? "RAW")
    }

    private func known(_ name: String) throws(GeneratorError) -> JSONTree {
        guard let value = states.first(named: name) else {
            throw GeneratorError("no provider state returned a value for \"\(name)\"")
        }
        return value
    }

    private func cast(_ value: JSONTree, _ type: String) throws(GeneratorError) -> JSONTree {
        let text = value.text ?? value.text(pretty: false)
        switch type.uppercased() {
        case "STRING": return JSONTree(.string(text))
        case "INTEGER":
            guard let number = Int(text) ?? Double(text).flatMap({ Int(exactly: $0.rounded(.towardZero)) }) else {
                throw GeneratorError("\"\(text)\" is no whole number")
            }
            return JSONTree(.number(String(number)))
        case "DECIMAL", "FLOAT":
            guard let number = Double(text), number.isFinite else { throw GeneratorError("\"\(text)\" is no number") }
            return JSONTree(.number(number.description))
        case "BOOLEAN":
            guard let bool = Bool(text) else { throw GeneratorError("\"\(text)\" is neither true nor false") }
            return JSONTree(.bool(bool))
        default: return value
        }
    }

    // MARK: Regular expressions

    private mutating func matching(_ pattern: String) throws(GeneratorError) -> String {
        do throws(JavaRegexError) {
            let regex = try JavaRegex(pattern)
            var scalars: [UInt32] = []
            fill(&scalars, regex.root)
            var text = ""
            for case let scalar? in scalars.map({ Unicode.Scalar($0) }) { text.unicodeScalars.append(scalar) }
            guard try regex.matchesWhole(text) else {
                throw JavaRegexError(message: "no text for it can be found by trying")
            }
            return text
        } catch {
            throw GeneratorError("the regular expression /\(pattern)/ can't be used: \(error.message)")
        }
    }

    private mutating func fill(_ scalars: inout [UInt32], _ node: RegexNode) {
        if scalars.count > 10_000 { return }
        switch node {
        case .set(let set): scalars.append(member(of: set))
        case .sequence(let nodes): for node in nodes { fill(&scalars, node) }
        case .choice(let nodes): fill(&scalars, nodes[Int.random(in: nodes.indices, using: &random)])
        case .capture(let node, _), .atomic(let node): fill(&scalars, node)
        case .repeated(let node, let min, let max, _):
            for _ in 0..<Int.random(in: min...(max ?? min + 10), using: &random) { fill(&scalars, node) }
        case .look, .backreference, .assertion: break
        }
    }

    private mutating func member(of set: RegexSet) -> UInt32 {
        let printable = (UInt32(0x20)...0x7E).filter(set.contains)
        let all = printable.isEmpty ? (UInt32(0)...0x2FFF).filter(set.contains) : printable
        return all.randomElement(using: &random) ?? 0x3F
    }
}
