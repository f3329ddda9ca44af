// Takes secret values out of what a command printed, and looks for them. Does not know where the values come from.
package import Buildfile

/// Replaces each value of at least 4 bytes by `***`: as it is, line by line, in base64 (also as part of a longer text),
/// percent-encoded and escaped as in JSON. Shorter values would make holes in any text and are left alone.
package struct SecretMask: Sendable {
    private static let shortest = 4
    /// By first byte, longest first.
    private let patterns: [UInt8: [[UInt8]]]

    /// Without any value of 4 bytes or more nothing is masked.
    package var isEmpty: Bool { patterns.isEmpty }

    /// A mask of these values.
    package init(values: [String]) {
        var all: Set<[UInt8]> = []
        for value in values {
            let raw = Array(value.utf8)
            all.formUnion(Self.forms(of: raw))
            for line in raw.split(whereSeparator: { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }) {
                all.formUnion(Self.forms(of: Array(line)))
            }
        }
        patterns = Dictionary(grouping: all.filter { $0.count >= Self.shortest }) { $0[0] }
            .mapValues { $0.sorted { $0.count > $1.count } }
    }

    /// `bytes` with `***` for every value.
    package func masked(_ bytes: [UInt8]) -> [UInt8] {
        if patterns.isEmpty { return bytes }
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            if let found = patterns[bytes[index]]?.first(where: { bytes[index...].starts(with: $0) }) {
                result += Array("***".utf8)
                index += found.count
            } else {
                result.append(bytes[index])
                index += 1
            }
        }
        return result
    }

    /// The same of a text.
    package func masked(_ text: String) -> String {
        patterns.isEmpty ? text : String(decoding: masked(Array(text.utf8)), as: UTF8.self)
    }

    /// What a message about something that went wrong says, masked.
    package func masked(_ diagnostic: Diagnostic) -> Diagnostic {
        Diagnostic(
            diagnostic.code, diagnostic.severity, masked(diagnostic.message), at: diagnostic.span,
            notes: diagnostic.notes.map { .init(masked($0.message), at: $0.span) },
            hint: diagnostic.hint.map { masked($0) })
    }

    /// What an action failed by, masked.
    package func masked(_ failure: ActionFailure) -> ActionFailure {
        if patterns.isEmpty { return failure }
        var masked = ActionFailure(
            kind: failure.kind, diagnostic: masked(failure.diagnostic), exitCode: failure.exitCode,
            output: masked(failure.output), duration: failure.duration)
        masked.reports = failure.reports
        return masked
    }

    /// In what forms a value is looked for where it must not be: the whole value as it is, percent-encoded, escaped as in
    /// JSON, and in base64 at each place that it can have in a longer text; of more than one line those lines, too, that
    /// say something of their own. Empty for a value of less than 8 bytes, which is in every large file by chance.
    package static func traces(of value: String) -> [[UInt8]] {
        let raw = Array(value.utf8)
        guard raw.count >= 8 else { return [] }
        var all = Set(forms(of: raw))
        for line in raw.split(whereSeparator: { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }) {
            // Every file with a key in it has the line that says so.
            guard line.count >= 20, line.count < raw.count, !line.starts(with: "-----".utf8) else { continue }
            all.formUnion(forms(of: Array(line)))
        }
        return all.filter { $0.count >= 8 }.sorted { $0.lexicographicallyPrecedes($1) }
    }

    private static func forms(of value: [UInt8]) -> [[UInt8]] {
        guard value.count >= shortest else { return [] }
        var forms = [value, json(value)]
        for digits in ["0123456789ABCDEF", "0123456789abcdef"] { forms.append(percent(value, Array(digits.utf8))) }
        let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
        for alphabet in [letters + "+/", letters + "-_"] {
            for shift in 0..<3 { forms.append(base64(value, shift: shift, Array(alphabet.utf8))) }
        }
        return forms
    }

    /// The digits of base64 that depend on `value` alone when `shift` other bytes stand before it.
    private static func base64(_ value: [UInt8], shift: Int, _ alphabet: [UInt8]) -> [UInt8] {
        let bytes = [UInt8](repeating: 0, count: shift) + value
        func bit(_ index: Int) -> UInt8 { bytes[index / 8] >> UInt8(7 - index % 8) & 1 }
        let first = (8 * shift + 5) / 6
        let last = 8 * bytes.count / 6
        return (first..<last).map { digit in
            alphabet[(0..<6).reduce(0) { $0 << 1 | Int(bit(digit * 6 + $1)) }]
        }
    }

    private static func percent(_ value: [UInt8], _ digits: [UInt8]) -> [UInt8] {
        value.flatMap { byte -> [UInt8] in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                [byte]
            default: [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
    }

    private static func json(_ value: [UInt8]) -> [UInt8] {
        value.flatMap { byte -> [UInt8] in
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): [UInt8(ascii: "\\"), byte]
            case UInt8(ascii: "\n"): Array("\\n".utf8)
            case UInt8(ascii: "\r"): Array("\\r".utf8)
            case UInt8(ascii: "\t"): Array("\\t".utf8)
            default: [byte]
            }
        }
    }
}
