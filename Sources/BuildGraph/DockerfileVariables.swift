// Variables of a Dockerfile, substituted as docker's own shell lexer does.
// Does not know instructions: only names, values and words.

/// The variables that an instruction sees.
package struct DockerfileVariables: Sendable {
    package enum Value: Sendable, Hashable {
        case known([UInt8])
        /// It has a value, or may have one, that the checkout alone does not tell.
        case unknown
        /// Declared by an ARG that nobody has given a value.
        case unset
    }

    /// What a word comes to.
    package enum Outcome: Sendable, Hashable {
        case value([UInt8])
        /// The named variable has no value that the checkout tells.
        case unresolved(String)
        /// Not a word docker would take; why.
        case malformed(String)
    }

    /// Set by the engine: known only to the machine that builds.
    package static let predefined: Set<String> = [
        "TARGETPLATFORM", "TARGETOS", "TARGETARCH", "TARGETVARIANT", "TARGETSTAGE", "BUILDPLATFORM", "BUILDOS",
        "BUILDARCH", "BUILDVARIANT", "HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "FTP_PROXY",
        "ftp_proxy", "NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy",
    ]

    /// ENV wins over ARG, whatever their order.
    package var environment: [String: Value] = [:]
    package var arguments: [String: Value] = [:]
    /// Names that the stage this one starts from declares: builders disagree on whether they hold here.
    package var inheritedArguments: Set<String> = []
    /// True where a name that is declared nowhere may still be set by an image that this checkout does not hold.
    package var hasForeignBase = false
    package let escape: UInt8

    package init(escape: UInt8) {
        self.escape = escape
    }

    package func value(of name: String) -> Value? {
        if let value = environment[name] ?? arguments[name] { return value }
        return hasForeignBase || name == "PATH" || inheritedArguments.contains(name) || Self.predefined.contains(name)
            ? .unknown : nil
    }

    /// The word after quotes, escapes and variables.
    package func expand(_ word: [UInt8]) -> Outcome {
        var walk = Walk(word: word, variables: self)
        do throws(Stop) {
            return .value(try walk.process(until: nil, keepsEscapes: false, depth: 0))
        } catch {
            switch error {
            case .unresolved(let name): return .unresolved(name)
            case .malformed(let why): return .malformed(why)
            }
        }
    }

    fileprivate enum Stop: Error {
        case unresolved(String)
        case malformed(String)
    }
}

/// One pass over one word.
private struct Walk {
    let word: [UInt8]
    let variables: DockerfileVariables
    var index = 0

    init(word: [UInt8], variables: DockerfileVariables) {
        self.word = word
        self.variables = variables
    }

    private var next: UInt8? { index < word.count ? word[index] : nil }

    /// Up to `stop`, which is consumed, or the end.
    mutating func process(
        until stop: UInt8?, keepsEscapes: Bool, depth: Int
    ) throws(DockerfileVariables.Stop) -> [UInt8] {
        guard depth < 50 else { throw .malformed("substitutions are nested too deeply") }
        var result: [UInt8] = []
        while let byte = next {
            if byte == stop {
                index += 1
                return result
            }
            switch byte {
            case UInt8(ascii: "'"):
                result.append(contentsOf: try singleQuoted())
            case UInt8(ascii: "\""):
                result.append(contentsOf: try doubleQuoted(depth))
            case UInt8(ascii: "$"):
                result.append(contentsOf: try dollar(depth))
            case variables.escape:
                index += 1
                if keepsEscapes { result.append(byte) }
                guard let literal = next else { break }
                result.append(literal)
                index += 1
            default:
                result.append(byte)
                index += 1
            }
        }
        if stop != nil { throw .malformed("a '${' without its '}'") }
        return result
    }

    private mutating func singleQuoted() throws(DockerfileVariables.Stop) -> [UInt8] {
        index += 1
        guard let end = word[index...].firstIndex(of: UInt8(ascii: "'")) else {
            throw .malformed("a single quote that is never closed")
        }
        defer { index = end + 1 }
        return Array(word[index..<end])
    }

