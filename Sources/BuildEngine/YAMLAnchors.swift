// Anchors, aliases and merge keys of YAML, and what they may cost. Does not know how values are spelled.

/// A value that aliases may name, and what each alias costs.
struct YAMLAnchor {
    let tree: JSONTree
    let nodes: Int
    let height: Int
}

extension YAMLParser {
    /// One more level; whoever enters lowers `depth` when it leaves.
    mutating func enter() throws(YAMLError) {
        depth += 1
        deepest = max(deepest, depth)
        if depth > form.depth { throw YAMLError("this is nested more than \(form.depth) deep", at: offset) }
    }

    /// So many more values.
    mutating func count(_ more: Int) throws(YAMLError) {
        nodes += more
        if nodes > form.nodes { throw YAMLError("this YAML has more than \(form.nodes) values", at: offset) }
    }

    /// The name after `&` or `*`.
    mutating func anchorName() throws(YAMLError) -> String {
        let start = offset
        offset += 1
        while let byte = peek, !byte.isSpace, !",[]{}".utf8.contains(byte) { offset += 1 }
        guard offset > start + 1 else { throw YAMLError("this name is empty", expected: "a name", at: start) }
        return String(decoding: bytes[start + 1..<offset], as: UTF8.self)
    }

    /// The value that `read` reads, which aliases may name from now on: a value cannot hold itself.
    mutating func anchored(
        _ name: String, at start: Int, _ read: (inout YAMLParser) throws(YAMLError) -> JSONTree
    ) throws(YAMLError) -> JSONTree {
        let (nodesBefore, deepestBefore) = (nodes, deepest)
        deepest = depth
        skipSpaces()
        if peek == UInt8(ascii: "*") || peek == UInt8(ascii: "&") {
            throw YAMLError("an anchor marks a value of its own", at: offset)
        }
        let tree = try read(&self)
        anchors[name] = YAMLAnchor(tree: tree, nodes: nodes - nodesBefore + 1, height: deepest - depth)
        deepest = max(deepest, deepestBefore)
        return tree
    }

    mutating func alias() throws(YAMLError) -> JSONTree {
        let start = offset
        let name = try anchorName()
        guard let anchor = anchors[name] else {
            throw YAMLError("there is no anchor &\(name) above", expected: "the name of one", at: start)
        }
        try count(anchor.nodes)
        deepest = max(deepest, depth + anchor.height)
        if deepest > form.depth { throw YAMLError("this is nested more than \(form.depth) deep", at: start) }
        return anchor.tree
    }

    // MARK: Merging

    /// The members that `<<: value` brings, what stands earlier in a list first.
    func merging(_ value: JSONTree, at place: Int) throws(YAMLError) -> [JSONTree.Member] {
        let sources: [JSONTree]
        if case .array(let elements) = value.content { sources = elements } else { sources = [value] }
        var members: [JSONTree.Member] = []
        var names: Set<[UInt8]> = []
        for source in sources {
            guard let more = source.members else {
                throw YAMLError("<< takes mappings alone", expected: "*name or [*name, *other]", at: place)
            }
            members += more.filter { names.insert(Array($0.name.utf8)).inserted }
        }
        return members
    }

    /// `own` and those of `others` whose names it lacks, the first of each name. The own ones come last, so that what is
    /// common to many mappings stands at their head.
    static func completed(_ own: [JSONTree.Member], by others: [JSONTree.Member]) -> [JSONTree.Member] {
        if others.isEmpty { return own }
        var names = Set(own.map { Array($0.name.utf8) })
        return others.filter { names.insert(Array($0.name.utf8)).inserted } + own
    }

    /// What to say of the tag here.
    func unsupportedTag() -> YAMLError {
        var end = offset
        while end < bytes.count, !bytes[end].isSpace { end += 1 }
        let name = String(decoding: bytes[offset..<end], as: UTF8.self)
        if name == "!reset" || name == "!override" {
            return YAMLError(
                "Compose's \(name) is not supported", expected: "the value as it is to be, in a file of its own",
                at: offset)
        }
        return YAMLError("tags (!name) are not supported", at: offset)
    }
}
