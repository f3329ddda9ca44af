// The last words of lmsbuild's own verifier: what became of each interaction, for the engine, below what people read. Writes
// and reads them; does not know how they came to be.

/// What the verifier found, as it leaves it in its log.
package struct VerifierResults: Sendable, Hashable {
    /// What became of one interaction.
    package enum Mark: String, Sendable, Hashable {
        case passed = "+"
        case failed = "-"
        /// Failed, and may.
        case pending = "~"
        /// It was never got to.
        case unknown = "?"
    }

    /// What the verifier found out for one consumer.
    package struct Part: Sendable, Hashable {
        package let consumer: String
        /// In the order of `VerifierRequest.Contract.terms`.
        package let marks: [Mark]
        /// What went wrong, a line for each, of a few interactions.
        package let failures: [String]

        package init(consumer: String, marks: [Mark], failures: [String]) {
            self.consumer = consumer
            self.marks = marks
            self.failures = failures
        }
    }

    package let parts: [Part]
    /// Why the verification could not be done, in a line; nil where it was.
    package let trouble: String?
    /// What to show to people: of all consumers, by consumer, and of none in particular.
    package private(set) var log: [UInt8] = []
    private var sections: [String: [UInt8]] = [:]
    private var rest: [UInt8] = []

    package init(parts: [Part], trouble: String?) {
        self.parts = parts
        self.trouble = trouble
    }

    /// What to show to those whom `consumer` concerns.
    package func log(of consumer: String) -> [UInt8] {
        parts.count < 2 ? log : (sections[consumer] ?? []) + rest
    }

    package func part(of consumer: String) -> Part? { parts.first { $0.consumer == consumer } }

    // MARK: The log

    private static let trailer = "lmsbuild-verdicts 1 "
    private static let section = "lmsbuild-section "

    /// The line above what concerns `consumer` alone; nil: above what concerns no one in particular.
    package static func heading(_ consumer: String?) -> String { section + (consumer ?? "") + "\n" }

    /// The last line of the log.
    package var text: String {
        var members: [(String, JSONValue)] = [
            (
                "consumers",
                .array(
                    parts.map { part in
                        .object([
                            ("name", .string(part.consumer)),
                            ("marks", .string(part.marks.map(\.rawValue).joined())),
                            ("failures", .array(part.failures.map { .string($0) })),
                        ])
                    })
            )
        ]
        if let trouble { members.append(("trouble", .string(trouble))) }
        return Self.trailer + JSONValue.object(members).text(pretty: false) + "\n"
    }

    /// Nil where the last line is not what `text` makes: the verifier did not come to its end.
    package init?(log: [UInt8]) {
        guard log.last == UInt8(ascii: "\n") else { return nil }
        let start = log.dropLast().lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        let line = log[start...].dropLast()
        guard line.starts(with: Self.trailer.utf8),
            let value = try? JSONValue.parse(Array(line.dropFirst(Self.trailer.utf8.count))),
            let consumers = value.member("consumers")?.elements
        else { return nil }
        var parts: [Part] = []
        for consumer in consumers {
            guard let name = consumer.member("name")?.text, let marks = consumer.member("marks")?.text else {
                return nil
            }
            let known = marks.compactMap { Mark(rawValue: String($0)) }
            guard known.count == marks.count else { return nil }
            let failures = consumer.member("failures")?.elements ?? []
            parts.append(Part(consumer: name, marks: known, failures: failures.compactMap(\.text)))
        }
        self.init(parts: parts, trouble: value.member("trouble")?.text)
        divide(log[..<start])
    }

    /// Takes the headings out.
    private mutating func divide(_ text: ArraySlice<UInt8>) {
        var consumer = ""
        for line in text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).dropLast() {
            if line.starts(with: Self.section.utf8) {
                consumer = String(decoding: line.dropFirst(Self.section.utf8.count), as: UTF8.self)
                continue
            }
            log += line + [UInt8(ascii: "\n")]
            if consumer.isEmpty {
                rest += line + [UInt8(ascii: "\n")]
            } else {
                sections[consumer, default: []] += line + [UInt8(ascii: "\n")]
            }
        }
    }
}
