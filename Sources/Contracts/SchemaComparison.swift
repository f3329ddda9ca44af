// Whether every value of one schema is one of another: what flows must be taken. Does not know where in an interface the
// schemas stand, beyond which way the values go.
import BuildEngine

/// Compares schemas of two documents: what is sent as a request must be in the provider's, what comes as a response in the
/// consumer's. Never says that something is fine which it could not decide.
struct SchemaComparison {
    let expected: SchemaSource
    let actual: SchemaSource
    let question: CompatibilityQuestion
    /// `.request`: values of the expected schema flow to the actual one; `.response`: the other way.
    let side: Incompatibility.Side
    /// What stands before a path within the value, for people.
    let place: String
    private(set) var findings: [Incompatibility] = []

    struct Item {
        /// What flows, and what must take it.
        let sub: [SchemaNode]
        let sup: [SchemaNode]
        let path: String
    }

    private var open: [Item] = []
    private var seen: Set<String> = []
    var steps = 0
    private let depth: Int

    private static let stepLimit = 20_000
    private static let depthLimit = 12
    private static let findingLimit = 500

    init(
        expected: SchemaSource, actual: SchemaSource, question: CompatibilityQuestion, side: Incompatibility.Side,
        place: String
    ) {
        self.expected = expected
        self.actual = actual
        self.question = question
        self.side = side
        self.place = place
        depth = 0
    }

    private init(inside outer: SchemaComparison) {
        (expected, actual, question, side, place) =
            (outer.expected, outer.actual, outer.question, outer.side, outer.place)
        depth = outer.depth + 1
        seen = outer.seen
        steps = outer.steps
    }

    var isRequest: Bool { side == .request }
    var subSource: SchemaSource { isRequest ? expected : actual }
    var supSource: SchemaSource { isRequest ? actual : expected }
    /// How messages call the two.
    var old: String { question == .consumer ? "the consumer" : "the old version" }
    var new: String { question == .consumer ? "the provider" : "the new version" }

    /// Compares the schema of the expected document with the actual one's; `path` is within the value.
    mutating func compare(_ expectedNode: SchemaNode, _ actualNode: SchemaNode, path: String = "") {
        let (sub, sup) = isRequest ? (expectedNode, actualNode) : (actualNode, expectedNode)
        push([sub], [sup], path)
        work()
    }

    mutating func push(_ sub: [SchemaNode], _ sup: [SchemaNode], _ path: String) {
        open.append(Item(sub: sub, sup: sup, path: path))
    }

    private mutating func work() {
        while let item = open.popLast() {
            steps += 1
            if steps > Self.stepLimit || depth > Self.depthLimit || findings.count > Self.findingLimit {
                open = []
                undecided("too-complex", "the schemas are too intricate to be compared to the end", item)
                return
            }
            let key =
                item.sub.map(\.identity).sorted().joined(separator: "\u{1}") + "\u{2}"
                + item.sup.map(\.identity).sorted().joined(separator: "\u{1}")
            if seen.insert(key).inserted { check(item) }
        }
    }

    /// What would be found for `item` alone.
    mutating func findings(of item: Item) -> [Incompatibility] {
        var inner = SchemaComparison(inside: self)
        inner.open = [item]
        inner.work()
        steps = inner.steps
        if inner.findings.isEmpty { seen = inner.seen }
        return inner.findings
    }

    private mutating func check(_ item: Item) {
        let sub = SchemaShape(item.sub, in: subSource)
        let sup = SchemaShape(item.sup, in: supSource)
        if sub.isNever { return }
        let outside = (sub.unresolved + sup.unresolved).filter { node in
            let reference = node.text("$ref")
            return
                !(sub.unresolved.contains { $0.text("$ref") == reference }
                && sup.unresolved.contains { $0.text("$ref") == reference })
        }
        if let node = outside.first {
            undecided(
                "reference-outside", "'\(node.text("$ref") ?? "")' is in another document, which is not looked at", item
            )
            return
        }
        if sup.isNever {
            report("type-changed", item, "no value is allowed here", .of(sub), .of(sup))
            return
        }
        checkOpaque(sub, sup, item)
        let (needed, isExpanded) = checkUnions(sub, sup, item)
        if isExpanded { return }
        checkTypes(sub, sup, item, isUnion: needed)
        checkValues(sub, sup, item)
        checkLimits(sub, sup, item)
        if sub.types.contains(.array), sup.types.contains(.array) { checkArray(sub, sup, item) }
        if sub.types.contains(.object), sup.types.contains(.object) { checkObject(sub, sup, item) }
    }

    private mutating func checkOpaque(_ sub: SchemaShape, _ sup: SchemaShape, _ item: Item) {
        for (word, node) in sup.opaque {
            var equality = SchemaEquality(subSource, supSource)
            let words = word == "if" ? ["if", "then", "else"] : [word]
            let isThere = sub.opaque.contains { other in
                other.word == word
                    && words.allSatisfy { word in
                        switch (other.node.member(word), node.member(word)) {
                        case (let mine?, let its?): equality.isSame(mine, its)
                        case (nil, nil): true
                        default: false
                        }
                    }
            }
            if !isThere {
                undecided("undecided", "whether '\(word)' lets everything through cannot be told", item, node)
            }
        }
    }

    // MARK: Telling

    /// A schema, or a part of one, as it is shown.
    struct Shown {
        var node: SchemaNode?
        var text: String?

        static func of(_ shape: SchemaShape) -> Shown { Shown(node: shape.node, text: shape.types.shown) }
        static func keyword(_ word: String, _ shape: SchemaShape) -> Shown {
            guard let node = shape.owner(of: word) else { return Shown(node: shape.node, text: nil) }
            return Shown(node: node, text: node.tree.text(pretty: false))
        }
    }

    /// `sub` and `sup` are what is shown of what flows and of what takes it.
    mutating func report(
        _ kind: String, _ item: Item, _ message: String, _ sub: Shown, _ sup: Shown, isCertain: Bool = true,
        path: String? = nil
    ) {
        let (mine, its) = isRequest ? (sub, sup) : (sup, sub)
        let within = path ?? item.path
        let whole = [place, within].filter { !$0.isEmpty }.joined(separator: ", ")
        findings.append(
            Incompatibility(
                kind: "\(side.rawValue)-\(kind)", side: side, isCertain: isCertain, place: whole,
                expected: spot(mine, expected), actual: spot(its, actual), message: message))
    }

    mutating func undecided(_ kind: String, _ message: String, _ item: Item, _ node: SchemaNode? = nil) {
        report(
            kind, item, message, Shown(node: item.sub.first), Shown(node: node ?? item.sup.first), isCertain: false)
    }

    mutating func add(_ more: [Incompatibility]) { findings += more }

    private func spot(_ shown: Shown, _ source: SchemaSource) -> Incompatibility.Spot {
        guard let node = shown.node else {
            return Incompatibility.Spot(pointer: "", line: nil, text: shown.text)
        }
        return Incompatibility.Spot(
            pointer: node.pointer, line: source.line(node), text: shown.text.map(Self.short))
    }

    static func short(_ text: String) -> String {
        text.utf8.count <= 120 ? text : String(text.prefix(110)) + "…"
    }
}
