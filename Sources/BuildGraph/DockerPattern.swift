// Docker's two kinds of path patterns. Neither is gitignore's.
// Does not know files: only patterns and paths.

/// `COPY`'s pattern: Go's `filepath.Match`, element by element.
package struct DockerPattern: Sendable, Hashable {
    private enum Piece: Sendable, Hashable {
        case any, one
        case character(UInt32)
        case set([ClosedRange<UInt32>], negated: Bool)
    }

    private struct Element: Sendable, Hashable {
        let pieces: [Piece]
        /// What it matches where it has no wildcard.
        let literal: [UInt8]?
    }

    private let elements: [Element]
    package var count: Int { elements.count }
    package var hasWildcards: Bool { elements.contains { $0.literal == nil } }

    /// Cuts `.`, `..` and leading `/` as docker does: at the context's root. Nil where Go says `ErrBadPattern`.
    package init?(_ text: [UInt8]) {
        var parts: [ArraySlice<UInt8>] = []
        for part in text.split(separator: UInt8(ascii: "/")) {
            if part.elementsEqual(".".utf8) { continue }
            if part.elementsEqual("..".utf8) {
                _ = parts.popLast()
                continue
            }
            parts.append(part)
        }
        var elements: [Element] = []
        for part in parts {
            guard let element = Self.element(Array(part)) else { return nil }
            elements.append(element)
        }
        self.elements = elements
    }

    /// A path in which no character is special, cut at the context's root in the same way.
    package init(literalCutAtRoot path: [UInt8]) {
        var parts: [Element] = []
        for part in path.split(separator: UInt8(ascii: "/")) where !part.elementsEqual(".".utf8) {
            if part.elementsEqual("..".utf8) {
                _ = parts.popLast()
            } else {
                parts.append(Element(pieces: [], literal: Array(part)))
            }
        }
        elements = parts
    }

    private static func element(_ text: [UInt8]) -> Element? {
        let characters = decoded(text)
        var pieces: [Piece] = []
        var literal: [UInt8]? = []
        var index = 0
        while index < characters.count {
            let character = characters[index]
            index += 1
            switch character.value {
            case 0x2A:
                if pieces.last != .any { pieces.append(.any) }
                literal = nil
            case 0x3F:
                pieces.append(.one)
                literal = nil
            case 0x5B:
                guard let set = set(characters, from: &index) else { return nil }
                pieces.append(set)
                literal = nil
            case 0x5C:
                guard index < characters.count else { return nil }
                pieces.append(.character(characters[index].value))
                literal?.append(contentsOf: text[characters[index].range])
                index += 1
            default:
                pieces.append(.character(character.value))
                literal?.append(contentsOf: text[character.range])
            }
        }
        return Element(pieces: pieces, literal: literal)
    }

    private static func set(_ characters: [Character], from index: inout Int) -> Piece? {
        var ranges: [ClosedRange<UInt32>] = []
        var negated = false
        if index < characters.count, characters[index].value == 0x5E {
            negated = true
            index += 1
        }
        func bound() -> UInt32? {
            guard index < characters.count, characters[index].value != 0x2D, characters[index].value != 0x5D else {
                return nil
            }
            if characters[index].value == 0x5C { index += 1 }
            guard index < characters.count else { return nil }
            index += 1
            return characters[index - 1].value
        }
        while true {
            guard index < characters.count else { return nil }
            if characters[index].value == 0x5D, !ranges.isEmpty {
                index += 1
                return .set(ranges, negated: negated)
            }
            guard let low = bound() else { return nil }
            var high = low
            if index < characters.count, characters[index].value == 0x2D {
                index += 1
                guard let end = bound() else { return nil }
                high = end
            }
            // An empty range matches nothing; a character no text holds stands for it.
            ranges.append(low <= high ? low...high : 0xFFFF_FFFF...0xFFFF_FFFF)
        }
    }

    fileprivate struct Character {
        let value: UInt32
        let range: Range<Int>
    }

    /// Characters as Go decodes them: a byte that is not UTF-8 is U+FFFD by itself.
    fileprivate static func decoded(_ bytes: some RandomAccessCollection<UInt8>) -> [Character] {
        let bytes = Array(bytes)
        var characters: [Character] = []
        var index = 0
        while index < bytes.count {
            let first = bytes[index]
            let length =
                first < 0x80 ? 1 : first < 0xC0 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF8 ? 4 : 0
            if length > 0, index + length <= bytes.count,
                let scalar = String(validating: bytes[index..<(index + length)], as: UTF8.self)?.unicodeScalars.first
            {
                characters.append(Character(value: scalar.value, range: index..<(index + length)))
                index += length
            } else {
                characters.append(Character(value: 0xFFFD, range: index..<(index + 1)))
                index += 1
            }
        }
        return characters
    }

    /// Whether the elements before `end` match the path's first `end` parts.
    private func matches(_ parts: [ArraySlice<UInt8>], upTo end: Int) -> Bool {
        for index in 0..<end where !Self.matches(elements[index], parts[index]) { return false }
        return true
    }

    /// The pattern names `path`.
    package func matches(_ path: BytePath) -> Bool {
        let parts = path.components
        return parts.count == elements.count && matches(parts, upTo: parts.count)
    }

    /// The pattern names `path` or a folder above it. The empty pattern is the root, above everything.
    package func takes(_ path: BytePath) -> Bool {
        let parts = path.components
        return parts.count >= elements.count && matches(parts, upTo: elements.count)
    }

    /// The pattern may name something below the folder `path`.
    package func mayNameBelow(_ path: BytePath) -> Bool {
        let parts = path.components
        return parts.count < elements.count && matches(parts, upTo: parts.count)
    }

    /// The literal elements from `index` on, or nil where a wildcard is among them.
    func rest(from index: Int) -> [ArraySlice<UInt8>]? {
        var parts: [ArraySlice<UInt8>] = []
        for element in elements.dropFirst(index) {
            guard let literal = element.literal else { return nil }
            parts.append(literal[...])
        }
        return parts
    }

    private static func matches(_ element: Element, _ name: ArraySlice<UInt8>) -> Bool {
        if let literal = element.literal { return literal.elementsEqual(name) }
        let characters = decoded(name)
        let pieces = element.pieces
        // Greedy with one point to go back to: linear in practice, quadratic at worst.
        var piece = 0
        var place = 0
        var star: (piece: Int, place: Int)?
        while place < characters.count {
            if piece < pieces.count, pieces[piece] == .any {
                star = (piece, place)
                piece += 1
            } else if piece < pieces.count, accepts(pieces[piece], characters[place].value) {
                piece += 1
                place += 1
            } else if let back = star {
                star = (back.piece, back.place + 1)
                piece = back.piece + 1
                place = back.place + 1
            } else {
                return false
            }
        }
        while piece < pieces.count, pieces[piece] == .any { piece += 1 }
        return piece == pieces.count
    }

    private static func accepts(_ piece: Piece, _ value: UInt32) -> Bool {
        switch piece {
        case .any: false
        case .one: true
        case .character(let wanted): wanted == value
        case .set(let ranges, let negated): ranges.contains { $0.contains(value) } != negated
        }
    }
}

