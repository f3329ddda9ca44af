// Text by its bytes: what the other files ask of strings and bytes, without Unicode folding or Foundation.
import BuildEngine

extension [JSONTree.Member] {
    /// In the order of the names' bytes.
    var sortedByName: [JSONTree.Member] {
        sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    }

    /// The value of the member called `name`.
    func first(named name: String) -> JSONTree? { first { $0.name.isSame(as: name) }?.value }
}

extension String {
    /// True where the bytes are the same; `==` takes two normal forms of a text for one.
    func isSame(as other: String) -> Bool { utf8.elementsEqual(other.utf8) }

    /// Letters A to Z as small ones, all else as it is.
    var asciiLowercased: String {
        String(
            decoding: utf8.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 | 0x20 : $0 }, as: UTF8.self)
    }

    /// Without spaces, tabs and line ends at both ends.
    var trimmed: String {
        let bytes = Array(utf8)
        guard let start = bytes.firstIndex(where: { !$0.isSpace }),
            let end = bytes.lastIndex(where: { !$0.isSpace })
        else { return "" }
        return String(decoding: bytes[start...end], as: UTF8.self)
    }

    /// The parts between `separator`s, at least one.
    func parts(separatedBy separator: UInt8) -> [String] {
        utf8.split(separator: separator, omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
    }

    /// True where `text`'s bytes stand somewhere in these.
    func holds(_ text: String) -> Bool {
        let needle = Array(text.utf8)
        let hay = Array(utf8)
        if needle.isEmpty { return true }
        guard hay.count >= needle.count else { return false }
        return (0...(hay.count - needle.count)).contains { start in
            hay[start] == needle[0] && hay[start..<(start + needle.count)].elementsEqual(needle)
        }
    }
}

extension UInt8 {
    var isSpace: Bool { self == 0x20 || (0x09...0x0D).contains(self) }
    var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }
    var isLetter: Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self | 0x20) }

    /// The value of a hex digit.
    var hexValue: UInt8? {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): self - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): self - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
