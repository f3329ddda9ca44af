// Wildcards over paths. Does not know files, ignore rules, or who wrote the pattern.

/// A pattern for paths with the rules of git's wildmatch in its pathname mode, compiled.
///
/// - `*` any bytes but `/`; `?` one byte but `/`; `[a-z]`, `[!a-z]`, `[^a-z]`, `[[:digit:]]` one byte but `/`.
/// - `**/` at the start or after a `/`: any number of folders, none too. `/**` at the end: everything below, at least
///   one name. Two or more `*` elsewhere are one `*`.
/// - `\` takes the next byte as it is; at the end of the pattern, or in an unfinished `[`, nothing ever matches.
/// - A `/` at the end means everything below that folder; one at the start is dropped.
///
/// Patterns are anchored: `*.py` matches in the root only. A match takes time proportional to the pattern's length
/// times the path's, at worst.
package struct PathPattern: Sendable, Hashable {
    /// The pattern as it was given.
    package let text: [UInt8]
    let segments: [PatternSegment]

    /// Compiles a pattern that is relative to the workspace's root.
    package init(_ text: [UInt8]) {
        var body = text[...]
        if body.first == slash { body = body.dropFirst() }
        if body.last == slash { body = body + [star, star] }
        self.text = text
        self.segments = PatternCompiler.segments(of: body)
    }

    package init(_ text: String) {
        self.init(Array(text.utf8))
    }

    /// Compiles one line's pattern of an ignore file, where a `/` at the end has been seen to.
    init(ignoring text: ArraySlice<UInt8>) {
        self.text = Array(text)
        self.segments = PatternCompiler.segments(of: text.first == slash ? text.dropFirst() : text)
    }

    /// The pattern that `text` means when it is written in `folder`, whose own name is taken as it is: `/…` is from
    /// the workspace's root, `.` and `..` are resolved by their spelling. Nil where it leaves the workspace.
    package static func resolving(_ text: [UInt8], in folder: BytePath) -> PathPattern? {
        resolved(text, in: folder).map { PathPattern($0) }
    }

    /// The text of that pattern.
    static func resolved(_ text: [UInt8], in folder: BytePath) -> [UInt8]? {
        if isPlain(text), !folder.bytes.contains(where: isSpecial) {
            return folder.isEmpty ? text : folder.bytes + [slash] + text
        }
        var parts = text.first == slash ? [] : folder.components.map { Self.escaped(Array($0)) }
        var namesFolder = text.last == slash
        for part in text.split(separator: slash) {
            let isDot = part.elementsEqual(".".utf8)
            let isDots = part.elementsEqual("..".utf8)
            if isDots, parts.popLast() == nil { return nil }
            if !isDot, !isDots { parts.append(Array(part)) }
            namesFolder = isDot || isDots || text.last == slash
        }
        if parts.isEmpty { return [star, star] }
        if text.isEmpty || namesFolder { parts.append([]) }
        return Array(parts.joined(separator: [slash]))
    }

    /// Whether `text` has names alone: no `.`, no `..`, no `/` at its start, no two in a row.
    private static func isPlain(_ text: [UInt8]) -> Bool {
        var start = 0
        for index in 0...text.count where index == text.count || text[index] == slash {
            let length = index - start
            // Nothing stands behind a `/` at the end.
            if length == 0, index < text.count || index == 0 { return false }
            if length > 0, length < 3, text[start..<index].allSatisfy({ $0 == UInt8(ascii: ".") }) { return false }
            start = index + 1
        }
        return true
    }

    /// `name` spelled so that, as a pattern, it matches itself alone.
    package static func escaped(_ name: [UInt8]) -> [UInt8] {
        name.flatMap { isSpecial($0) ? [backslash, $0] : [$0] }
    }

    /// Whether some `*`, `?` or `[` in `text` is not taken as it is.
    package static func hasWildcards(_ text: [UInt8]) -> Bool {
        var isEscaped = false
        for byte in text {
            if isEscaped {
                isEscaped = false
            } else if byte == backslash {
                isEscaped = true
            } else if isSpecial(byte) {
                return true
            }
        }
        return false
    }

    package static func == (left: PathPattern, right: PathPattern) -> Bool { left.text == right.text }

    package func hash(into hasher: inout Hasher) { text.withUnsafeBytes { hasher.combine(bytes: $0) } }

    /// The one path that the pattern matches, where it has no wildcards.
    package var literalPath: BytePath? {
        var names: [[UInt8]] = []
        for segment in segments {
            guard let name = segment.literal else { return nil }
            names.append(name)
        }
        return BytePath(bytes: Array(names.joined(separator: [slash])))
    }

    /// Whether the pattern matches one path at most, spelled out.
    package var isLiteral: Bool { segments.allSatisfy { $0.literal != nil } }

    /// How many of the segments make up `literalPrefix`.
    private var prefixCount: Int { segments.dropLast().prefix { $0.literal != nil }.count }

    /// What is left to match below `literalPrefix`; nil where everything there matches.
    var belowPrefix: PathPattern? {
        let rest = segments.dropFirst(prefixCount)
        if rest.first?.kind == .everything { return nil }
        return PathPattern(text: text, segments: Array(rest))
    }

    private init(text: [UInt8], segments: [PatternSegment]) {
        self.text = text
        self.segments = segments
    }

    /// The folder below which everything lies that the pattern can match: its parts before the last and before the
    /// first wildcard.
    package var literalPrefix: [UInt8] {
        let names = segments.prefix(prefixCount).compactMap(\.literal)
        return Array(names.joined(separator: [slash]))
    }

    /// Whether `path`, relative to the workspace's root, matches.
    package func matches(_ path: BytePath) -> Bool {
        matches(path.bytes, 0..<path.bytes.count)
    }

    /// What the wildcards of the pattern matched in `path`, in order; nil where the pattern does not match. Wildcards
    /// without anything between them count as one; `**` gives the folders with `/` between them, or nothing. Where
    /// there is a choice, earlier wildcards take less.
    package func captures(_ path: BytePath) -> [[UInt8]]? {
        PatternMatch(path.bytes, segments).captures()
    }

    /// Whether the pattern can match any path below `folder`. True for the root unless the pattern is empty.
    package func mayMatchInside(_ folder: BytePath) -> Bool {
        let bytes = folder.bytes
        var start = 0
        var index = 0
        while start < bytes.count {
            guard index < segments.count else { return false }
            let segment = segments[index]
            if segment.spansFolders { return true }
            let end = bytes[start...].firstIndex(of: slash) ?? bytes.count
            if !segment.matches(bytes, start..<end) { return false }
            index += 1
            start = end + 1
        }
        return index < segments.count
    }

    /// Whether the part `range` of `bytes`, a path without a `/` at either end, matches.
    func matches(_ bytes: [UInt8], _ range: Range<Int>) -> Bool {
        bytes.withUnsafeBytes { Self.matches($0, range, segments[...]) }
    }

    /// Whether the part `range` of `bytes` matches `segments`.
    static func matches(
        _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, _ segments: ArraySlice<PatternSegment>
    ) -> Bool {
        guard !range.isEmpty else { return false }
        if segments.count == 2, let first = segments.first, let last = segments.last, first.kind == .folders,
            last.kind == .name
        {
            // `**/name`: the last name of the path alone decides.
            var start = range.upperBound
            while start > range.lowerBound, bytes[start - 1] != slash { start -= 1 }
            return last.matches(bytes, start..<range.upperBound)
        }
        var position = range.lowerBound
        var index = segments.startIndex
        var retry: (index: Int, position: Int)?
        while true {
            if index == segments.endIndex, position > range.upperBound { return true }
            if index < segments.endIndex {
                if position > range.upperBound { return false }
                let segment = segments[index]
                switch segment.kind {
                case .everything:
                    return true
                case .folders:
                    index += 1
                    retry = (index, position)
                    continue
                case .name:
                    let end = endOfName(bytes, position, range.upperBound)
                    if segment.matches(bytes, position..<end) {
                        index += 1
                        position = end + 1
                        continue
                    }
                }
            }
            // The last `**` takes one more folder. Earlier ones need not: what they would give, it can take.
            guard let last = retry else { return false }
            let end = endOfName(bytes, last.position, range.upperBound)
            guard end < range.upperBound else { return false }
            position = end + 1
            index = last.index
            retry = (index, position)
        }
    }

    static func endOfName(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ limit: Int) -> Int {
        var end = start
        while end < limit, bytes[end] != slash { end += 1 }
        return end
    }

    static func endOfName(_ bytes: [UInt8], _ start: Int, _ limit: Int) -> Int {
        var end = start
        while end < limit, bytes[end] != slash { end += 1 }
        return end
    }

    static func isSpecial(_ byte: UInt8) -> Bool {
        byte == star || byte == UInt8(ascii: "?") || byte == UInt8(ascii: "[") || byte == backslash
    }
}

