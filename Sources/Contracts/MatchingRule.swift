// The matching rules of the Pact specification, versions 2 to 4, as values. Does not know how they are written in a
// pact (`MatchingRuleReader`) nor how they are applied (`ValueMatching`).

/// One rule.
indirect enum MatchingRule: Sendable {
    case equality
    case regex(String)
    /// The same type as the example; for a collection also its size.
    case type(min: Int?, max: Int?)
    case include(String)
    case integer
    case decimal
    case number
    case dateTime(format: String)
    case date(format: String)
    case time(format: String)
    case null
    case boolean
    case contentType(String)
    case values
    case arrayContains([Variant])
    case statusCode(StatusCodes)
    case notEmpty
    case semver
    case eachKey([MatchingRule])
    case eachValue([MatchingRule])
    /// A rule that this version can't apply, and why: it never matches.
    case unsupported(String)

    /// What one element of an array may look like.
    struct Variant: Sendable {
        /// The place of the example in the expected array.
        let index: Int
        /// Applied to the element as the root.
        let rules: RuleCategory
    }

    enum StatusCodes: Sendable {
        case named(String, ClosedRange<Int>)
        case list([Int])

        init?(name: String) {
            let ranges: [String: ClosedRange<Int>] = [
                "info": 100...199, "success": 200...299, "redirect": 300...399, "clientError": 400...499,
                "serverError": 500...599, "nonError": 100...399, "error": 400...599,
            ]
            guard let range = ranges[name] else { return nil }
            self = .named(name, range)
        }

        func contains(_ status: Int) -> Bool {
            switch self {
            case .named(_, let range): range.contains(status)
            case .list(let codes): codes.contains(status)
            }
        }

        var text: String {
            switch self {
            case .named(let name, let range): "\(name) (\(range.lowerBound) to \(range.upperBound))"
            case .list(let codes): "one of " + codes.map { String($0) }.joined(separator: ", ")
            }
        }
    }

    /// Decides on the values of a map whatever their keys: missing and unexpected keys are then no mismatch.
    var frees: Bool {
        switch self {
        case .values, .eachKey, .eachValue: true
        default: false
        }
    }

    var isType: Bool {
        if case .type = self { true } else { false }
    }
}

/// The rules of one place.
struct RuleList: Sendable {
    var rules: [MatchingRule]
    /// True: one rule that holds is enough. False: all must hold.
    var isAny = false
    /// The rules belong to a place further up.
    var isCascaded = false
}

/// The rules of one part of a request, response or message.
struct RuleCategory: Sendable {
    struct Entry: Sendable {
        let path: PathExpression
        let list: RuleList
    }

    var entries: [Entry] = []

    static let none = RuleCategory()

    var isEmpty: Bool { entries.isEmpty }

    /// The rules of the heaviest expression that leads to `path`; the first of several; nil without any.
    func best(for path: ValuePath) -> RuleList? { best(for: [path]) }

    /// The same where one value has several paths.
    func best(for paths: [ValuePath]) -> RuleList? {
        var best: RuleList?
        var bestWeight = 0.0
        for path in paths {
            for entry in entries {
                let weight = entry.path.weight(of: path)
                guard weight > bestWeight else { continue }
                best = entry.list
                best?.isCascaded = entry.path.tokens.count != path.steps.count
                bestWeight = weight
            }
        }
        return best
    }

    /// True where an expression goes through `path` or ends there.
    func leadsThrough(_ path: ValuePath) -> Bool {
        entries.contains { entry in
            entry.path.tokens.count >= path.steps.count
                && PathExpression(tokens: Array(entry.path.tokens.prefix(path.steps.count))).isExactly(path)
        }
    }

    /// All rules of expressions that lead to `path`, for names that have no depth (headers, query).
    func all(for path: ValuePath) -> RuleList? {
        let lists = entries.filter { $0.path.matches(path) }.map(\.list)
        guard let first = lists.first else { return nil }
        return RuleList(rules: lists.flatMap(\.rules), isAny: first.isAny)
    }

    /// The rules of expressions that are exactly `path`.
    func exact(_ path: ValuePath) -> [MatchingRule] {
        entries.filter { $0.path.isExactly(path) }.flatMap(\.list.rules)
    }

    /// The same with `rules` at `path` instead of what stood there.
    func replacing(_ path: PathExpression, with rules: [MatchingRule]) -> RuleCategory {
        RuleCategory(
            entries: [Entry(path: path, list: RuleList(rules: rules))] + entries.filter { $0.path != path })
    }
}

/// All rules of a request, a response or a message.
struct PactRules: Sendable {
    var method: RuleList?
    var path: RuleList?
    var status: RuleList?
    var query = RuleCategory.none
    /// Names in small letters.
    var header = RuleCategory.none
    var body = RuleCategory.none
    var metadata = RuleCategory.none
}
