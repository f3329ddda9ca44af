// `.proto` files as definitions: proto2, proto3 and, as far as it is the same, editions. Does not know binary descriptors.
import BuildEngine

struct ProtoTextReader {
    private let lines: LineTable
    private var model = ProtoModel()
    private var package = ""
    private var isClosed = true

    static func read(_ bytes: [UInt8]) throws(ContractReadError) -> ProtoModel {
        guard String(validating: bytes, as: UTF8.self) != nil else {
            throw ContractReadError("this .proto file is not UTF-8", expected: "UTF-8", at: 0)
        }
        var parser = ProtoParser(lexer: ProtoLexer(bytes: bytes))
        var reader = ProtoTextReader(lines: LineTable(bytes))
        try reader.read(try parser.file())
        return reader.model
    }

    private init(lines: LineTable) {
        self.lines = lines
    }

    private mutating func read(_ statements: [ProtoStatement]) throws(ContractReadError) {
        for statement in statements {
            switch statement.words.first?.text {
            case "syntax": isClosed = statement.words.last?.text != "\"proto3\""
            case "edition": isClosed = false
            case "package": package = statement.words.count > 1 ? statement.words[1].text : ""
            case "import":
                if statement.words.last?.text == "\"google/api/annotations.proto\"" { model.isMappedToJSON = true }
            default: break
            }
            if statement.words.map(\.text).suffix(3) == ["features.enum_type", "=", "CLOSED"] { isClosed = true }
        }
        for statement in statements {
            switch statement.words.first?.text {
            case "message": try message(statement, in: package)
            case "enum": try enumeration(statement, in: package)
            case "service": try service(statement)
            case "extend": try extend(statement, in: package)
            case "syntax", "edition", "package", "import", "option": break
            default:
                throw ContractReadError(
                    "this is no declaration", expected: "message, enum, service, extend, import, option or package",
                    at: statement.words.first?.offset ?? 0)
            }
        }
    }

    private func line(_ statement: ProtoStatement) -> Int? { statement.words.first.map { lines.line(at: $0.offset) } }

    private func name(_ statement: ProtoStatement, in scope: String) throws(ContractReadError) -> String {
        guard statement.words.count > 1, Self.isIdentifier(statement.words[1].text) else {
            throw ContractReadError(
                "this declaration has no name", expected: "a name", at: statement.words.first?.offset ?? 0)
        }
        return scope.isEmpty ? statement.words[1].text : scope + "." + statement.words[1].text
    }

    private static func isIdentifier(_ text: String) -> Bool {
        guard let first = text.utf8.first, first.isLetter || first == UInt8(ascii: "_") else { return false }
        return text.utf8.allSatisfy { $0.isLetter || $0.isDigit || $0 == UInt8(ascii: "_") }
    }

    private mutating func message(_ statement: ProtoStatement, in scope: String) throws(ContractReadError) {
        let name = try name(statement, in: scope)
        if model.messages[name]?.line != nil {
            throw ContractReadError(
                "'\(name)' is defined twice", expected: "each name once", at: statement.words.first?.offset ?? 0)
        }
        var message = model.messages[name] ?? ProtoModel.Message(name: name)
        message.line = line(statement)
        try fill(&message, statement.block, oneof: nil)
        model.messages[name] = message
    }

    private mutating func fill(
        _ message: inout ProtoModel.Message, _ block: [ProtoStatement], oneof: String?
    ) throws(ContractReadError) {
        for part in block {
            let words = part.words.map(\.text)
            switch words.first {
            case "message" where !part.words.isEmpty && !words.contains("="): try self.message(part, in: message.name)
            case "enum" where !words.contains("="): try enumeration(part, in: message.name)
            case "oneof" where !words.contains("="):
                try fill(&message, part.block, oneof: try name(part, in: ""))
            case "extend" where !words.contains("="): try extend(part, in: message.name)
            case "option": break
            case "reserved" where !words.contains("="): message.reserved += Self.ranges(words)
            case "extensions" where !words.contains("="): message.extensions += Self.ranges(words)
            default:
                let field = try field(part, oneof: oneof, in: message.name)
                if let other = message.fields.first(where: { $0.number == field.number || $0.name == field.name }) {
                    throw ContractReadError(
                        "'\(message.name)' has two fields with the \(other.number == field.number ? "number \(field.number)" : "name '\(field.name)'")",
                        expected: "each name and number once", at: part.words.first?.offset ?? 0)
                }
                message.fields.append(field)
                if field.isGroup { try group(part, in: message.name) }
            }
        }
    }

    private mutating func group(_ statement: ProtoStatement, in scope: String) throws(ContractReadError) {
        guard let place = statement.words.firstIndex(where: { $0.text == "group" }) else { return }
        var inner = statement
        inner.words = Array(statement.words[place...])
        inner.options = []
        try message(inner, in: scope)
    }

