// The way in to comparing documents of interfaces: reads two of one kind and says what of the one does not work with the
// other. Does not know services, nor what is done about it.
import BuildEngine

/// A document that can be compared with others of its kind.
package struct InterfaceDocument: Sendable {
    private enum Content: Sendable {
        case openAPI(OpenAPIModel)
        case schema(SchemaSource)
        case proto(ProtoModel)
    }

    package let kind: ContractDocument.Kind
    package let name: String
    private let content: Content

    /// Reads `bytes`, whose kind is found out as for contracts, or is `kind` where the caller knows it: then a JSON Schema
    /// need not name its `$schema`. Throws for what is broken, and for pacts and other kinds.
    package static func read(
        _ bytes: [UInt8], name: String, as kind: ContractDocument.Kind? = nil
    ) throws(ContractReadError) -> InterfaceDocument {
        var document = try ContractDocument.read(bytes, name: name).kind
        if document == .opaque, kind == .jsonSchema { document = .jsonSchema }
        if let kind, kind != document {
            throw ContractReadError(
                "this is \(words(document)), not \(words(kind))", expected: words(kind), at: 0)
        }
        switch document {
        case .openAPI:
            let source = SchemaSource(try tree(bytes, name), bytes: bytes, name: name)
            return InterfaceDocument(kind: document, name: name, content: .openAPI(try OpenAPIModel(source)))
        case .jsonSchema:
            let source = SchemaSource(try tree(bytes, name), bytes: bytes, name: name)
            try source.checkSchema(source.root)
            return InterfaceDocument(kind: document, name: name, content: .schema(source))
        case .protobuf:
            var model = try protobuf(bytes, name)
            model.resolveNames()
            return InterfaceDocument(kind: document, name: name, content: .proto(model))
        case .pact, .opaque:
            throw ContractReadError(
                "this is \(words(document)), which is not compared with documents",
                expected: "OpenAPI 3, JSON Schema or protobuf", at: 0)
        }
    }

    /// Several files that define one interface; only protobuf has such. `files` must not be empty.
    package static func read(
        _ files: [(bytes: [UInt8], name: String)], as kind: ContractDocument.Kind
    ) throws(ContractReadError) -> InterfaceDocument {
        guard files.count > 1, kind == .protobuf else {
            return try read(files.first?.bytes ?? [], name: files.first?.name ?? "", as: kind)
        }
        var all = ProtoModel()
        for file in files { all.merge(try protobuf(file.bytes, file.name)) }
        all.resolveNames()
        return InterfaceDocument(
            kind: .protobuf, name: files.map(\.name).joined(separator: ", "), content: .proto(all))
    }

    private static func tree(_ bytes: [UInt8], _ name: String) throws(ContractReadError) -> JSONTree {
        if case .json(let tree) = try ContractContent.recognise(bytes, name: name) { return tree }
        throw ContractReadError("this is neither JSON nor YAML", expected: "{…}", at: 0)
    }

    private static func protobuf(_ bytes: [UInt8], _ name: String) throws(ContractReadError) -> ProtoModel {
        let isText = String(validating: bytes, as: UTF8.self) != nil
        if name.asciiLowercased.hasSuffix(".proto") || (isText && ProtoText.isLikely(bytes)) {
            return try ProtoTextReader.read(bytes)
        }
        return try ProtoDescriptorReader.read(bytes)
    }

    /// Such as `an OpenAPI document`.
    package static func words(_ kind: ContractDocument.Kind) -> String {
        switch kind {
        case .pact: "a pact"
        case .openAPI: "an OpenAPI document"
        case .jsonSchema: "a JSON Schema"
        case .protobuf: "a protobuf definition"
        case .opaque: "a document of no known kind"
        }
    }

    /// What of this document does not work with `other`, in the order of this one. Empty exactly where everything does: what
    /// cannot be decided is among it. Both must be of one kind.
    package func incompatibilities(
        with other: InterfaceDocument, _ question: CompatibilityQuestion
    ) -> [Incompatibility] {
        switch (content, other.content) {
        case (.openAPI(let mine), .openAPI(let its)):
            var comparison = OpenAPIComparison(expected: mine, actual: its, question: question)
            comparison.run()
            return comparison.findings
        case (.schema(let mine), .schema(let its)):
            // A consumer's schema is of messages that it reads; of two versions nobody knows which way they go.
            let sides: [Incompatibility.Side] = question == .consumer ? [.response] : [.request, .response]
            return sides.flatMap { side in
                var comparison = SchemaComparison(
                    expected: mine, actual: its, question: question, side: side, place: "")
                comparison.compare(mine.root, its.root)
                return comparison.findings
            }
        case (.proto(let mine), .proto(let its)):
            var comparison = ProtoComparison(expected: mine, actual: its, question: question)
            comparison.run()
            return comparison.findings
        default:
            return [
                Incompatibility(
                    kind: "kind-changed", side: .both, place: "the document",
                    expected: .init(pointer: "", line: 1, text: Self.words(kind)),
                    actual: .init(pointer: "", line: 1, text: Self.words(other.kind)),
                    message: "the documents are of two kinds")
            ]
        }
    }
}
