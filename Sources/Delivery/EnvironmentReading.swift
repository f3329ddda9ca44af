// From the words of `environment` blocks to definitions. Does not read the files they name.
package import BuildGraph
package import Buildfile

extension EnvironmentDefinition {
    /// The environments that `declared` declares, in their order, with what is wrong with their words. `contains` tells
    /// whether a file is there.
    package static func all(
        of declared: DeclaredEnvironments, contains: @escaping (BytePath) -> Bool
    ) -> (definitions: [EnvironmentDefinition], diagnostics: [Diagnostic]) {
        var diagnostics = declared.diagnostics
        let definitions = declared.environments.map { block in
            var reader = BlockReader(block: block, contains: contains)
            let definition = reader.definition()
            diagnostics += reader.diagnostics
            return definition
        }
        diagnostics += circles(definitions, declared)
        return (definitions, diagnostics)
    }

    /// `after` around in a circle, once for each circle.
    private static func circles(
        _ definitions: [EnvironmentDefinition], _ declared: DeclaredEnvironments
    ) -> [Diagnostic] {
        let after = Dictionary(definitions.map { ($0.name, $0.after) }) { first, _ in first }
        var reported: Set<Set<String>> = []
        var diagnostics: [Diagnostic] = []
        for definition in definitions {
            var path = [definition.name]
            var seen: Set<String> = []
            // Depth first; few environments, so the path itself is the memory.
            func walk(_ name: String) -> [String]? {
                for next in after[name] ?? [] {
                    if next == definition.name { return path }
                    guard seen.insert(next).inserted else { continue }
                    path.append(next)
                    if let found = walk(next) { return found }
                    path.removeLast()
                }
                return nil
            }
            guard let circle = walk(definition.name), reported.insert(Set(circle)).inserted else { continue }
            let shown = (circle + [definition.name]).joined(separator: " -> ")
            let lines = declared.environments.first { $0.name.text == definition.name }?.lines ?? []
            let word = lines.filter { $0.keyword.text == "after" }.flatMap(\.arguments).first
            diagnostics.append(
                Diagnostic(
                    .cycle, "environments wait for one another: \(shown)", at: word?.span ?? definition.span,
                    hint: "remove one of the 'after' words"))
        }
        return diagnostics
    }
}

private struct BlockReader {
    let block: DeclaredEnvironments.Block
    let contains: (BytePath) -> Bool
    var diagnostics: [Diagnostic] = []

    private mutating func report(_ message: String, _ word: Word, hint: String? = nil) {
        diagnostics.append(Diagnostic(.badEnvironment, message, at: word.span, hint: hint))
    }

    mutating func definition() -> EnvironmentDefinition {
        EnvironmentDefinition(
            name: block.name.text, span: block.name.span, stackFiles: files("stack"), envFiles: files("env-file"),
            engine: engine(), after: words("after").map(\.text), strategy: strategy(), checks: checks(),
            policy: policy())
    }

    private func lines(_ keyword: String) -> [DeclaredEnvironments.Line] {
        block.lines.filter { $0.keyword.text == keyword }
    }

    private func words(_ keyword: String) -> [Word] { lines(keyword).flatMap(\.arguments) }

    /// The only line of this keyword; a second one is a mistake.
    private mutating func only(_ keyword: String) -> DeclaredEnvironments.Line? {
        let found = lines(keyword)
        for more in found.dropFirst() {
            diagnostics.append(
                Diagnostic(
                    .badEnvironment, "'\(keyword)' stands twice in environment '\(block.name.text)'",
                    at: more.keyword.span, notes: [Diagnostic.Note("first here", at: found[0].keyword.span)],
                    hint: "remove one of them"))
        }
        return found.first
    }