let slash = UInt8(ascii: "/")
let star = UInt8(ascii: "*")
let backslash = UInt8(ascii: "\\")

/// A set of byte values.
struct ByteSet: Sendable, Hashable {
    private var words: SIMD4<UInt64> = .zero

    func contains(_ byte: UInt8) -> Bool {
        words[Int(byte >> 6)] >> UInt64(byte & 63) & 1 == 1
    }

    mutating func insert(_ byte: UInt8) {
        words[Int(byte >> 6)] |= 1 << UInt64(byte & 63)
    }

    mutating func remove(_ byte: UInt8) {
        words[Int(byte >> 6)] &= ~(1 << UInt64(byte & 63))
    }

    mutating func invert() { words = ~words }
}

/// What stands between two `/` of a pattern.
struct PatternSegment: Sendable, Hashable {
    enum Kind: Sendable, Hashable {
        /// One name of a path.
        case name
        /// `**` before a `/`: any number of names, none too.
        case folders
        /// `**` at the end: one name or more.
        case everything
    }

    enum Element: Sendable, Hashable {
        case byte(UInt8)
        /// `?`
        case anyByte
        case set(ByteSet)
        /// `*`
        case anyBytes
        /// Malformed: matches nothing.
        case never

        var isWildcard: Bool {
            if case .byte = self { false } else { true }
        }
    }

