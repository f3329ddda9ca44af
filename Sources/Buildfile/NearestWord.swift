/// The one of `candidates` that `word` was probably meant to be, or nil where none is near.
///
/// Near is a Damerau–Levenshtein distance (optimal string alignment, case ignored) of at most 1 for words of up to three
/// bytes, 2 up to eight, 3 beyond. Of several equally near ones the first in byte order is taken, so the answer does not
/// depend on the candidates' order.
package func nearestWord(to word: String, among candidates: some Sequence<String>) -> String? {
    let wanted = lowercasedBytes(word)
    let limit = wanted.count <= 3 ? 1 : wanted.count <= 8 ? 2 : 3
    var best: (distance: Int, word: String)?
    for candidate in candidates {
        let bytes = lowercasedBytes(candidate)
        guard abs(bytes.count - wanted.count) <= limit else { continue }
        let distance = editDistance(wanted, bytes)
        // A word of which nothing is left is no better a guess than any other.
        guard distance <= limit, distance < max(wanted.count, bytes.count) else { continue }
        if let found = best,
            found.distance < distance
                || (found.distance == distance && !candidate.utf8.lexicographicallyPrecedes(found.word.utf8))
        {
            continue
        }
        best = (distance, candidate)
    }
    return best?.word
}

private func lowercasedBytes(_ word: String) -> [UInt8] {
    word.utf8.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 + 32 : $0 }
}

/// Insertions, deletions, replacements and swaps of neighbours that turn `left` into `right`.
private func editDistance(_ left: [UInt8], _ right: [UInt8]) -> Int {
    var beforeLast: [Int] = []
    var last = Array(0...right.count)
    for row in 0..<left.count {
        var current = [row + 1]
        current.reserveCapacity(right.count + 1)
        for column in 0..<right.count {
            let isSame = left[row] == right[column]
            var cost = min(last[column] + (isSame ? 0 : 1), last[column + 1] + 1, current[column] + 1)
            if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
                cost = min(cost, beforeLast[column - 1] + 1)
            }
            current.append(cost)
        }
        beforeLast = last
        last = current
    }
    return last[right.count]
}
