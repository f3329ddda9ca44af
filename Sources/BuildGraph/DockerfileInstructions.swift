// What single instructions add to a stage: its sources, variables and health check.
import Buildfile

extension DockerfileReader {
    private func words(_ instruction: DockerfileInstruction) -> (words: [SpannedBytes], isJSON: Bool) {
        if let strings = DockerfileJSON.strings(instruction.arguments) { return (strings, true) }
        return (instruction.arguments.words, false)
    }

    /// `--name=value` as both, `--name` with a nil value.
    private func split(_ flag: SpannedBytes) -> (name: String, value: SpannedBytes?) {
        guard let equals = flag.bytes.firstIndex(of: UInt8(ascii: "=")) else {
            return (String(decoding: flag.bytes.dropFirst(2), as: UTF8.self), nil)
        }
        return (
            String(decoding: flag.bytes[2..<equals], as: UTF8.self), flag.part((equals + 1)..<flag.bytes.count)
        )
    }

    private func giveUp(_ why: String, at span: SourceSpan, in stage: inout DockerfileStage, hint: String? = nil) {
        stage.unresolved.append(span)
        stage.diagnostics.append(
            Diagnostic(
                .unresolvedDockerfile, .notice, "\(why): every file of the build context counts as an input", at: span,
                hint: hint))
    }

    /// The word after substitution; where there is none, says so and takes everything.
    private func resolved(_ word: SpannedBytes, in stage: inout DockerfileStage) -> [UInt8]? {
        switch stage.variables.expand(word.bytes) {
        case .value(let value): return value
        case .unresolved(let name):
            giveUp(
                "the variable '\(name)' in '\(word.text)' has no value here", at: word.span, in: &stage,
                hint: "give 'ARG \(name)' a default, or the rule an [arg \(name)=…]")
        case .malformed(let why): giveUp("'\(word.text)' can't be read: \(why)", at: word.span, in: &stage)
        }
        return nil
    }

    // MARK: COPY and ADD

    mutating func takeCopy(_ instruction: DockerfileInstruction, in stage: inout DockerfileStage) {
        let (all, isJSON) = words(instruction)
        if all.count < 2 {
            fail("\(instruction.keyword) needs a source and a destination", at: instruction.keywordSpan)
            return
        }
        var excludes: [String] = []
        var isFromElsewhere = false
        var hasChecksum = false
        for flag in instruction.flags {
            let (name, value) = split(flag)
            switch name {
            case "from":
                guard let value else { return giveUp("'--from' names nothing", at: flag.span, in: &stage) }
                isFromElsewhere = true
                refer(to: value, .copy, in: &stage)
            case "exclude":
                guard let value, let pattern = resolved(value, in: &stage) else { continue }
                excludes.append(String(decoding: pattern, as: UTF8.self))
            case "checksum": hasChecksum = true
            case "chmod", "chown", "link", "parents", "keep-git-dir", "unpack": break
            default: giveUp("the flag '\(flag.text)' is not known", at: flag.span, in: &stage)
            }
        }
        if isFromElsewhere { return }
        for word in all.dropLast() {
            if !isJSON, instruction.heredocs > 0, HeredocName(word.bytes) != nil { continue }
            if instruction.keyword == "ADD", takeRemote(word, hasChecksum: hasChecksum, in: &stage) { continue }
            takeSource(word, excludes: excludes, in: &stage)
        }
    }

    /// Whether ADD gets `word` from elsewhere, as written or once its variables have values.
    private func takeRemote(_ word: SpannedBytes, hasChecksum: Bool, in stage: inout DockerfileStage) -> Bool {
        var text = word.bytes
        if !isRemote(text) {
            guard case .value(let value) = stage.variables.expand(word.bytes), isRemote(value) else { return false }
            text = value
        }
        stage.remoteSources.append(
            RemoteSource(text: String(decoding: text, as: UTF8.self), hasChecksum: hasChecksum, span: word.span))
        return true
    }

    private func takeSource(_ word: SpannedBytes, excludes: [String], in stage: inout DockerfileStage) {
        guard let value = resolved(word, in: &stage) else { return }
        let text = String(decoding: value, as: UTF8.self)
        if value.isEmpty { return giveUp("'\(word.text)' is empty", at: word.span, in: &stage) }
        guard let pattern = DockerPattern(beforeDoubleStar(value)) else {
            return giveUp("'\(text)' is no path pattern", at: word.span, in: &stage)
        }
        stage.sources.append(
            ContextSource(pattern: pattern, text: text, span: word.span, excludeTexts: excludes))
    }

    /// Builders differ on `**`: what stands before it is taken whole.
    private func beforeDoubleStar(_ path: [UInt8]) -> [UInt8] {
        var kept: [ArraySlice<UInt8>] = []
        for part in path.split(separator: UInt8(ascii: "/")) {
            if part.starts(with: "**".utf8) { break }
            kept.append(part)
        }
        return Array(kept.joined(separator: [UInt8(ascii: "/")]))
    }

