// JSON text written from its beginning to its end, for documents of thousands of alike parts. Keeps no tree, so what was written
// cannot be changed; does not know what any document means.

/// Appends to one JSON text, on one line. What stands in it has the same text as a `JSONValue` of the same members.
package struct JSONStream: Sendable {
    /// The text so far.
    package private(set) var bytes: [UInt8] = []

    /// An empty text, with memory for about so many bytes.
    package init(reserving count: Int = 0) { bytes.reserveCapacity(count) }

    /// An object with the members that `body` adds.
    package mutating func object(_ body: (inout JSONStream) -> Void) { list("{", "}", body) }

    /// An array with the elements that `body` adds.
    package mutating func array(_ body: (inout JSONStream) -> Void) { list("[", "]", body) }

    private mutating func list(_ start: Unicode.Scalar, _ end: Unicode.Scalar, _ body: (inout JSONStream) -> Void) {
        separate()
        bytes.append(UInt8(ascii: start))
        body(&self)
        bytes.append(UInt8(ascii: end))
    }

    /// The name of the member whose value comes next; it holds nothing that must be spelled in another way.
    package mutating func name(_ name: StaticString) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        name.withUTF8Buffer { bytes.append(contentsOf: $0) }
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: ":"))
    }

    /// A value.
    package mutating func value(_ value: JSONValue) {
        separate()
        value.write(to: &bytes)
    }

    /// A text.
    package mutating func text(_ text: String) {
        separate()
        JSONValue.write(text, to: &bytes)
    }

    /// The member `name`, a text.
    package mutating func text(_ name: StaticString, _ text: String) {
        self.name(name)
        self.text(text)
    }

    /// The member `name`, a whole number.
    package mutating func number(_ name: StaticString, _ number: Int) {
        self.name(name)
        bytes.append(contentsOf: String(number).utf8)
    }

    /// A comma, unless what comes next is the first of its list or the value of a member: texts end with a quotation mark, so
    /// the last byte tells.
    private mutating func separate() {
        switch bytes.last {
        case nil, UInt8(ascii: "{"), UInt8(ascii: "["), UInt8(ascii: ":"): break
        default: bytes.append(UInt8(ascii: ","))
        }
    }
}