    private func field(
        _ statement: ProtoStatement, oneof: String?, in scope: String
    ) throws(ContractReadError) -> ProtoModel.Field {
        var words = statement.words[...]
        func mistake() -> ContractReadError {
            ContractReadError(
                "this is no field", expected: "a field such as: string title = 1;",
                at: statement.words.first?.offset ?? 0)
        }
        var cardinality = ProtoModel.Cardinality.single
        switch words.first?.text {
        case "repeated": cardinality = .repeated
        case "required": cardinality = .required
        default: break
        }
        if ["repeated", "required", "optional"].contains(words.first?.text), words.count > 4 { words.removeFirst() }
        guard let equals = words.firstIndex(where: { $0.text == "=" }), equals + 1 < words.endIndex,
            let number = Int(words[equals + 1].text), (1...536_870_911).contains(number), equals > words.startIndex
        else { throw mistake() }
        let name = words[equals - 1].text
        let type = words[words.startIndex..<(equals - 1)].map(\.text)
        guard Self.isIdentifier(name), !type.isEmpty else { throw mistake() }
        var field = ProtoModel.Field(name: name, number: number, type: type.joined(), cardinality: cardinality)
        field.oneof = oneof
        field.line = line(statement)
        if type.first == "map" {
            guard type.count == 6, type[1] == "<", type[3] == ",", type[5] == ">" else { throw mistake() }
            field.type = "map"
            field.map = [type[2], type[4]]
        } else if type == ["group"] {
            field.isGroup = true
            field.type = "." + scope + "." + name
            field.name = name.asciiLowercased
        } else if type.count != 1 {
            throw mistake()
        }
        for option in statement.options where option.count > 2 && option[1] == "=" {
            let value = option[2...].joined(separator: " ")
            if option[0] == "json_name" {
                let text = String(value.dropFirst().dropLast())
                field.jsonName = text.isSame(as: ProtoModel.jsonName(of: name)) ? nil : text
            }
            if option[0] == "default" { field.defaultText = value }
            if option[0] == "features.field_presence", value == "LEGACY_REQUIRED" { field.cardinality = .required }
            if option[0] == "features.message_encoding", value == "DELIMITED" { field.isGroup = true }
        }
        return field
    }

    /// `2, 9 to 11, 100 to max`; names are passed over.
    private static func ranges(_ words: [String]) -> [ClosedRange<Int>] {
        var found: [ClosedRange<Int>] = []
        for part in words.dropFirst().split(separator: ",") {
            let part = Array(part)
            guard let first = part.first.flatMap({ Int($0) }) else { continue }
            let last = part.count == 3 && part[1] == "to" ? Int(part[2]) ?? 536_870_911 : first
            if first <= last { found.append(first...last) }
        }
        return found
    }

    private mutating func extend(_ statement: ProtoStatement, in scope: String) throws(ContractReadError) {
        guard statement.words.count > 1 else {
            throw ContractReadError("this extends nothing", expected: "a message", at: statement.words[0].offset)
        }
        let target = statement.words[1].text
        let full = target.hasPrefix(".") ? String(target.dropFirst()) : target
        let name = full.utf8.contains(UInt8(ascii: ".")) || package.isEmpty ? full : package + "." + full
        var message = model.messages[name] ?? ProtoModel.Message(name: name)
        for part in statement.block where part.words.first?.text != "option" {
            var field = try field(part, oneof: nil, in: scope)
            field.name = scope.isEmpty ? "[\(field.name)]" : "[\(scope).\(field.name)]"
            message.fields.append(field)
        }
        model.messages[name] = message
    }

    private mutating func enumeration(_ statement: ProtoStatement, in scope: String) throws(ContractReadError) {
        let name = try name(statement, in: scope)
        var found = ProtoModel.Enumeration(name: name, isClosed: isClosed, line: line(statement))
        for part in statement.block {
            let words = part.words.map(\.text)
            if words.suffix(3) == ["features.enum_type", "=", "CLOSED"] { found.isClosed = true }
            if words.first == "option" || (words.first == "reserved" && !words.contains("=")) { continue }
            let number = words.dropFirst(2).joined()
            guard words.count > 2, words[1] == "=", Self.isIdentifier(words[0]), let value = Int(number) else {
                throw ContractReadError(
                    "this is no value of an enumeration", expected: "a value such as: LENT = 1;",
                    at: part.words.first?.offset ?? 0)
            }
            found.values.append(ProtoModel.Value(name: words[0], number: value, line: line(part)))
        }
        model.enumerations[name] = found
    }

    private mutating func service(_ statement: ProtoStatement) throws(ContractReadError) {
        let name = try name(statement, in: package)
        var service = ProtoModel.Service(name: name, line: line(statement))
        for part in statement.block where part.words.first?.text == "rpc" {
            let words = part.words.map(\.text)
            guard words.count > 2, let open = words.firstIndex(of: "("),
                let close = words[open...].firstIndex(of: ")"),
                let second = words[close...].firstIndex(of: "("), let end = words[second...].firstIndex(of: ")"),
                close > open + 1, end > second + 1
            else {
                throw ContractReadError(
                    "this is no method", expected: "a method such as: rpc Find (Query) returns (Book);",
                    at: part.words.first?.offset ?? 0)
            }
            let input = words[(open + 1)..<close]
            let output = words[(second + 1)..<end]
            service.methods.append(
                ProtoModel.Method(
                    name: words[1], input: input.last ?? "", output: output.last ?? "",
                    streamsInput: input.count > 1 && input.first == "stream",
                    streamsOutput: output.count > 1 && output.first == "stream", line: line(part)))
        }
        model.services[name] = service
    }
}