    private mutating func doubleQuoted(_ depth: Int) throws(DockerfileVariables.Stop) -> [UInt8] {
        index += 1
        var result: [UInt8] = []
        while let byte = next {
            switch byte {
            case UInt8(ascii: "\""):
                index += 1
                return result
            case UInt8(ascii: "$"):
                result.append(contentsOf: try dollar(depth))
            case variables.escape:
                index += 1
                guard let literal = next else { throw .malformed("a double quote that is never closed") }
                if literal != UInt8(ascii: "\""), literal != UInt8(ascii: "$"), literal != variables.escape {
                    result.append(byte)
                }
                result.append(literal)
                index += 1
            default:
                result.append(byte)
                index += 1
            }
        }
        throw .malformed("a double quote that is never closed")
    }

    private mutating func dollar(_ depth: Int) throws(DockerfileVariables.Stop) -> [UInt8] {
        index += 1
        guard next == UInt8(ascii: "{") else {
            let name = takeName()
            return name.isEmpty ? [UInt8(ascii: "$")] : try plain(name)
        }
        index += 1
        let name = takeName()
        guard !name.isEmpty, let operation = next else { throw .malformed("'${' needs a name and a '}'") }
        index += 1
        switch operation {
        case UInt8(ascii: "}"): return try plain(name)
        case UInt8(ascii: ":"):
            guard let kind = next else { throw .malformed("'${' without its '}'") }
            index += 1
            return try alternative(name, kind, emptyCounts: false, depth)
        case UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "?"):
            return try alternative(name, operation, emptyCounts: true, depth)
        case UInt8(ascii: "#"), UInt8(ascii: "%"): return try trimmed(name, operation, depth)
        case UInt8(ascii: "/"): return try replaced(name, depth)
        default: throw .malformed("'${\(name)' is followed by an operator docker does not know")
        }
    }

    private mutating func takeName() -> String {
        guard let first = next else { return "" }
        let start = index
        if first.isDigit {
            while let byte = next, byte.isDigit { index += 1 }
        } else if first.isNamePart {
            while let byte = next, byte.isNamePart { index += 1 }
        } else if "@*#?-$!".utf8.contains(first) {
            index += 1
        }
        return String(decoding: word[start..<index], as: UTF8.self)
    }

    private func plain(_ name: String) throws(DockerfileVariables.Stop) -> [UInt8] {
        guard case .known(let value) = variables.value(of: name) else { throw .unresolved(name) }
        return value
    }

    /// `${x-y}`, `${x+y}`, `${x?y}`, and with `:` where an empty value counts as none.
    private mutating func alternative(
        _ name: String, _ kind: UInt8, emptyCounts: Bool, _ depth: Int
    ) throws(DockerfileVariables.Stop) -> [UInt8] {
        var isSet = false
        var value: [UInt8] = []
        switch variables.value(of: name) {
        case .known(let known):
            value = known
            isSet = emptyCounts || !known.isEmpty
        case .unknown: throw .unresolved(name)
        case .unset, nil: break
        }
        // A variable that only the branch not taken mentions decides nothing.
        let start = index
        let other: Result<[UInt8], DockerfileVariables.Stop>
        do throws(DockerfileVariables.Stop) {
            other = .success(try process(until: UInt8(ascii: "}"), keepsEscapes: false, depth: depth + 1))
        } catch {
            guard case .unresolved = error, let end = closingBrace(from: start) else { throw error }
            index = end + 1
            other = .failure(error)
        }
        switch kind {
        case UInt8(ascii: "-"): return isSet ? value : try other.get()
        case UInt8(ascii: "+"): return isSet ? try other.get() : []
        case UInt8(ascii: "?"):
            if isSet { return value }
            throw .unresolved(name)
        default: throw .malformed("'${\(name):' is followed by an operator docker does not know")
        }
    }

    /// The `}` that closes what begins at `start`.
    private func closingBrace(from start: Int) -> Int? {
        var open = 1
        var place = start
        while place < word.count {
            if word[place] == variables.escape {
                place += 1
            } else if word[place] == UInt8(ascii: "{"), place > 0, word[place - 1] == UInt8(ascii: "$") {
                open += 1
            } else if word[place] == UInt8(ascii: "}") {
                open -= 1
                if open == 0 { return place }
            } else if word[place] == UInt8(ascii: "'") || word[place] == UInt8(ascii: "\"") {
                return nil
            }
            place += 1
        }
        return nil
    }

    /// `${x#p}`, `${x##p}`, `${x%p}`, `${x%%p}`.
    private mutating func trimmed(
        _ name: String, _ kind: UInt8, _ depth: Int
    ) throws(DockerfileVariables.Stop) -> [UInt8] {
        let isLong = next == kind
        if isLong { index += 1 }
        let text = try process(until: UInt8(ascii: "}"), keepsEscapes: true, depth: depth + 1)
        let value = try plain(name)
        guard value.count <= 1024, text.count <= 1024 else { throw .unresolved(name) }
        let pattern = ShellPattern(text, escape: variables.escape)
        let isPrefix = kind == UInt8(ascii: "#")
        let counts = isLong ? Array((0...value.count).reversed()) : Array(0...value.count)
        for count in counts {
            let piece = isPrefix ? value.prefix(count) : value.suffix(count)
            if pattern.matches(piece) { return Array(isPrefix ? value.dropFirst(count) : value.dropLast(count)) }
        }
        return value
    }

    /// `${x/p/r}`, `${x//p/r}`.
    private mutating func replaced(_ name: String, _ depth: Int) throws(DockerfileVariables.Stop) -> [UInt8] {
        let isAll = next == UInt8(ascii: "/")
        if isAll { index += 1 }
        let text = try process(until: UInt8(ascii: "/"), keepsEscapes: true, depth: depth + 1)
        let replacement = try process(until: UInt8(ascii: "}"), keepsEscapes: false, depth: depth + 1)
        let value = try plain(name)
        guard !text.isEmpty, value.count <= 256, text.count <= 256 else { throw .unresolved(name) }
        let pattern = ShellPattern(text, escape: variables.escape)
        var result: [UInt8] = []
        var place = 0
        while place < value.count {
            let longest = (place...value.count).reversed().first { pattern.matches(value[place..<$0]) }
            if let end = longest, end > place {
                result.append(contentsOf: replacement)
                place = end
                if !isAll { break }
            } else {
                result.append(value[place])
                place += 1
            }
        }
        return result + value[place...]
    }
}

