// What a build context leaves out, by docker's own rules (moby's patternmatcher), which are not gitignore's: every
// pattern starts at the root, the last that matches decides, and a folder's exclusion holds for what is below it
// unless a later `!` takes it back. Does not know where the file was found.

/// A parsed `.dockerignore`.
package struct DockerIgnore: Sendable, Hashable {
    private struct Rule: Sendable, Hashable {
        let pattern: DockerIgnorePattern
        let isException: Bool
    }

    private let rules: [Rule]

    /// Lines that are no pattern are left out: nothing is excluded that docker would send.
    package static func parse(_ bytes: [UInt8]) -> DockerIgnore {
        var rules: [Rule] = []
        var text = bytes[...]
        if text.starts(with: [0xEF, 0xBB, 0xBF]) { text = text.dropFirst(3) }
        for line in text.split(separator: UInt8(ascii: "\n")) {
            if line.first == UInt8(ascii: "#") { continue }
            var pattern = trimmed(line)
            let isException = pattern.first == UInt8(ascii: "!")
            if isException { pattern = trimmed(pattern.dropFirst()) }
            let clean = DockerIgnorePattern.cleaned(pattern)
            guard !clean.isEmpty, let compiled = DockerIgnorePattern(clean) else { continue }
            rules.append(Rule(pattern: compiled, isException: isException))
        }
        return DockerIgnore(rules: rules)
    }

    package static let nothing = DockerIgnore(rules: [])

    private static func trimmed(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var line = line.drop { $0.isDockerSpace }
        while let last = line.last, last.isDockerSpace { line.removeLast() }
        return line
    }

    /// Whether the builder never sees `path`, relative to the context.
    package func excludes(_ path: BytePath) -> Bool {
        var isExcluded = false
        for rule in rules where rule.isException == isExcluded && rule.pattern.matchesOrIsBelow(path) {
            isExcluded = !rule.isException
        }
        return isExcluded
    }

    /// Whether the builder sees nothing at or below the folder `path`, whatever will be there.
    package func excludesAll(below path: BytePath) -> Bool {
        excludes(path) && !rules.contains { $0.isException }
    }
}