    private func isRemote(_ word: [UInt8]) -> Bool {
        ["http://", "https://", "git://", "ssh://", "git@"].contains { word.starts(with: $0.utf8) }
    }

    /// `--from=` and `from=`: a stage by name or number, or an image.
    private func refer(to word: SpannedBytes, _ use: BaseImage.Use, in stage: inout DockerfileStage) {
        guard case .value(let value) = stage.variables.expand(word.bytes), !value.isEmpty else {
            stage.references.formUnion(stages.indices)
            stage.baseImages.append(base(word, word.text, isResolved: false, use))
            stage.diagnostics.append(
                Diagnostic(
                    .unresolvedDockerfile, .notice, "'\(word.text)' has no value here: every stage above counts",
                    at: word.span))
            return
        }
        let name = String(decoding: value, as: UTF8.self)
        if let index = stageIndex(named: name) {
            stage.references.insert(index)
        } else if let index = Int(name), stages.indices.contains(index) {
            stage.references.insert(index)
        } else if name != "scratch" {
            stage.baseImages.append(base(word, name, isResolved: true, use))
        }
    }

    // MARK: RUN --mount

    mutating func takeMounts(_ instruction: DockerfileInstruction, in stage: inout DockerfileStage) {
        if instruction.arguments.bytes.isEmpty {
            fail("'RUN' without a command", at: instruction.keywordSpan)
        }
        for flag in instruction.flags {
            let (name, value) = split(flag)
            switch name {
            case "mount": if let value { takeMount(value, in: &stage) }
            case "network", "security", "device": break
            default: giveUp("the flag '\(flag.text)' is not known", at: flag.span, in: &stage)
            }
        }
    }

    private func takeMount(_ mount: SpannedBytes, in stage: inout DockerfileStage) {
        var type = Array("bind".utf8)
        var path: SpannedBytes?
        var from: SpannedBytes?
        var id: SpannedBytes?
        var target: SpannedBytes?
        var start = 0
        for end in 0...mount.bytes.count
        where end == mount.bytes.count || mount.bytes[end] == UInt8(ascii: ",") {
            let field = mount.part(start..<end)
            start = end + 1
            guard let equals = field.bytes.firstIndex(of: UInt8(ascii: "=")) else { continue }
            let value = field.part((equals + 1)..<field.bytes.count)
            switch String(decoding: field.bytes[..<equals], as: UTF8.self).lowercased() {
            case "type":
                guard let known = resolved(value, in: &stage) else { return }
                type = known
            case "source", "src": path = value
            case "from": from = value
            case "id": id = value
            case "target", "dst", "destination": target = value
            default: break
            }
        }
        switch String(decoding: type, as: UTF8.self).lowercased() {
        case "bind":
            if let from { return refer(to: from, .mount, in: &stage) }
            var literal: [UInt8] = []
            if let path {
                guard let value = resolved(path, in: &stage) else { return }
                literal = value
            }
            let text = literal.isEmpty ? "." : String(decoding: literal, as: UTF8.self)
            stage.sources.append(
                ContextSource(pattern: DockerPattern(literalCutAtRoot: literal), text: text, span: mount.span))
        case "cache": if let from { refer(to: from, .mount, in: &stage) }
        case "secret": takeSecret(id: id, target: target, mount, in: &stage)
        case "tmpfs", "ssh": break
        default: giveUp("the mount '\(mount.text)' is not known", at: mount.span, in: &stage)
        }
    }

    /// Without an id a secret is called as the last part of where it is mounted.
    private func takeSecret(
        id: SpannedBytes?, target: SpannedBytes?, _ mount: SpannedBytes, in stage: inout DockerfileStage
    ) {
        func refuse(_ why: String, at span: SourceSpan) {
            stage.diagnostics.append(
                Diagnostic(
                    .badDockerfile, .error, why, at: span, hint: "write --mount=type=secret,id=NAME"))
        }
        guard let word = id ?? target else { return refuse("the secret '\(mount.text)' has no id", at: mount.span) }
        guard case .value(let value) = stage.variables.expand(word.bytes), !value.isEmpty else {
            return refuse("'\(word.text)' has no value here, so nobody knows which secret is meant", at: word.span)
        }
        let bytes = id == nil ? value.split(separator: UInt8(ascii: "/")).last.map(Array.init) ?? [] : value
        stage.secrets.append(SecretMount(name: String(decoding: bytes, as: UTF8.self), span: word.span))
    }

    // MARK: variables

    mutating func declareArguments(
        _ instruction: DockerfileInstruction, in scope: inout DockerfileVariables, isGlobal: Bool
    ) {
        let words = DockerfileText.quotedWords(instruction.arguments.bytes, escape: text.escape)
        if words.isEmpty { fail("ARG needs a name", at: instruction.keywordSpan) }
        let before = scope
        for word in words {
            let equals = word.firstIndex(of: UInt8(ascii: "="))
            let name = String(decoding: word[..<(equals ?? word.count)], as: UTF8.self)
            declared.insert(name)
            let fallback = equals.map { Array(word[($0 + 1)...]) }
            let value = argument(name, fallback, before: before, now: scope, isGlobal: isGlobal)
            // Builders disagree on which of two declarations holds.
            if let known = scope.arguments[name], known != value, !isGlobal {
                scope.arguments[name] = .unknown
            } else {
                scope.arguments[name] = value
            }
        }
    }

