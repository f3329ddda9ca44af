// XML 1.0 bodies to a tree of elements: namespaces resolved, comments and processing instructions dropped. Strict, and
// without document types. Does not know the text's characters: `XMLReader` does.
import BuildEngine

/// An XML text's elements.
struct XMLDocument: Sendable {
    let root: XMLElement

    static func parse(_ bytes: [UInt8]) throws(ContractReadError) -> XMLDocument {
        guard String(validating: bytes, as: UTF8.self) != nil else {
            throw ContractReadError("this XML is not UTF-8", expected: "UTF-8", at: 0)
        }
        var builder = XMLTreeBuilder(reader: XMLReader(bytes))
        return XMLDocument(root: try builder.document())
    }
}

/// One element with what is in it.
struct XMLElement: Sendable {
    /// `namespace:name`, or the name alone outside of all namespaces.
    let name: String
    /// Without the declarations of namespaces; names as the element's.
    let attributes: [(name: String, value: String)]
    let children: [XMLElement]
    /// All text directly in the element, each piece without white space around it.
    let text: String
}

private struct XMLTreeBuilder {
    var reader: XMLReader

    mutating func document() throws(ContractReadError) -> XMLElement {
        guard case .start(let root)? = try next() else {
            throw ContractReadError("this XML has no element", expected: "an element <name>", at: 0)
        }
        let element = try element(root, namespaces: ["xml": "http://www.w3.org/XML/1998/namespace"])
        // The reader refuses whatever comes after the root.
        _ = try next()
        return element
    }

    private mutating func next() throws(ContractReadError) -> XMLEvent? {
        do throws(XMLError) {
            return try reader.next()
        } catch {
            throw ContractReadError(error.message, expected: error.expected, at: error.offset)
        }
    }

    private mutating func element(
        _ start: XMLStart, namespaces: [String: String]
    ) throws(ContractReadError) -> XMLElement {
        var namespaces = namespaces
        for attribute in start.attributes {
            if attribute.name == "xmlns" { namespaces[""] = attribute.value }
            if attribute.name.hasPrefix("xmlns:") { namespaces[String(attribute.name.dropFirst(6))] = attribute.value }
        }
        var resolved: [(name: String, value: String)] = []
        for attribute in start.attributes where attribute.name != "xmlns" && !attribute.name.hasPrefix("xmlns:") {
            // An attribute without prefix is in no namespace, whatever the element is in.
            let isPlain = !attribute.name.utf8.contains(UInt8(ascii: ":"))
            let full = isPlain ? attribute.name : try expand(attribute.name, namespaces, at: start.offset)
            resolved.append((full, attribute.value))
        }
        let full = try expand(start.name, namespaces, at: start.offset)
        var children: [XMLElement] = []
        var text = ""
        while let event = try next() {
            switch event {
            case .start(let child): children.append(try element(child, namespaces: namespaces))
            case .text(let piece): text += piece.trimmed
            case .end: return XMLElement(name: full, attributes: resolved, children: children, text: text)
            }
        }
        return XMLElement(name: full, attributes: resolved, children: children, text: text)
    }

    private func expand(
        _ name: String, _ namespaces: [String: String], at offset: Int
    ) throws(ContractReadError) -> String {
        let parts = name.parts(separatedBy: UInt8(ascii: ":"))
        if parts.count > 2 || parts.contains("") {
            throw ContractReadError("\(name) is no name", expected: "name or prefix:name", at: offset)
        }
        let prefix = parts.count == 2 ? parts[0] : ""
        guard let namespace = namespaces[prefix] else {
            if prefix.isEmpty { return name }
            throw ContractReadError("the prefix \(prefix) has no namespace", expected: "xmlns:\(prefix)", at: offset)
        }
        let local = parts.last ?? name
        return namespace.isEmpty ? local : "\(namespace):\(local)"
    }
}
