// What is found where two documents of an interface are compared: what it is, whom it breaks, and where it stands in both.
// Does not know how it was found, nor any kind of document.

/// One thing by which what relies on the one document does not work with the other.
package struct Incompatibility: Sendable, Hashable {
    /// Who meets it.
    package enum Side: String, Sendable, Hashable, CaseIterable {
        /// What the consumer sends is not taken.
        case request
        /// What the provider sends is not understood.
        case response
        /// Either, as nothing says which way it goes.
        case both
    }

    /// A place in a document.
    package struct Spot: Sendable, Hashable {
        /// A JSON pointer, or a protobuf name such as `lib.Book.title`; of what is around it where the thing is not there.
        package let pointer: String
        /// 1-based; nil in a binary document.
        package let line: Int?
        /// What stands there, in short; nil: it is not there.
        package let text: String?

        package init(pointer: String, line: Int?, text: String?) {
            self.pointer = pointer
            self.line = line
            self.text = text
        }
    }

    /// Such as `response-property-removed`; docs/contracts.md lists them.
    package let kind: String
    package let side: Side
    /// False: it could not be decided, and so is not taken for fine.
    package let isCertain: Bool
    /// For people: `GET /books/{id}, response 200, .title`.
    package let place: String
    /// In the consumer's document, or the old one.
    package let expected: Spot
    /// In the provider's document, or the new one.
    package let actual: Spot
    /// What is wrong, in a line without a final full stop.
    package let message: String

    package init(
        kind: String, side: Side, isCertain: Bool = true, place: String, expected: Spot, actual: Spot, message: String
    ) {
        self.kind = kind
        self.side = side
        self.isCertain = isCertain
        self.place = place
        self.expected = expected
        self.actual = actual
        self.message = message
    }
}

/// Which two documents are compared.
package enum CompatibilityQuestion: Sendable, Hashable {
    /// What a consumer relies on, a subset, with what the provider offers.
    case consumer
    /// A document with a later version of itself.
    case versions
}
