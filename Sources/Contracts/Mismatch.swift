// What differs between what a contract demands and what really came, as data with a sentence.

/// One difference.
package struct Mismatch: Sendable, Hashable {
    /// Where in a request, response or message.
    package enum Part: String, Sendable, Hashable, CaseIterable {
        case method, path, query, header, status, body, metadata
    }

    /// Which part of the message differs.
    package let part: Part
    /// The value's place: a JSON path in bodies and metadata (`$.items[0].id`), a name for headers and query
    /// parameters, empty where the part is one value.
    package let path: String
    /// As the contract has it; nil where it has nothing.
    package let expected: String?
    /// As it came; nil where nothing did.
    package let actual: String?
    /// What is wrong, for people, without the place and without a final full stop: `expected 3 to be a text`.
    package let sentence: String

    /// A difference, with the sentence for it.
    package init(_ part: Part, path: String = "", expected: String?, actual: String?, _ sentence: String) {
        self.part = part
        self.path = path
        self.expected = expected
        self.actual = actual
        self.sentence = sentence
    }

    /// `body $.id: expected …`.
    package var text: String { "\(part.rawValue)\(path.isEmpty ? "" : " " + path): \(sentence)" }

    /// At most 200 bytes of a value on one line, for a sentence.
    static func shown(_ text: String) -> String {
        let short = text.utf8.count <= 200 ? text : String(decoding: text.utf8.prefix(197), as: UTF8.self) + "…"
        guard short.utf8.contains(where: { $0 < 0x20 }) else { return short }
        return short.unicodeScalars.reduce(into: "") { line, scalar in
            line += scalar.value < 0x20 ? scalar.escaped(asASCII: false) : String(Character(scalar))
        }
    }
}

extension [Mismatch] {
    /// Each once, in the order they were found.
    var unique: [Mismatch] {
        var seen: Set<Mismatch> = []
        return filter { seen.insert($0).inserted }
    }
}
