// Binary `FileDescriptorSet`s as definitions. They have no lines. Does not know `.proto` text.
import BuildEngine

struct ProtoDescriptorReader {
    private var model = ProtoModel()

    static func read(_ bytes: [UInt8]) throws(ContractReadError) -> ProtoModel {
        // The digest's reader says what is no set of descriptors.
        _ = try ProtoDescriptor.digest(of: bytes)
        var reader = ProtoDescriptorReader()
        for file in try WireMessage(bytes[...]).fields { try reader.file(try WireMessage(file.payload)) }
        return reader.model
    }

    private static let types = [
        "", "double", "float", "int64", "uint64", "int32", "fixed64", "fixed32", "bool", "string", "group", "message",
        "bytes", "uint32", "enum", "sfixed32", "sfixed64", "sint32", "sint64",
    ]

    private mutating func file(_ file: WireMessage) throws(ContractReadError) {
        let package = file.text(2) ?? ""
        let syntax = file.text(12) ?? "proto2"
        if file.texts(3).contains("google/api/annotations.proto") { model.isMappedToJSON = true }
        for part in file.payloads(4) { try message(try WireMessage(part), in: package, syntax, depth: 0) }
        for part in file.payloads(5) { try enumeration(try WireMessage(part), in: package, syntax) }
        for part in file.payloads(6) { try service(try WireMessage(part), in: package) }
        for part in file.payloads(7) { try extend(try WireMessage(part), in: package) }
    }

    private static func join(_ scope: String, _ name: String) -> String { scope.isEmpty ? name : scope + "." + name }

    private mutating func message(
        _ part: WireMessage, in scope: String, _ syntax: String, depth: Int
    ) throws(ContractReadError) {
        if depth > 100 { throw ContractReadError("this is nested more than 100 deep", at: 0) }
        let name = Self.join(scope, part.text(1) ?? "")
        var message = model.messages[name] ?? ProtoModel.Message(name: name)
        var entries: [String: [String]] = [:]
        for payload in part.payloads(3) {
            let nested = try WireMessage(payload)
            var isEntry = false
            for options in nested.payloads(7) where try WireMessage(options).number(7) == 1 { isEntry = true }
            if isEntry {
                var types: [String] = []
                for field in nested.payloads(2) { types.append(try Self.field(try WireMessage(field), []).type) }
                entries["." + Self.join(name, nested.text(1) ?? "")] = types
            } else {
                try self.message(nested, in: name, syntax, depth: depth + 1)
            }
        }
        for payload in part.payloads(4) { try enumeration(try WireMessage(payload), in: name, syntax) }
        var oneofs: [String] = []
        for payload in part.payloads(8) { oneofs.append(try WireMessage(payload).text(1) ?? "") }
        for payload in part.payloads(2) {
            var field = try Self.field(try WireMessage(payload), oneofs)
            if let types = entries[field.type], types.count == 2 {
                (field.type, field.map, field.cardinality) = ("map", types, .single)
            }
            message.fields.append(field)
        }
        for payload in part.payloads(6) { try extend(try WireMessage(payload), in: name) }
        for payload in part.payloads(5) { message.extensions += try Self.range(payload) }
        for payload in part.payloads(9) { message.reserved += try Self.range(payload) }
        model.messages[name] = message
    }

    private static func range(_ bytes: ArraySlice<UInt8>) throws(ContractReadError) -> [ClosedRange<Int>] {
        let part = try WireMessage(bytes)
        guard let start = part.number(1), let end = part.number(2), start < end else { return [] }
        return [start...(end - 1)]
    }

    private static func field(_ part: WireMessage, _ oneofs: [String]) throws(ContractReadError) -> ProtoModel.Field {
        let kind = part.number(5) ?? 0
        let word = types.indices.contains(kind) ? types[kind] : ""
        let name = part.text(1) ?? ""
        var field = ProtoModel.Field(
            name: name, number: part.number(3) ?? 0, type: part.text(6).map { $0.isEmpty ? word : $0 } ?? word)
        if part.number(4) == 2 { field.cardinality = .required }
        if part.number(4) == 3 { field.cardinality = .repeated }
        field.isGroup = word == "group"
        field.defaultText = part.text(7)
        if let index = part.number(9), oneofs.indices.contains(index), part.number(17) != 1 {
            field.oneof = oneofs[index]
        }
        if let json = part.text(10), !json.isSame(as: ProtoModel.jsonName(of: name)) { field.jsonName = json }
        return field
    }

    private mutating func extend(_ part: WireMessage, in scope: String) throws(ContractReadError) {
        var target = part.text(2) ?? ""
        if target.hasPrefix(".") { target.removeFirst() }
        var field = try Self.field(part, [])
        field.name = "[\(Self.join(scope, field.name))]"
        model.messages[target, default: ProtoModel.Message(name: target)].fields.append(field)
    }

    private mutating func enumeration(
        _ part: WireMessage, in scope: String, _ syntax: String
    ) throws(ContractReadError) {
        let name = Self.join(scope, part.text(1) ?? "")
        var found = ProtoModel.Enumeration(name: name, isClosed: syntax == "proto2")
        for payload in part.payloads(2) {
            let value = try WireMessage(payload)
            found.values.append(ProtoModel.Value(name: value.text(1) ?? "", number: value.number(2) ?? 0))
        }
        model.enumerations[name] = found
    }

    private mutating func service(_ part: WireMessage, in scope: String) throws(ContractReadError) {
        let name = Self.join(scope, part.text(1) ?? "")
        var service = ProtoModel.Service(name: name)
        for payload in part.payloads(2) {
            let method = try WireMessage(payload)
            service.methods.append(
                ProtoModel.Method(
                    name: method.text(1) ?? "", input: method.text(2) ?? "", output: method.text(3) ?? "",
                    streamsInput: method.number(5) == 1, streamsOutput: method.number(6) == 1))
        }
        model.services[name] = service
    }
}

extension WireMessage {
    func payloads(_ number: UInt64) -> [ArraySlice<UInt8>] {
        fields.filter { $0.number == number && $0.isBytes }.map(\.payload)
    }

    func texts(_ number: UInt64) -> [String] { payloads(number).map { String(decoding: $0, as: UTF8.self) } }

    func text(_ number: UInt64) -> String? { texts(number).last }

    /// The value of a number that is written as a varint: 32 bits with a sign.
    func number(_ number: UInt64) -> Int? {
        guard let field = fields.last(where: { $0.number == number && !$0.isBytes }) else { return nil }
        var value: UInt64 = 0
        for (index, byte) in field.payload.enumerated() where index < 10 {
            value |= UInt64(byte & 127) << UInt64(7 * index)
        }
        return Int(Int32(truncatingIfNeeded: value))
    }
}
