// Takes secret values out of what a command printed. Does not know where the values come from.

/// Replaces each value of at least 4 bytes by `***`: as it is, line by line, in base64 (also as part of a longer text),
/// percent-encoded and escaped as in JSON. Shorter values would make holes in any text and are left alone.
package struct SecretMask: Sendable {
    private static let shortest = 4
    /// By first byte, longest first.
    private let patterns: [UInt8: [[UInt8]]]

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
