// A glob of `[report]` as a path below the workspace's root. Does not know ignore rules or negation.
import BuildGraph
import Glibc

struct ReportPattern: Sendable {
    private let parts: [[UInt8]]
    /// The deepest folder that holds all matches, whatever the wildcards stand for.
    let folder: BytePath

    init(_ glob: BytePath) {
        parts = glob.components.map { Array($0) }
        let fixed = parts.dropLast().prefix { part in !part.contains { "*?[\\".utf8.contains($0) } }
        folder = BytePath(bytes: Array(fixed.joined(separator: [UInt8(ascii: "/")])))
    }

    func matches(_ path: BytePath) -> Bool {
        Self.matches(parts[...], path.components[...])
    }

    private static func matches(_ parts: ArraySlice<[UInt8]>, _ names: ArraySlice<ArraySlice<UInt8>>) -> Bool {
        guard let part = parts.first else { return names.isEmpty }
        if part == Array("**".utf8) {
            let rest = parts.dropFirst()
            // At the end `**` stands for what lies inside, so for one name at least.
            return (rest.isEmpty ? 1 : 0) <= names.count
                && (rest.isEmpty || (0...names.count).contains { matches(rest, names.dropFirst($0)) })
        }
        guard let name = names.first else { return false }
        let isMatch = BytePath(bytes: part).withCString { pattern in
            BytePath(bytes: Array(name)).withCString { fnmatch(pattern, $0, 0) == 0 }
        }
        return isMatch && matches(parts.dropFirst(), names.dropFirst())
    }
}
