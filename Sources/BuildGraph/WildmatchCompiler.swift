// The text of a pattern to its parts, and the parts of a match. Knows the spelling of git's wildmatch; `PathPattern`
// knows what the parts mean.

/// Reads a pattern once, from left to right.
struct PatternCompiler {
    private var rest: ArraySlice<UInt8>
    private var segments: [PatternSegment] = []
    private var elements: [PatternSegment.Element] = []

    /// The segments of `text`, which has no `/` at its start.
    static func segments(of text: ArraySlice<UInt8>) -> [PatternSegment] {
        var compiler = PatternCompiler(rest: text)
        compiler.run()
        return compiler.segments
    }

    private init(rest: ArraySlice<UInt8>) {
        self.rest = rest
    }

    private mutating func run() {
        if rest.isEmpty { return }
        while !rest.isEmpty {
            if elements.isEmpty, let end = endOfLiteral() {
                segments.append(PatternSegment(literal: rest[..<end]))
                if end == rest.endIndex { return }
                rest = rest[(end + 1)...]
                continue
            }
            guard let byte = rest.popFirst() else { break }
            switch byte {
            case star: stars()
            case UInt8(ascii: "?"): elements.append(.anyByte)
            case UInt8(ascii: "["): bracket()
            case backslash:
                guard let literal = rest.popFirst() else {
                    elements.append(.never)
                    break
                }
                take(literal)
            default: take(byte)
            }
        }
        // After `/**` at the end there is nothing to add.
        if segments.last?.kind != .everything { segments.append(PatternSegment(.name, elements)) }
    }

    /// Where the name ends that `rest` begins with, if all of it stands for itself.
    private func endOfLiteral() -> Int? {
        for index in rest.indices {
            if rest[index] == slash { return index }
            if PathPattern.isSpecial(rest[index]) { return nil }
        }
        return rest.endIndex
    }

    private mutating func take(_ literal: UInt8) {
        if literal == slash {
            segments.append(PatternSegment(.name, elements))
            elements = []
        } else {
            elements.append(.byte(literal))
        }
    }

    /// One `*` has been read.
    private mutating func stars() {
        var count = 1
        while rest.first == star {
            rest.removeFirst()
            count += 1
        }
        guard count > 1, elements.isEmpty else {
            if elements.last != .anyBytes { elements.append(.anyBytes) }
            return
        }
        if rest.isEmpty {
            segments.append(PatternSegment(.everything))
        } else if rest.first == slash {
            rest.removeFirst()
            if segments.last?.kind != .folders { segments.append(PatternSegment(.folders)) }
            // `**/` at the end names folders, and no path ends so.
            if rest.isEmpty { elements.append(.never) }
        } else if rest.starts(with: [backslash, slash]) {
            // Spelled so, git wants one folder at least.
            rest = rest.dropFirst(2)
            segments.append(PatternSegment(.name, [.anyBytes]))
            segments.append(PatternSegment(.folders))
            if rest.isEmpty { elements.append(.never) }
        } else {
            elements.append(.anyBytes)
        }
    }

