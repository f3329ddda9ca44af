// A regular expression as a small program, run by trying one way after the other. The number of steps is bounded, so a
// pattern from a pact can neither hang nor overflow the stack. Does not know pacts.

/// A regular expression that can be matched.
struct JavaRegex: Sendable {
    /// What one match may cost: far more than any honest pattern needs for a field of a body.
    static let stepLimit = 2_000_000
    /// The longest text that is matched, in Unicode scalars.
    static let textLimit = 1_000_000

    enum Step: Sendable {
        case set(RegexSet)
        /// Goes on at the first, and at the second if that fails.
        case split(Int, Int)
        case jump(Int)
        case save(Int)
        case assertion(RegexAssertion)
        case backreference(Int, caseless: Bool)
        /// Runs the program from the next step to its `match`, then goes on at `next`.
        case look(ahead: Bool, negative: Bool, next: Int)
        case atomic(next: Int)
        /// Leaves the loop where its body has matched nothing since the slot was saved.
        case progress(Int, exit: Int)
        case match
    }

    let root: RegexNode
    private let program: [Step]
    private let slots: Int

    init(_ pattern: String) throws(JavaRegexError) {
        var parser = JavaRegexParser(pattern)
        root = try parser.parse()
        var compiler = RegexCompiler(slots: 2 * (parser.captures + 1))
        try compiler.add(root)
        compiler.steps.append(.match)
        program = compiler.steps
        slots = compiler.slots
    }

    /// True where the whole text matches.
    func matchesWhole(_ text: String) throws(JavaRegexError) -> Bool {
        var run = RegexRun(program: program, slots: slots, text: text.unicodeScalars.map(\.value))
        if run.text.count > Self.textLimit { throw JavaRegexError(message: "the text is too long to be matched") }
        return try run.end(from: 0, at: 0, mustEndAt: run.text.count) != nil
    }
}

private struct RegexCompiler {
    var steps: [JavaRegex.Step] = []
    var slots: Int
    private var nodes = 0

    init(slots: Int) {
        self.slots = slots
    }

    mutating func add(_ node: RegexNode) throws(JavaRegexError) {
        nodes += 1
        if nodes > 100_000 { throw JavaRegexError(message: "it repeats too much") }
        switch node {
        case .set(let set): steps.append(.set(set))
        case .sequence(let nodes): for node in nodes { try add(node) }
        case .choice(let branches): try addChoice(branches[...])
        case .capture(let node, let index):
            steps.append(.save(2 * index))
            try add(node)
            steps.append(.save(2 * index + 1))
        case .atomic(let node): try addInner(node) { .atomic(next: $0) }
        case .look(let node, let ahead, let negative):
            try addInner(node) { .look(ahead: ahead, negative: negative, next: $0) }
        case .backreference(let index, let caseless): steps.append(.backreference(index, caseless: caseless))
        case .assertion(let assertion): steps.append(.assertion(assertion))
        case .repeated(let node, let min, let max, .possessive):
            try add(.atomic(.repeated(node, min: min, max: max, .greedy)))
        case .repeated(let node, let min, let max, let greed):
            for _ in 0..<min { try add(node) }
            if let max {
                try addOptional(node, count: Swift.max(0, max - min), isLazy: greed == .lazy)
            } else {
                try addLoop(node, isLazy: greed == .lazy)
            }
        }
    }

    private mutating func addChoice(_ branches: ArraySlice<RegexNode>) throws(JavaRegexError) {
        var ends: [Int] = []
        for (place, branch) in branches.enumerated() {
            let isLast = place == branches.count - 1
            let split = steps.count
            if !isLast { steps.append(.jump(0)) }
            try add(branch)
            if !isLast {
                ends.append(steps.count)
                steps.append(.jump(0))
                steps[split] = .split(split + 1, steps.count)
            }
        }
        for end in ends { steps[end] = .jump(steps.count) }
    }

    /// The node `count` times or fewer.
    private mutating func addOptional(_ node: RegexNode, count: Int, isLazy: Bool) throws(JavaRegexError) {
        var splits: [Int] = []
        for _ in 0..<count {
            splits.append(steps.count)
            steps.append(.jump(0))
            try add(node)
        }
        for split in splits { steps[split] = isLazy ? .split(steps.count, split + 1) : .split(split + 1, steps.count) }
    }

    private mutating func addLoop(_ node: RegexNode, isLazy: Bool) throws(JavaRegexError) {
        let slot = slots
        slots += 1
        let split = steps.count
        steps.append(.jump(0))
        steps.append(.save(slot))
        try add(node)
        steps.append(.progress(slot, exit: steps.count + 2))
        steps.append(.jump(split))
        steps[split] = isLazy ? .split(steps.count, split + 1) : .split(split + 1, steps.count)
    }

