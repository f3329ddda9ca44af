// Two texts compared line by line, shown as `diff -u` does. Does not know what the texts are.

/// The difference of two texts in the form of `diff -u`, which `git apply` and `patch -p1` read; empty where they are equal.
///
/// The lines kept are the most that can be (Myers, "An O(ND) difference algorithm", 1986), but where more than
/// `effort` lines differ the whole part from the first to the last difference is replaced.
package func unifiedDiff(
    old: [UInt8], new: [UInt8], name: [UInt8], context: Int = 3, effort: Int = 2000
) -> [UInt8] {
    let diff = UnifiedDiff(old, new, effort: effort)
    guard !diff.changes.isEmpty else { return [] }
    let path = name.drop { $0 == UInt8(ascii: "/") }
    return Array("--- a/".utf8) + path + Array("\n+++ b/".utf8) + path + [UInt8(ascii: "\n")]
        + diff.hunks(context: context)
}

private struct UnifiedDiff {
    /// Lines of `old` that lines of `new` take the place of.
    struct Change {
        var old: Range<Int>
        var new: Range<Int>
    }

    /// With their line ends.
    let old: [ArraySlice<UInt8>]
    let new: [ArraySlice<UInt8>]
    private(set) var changes: [Change] = []

    init(_ oldText: [UInt8], _ newText: [UInt8], effort: Int) {
        old = Self.lines(oldText)
        new = Self.lines(newText)
        var start = 0
        while start < min(old.count, new.count), old[start] == new[start] { start += 1 }
        var oldEnd = old.count
        var newEnd = new.count
        while oldEnd > start, newEnd > start, old[oldEnd - 1] == new[newEnd - 1] {
            oldEnd -= 1
            newEnd -= 1
        }
        var numbers: [ArraySlice<UInt8>: Int] = [:]
        func number(_ line: ArraySlice<UInt8>) -> Int {
            if let known = numbers[line] { return known }
            numbers[line] = numbers.count
            return numbers.count - 1
        }
        let left = old[start..<oldEnd].map(number)
        let right = new[start..<newEnd].map(number)
        let kept = Self.commonLines(left, right, effort: effort) ?? []
        var oldPlace = 0
        var newPlace = 0
        for pair in kept + [(left.count, right.count)] {
            if pair.0 > oldPlace || pair.1 > newPlace {
                changes.append(
                    Change(old: start + oldPlace..<start + pair.0, new: start + newPlace..<start + pair.1))
            }
            oldPlace = pair.0 + 1
            newPlace = pair.1 + 1
        }
    }

    private static func lines(_ text: [UInt8]) -> [ArraySlice<UInt8>] {
        var lines: [ArraySlice<UInt8>] = []
        var start = 0
        for (index, byte) in text.enumerated() where byte == UInt8(ascii: "\n") {
            lines.append(text[start...index])
            start = index + 1
        }
        if start < text.count { lines.append(text[start...]) }
        return lines
    }

    /// The places of a longest common subsequence; nil where more than `effort` elements differ.
    private static func commonLines(_ left: [Int], _ right: [Int], effort: Int) -> [(Int, Int)]? {
        // `reached[offset + k]`: how far on the left one comes on the diagonal `left - right == k`.
        let most = min(left.count + right.count, effort)
        let offset = most + 1
        var reached = [Int](repeating: 0, count: 2 * offset + 1)
        var history: [ArraySlice<Int>] = []
        for differences in 0...most {
            history.append(reached[offset - differences - 1...offset + differences + 1])
            for diagonal in stride(from: -differences, through: differences, by: 2) {
                let isDown = isStepDown(diagonal, differences) { reached[offset + $0] }
                var x = isDown ? reached[offset + diagonal + 1] : reached[offset + diagonal - 1] + 1
                while x < left.count, x - diagonal < right.count, x - diagonal >= 0, left[x] == right[x - diagonal] {
                    x += 1
                }
                reached[offset + diagonal] = x
                if x >= left.count, x - diagonal >= right.count {
                    return walkBack(history, left.count, right.count)
                }
            }
        }
        return nil
    }

    /// Whether the best way to `diagonal` inserts a line.
    private static func isStepDown(_ diagonal: Int, _ differences: Int, _ reached: (Int) -> Int) -> Bool {
        diagonal == -differences || (diagonal != differences && reached(diagonal - 1) < reached(diagonal + 1))
    }

    private static func walkBack(_ history: [ArraySlice<Int>], _ leftCount: Int, _ rightCount: Int) -> [(Int, Int)] {
        var pairs: [(Int, Int)] = []
        var x = leftCount
        var y = rightCount
        for differences in history.indices.reversed() {
            let reached = history[differences]
            let middle = reached.startIndex + differences + 1
            let diagonal = x - y
            let isDown = isStepDown(diagonal, differences) { reached[middle + $0] }
            let before = isDown ? diagonal + 1 : diagonal - 1
            let startX = differences == 0 ? 0 : isDown ? reached[middle + before] : reached[middle + before] + 1
            while x > startX {
                x -= 1
                y -= 1
                pairs.append((x, y))
            }
            guard differences > 0 else { break }
            x = reached[middle + before]
            y = x - before
        }
        return pairs.reversed()
    }

    func hunks(context: Int) -> [UInt8] {
        var output: [UInt8] = []
        var index = 0
        while index < changes.count {
            var end = index + 1
            while end < changes.count, changes[end].old.lowerBound - changes[end - 1].old.upperBound <= 2 * context {
                end += 1
            }
            write(changes[index..<end], context: context, to: &output)
            index = end
        }
        return output
    }

    private func write(_ group: ArraySlice<Change>, context: Int, to output: inout [UInt8]) {
        guard let first = group.first, let last = group.last else { return }
        let before = min(context, first.old.lowerBound)
        let after = min(context, old.count - last.old.upperBound)
        let oldRange = first.old.lowerBound - before..<last.old.upperBound + after
        let newRange = first.new.lowerBound - before..<last.new.upperBound + after
        output += Array("@@ -\(Self.shown(oldRange)) +\(Self.shown(newRange)) @@\n".utf8)
        var place = oldRange.lowerBound
        for change in group {
            for line in old[place..<change.old.lowerBound] { Self.write(" ", line, to: &output) }
            for line in old[change.old] { Self.write("-", line, to: &output) }
            for line in new[change.new] { Self.write("+", line, to: &output) }
            place = change.old.upperBound
        }
        for line in old[place..<oldRange.upperBound] { Self.write(" ", line, to: &output) }
    }

    private static func shown(_ range: Range<Int>) -> String {
        let start = range.isEmpty ? range.lowerBound : range.lowerBound + 1
        return range.count == 1 ? "\(start)" : "\(start),\(range.count)"
    }

    private static func write(_ sign: String, _ line: ArraySlice<UInt8>, to output: inout [UInt8]) {
        output += Array(sign.utf8) + line
        if line.last != UInt8(ascii: "\n") { output += Array("\n\\ No newline at end of file\n".utf8) }
    }
}