    private mutating func files(_ keyword: String) -> [EnvironmentDefinition.NamedFile] {
        var files: [EnvironmentDefinition.NamedFile] = []
        for line in lines(keyword) {
            for word in line.arguments {
                guard let path = BytePath.resolving(Array(word.text.utf8), in: line.folder) else {
                    diagnostics.append(
                        Diagnostic(
                            .pathLeavesWorkspace, "'\(word.text)' leaves the workspace", at: word.span,
                            hint: "the workspace is the folder of the root Buildfile; '/…' names a path from there"))
                    continue
                }
                if !contains(path) {
                    diagnostics.append(
                        Diagnostic(
                            .missingInput, "there is no file '\(path.shown)'", at: word.span,
                            hint:
                                "files that git ignores don't count; secrets come by 'variable NAME: TYPE secret from …'"
                        ))
                }
                files.append(EnvironmentDefinition.NamedFile(path: path, span: word.span))
            }
        }
        return files
    }

    private mutating func engine() -> EnvironmentDefinition.Engine {
        guard let word = only("engine")?.arguments.first else { return .compose }
        if let engine = EnvironmentDefinition.Engine(rawValue: word.text) { return engine }
        report("unknown engine '\(word.text)'", word, hint: "known are swarm, compose and plan")
        return .compose
    }

    private mutating func checks() -> [EnvironmentDefinition.Check] {
        lines("check").compactMap { line in
            guard let word = line.arguments.first else { return nil }
            guard VariableType.url.problem(with: word.text) == nil, word.text.hasPrefix("http") else {
                report("'\(word.text)' is no address that can be asked", word, hint: "write http://HOST:PORT/PATH")
                return nil
            }
            var within = 60_000
            if line.arguments.count > 2 { within = milliseconds(line.arguments[2]) ?? within }
            return EnvironmentDefinition.Check(url: word.text, within: within, span: word.span)
        }
    }

    private mutating func milliseconds(_ word: Word) -> Int? {
        if let duration = parseDuration(word.text) { return Int(duration.components.seconds) * 1000 }
        report("'\(word.text)' is no duration", word, hint: "write 10s, 5m or 1h30m")
        return nil
    }

    private mutating func policy() -> EnvironmentDefinition.Policy {
        var policy = EnvironmentDefinition.Policy()
        var words = words("policy")[...]
        while let word = words.popFirst() {
            switch word.text {
            case "signed": policy.isSigned = true
            case "clean": policy.isClean = true
            case "verified": policy.isVerified = true
            case "protected":
                policy.isProtected = true
                policy.isClean = true
            case "watch":
                guard let time = words.popFirst() else {
                    report("'watch' lacks a duration", word, hint: "write policy watch 10s")
                    break
                }
                policy.watch = milliseconds(time)
            default:
                let known = ["signed", "clean", "verified", "protected", "watch"]
                report(
                    "unknown policy '\(word.text)'", word,
                    hint: nearestWord(to: word.text, among: known).map { "did you mean '\($0)'?" }
                        ?? "known are \(known.joined(separator: ", "))")
            }
        }
        return policy
    }

    // MARK: Strategies

    private static let forms = [
        "rolling": "strategy rolling [parallelism N] [order start-first|stop-first] [pause DURATION]",
        "blue-green":
            "strategy blue-green [until promoted [within DURATION]] [router SERVICE] [keep DURATION]",
        "canary":
            "strategy canary N% for DURATION|until promoted [within DURATION] [then N%…] [router SERVICE] [judge COMMAND…]",
    ]

    private mutating func strategy() -> RolloutStrategy {
        guard let line = only("strategy"), let kind = line.arguments.first else { return .rolling(.init()) }
        var words = line.arguments.dropFirst()
        switch kind.text {
        case "rolling": return .rolling(rolling(kind, &words))
        case "blue-green": return .blueGreen(blueGreen(kind, &words))
        case "canary": return .canary(canary(kind, &words))
        default:
            report(
                "unknown strategy '\(kind.text)'", kind,
                hint: nearestWord(to: kind.text, among: Self.forms.keys.sorted()).map { "did you mean '\($0)'?" }
                    ?? "known are rolling, blue-green and canary")
            return .rolling(.init())
        }
    }

    private mutating func unfit(_ word: Word, _ kind: Word) {
        report(
            "'\(kind.text)' does not take '\(word.text)' here", word,
            hint: Self.forms[kind.text].map { "write \($0)" })
    }

