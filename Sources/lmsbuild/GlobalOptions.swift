import ArgumentParser
import BuildGraph
import Glibc

/// What every command takes. `-C` and `-f` may stand before the command, as they do for git and make.
struct GlobalOptions: ParsableArguments {
    @Option(name: .customShort("C"), help: ArgumentHelp("Work as if started in this folder.", valueName: "dir"))
    var folder: String?

    @Option(
        name: .customShort("f"),
        help: ArgumentHelp("The root Buildfile, for every tree that is looked at.", valueName: "buildfile"))
    var buildfile: String?

    /// Moves `-C DIR` and `-f FILE` from before the command to behind it, where the parser expects them.
    static func movedBehindCommand(_ arguments: [String]) -> [String] {
        var moved: [String] = []
        var rest = arguments[...]
        while let first = rest.first, first.hasPrefix("-C") || first.hasPrefix("-f"), !first.hasPrefix("--") {
            moved.append(rest.removeFirst())
            if first.count == 2, let value = rest.first {
                moved.append(value)
                rest.removeFirst()
            }
        }
        guard let command = rest.first else { return arguments }
        let parts: Set<String> =
            command == "contracts"
            ? ["list", "publish", "fetch"]
            : command == "release"
                ? ReleaseCommand.parts : command == "notify" ? NotifyCommand.parts : []
        if let part = rest.dropFirst().first, parts.contains(part) {
            return [command, part] + moved + rest.dropFirst(2)
        }
        if command == "env", let part = rest.dropFirst().first, ["check", "diff", "docs", "render"].contains(part) {
            return [command, part] + moved + rest.dropFirst(2)
        }
        return [command] + moved + withOptionalBase(rest.dropFirst())
    }

    /// Stands for the base of the CI job's event: no revision can be called so.
    static let baseOfEvent = ":"

    /// `--affected` may stand without its value: at the end, or before an option, a label with a colon or a `NAME=VALUE`.
    private static func withOptionalBase(_ arguments: ArraySlice<String>) -> [String] {
        arguments.indices.map { index in
            guard arguments[index] == "--affected" else { return arguments[index] }
            let following = index + 1 < arguments.endIndex ? arguments[index + 1] : "-"
            let isBase = !following.hasPrefix("-") && !following.contains(":") && !following.contains("=")
            return isBase ? arguments[index] : "--affected=" + baseOfEvent
        }
    }

    /// `NAME=VALUE` words, taken out of `words`.
    static func overrides(in words: [String]) -> (labels: [String], overrides: [String: String]) {
        var labels: [String] = []
        var overrides: [String: String] = [:]
        for word in words {
            if let place = word.firstIndex(of: "="), place != word.startIndex,
                word[..<place].utf8.allSatisfy({ isNameByte($0) })
            {
                overrides[String(word[..<place])] = String(word[word.index(after: place)...])
            } else {
                labels.append(word)
            }
        }
        return (labels, overrides)
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
            || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "_")
    }
}
