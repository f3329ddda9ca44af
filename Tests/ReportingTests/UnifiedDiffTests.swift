import BuildTestSupport
import Reporting
import Testing

@Suite struct UnifiedDiffTests {
    private func diff(_ old: String, _ new: String, effort: Int = 2000) -> String {
        String(
            decoding: unifiedDiff(old: Array(old.utf8), new: Array(new.utf8), name: Array("a/b".utf8), effort: effort),
            as: UTF8.self)
    }

    @Test func showsWhatDiffersWithThreeLinesAround() {
        let old = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n16\n17\n18\n"
        let new = "1\n2\n3\n4\nfive\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n16\n17\n18\n19\n"
        #expect(
            diff(old, new) == """
                --- a/a/b
                +++ b/a/b
                @@ -2,7 +2,7 @@
                 2
                 3
                 4
                -5
                +five
                 6
                 7
                 8
                @@ -16,3 +16,4 @@
                 16
                 17
                 18
                +19

                """)
    }

    @Test func changesThatAreNearAreOneHunk() {
        let text = diff("1\n2\n3\n4\n5\n6\n7\n8\n", "one\n2\n3\n4\n5\n6\n7\neight\n")
        #expect(text.split(separator: "\n").count { $0.hasPrefix("@@") } == 1)
    }

    @Test(arguments: [
        ("", "x\n", "@@ -0,0 +1 @@\n+x\n"), ("x\n", "", "@@ -1 +0,0 @@\n-x\n"),
        ("x", "x\n", "@@ -1 +1 @@\n-x\n\\ No newline at end of file\n+x\n"),
        ("x\r\n", "x\n", "@@ -1 +1 @@\n-x\r\n+x\n"),
    ]) func edges(old: String, new: String, hunk: String) {
        #expect(diff(old, new) == "--- a/a/b\n+++ b/a/b\n" + hunk)
    }

    @Test func equalTextsHaveNone() {
        #expect(diff("a\nb", "a\nb") == "")
        #expect(diff("", "") == "")
    }

    /// Applied, the diff gives the new text; and it keeps as many lines as a slower way finds that can be kept.
    @Test(arguments: [0, 3, 2000]) func randomTexts(effort: Int) {
        var random = SeededGenerator(seed: 7)
        for _ in 0..<300 {
            let old = (0..<Int.random(in: 0..<12, using: &random)).map { _ in Int.random(in: 0..<4, using: &random) }
            let new = (0..<Int.random(in: 0..<12, using: &random)).map { _ in Int.random(in: 0..<4, using: &random) }
            let shown = diff(text(old), text(new), effort: effort)
            #expect(applied(shown, to: old) == new, "\(old) \(new)")
            guard effort == 2000, !shown.isEmpty else { continue }
            let removed = shown.split(separator: "\n").dropFirst(2).count { $0.hasPrefix("-") }
            #expect(old.count - removed == longestCommon(old, new), "\(old) \(new)")
        }
    }

    private func text(_ numbers: [Int]) -> String { numbers.map { "\($0)\n" }.joined() }

    private func applied(_ diff: String, to old: [Int]) -> [Int] {
        var result: [Int] = []
        var place = 0
        for line in diff.split(separator: "\n").dropFirst(2) {
            if line.hasPrefix("@@") {
                let numbers = line.split(whereSeparator: { !"0123456789,".contains($0) })
                let parts = numbers[0].split(separator: ",").compactMap { Int($0) }
                let start = parts.count == 2 && parts[1] == 0 ? parts[0] : parts[0] - 1
                result += old[place..<start]
                place = start
            } else if line.hasPrefix("+") {
                result.append(Int(line.dropFirst()) ?? -1)
            } else {
                if line.hasPrefix(" ") { result.append(Int(line.dropFirst()) ?? -1) }
                place += 1
            }
        }
        return result + old[place...]
    }

    private func longestCommon(_ left: [Int], _ right: [Int]) -> Int {
        var best = [Int](repeating: 0, count: right.count + 1)
        for element in left {
            var diagonal = 0
            for (index, other) in right.enumerated() {
                let above = best[index + 1]
                best[index + 1] = element == other ? diagonal + 1 : max(above, best[index])
                diagonal = above
            }
        }
        return best[right.count]
    }
}