    /// The word after `option`, which has to be there.
    private mutating func value(of option: Word, _ kind: Word, _ words: inout ArraySlice<Word>) -> Word? {
        if let word = words.popFirst() { return word }
        report("'\(option.text)' lacks a word", option, hint: Self.forms[kind.text].map { "write \($0)" })
        return nil
    }

    private mutating func rolling(_ kind: Word, _ words: inout ArraySlice<Word>) -> RolloutStrategy.Rolling {
        var rolling = RolloutStrategy.Rolling()
        while let option = words.popFirst() {
            switch option.text {
            case "parallelism":
                guard let word = value(of: option, kind, &words) else { break }
                if let number = Int(word.text), number >= 0 {
                    rolling.parallelism = number
                } else {
                    unfit(word, kind)
                }
            case "order":
                guard let word = value(of: option, kind, &words) else { break }
                if ["start-first", "stop-first"].contains(word.text) {
                    rolling.startsFirst = word.text == "start-first"
                } else {
                    unfit(word, kind)
                }
            case "pause":
                if let word = value(of: option, kind, &words) { rolling.pause = milliseconds(word) }
            default: unfit(option, kind)
            }
        }
        return rolling
    }

    private mutating func blueGreen(_ kind: Word, _ words: inout ArraySlice<Word>) -> RolloutStrategy.BlueGreen {
        var strategy = RolloutStrategy.BlueGreen()
        while let option = words.popFirst() {
            switch option.text {
            case "router": strategy.router = value(of: option, kind, &words)?.text
            case "keep":
                if let word = value(of: option, kind, &words) { strategy.keep = milliseconds(word) ?? 0 }
            case "until": strategy.promotion = promotion(after: option, kind, &words)
            default: unfit(option, kind)
            }
        }
        return strategy
    }

    private mutating func canary(_ kind: Word, _ words: inout ArraySlice<Word>) -> RolloutStrategy.Canary {
        var strategy = RolloutStrategy.Canary(steps: [])
        step(of: kind, kind, &words, into: &strategy)
        while let option = words.popFirst() {
            switch option.text {
            case "then": step(of: option, kind, &words, into: &strategy)
            case "router": strategy.router = value(of: option, kind, &words)?.text
            case "judge":
                strategy.judge = words.map(\.text)
                if words.isEmpty { _ = value(of: option, kind, &words) }
                words = []
            default: unfit(option, kind)
            }
        }
        return strategy
    }

    /// `N% for DURATION`, or `N% until promoted [within DURATION]`
    private mutating func step(
        of option: Word, _ kind: Word, _ words: inout ArraySlice<Word>, into strategy: inout RolloutStrategy.Canary
    ) {
        guard let share = value(of: option, kind, &words) else { return }
        guard share.text.hasSuffix("%"), let percent = Int(share.text.dropLast()), (1...99).contains(percent) else {
            report("'\(share.text)' is no share from 1% to 99%", share, hint: Self.forms[kind.text])
            words = []
            return
        }
        if let last = strategy.steps.last, percent <= last.percent {
            report("the share \(share.text) is not larger than the one before", share)
        }
        guard let word = value(of: share, kind, &words) else { return }
        switch word.text {
        case "for":
            guard let time = value(of: word, kind, &words), let duration = milliseconds(time) else { return }
            strategy.steps.append(.init(percent: percent, duration: duration))
        case "until":
            guard let limit = promotion(after: word, kind, &words) else { return }
            strategy.steps.append(.init(percent: percent, duration: limit, isUntilPromoted: true))
        default:
            words = []
            unfit(word, kind)
        }
    }

    /// `promoted [within DURATION]` after `until`: milliseconds.
    private mutating func promotion(
        after option: Word, _ kind: Word, _ words: inout ArraySlice<Word>
    ) -> Int? {
        guard let word = value(of: option, kind, &words) else { return nil }
        guard word.text == "promoted" else {
            words = []
            unfit(word, kind)
            return nil
        }
        guard words.first?.text == "within", let within = words.popFirst() else {
            return RolloutStrategy.promotionLimit
        }
        guard let time = value(of: within, kind, &words) else { return nil }
        return milliseconds(time)
    }
}
