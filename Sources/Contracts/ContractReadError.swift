// Why some bytes are no contract, and where. Does not know how an error is shown: callers turn the offset into a line
// with a caret (`SourceSpan`).
import BuildEngine
import Buildfile

/// What is wrong with a contract file.
package struct ContractReadError: Error, Sendable, Hashable {
    /// What is wrong, in one line without a final full stop: `interaction 2 has no request`.
    package let message: String
    /// What should stand there instead, for "expected …"; nil where the message says it all.
    package let expected: String?
    /// Byte offset of the first byte that shows it.
    package let offset: Int

    /// An error at a byte offset.
    package init(_ message: String, expected: String? = nil, at offset: Int) {
        self.message = message
        self.expected = expected
        self.offset = offset
    }

    init(_ error: JSONError) {
        self.init(
            "this is not JSON: \(error.kind.rawValue)", expected: Self.expectation(error.kind), at: error.offset)
    }

    private static func expectation(_ kind: JSONError.Kind) -> String? {
        switch kind {
        case .unexpectedEnd: "the rest of a JSON value"
        case .unexpectedByte: "a JSON value, or what closes the one before"
        case .badNumber: "a number such as 12, -1.5 or 2e3"
        case .badEscape: "one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX"
        case .controlCharacter: "the character as an escape, such as \\n"
        case .duplicateName: "each member once"
        case .notUTF8: "UTF-8"
        case .tooLarge, .tooDeep: nil
        }
    }

    /// The 1-based line and column (in bytes) of the offset in `bytes`.
    package func lineAndColumn(in bytes: [UInt8]) -> (line: Int, column: Int) {
        SourceSpan(SourceText(name: "", bytes: bytes), offset: min(offset, bytes.count), length: 0).lineAndColumn
    }

    /// For people without a caret: `orders.json:3:7: … (expected …)`.
    package func text(name: String, bytes: [UInt8]) -> String {
        let place = lineAndColumn(in: bytes)
        return "\(name):\(place.line):\(place.column): \(message)" + (expected.map { " (expected \($0))" } ?? "")
    }
}