    /// `[` has been read. What git takes for malformed matches nothing.
    private mutating func bracket() {
        var set = ByteSet()
        var isNegated = false
        if rest.first == UInt8(ascii: "!") || rest.first == UInt8(ascii: "^") {
            isNegated = true
            rest.removeFirst()
        }
        var previous: UInt8?
        var isFirst = true
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "]"), !isFirst {
                if isNegated { set.invert() }
                set.remove(slash)
                elements.append(.set(set))
                return
            }
            isFirst = false
            if byte == UInt8(ascii: "-"), let from = previous, let next = rest.first, next != UInt8(ascii: "]") {
                rest.removeFirst()
                guard let to = next == backslash ? rest.popFirst() : next else { break }
                if from <= to { for value in from...to { set.insert(value) } }
                previous = nil
            } else if byte == UInt8(ascii: "["), rest.first == UInt8(ascii: ":") {
                guard let close = rest.firstIndex(of: UInt8(ascii: "]")) else { break }
                let name = rest[(rest.startIndex + 1)..<close]
                if name.last == UInt8(ascii: ":") {
                    guard Self.insert(class: name.dropLast(), into: &set) else { break }
                    rest = rest[(close + 1)...]
                    previous = nil
                } else {
                    set.insert(byte)
                    previous = byte
                }
            } else {
                guard let literal = byte == backslash ? rest.popFirst() : byte else { break }
                set.insert(literal)
                previous = literal
            }
        }
        rest = []
        elements.append(.never)
    }

    /// Adds a POSIX class in the C locale; false for an unknown name.
    private static func insert(class name: ArraySlice<UInt8>, into set: inout ByteSet) -> Bool {
        let ranges: [ClosedRange<UInt8>]
        switch String(decoding: name, as: UTF8.self) {
        case "alnum": ranges = [0x30...0x39, 0x41...0x5A, 0x61...0x7A]
        case "alpha": ranges = [0x41...0x5A, 0x61...0x7A]
        case "blank": ranges = [0x20...0x20, 0x09...0x09]
        case "cntrl": ranges = [0x00...0x1F, 0x7F...0x7F]
        case "digit": ranges = [0x30...0x39]
        case "graph": ranges = [0x21...0x7E]
        case "lower": ranges = [0x61...0x7A]
        case "print": ranges = [0x20...0x7E]
        case "punct": ranges = [0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E]
        case "space": ranges = [0x09...0x0D, 0x20...0x20]
        case "upper": ranges = [0x41...0x5A]
        case "xdigit": ranges = [0x30...0x39, 0x41...0x46, 0x61...0x66]
        default: return false
        }
        for range in ranges { for value in range { set.insert(value) } }
        return true
    }
}

/// A match that remembers where each part of the pattern matched.
struct PatternMatch {
    private let bytes: [UInt8]
    private let segments: [PatternSegment]

    init(_ bytes: [UInt8], _ segments: [PatternSegment]) {
        self.bytes = bytes
        self.segments = segments
    }

    func captures() -> [[UInt8]]? {
        guard let starts = segmentStarts() else { return nil }
        var found: [[UInt8]] = []
        for (index, segment) in segments.enumerated() {
            let start = starts[index]
            switch segment.kind {
            case .everything: found.append(Array(bytes[start...]))
            case .folders: found.append(Array(bytes[start..<max(start, starts[index + 1] - 1)]))
            case .name:
                let end = PathPattern.endOfName(bytes, start, bytes.count)
                found.append(contentsOf: captures(of: segment, start..<end))
            }
        }
        return found
    }

    /// Where each segment begins to match; one more for the end. As `PathPattern.matches`, remembering.
    private func segmentStarts() -> [Int]? {
        guard !bytes.isEmpty else { return nil }
        var starts = Array(repeating: 0, count: segments.count + 1)
        var position = 0
        var index = 0
        var retry: Int?
        while true {
            starts[index] = position
            if index == segments.count, position > bytes.count { return starts }
            if index < segments.count {
                if position > bytes.count { return nil }
                let end = PathPattern.endOfName(bytes, position, bytes.count)
                switch segments[index].kind {
                case .everything:
                    return starts
                case .folders:
                    retry = index
                    index += 1
                    starts[index] = position
                    continue
                case .name:
                    if segments[index].matches(bytes, position..<end) {
                        index += 1
                        position = end + 1
                        continue
                    }
                }
            }
            guard let last = retry else { return nil }
            let end = PathPattern.endOfName(bytes, starts[last + 1], bytes.count)
            guard end < bytes.count else { return nil }
            index = last + 1
            position = end + 1
        }
    }

    private func captures(of segment: PatternSegment, _ range: Range<Int>) -> [[UInt8]] {
        let elements = segment.elements
        var starts = Array(repeating: range.upperBound, count: elements.count)
        guard segment.literal == nil, bytes.withUnsafeBytes({ segment.matches($0, range, recordingIn: &starts) }) else {
            return []
        }
        var found: [[UInt8]] = []
        var first: Int?
        for index in 0...elements.count {
            if index < elements.count, elements[index].isWildcard {
                if first == nil { first = index }
            } else if let begin = first {
                found.append(Array(bytes[starts[begin]..<(index < elements.count ? starts[index] : range.upperBound)]))
                first = nil
            }
        }
        return found
    }
}
