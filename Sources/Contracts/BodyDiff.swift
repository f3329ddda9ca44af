// Two bodies line by line, for people. Does not know rules: what differs here may well be allowed.
import BuildEngine

/// Differences between bodies, line by line.
package enum BodyDiff {
    /// The lines of both bodies: `  ` before what both have, `- ` before what was expected only, `+ ` before what came
    /// only. JSON is laid out, with the members in the order of the expected body. At most `limit` lines, then one that
    /// says how many more; stretches that are the same shrink to three lines on either side.
    package static func lines(expected: [UInt8], actual: [UInt8], limit: Int = 200) -> [String] {
        let (left, right) = texts(expected, actual)
        // Comparing is quadratic where nothing is the same.
        if left.count > 5000 || right.count > 5000 {
            return ["the bodies are too long to be compared by line: \(left.count) and \(right.count) lines"]
        }
        let changes = right.difference(from: left)
        var removed: Set<Int> = []
        var inserted: Set<Int> = []
        for change in changes {
            switch change {
            case .remove(let offset, _, _): removed.insert(offset)
            case .insert(let offset, _, _): inserted.insert(offset)
            }
        }
        var lines: [String] = []
        var (old, new) = (0, 0)
        while old < left.count || new < right.count {
            if old < left.count, removed.contains(old) {
                lines.append("- " + left[old])
                old += 1
            } else if new < right.count, inserted.contains(new) {
                lines.append("+ " + right[new])
                new += 1
            } else {
                if old < left.count { lines.append("  " + left[old]) }
                old += 1
                new += 1
            }
        }
        let short = shortened(lines)
        return short.count <= limit ? short : short.prefix(limit) + ["… \(short.count - limit) more lines"]
    }

    private static func shortened(_ lines: [String]) -> [String] {
        var short: [String] = []
        var start = 0
        while start < lines.count {
            var end = start
            while end < lines.count, lines[end].hasPrefix("  ") { end += 1 }
            let (head, tail) = (start == 0 ? 0 : 3, end == lines.count ? 0 : 3)
            if end - start > head + tail + 1 {
                short += lines[start..<(start + head)]
                short.append("  … \(end - start - head - tail) lines are the same")
                short += lines[(end - tail)..<end]
            } else {
                short += lines[start..<end]
            }
            if end < lines.count { short.append(lines[end]) }
            start = end + 1
        }
        return short
    }

    private static func texts(_ expected: [UInt8], _ actual: [UInt8]) -> ([String], [String]) {
        if let left = try? JSONTree.parse(expected), let right = try? JSONTree.parse(actual) {
            return (split(left.text(pretty: true)), split(right.ordered(like: left).text(pretty: true)))
        }
        return (split(BodyMatching.shown(expected)), split(BodyMatching.shown(actual)))
    }

    private static func split(_ text: String) -> [String] {
        var lines = text.parts(separatedBy: UInt8(ascii: "\n"))
        if lines.last == "" { lines.removeLast() }
        return lines.map { $0.hasSuffix("\r") ? String($0.dropLast()) : $0 }
    }
}

extension JSONTree {
    /// The same value with members in the order that the other has, then those it has not.
    fileprivate func ordered(like other: JSONTree) -> JSONTree {
        switch (content, other.content) {
        case (.object(let members), .object(let order)):
            let known = order.compactMap { wanted in
                members.first { $0.name.isSame(as: wanted.name) }.map {
                    Member(name: $0.name, value: $0.value.ordered(like: wanted.value))
                }
            }
            let rest = members.filter { order.first(named: $0.name) == nil }
            return JSONTree(.object(known + rest))
        case (.array(let elements), .array(let order)):
            guard let first = order.first else { return self }
            return JSONTree(
                .array(
                    elements.enumerated().map { place, element in
                        element.ordered(like: place < order.count ? order[place] : first)
                    }))
        default: return self
        }
    }
}