    private func argument(
        _ name: String, _ fallback: [UInt8]?, before: DockerfileVariables, now: DockerfileVariables, isGlobal: Bool
    ) -> DockerfileVariables.Value {
        if let value = given[name] { return .known(Array(value.utf8)) }
        if DockerfileVariables.predefined.contains(name) { return .unknown }
        guard let fallback else {
            return isGlobal ? .unset : globals.arguments[name] ?? .unset
        }
        // Builders disagree on whether a default sees the names declared before it on the same line.
        let value = now.expand(fallback)
        guard case .value(let known) = value, value == before.expand(fallback) else { return .unknown }
        return .known(known)
    }

    mutating func setEnvironment(_ instruction: DockerfileInstruction, in stage: inout DockerfileStage) {
        let words = DockerfileText.quotedWords(instruction.arguments.bytes, escape: text.escape)
        guard let first = words.first else {
            fail("ENV needs a name and a value", at: instruction.keywordSpan)
            return
        }
        func value(_ text: [UInt8], _ variables: DockerfileVariables) -> DockerfileVariables.Value {
            if case .value(let known) = variables.expand(text) { return .known(known) }
            return .unknown
        }
        let before = stage.variables
        guard first.contains(UInt8(ascii: "=")) else {
            let (name, rest) = instruction.arguments.firstWordAndRest
            if rest.bytes.isEmpty { fail("ENV '\(name.text)' has no value", at: name.span) }
            stage.variables.environment[name.text] = value(rest.bytes, before)
            return
        }
        for word in words {
            guard let equals = word.firstIndex(of: UInt8(ascii: "=")) else {
                fail(
                    "'\(String(decoding: word, as: UTF8.self))' in ENV is no NAME=VALUE", at: instruction.arguments.span
                )
                continue
            }
            stage.variables.environment[String(decoding: word[..<equals], as: UTF8.self)] =
                value(Array(word[(equals + 1)...]), before)
        }
    }

    // MARK: HEALTHCHECK

    mutating func setHealthcheck(_ instruction: DockerfileInstruction, in stage: inout DockerfileStage) {
        let (kind, rest) = instruction.arguments.firstWordAndRest
        var check = Healthcheck(test: ["NONE"])
        switch kind.text.uppercased() {
        case "NONE":
            if !rest.bytes.isEmpty { fail("HEALTHCHECK NONE takes nothing more", at: rest.span) }
        case "CMD":
            if rest.bytes.isEmpty { fail("HEALTHCHECK CMD needs a command", at: kind.span) }
            if let strings = DockerfileJSON.strings(rest) {
                check.test = ["CMD"] + strings.map(\.text)
            } else {
                check.test = ["CMD-SHELL", rest.text]
            }
        default:
            fail("HEALTHCHECK is followed by CMD or NONE", at: instruction.keywordSpan)
            return
        }
        for flag in instruction.flags {
            let (name, value) = split(flag)
            let text = value?.text ?? ""
            if name == "retries" {
                guard let count = Int(text), count >= 0 else {
                    fail("'\(flag.text)': not a number of retries", at: flag.span)
                    continue
                }
                check.retries = count
                continue
            }
            guard let time = DockerfileDuration.nanoseconds(text), time == 0 || time >= 1_000_000 else {
                fail("'\(flag.text)': not a duration of at least 1ms, such as 30s or 1m30s", at: flag.span)
                continue
            }
            switch name {
            case "interval": check.interval = time
            case "timeout": check.timeout = time
            case "start-period": check.startPeriod = time
            case "start-interval": check.startInterval = time
            default: fail("unknown flag '\(flag.text)' of HEALTHCHECK", at: flag.span)
            }
        }
        stage.healthcheck = check
    }
}

/// Durations as Go writes them: `1h2m3.5s`, `100ms`, `0`.
enum DockerfileDuration {
    private static let units: [(String, Double)] = [
        ("ns", 1), ("us", 1e3), ("µs", 1e3), ("μs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9),
    ]

    /// Nil where it is none, is negative or longer than 290 years.
    static func nanoseconds(_ text: String) -> Int64? {
        if text == "0" { return 0 }
        var rest = Substring(text)
        if rest.first == "+" { rest = rest.dropFirst() }
        var total = 0.0
        if rest.isEmpty { return nil }
        while !rest.isEmpty {
            let digits = rest.prefix { $0 == "." || ("0"..."9").contains($0) }
            guard digits.count < 20, let number = Double(digits), number >= 0 else { return nil }
            rest = rest.dropFirst(digits.count)
            let unit = rest.prefix { $0 != "." && !("0"..."9").contains($0) }
            guard let factor = units.first(where: { $0.0 == unit })?.1 else { return nil }
            total += number * factor
            rest = rest.dropFirst(unit.count)
        }
        return total < 9e18 ? Int64(total.rounded()) : nil
    }
}