/// The patterns of `${x#p}`: `*`, `?`, and escapes; brackets are themselves.
private struct ShellPattern {
    private enum Piece {
        case any, one
        case byte(UInt8)
    }

    private var pieces: [Piece] = []

    init(_ text: [UInt8], escape: UInt8) {
        var index = 0
        while index < text.count {
            switch text[index] {
            case UInt8(ascii: "*"): pieces.append(.any)
            case UInt8(ascii: "?"): pieces.append(.one)
            case escape where index + 1 < text.count:
                index += 1
                pieces.append(.byte(text[index]))
            default: pieces.append(.byte(text[index]))
            }
            index += 1
        }
    }

    func matches(_ text: ArraySlice<UInt8>) -> Bool {
        var states = closed(Set([0]))
        for byte in text {
            var after: Set<Int> = []
            for state in states where state < pieces.count {
                switch pieces[state] {
                case .any: after.insert(state)
                case .one: after.insert(state + 1)
                case .byte(let wanted): if wanted == byte { after.insert(state + 1) }
                }
            }
            if after.isEmpty { return false }
            states = closed(after)
        }
        return states.contains(pieces.count)
    }

    /// With the states that a `*` lets through without a byte.
    private func closed(_ states: Set<Int>) -> Set<Int> {
        var all = states
        for state in states {
            var index = state
            while index < pieces.count, case .any = pieces[index] {
                index += 1
                if !all.insert(index).inserted { break }
            }
        }
        return all
    }
}