    let kind: Kind
    /// Of a segment with wildcards.
    let elements: [Element]
    /// The name itself, where the segment has no wildcards.
    let literal: [UInt8]?
    /// The bytes after a `*` that stands first, where no other wildcard follows.
    private let suffix: [UInt8]?

    /// A name without wildcards.
    init(literal name: ArraySlice<UInt8>) {
        kind = .name
        elements = []
        literal = Array(name)
        suffix = nil
    }

    init(_ kind: Kind, _ elements: [Element] = []) {
        self.kind = kind
        self.elements = elements
        self.literal = kind == .name ? Self.bytes(of: elements[...]) : nil
        self.suffix = elements.first == .anyBytes ? Self.bytes(of: elements.dropFirst()) : nil
    }

    var spansFolders: Bool { kind != .name }

    private static func bytes(of elements: ArraySlice<Element>) -> [UInt8]? {
        var bytes: [UInt8] = []
        for element in elements {
            guard case .byte(let byte) = element else { return nil }
            bytes.append(byte)
        }
        return bytes
    }

    /// Whether the part `range` of `bytes`, which holds no `/`, matches the segment, of kind `.name`.
    func matches(_ bytes: [UInt8], _ range: Range<Int>) -> Bool {
        bytes.withUnsafeBytes { matches($0, range) }
    }

    func matches(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> Bool {
        if range.isEmpty { return false }
        if let literal { return literal.count == range.count && Self.areEqual(literal, bytes, range.lowerBound) }
        if let suffix {
            return suffix.count <= range.count && Self.areEqual(suffix, bytes, range.upperBound - suffix.count)
        }
        var starts: [Int] = []
        return matches(bytes, range, recordingIn: &starts)
    }

    private static func areEqual(_ name: [UInt8], _ bytes: UnsafeRawBufferPointer, _ start: Int) -> Bool {
        for index in name.indices where name[index] != bytes[start + index] { return false }
        return true
    }

    /// As `matches`; where `starts` has a place for each element, they get the offsets at which they begin to match.
    func matches(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, recordingIn starts: inout [Int]) -> Bool {
        let records = starts.count == elements.count
        var position = range.lowerBound
        var index = 0
        var retry: (index: Int, position: Int)?
        while index < elements.count || position < range.upperBound {
            if index < elements.count {
                if records { starts[index] = position }
                if elements[index] == .anyBytes {
                    index += 1
                    retry = (index, position)
                    continue
                }
                if position < range.upperBound, Self.accepts(elements[index], bytes[position]) {
                    index += 1
                    position += 1
                    continue
                }
            }
            // The last `*` takes one byte more.
            guard let last = retry, last.position < range.upperBound else { return false }
            index = last.index
            position = last.position + 1
            retry = (index, position)
        }
        return true
    }

    private static func accepts(_ element: Element, _ byte: UInt8) -> Bool {
        switch element {
        case .byte(let wanted): wanted == byte
        case .anyByte: true
        case .set(let set): set.contains(byte)
        case .anyBytes, .never: false
        }
    }
}
