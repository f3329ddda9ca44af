// A pattern over a sorted list of paths: folder by folder, so that what cannot match is never looked at. Does not know
// what the files are for.
import Glibc

extension FileTree {
    /// The places of the entries that `pattern` matches.
    func ranges(matching pattern: PathPattern) -> EntryRanges {
        var walk = PatternWalk(entries: entries, segments: pattern.segments)
        walk.descend()
        return walk.found
    }
}

extension FileTree {
    /// The folders that `pattern` matches, sorted; nil where a `**` would have all of them looked at.
    func folders(matching pattern: PathPattern) -> [BytePath]? {
        guard !pattern.segments.isEmpty, !pattern.segments.contains(where: \.spansFolders) else { return nil }
        // All that lies below a folder that matches: its first entry gives the folder's name.
        let below = PatternSegment(.everything)
        var walk = PatternWalk(entries: entries, segments: pattern.segments + [below])
        walk.descend()
        var found: [BytePath] = []
        for range in walk.found.ranges {
            var place = range.lowerBound
            while place < range.upperBound {
                let length = entries.withPath(place) { path in
                    var rest = pattern.segments.count
                    return path.firstIndex { byte in
                        if byte == slash { rest -= 1 }
                        return rest == 0
                    } ?? path.count
                }
                found.append(BytePath(bytes: entries.withPath(place) { Array($0.prefix(length)) }))
                place = entries.end(ofFolderWith: length + 1, at: place, limit: range.upperBound)
            }
        }
        return found.sorted()
    }
}

/// One walk. In `descend` all entries of a range lie in one folder, whose name with its `/` takes `start` bytes.
private struct PatternWalk {
    let entries: FileEntries
    let segments: [PatternSegment]
    var found = EntryRanges()

    /// Begins in the folder that the pattern's first names spell, which is found at once.
    mutating func descend() {
        var folder: [UInt8] = []
        var index = 0
        while index + 1 < segments.count, let name = segments[index].literal {
            folder += name
            folder.append(slash)
            index += 1
        }
        guard !folder.isEmpty else { return descend(0, in: 0..<entries.count, start: 0) }
        let first = entries.lowerBound(folder)
        let isThere = first < entries.count && entries.withPath(first) { $0.starts(with: folder) }
        guard isThere else { return }
        let end = entries.end(ofFolderWith: folder.count, at: first, limit: entries.count)
        descend(index, in: first..<end, start: folder.count)
    }

    private mutating func descend(_ index: Int, in range: Range<Int>, start: Int) {
        guard index < segments.count, !range.isEmpty else { return }
        let segment = segments[index]
        switch segment.kind {
        case .everything: found.append(range)
        case .folders: filter(index, in: range, start: start)
        case .name:
            if let literal = segment.literal {
                literal.withUnsafeBytes { take($0, index, in: range, start: start) }
            } else {
                takeChildren(index, segment, in: range, start: start)
            }
        }
    }

    private mutating func take(_ name: UnsafeRawBufferPointer, _ index: Int, in range: Range<Int>, start: Int) {
        let first = lowerBound(name, end: 0, in: range, start: start)
        guard index + 1 < segments.count else {
            guard first < range.upperBound,
                entries.withPath(first, { MappedIndex.compare(Self.rest($0, start), name) == 0 })
            else { return }
            found.append(first..<first + 1)
            return
        }
        let inside = first..<range.upperBound
        let low = lowerBound(name, end: slash, in: inside, start: start)
        let high = lowerBound(name, end: slash + 1, in: low..<range.upperBound, start: start)
        descend(index + 1, in: low..<high, start: start + name.count + 1)
    }

    /// The first place whose name is not less than `name`, followed by `end` if that is not zero.
    private func lowerBound(_ name: UnsafeRawBufferPointer, end: UInt8, in range: Range<Int>, start: Int) -> Int {
        var low = range.lowerBound
        var high = range.upperBound
        while low < high {
            let middle = (low + high) / 2
            let isLess = entries.withPath(middle) { path in
                let rest = Self.rest(path, start)
                guard end != 0, rest.count >= name.count else { return MappedIndex.compare(rest, name) < 0 }
                let order = MappedIndex.compare(UnsafeRawBufferPointer(rebasing: rest[..<name.count]), name)
                if order != 0 { return order < 0 }
                return rest.count == name.count || rest[name.count] < end
            }
            if isLess { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private static func rest(_ path: UnsafeRawBufferPointer, _ start: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: path[min(start, path.count)...])
    }

    /// Goes through the files and folders of one folder.
    private mutating func takeChildren(
        _ index: Int, _ segment: PatternSegment, in range: Range<Int>, start: Int
    ) {
        let isLast = index + 1 == segments.count
        var place = range.lowerBound
        while place < range.upperBound {
            let (end, isFolder, matches) = entries.withPath(place) { path -> (Int, Bool, Bool) in
                let end = PathPattern.endOfName(path, start, path.count)
                let isFolder = end < path.count
                return (end, isFolder, isLast != isFolder && segment.matches(path, start..<end))
            }
            guard isFolder else {
                if matches { found.append(place..<place + 1) }
                place += 1
                continue
            }
            let next = entries.end(ofFolderWith: end + 1, at: place, limit: range.upperBound)
            if matches { descend(index + 1, in: place..<next, start: end + 1) }
            place = next
        }
    }

    /// Looks at each entry: `**` may take any folders.
    private mutating func filter(_ index: Int, in range: Range<Int>, start: Int) {
        let rest = segments[index...]
        for place in range where entries.withPath(place, { PathPattern.matches($0, start..<$0.count, rest) }) {
            found.append(place..<place + 1)
        }
    }
}

extension FileEntries {
    /// The first place behind `place`, and not behind `limit`, whose path does not begin with the first `length` bytes of
    /// the path at `place`. Takes time logarithmic in how far it is.
    func end(ofFolderWith length: Int, at place: Int, limit: Int) -> Int {
        let folder = withPath(place) { Array($0.prefix(length)) }
        func isInside(_ other: Int) -> Bool {
            withPath(other) { path in
                guard path.count >= length, let start = path.baseAddress else { return false }
                return folder.withUnsafeBytes { $0.baseAddress.map { memcmp($0, start, length) == 0 } ?? true }
            }
        }
        var low = place + 1
        var step = 1
        while low + step <= limit, isInside(low + step - 1) {
            low += step
            step *= 2
        }
        // `low` is behind the last that is known to be inside.
        var high = Swift.min(limit, low + step - 1)
        while low < high {
            let middle = (low + high) / 2
            if isInside(middle) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