/// A line of a `.dockerignore` file, or the value of `--exclude`: Go's `filepath.Match` and `**`
/// (moby's patternmatcher).
package struct DockerIgnorePattern: Sendable, Hashable {
    private enum Piece: Sendable, Hashable {
        /// `*`: anything but `/`.
        case anyInPart
        /// `?`: one character but `/`.
        case one
        /// `**` at the end.
        case rest
        /// `**/`: nothing, or anything that ends with `/`.
        case folders
        case byte(UInt8)
        case set([ClosedRange<UInt8>], negated: Bool)
    }

    private var pieces: [Piece] = []
    /// The bytes before the first and behind the last wildcard: most paths are told apart by them alone.
    private var prefix: [UInt8] = []
    private var suffix: [UInt8] = []

    /// `text` is clean: no empty, `.` or `..` parts. Nil where it is no pattern.
    init?(_ text: [UInt8]) {
        var index = 0
        while index < text.count {
            let byte = text[index]
            index += 1
            switch byte {
            case UInt8(ascii: "*"):
                guard index < text.count, text[index] == byte else {
                    pieces.append(.anyInPart)
                    continue
                }
                index += 1
                if index < text.count, text[index] == UInt8(ascii: "/") { index += 1 }
                pieces.append(index == text.count ? .rest : .folders)
            case UInt8(ascii: "?"): pieces.append(.one)
            case UInt8(ascii: "["):
                guard let set = Self.set(text, from: &index) else { return nil }
                pieces.append(set)
            case UInt8(ascii: "\\"):
                guard index < text.count else { return nil }
                pieces.append(.byte(text[index]))
                index += 1
            default: pieces.append(.byte(byte))
            }
        }
        prefix = Self.literal(pieces)
        suffix = Self.literal(pieces.reversed()).reversed()
    }

    private static func literal(_ pieces: some Sequence<Piece>) -> [UInt8] {
        var bytes: [UInt8] = []
        for piece in pieces {
            guard case .byte(let byte) = piece else { break }
            bytes.append(byte)
        }
        return bytes
    }

    private static func set(_ text: [UInt8], from index: inout Int) -> Piece? {
        var negated = false
        if index < text.count, text[index] == UInt8(ascii: "^") {
            negated = true
            index += 1
        }
        var ranges: [ClosedRange<UInt8>] = []
        func bound() -> UInt8? {
            if index < text.count, text[index] == UInt8(ascii: "\\") { index += 1 }
            guard index < text.count else { return nil }
            index += 1
            return text[index - 1]
        }
        while index < text.count {
            if text[index] == UInt8(ascii: "]"), !ranges.isEmpty {
                index += 1
                return .set(ranges, negated: negated)
            }
            guard let low = bound() else { return nil }
            var high = low
            if index + 1 < text.count, text[index] == UInt8(ascii: "-"), text[index + 1] != UInt8(ascii: "]") {
                index += 1
                guard let end = bound() else { return nil }
                high = end
            }
            guard low <= high else { return nil }
            ranges.append(low...high)
        }
        return nil
    }

    /// Whether the whole of `path` matches; follows all states at once, so its time is the product of both lengths.
    func matches(_ path: ArraySlice<UInt8>) -> Bool {
        guard path.starts(with: prefix), path.suffix(suffix.count).elementsEqual(suffix) else { return false }
        if prefix.count == pieces.count { return path.count == pieces.count }
        var states = Array(repeating: false, count: pieces.count + 1)
        // Inside a `**/` that has begun to take bytes: it may end only behind a `/`.
        var inFolders = Array(repeating: false, count: pieces.count)
        states[0] = true
        close(&states)
        for byte in path {
            var after = Array(repeating: false, count: pieces.count + 1)
            var inAfter = Array(repeating: false, count: pieces.count)
            let isSlash = byte == UInt8(ascii: "/")
            let isContinuation = byte & 0xC0 == 0x80
            for (index, piece) in pieces.enumerated() {
                // `?` takes a whole character, not a byte of it.
                if isContinuation, states[index + 1], piece == .one { after[index + 1] = true }
                switch piece {
                case .folders:
                    guard states[index] || inFolders[index] else { continue }
                    inAfter[index] = true
                    if isSlash { after[index + 1] = true }
                case .rest: if states[index] { after[index] = true }
                case .anyInPart: if states[index], !isSlash { after[index] = true }
                case .one: if states[index], !isSlash { after[index + 1] = true }
                case .byte(let wanted): if states[index], wanted == byte { after[index + 1] = true }
                case .set(let ranges, let negated):
                    if states[index], ranges.contains(where: { $0.contains(byte) }) != negated {
                        after[index + 1] = true
                    }
                }
            }
            states = after
            inFolders = inAfter
            close(&states)
        }
        return states[pieces.count]
    }

    private func close(_ states: inout [Bool]) {
        for (index, piece) in pieces.enumerated() where states[index] {
            switch piece {
            case .anyInPart, .rest, .folders: states[index + 1] = true
            default: break
            }
        }
    }

    /// Whether `path` or a folder above it matches.
    func matchesOrIsBelow(_ path: BytePath) -> Bool {
        if matches(path.bytes[...]) { return true }
        for (index, byte) in path.bytes.enumerated() where byte == UInt8(ascii: "/") && index > 0 {
            if matches(path.bytes[..<index]) { return true }
        }
        return false
    }

    /// Go's `filepath.Clean` of a relative path with a leading `/` taken off.
    static func cleaned(_ text: ArraySlice<UInt8>) -> [UInt8] {
        var parts: [ArraySlice<UInt8>] = []
        for part in text.split(separator: UInt8(ascii: "/")) where !part.elementsEqual(".".utf8) {
            if part.elementsEqual("..".utf8), let last = parts.last, !last.elementsEqual("..".utf8) {
                parts.removeLast()
            } else {
                parts.append(part)
            }
        }
        return Array(parts.joined(separator: [UInt8(ascii: "/")]))
    }
}
