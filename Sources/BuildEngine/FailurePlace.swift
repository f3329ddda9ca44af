// Where in the sources a test failed, read out of what its tool says: `tests/a.py:12: AssertionError`,
// `at shop.CartTest.adds(CartTest.java:17)`, `a_test.go:8: …`, `at Object.<anonymous> (src/a.test.js:5:10)`,
// `File "tests/a.py", line 12, in test_adds`. A guess that costs nothing where it is wrong: nothing but a link depends on it.

struct FailurePlace: Sendable, Hashable {
    let file: String
    /// 1-based.
    let line: Int

    /// Whether it is in the file that the tool calls `name`.
    func isIn(_ name: String) -> Bool { name == file || name.hasSuffix("/" + file) || file.hasSuffix("/" + name) }

    /// The first place in `text` that is in a file called as a part of `suite` is; otherwise the first that is not a
    /// library's own.
    static func find(in text: String, of suite: String) -> FailurePlace? {
        let names = Set(suite.split { ".:/ ".contains($0) }.map(String.init))
        var first: FailurePlace?
        let foreign = ["node_modules/", "site-packages/", "/usr/", "dist-packages/", "<frozen", "/lib/python3"]
        for line in text.split(whereSeparator: \.isNewline).prefix(400) {
            if foreign.contains(where: { line.contains($0) }) { continue }
            guard let place = frame(line) ?? inLine(Array(line.utf8.prefix(2000))) else { continue }
            if names.contains(place.stem) { return place }
            if first == nil { first = place }
        }
        return first
    }

    /// The file's name without folders and ending.
    private var stem: String {
        let name = file.split(separator: "/").last ?? ""
        return String(name.prefix { $0 != "." })
    }

    /// A line of Python's own traceback.
    private static func frame(_ line: Substring) -> FailurePlace? {
        let parts = line.prefix(2000).split(separator: "\"", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].drop(while: { $0 == " " }) == "File ", parts[2].hasPrefix(", line "),
            let number = Int(parts[2].dropFirst(7).prefix { $0.isNumber }), number > 0
        else { return nil }
        return FailurePlace(file: String(parts[1]), line: number)
    }

    /// `NAME.ext:NUMBER` in a line.
    private static func inLine(_ line: [UInt8]) -> FailurePlace? {
        for colon in line.indices where line[colon] == UInt8(ascii: ":") {
            let digits = line[(colon + 1)...].prefix { $0.isDigit }
            guard !digits.isEmpty, digits.count < 8, let number = Int(String(decoding: digits, as: UTF8.self)),
                number > 0
            else { continue }
            let name = line[..<colon].reversed().prefix { isInPath($0) }.reversed()
            let path = String(decoding: Array(name), as: UTF8.self)
            guard let dot = path.lastIndex(of: "."), dot != path.startIndex else { continue }
            let ending = path[path.index(after: dot)...]
            // Not a host's name or a version: those have no letter, or a number, behind the last dot.
            guard (1...5).contains(ending.count), ending.allSatisfy(\.isLetter), !path.hasPrefix("//") else { continue }
            return FailurePlace(file: path, line: number)
        }
        return nil
    }

    private static func isInPath(_ byte: UInt8) -> Bool {
        byte >= 0x80 || byte.isDigit || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
            || [UInt8(ascii: "/"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "+")]
                .contains(byte)
    }
}