    private mutating func addInner(_ node: RegexNode, _ step: (Int) -> JavaRegex.Step) throws(JavaRegexError) {
        let place = steps.count
        steps.append(.jump(0))
        try add(node)
        steps.append(.match)
        steps[place] = step(steps.count)
    }
}

/// One match under way.
private struct RegexRun {
    let program: [JavaRegex.Step]
    let text: [UInt32]
    /// Where captures and loops began; -1 where they have not.
    private var saved: [Int]
    private var steps = 0

    private enum Undo {
        case goOn(step: Int, place: Int)
        case restore(slot: Int, value: Int)
    }

    init(program: [JavaRegex.Step], slots: Int, text: [UInt32]) {
        self.program = program
        self.text = text
        saved = Array(repeating: -1, count: slots)
    }

    /// Where a match that starts at `place` ends; nil without one. Looking around and atomic groups call this again: as
    /// deep as the pattern nests, which is bounded.
    mutating func end(from first: Int, at start: Int, mustEndAt end: Int?) throws(JavaRegexError) -> Int? {
        var trail: [Undo] = []
        var step = first
        var place = start
        while true {
            steps += 1
            if steps > JavaRegex.stepLimit { throw JavaRegexError(message: "it takes too long on this text") }
            var holds = true
            switch program[step] {
            case .set(let set):
                holds = place < text.count && set.contains(text[place])
                place += 1
                step += 1
            case .split(let next, let other):
                trail.append(.goOn(step: other, place: place))
                step = next
            case .jump(let next): step = next
            case .save(let slot):
                trail.append(.restore(slot: slot, value: saved[slot]))
                saved[slot] = place
                step += 1
            case .progress(let slot, let exit): step = saved[slot] == place ? exit : step + 1
            case .assertion(let assertion):
                holds = isTrue(assertion, at: place)
                step += 1
            case .backreference(let index, let caseless):
                holds = skip(index, caseless, &place)
                step += 1
            case .atomic(let next):
                let inner = try self.end(from: step + 1, at: place, mustEndAt: nil)
                holds = inner != nil
                place = inner ?? place
                step = next
            case .look(let ahead, let negative, let next):
                holds = try isSeen(from: step + 1, at: place, ahead: ahead) != negative
                step = next
            case .match:
                if end == nil || end == place { return place }
                holds = false
            }
            if holds { continue }
            guard let back = backtrack(&trail) else { return nil }
            (step, place) = back
        }
    }

    private mutating func backtrack(_ trail: inout [Undo]) -> (Int, Int)? {
        while let last = trail.popLast() {
            switch last {
            case .goOn(let step, let place): return (step, place)
            case .restore(let slot, let value): saved[slot] = value
            }
        }
        return nil
    }

    private mutating func isSeen(from step: Int, at place: Int, ahead: Bool) throws(JavaRegexError) -> Bool {
        if ahead { return try end(from: step, at: place, mustEndAt: nil) != nil }
        for start in stride(from: place, through: 0, by: -1) {
            if try end(from: step, at: start, mustEndAt: place) != nil { return true }
        }
        return false
    }

    private func skip(_ index: Int, _ caseless: Bool, _ place: inout Int) -> Bool {
        guard 2 * index + 1 < saved.count, saved[2 * index] >= 0, saved[2 * index + 1] >= saved[2 * index] else {
            return false
        }
        for known in saved[2 * index]..<saved[2 * index + 1] {
            guard place < text.count else { return false }
            let isSame =
                text[known] == text[place]
                || (caseless && RegexSet.isLetter(text[known]) && text[known] ^ 0x20 == text[place])
            guard isSame else { return false }
            place += 1
        }
        return true
    }

    private func isTrue(_ assertion: RegexAssertion, at place: Int) -> Bool {
        switch assertion {
        case .textStart: return place == 0
        case .textEnd: return place == text.count
        case .textEndBeforeTerminator:
            if place == text.count { return true }
            if place == text.count - 1 { return RegexSet.terminator.contains(text[place]) }
            return place == text.count - 2 && text[place] == 0x0D && text[place + 1] == 0x0A
        case .lineStart: return place == 0 || (place < text.count && RegexSet.terminator.contains(text[place - 1]))
        case .lineEnd: return place == text.count || RegexSet.terminator.contains(text[place])
        case .wordBoundary: return isWord(place - 1) != isWord(place)
        case .noWordBoundary: return isWord(place - 1) == isWord(place)
        }
    }

    private func isWord(_ place: Int) -> Bool {
        text.indices.contains(place) && RegexSet.word.contains(text[place])
    }
}
