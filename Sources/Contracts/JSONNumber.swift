/// A JSON number's exact value. Pact tells whole numbers from decimal ones, so 1 and 1.0 are two numbers here, while
/// 1.0 and 1.00 are one, and 1e2 is the decimal 100.0.
struct JSONNumber: Hashable {
    let isWhole: Bool
    let isNegative: Bool
    /// Significant digits without zeros at either end; empty for zero.
    let digits: [UInt8]
    /// The value is 0.digits × 10^exponent.
    let exponent: Int

    init(_ spelling: String) {
        var whole: [UInt8] = []
        var fraction: [UInt8] = []
        var power = ""
        var place = 0
        for byte in spelling.utf8 {
            switch byte {
            case UInt8(ascii: "."): place = 1
            case UInt8(ascii: "e"), UInt8(ascii: "E"): place = 2
            case UInt8(ascii: "-") where place == 0, UInt8(ascii: "+") where place == 2: break
            default:
                if place == 0 { whole.append(byte) }
                if place == 1 { fraction.append(byte) }
                if place == 2 { power.append(Character(Unicode.Scalar(byte))) }
            }
        }
        isWhole = place == 0
        let all = whole + fraction
        let start = all.firstIndex { $0 != UInt8(ascii: "0") } ?? all.count
        let end = (all.lastIndex { $0 != UInt8(ascii: "0") } ?? -1) + 1
        digits = start < end ? Array(all[start..<end]) : []
        isNegative = spelling.utf8.first == UInt8(ascii: "-") && !digits.isEmpty
        // An exponent that no machine number holds: far enough away from all that do.
        let far = 1_000_000_000
        let shift = power.isEmpty ? 0 : max(-far, min(far, Int(power) ?? (power.first == "-" ? -far : far)))
        exponent = digits.isEmpty ? 0 : shift + whole.count - start
    }

    /// The same for two numbers exactly when they are the same number.
    var canonical: String {
        "\(isWhole ? "i" : "d")\(isNegative ? "-" : "")\(String(decoding: digits, as: UTF8.self))e\(exponent)"
    }
}
