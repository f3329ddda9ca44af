// What a Dockerfile takes: from its build context, from other images, from its arguments.
// Does not know the context's files, the Buildfile, or any engine. What it can't be sure of it answers with "all of it".
package import Buildfile

/// An image that a reached stage starts from or copies from and that is no stage of the Dockerfile.
package struct BaseImage: Sendable, Hashable {
    package enum Use: Sendable, Hashable { case from, copy, mount }

    /// After substitution; as written where a variable has no value.
    package let reference: String
    /// The variable's name where the whole reference is `$x` or `${x}`.
    package let argumentName: String?
    package let isResolved: Bool
    package let use: Use
    package let span: SourceSpan
}

/// What ADD gets from elsewhere: a URL or a git repository.
package struct RemoteSource: Sendable, Hashable {
    package let text: String
    /// It can only be what it is: `--checksum` says what it must be, or a git commit is named whole.
    package let isPinned: Bool
    package private(set) var span: SourceSpan

    /// The same, standing somewhere else.
    func moved(to span: SourceSpan) -> RemoteSource {
        var copy = self
        copy.span = span
        return copy
    }

    init(text: String, hasChecksum: Bool, span: SourceSpan) {
        self.text = text
        self.span = span
        let fragment = text.utf8.split(separator: UInt8(ascii: "#"), maxSplits: 1).dropFirst().first ?? text.utf8[...]
        let commit = fragment.prefix { $0 != UInt8(ascii: ":") }
        let digits = Set("0123456789abcdef".utf8)
        isPinned =
            hasChecksum
            || (text.contains("#") && (commit.count == 40 || commit.count == 64) && commit.allSatisfy(digits.contains))
    }
}

/// What a RUN mounts as a secret.
package struct SecretMount: Sendable, Hashable {
    /// Its id.
    package let name: String
    package let span: SourceSpan
}

/// HEALTHCHECK in the form of Docker's image configuration; times in nanoseconds, 0 where the engine's default holds.
package struct Healthcheck: Sendable, Hashable {
    /// `["NONE"]`, `["CMD", …]` or `["CMD-SHELL", text]`.
    package var test: [String]
    package var interval: Int64 = 0
    package var timeout: Int64 = 0
    package var startPeriod: Int64 = 0
    package var startInterval: Int64 = 0
    package var retries: Int = 0
}

/// Everything outside itself that a Dockerfile depends on, for one target stage.
///
/// Follows docker's Dockerfile reference (BuildKit's frontend). Never misses a source: whatever is not understood sets
/// `wholeContext`. One limit: ONBUILD triggers inside an image from elsewhere are not known.
package struct DockerfileInputs: Sendable {
    /// What the reached stages take from the build context. With `wholeContext` one of them is all of it.
    package let sources: [ContextSource]
    package let remoteSources: [RemoteSource]
    /// Some word could not be resolved: every file of the context counts.
    package let wholeContext: Bool
    /// LMS201 errors, LMS202 notices.
    package let diagnostics: [Diagnostic]
    package let baseImages: [BaseImage]
    /// The secrets that the reached stages' RUNs mount, in their order.
    package let secrets: [SecretMount]
    /// Every name that an ARG declares, in whatever stage.
    package let usedArguments: Set<String>
    /// Of the target stage, or of the stage it starts from; nil where it is the base image's business.
    package let healthcheck: Healthcheck?
    /// The reference of the image at the bottom of the target stage: what `healthcheck` is inherited from.
    package let bottomImage: String?
    /// `# syntax=`.
    package let syntax: String?
    /// The Dockerfile with each stage that is not reached replaced by an empty one, on the same lines: engines that
    /// build every stage then need only what `sources` names.
    package let reachedText: [UInt8]

    /// Reads `source` with the build arguments `arguments`, for the stage named (or numbered) `targetStage`, or the
    /// last one. Never traps, whatever the bytes.
    package static func read(
        _ source: SourceText, arguments: [String: String], targetStage: String?
    ) -> DockerfileInputs {
        var reader = DockerfileReader(source, arguments: arguments)
        reader.readStages()
        return reader.inputs(targetStage: targetStage)
    }
}

/// One stage, read.
struct DockerfileStage {
    let name: String?
    let range: Range<Int>
    var variables: DockerfileVariables
    /// Indices of stages it starts from or copies from.
    var references: Set<Int> = []
    var sources: [ContextSource] = []
    var remoteSources: [RemoteSource] = []
    var baseImages: [BaseImage] = []
    var secrets: [SecretMount] = []
    var diagnostics: [Diagnostic] = []
    /// Where what it takes can't be known.
    var unresolved: [SourceSpan] = []
    var triggers: [DockerfileInstruction] = []
    var healthcheck: Healthcheck?
    var bottomImage: String?
}

struct DockerfileReader {
    let source: SourceText
    let text: DockerfileText
    let given: [String: String]
    var globals: DockerfileVariables
    var stages: [DockerfileStage] = []
    var errors: [Diagnostic]
    var declared: Set<String> = []

    static let keywords = [
        "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER",
        "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
    ]

    init(_ source: SourceText, arguments: [String: String]) {
        self.source = source
        text = DockerfileText(source)
        given = arguments
        globals = DockerfileVariables(escape: text.escape)
        for name in DockerfileVariables.predefined {
            if let value = arguments[name] { globals.arguments[name] = .known(Array(value.utf8)) }
        }
        errors = text.diagnostics
    }

    mutating func fail(_ message: String, at span: SourceSpan, hint: String? = nil) {
        errors.append(Diagnostic(.badDockerfile, .error, message, at: span, hint: hint))
    }

    mutating func readStages() {
        var starts: [Int] = []
        for (index, instruction) in text.instructions.enumerated() where instruction.keyword == "FROM" {
            starts.append(index)
        }
        for instruction in text.instructions[..<(starts.first ?? text.instructions.count)] {
            guard isKnown(instruction) else { continue }
            if instruction.keyword == "ARG" {
                var scope = globals
                declareArguments(instruction, in: &scope, isGlobal: true)
                globals = scope
            } else {
                fail(
                    "'\(instruction.keyword)' before the first FROM", at: instruction.keywordSpan,
                    hint: "only ARG may stand there")
            }
        }
        if starts.isEmpty {
            fail("no FROM: the Dockerfile builds nothing", at: SourceSpan(source, offset: 0, length: 0))
        }
        for (place, start) in starts.enumerated() {
            let end = place + 1 < starts.count ? starts[place + 1] : text.instructions.count
            let bytes = text.instructions[start].range.lowerBound
            let bytesEnd = end < text.instructions.count ? text.instructions[end].range.lowerBound : source.bytes.count
            var stage = open(text.instructions[start], range: bytes..<bytesEnd)
            for instruction in text.instructions[(start + 1)..<end] { take(instruction, in: &stage) }
            stages.append(stage)
        }
    }

    private mutating func isKnown(_ instruction: DockerfileInstruction) -> Bool {
        if Self.keywords.contains(instruction.keyword) { return true }
        let nearest = nearestWord(to: instruction.keyword, among: Self.keywords)
        fail(
            "unknown instruction '\(shown(instruction.keyword))'", at: instruction.keywordSpan,
            hint: nearest.map { "did you mean '\($0)'?" })
        return false
    }

    private func shown(_ text: String) -> String { BytePath(String(text.prefix(60))).shown }

    /// The stage that FROM begins, with what it inherits, its base's triggers run.
    private mutating func open(_ instruction: DockerfileInstruction, range: Range<Int>) -> DockerfileStage {
        let words = instruction.arguments.words
        var name: String?
        if words.count == 3, words[1].text.uppercased() == "AS" {
            name = words[2].text
        } else if words.count != 1 {
            fail("FROM takes an image and at most 'AS name'", at: instruction.keywordSpan)
        }
        var stage = DockerfileStage(name: name, range: range, variables: DockerfileVariables(escape: text.escape))
        stage.variables.hasForeignBase = true
        guard let word = words.first else { return stage }
        switch globals.expand(word.bytes) {
        case .value(let value) where !value.isEmpty:
            let reference = String(decoding: value, as: UTF8.self)
            if let index = stageIndex(named: reference) {
                inherit(index, in: &stage)
            } else if reference == "scratch" {
                stage.variables.hasForeignBase = false
            } else {
                stage.bottomImage = reference
                stage.baseImages.append(base(word, reference, isResolved: true, .from))
            }
        case .value, .unresolved, .malformed:
            stage.baseImages.append(base(word, word.text, isResolved: false, .from))
            stage.references.formUnion(stages.indices)
            stage.diagnostics.append(
                Diagnostic(
                    .unresolvedDockerfile, .notice, "'\(word.text)' has no value here: the image is not known",
                    at: word.span, hint: "give the ARG a default, or add an [arg] or an image prerequisite"))
            // Any earlier stage may be meant, its triggers included.
            if stages.contains(where: { !$0.triggers.isEmpty }) { stage.unresolved.append(word.span) }
        }
        return stage
    }

    private mutating func inherit(_ index: Int, in stage: inout DockerfileStage) {
        let base = stages[index]
        stage.references.insert(index)
        stage.variables.environment = base.variables.environment
        stage.variables.inheritedArguments =
            base.variables.inheritedArguments.union(base.variables.arguments.keys)
        stage.variables.hasForeignBase = base.variables.hasForeignBase
        stage.healthcheck = base.healthcheck
        stage.bottomImage = base.bottomImage
        for trigger in base.triggers { take(trigger, in: &stage) }
    }

    func base(_ word: SpannedBytes, _ reference: String, isResolved: Bool, _ use: BaseImage.Use) -> BaseImage {
        BaseImage(
            reference: reference, argumentName: wholeVariable(word.bytes), isResolved: isResolved, use: use,
            span: word.span)
    }

    /// `x` of `$x` and `${x}`.
    private func wholeVariable(_ word: [UInt8]) -> String? {
        var name = word[...]
        if name.count > 2, name.first == UInt8(ascii: "\""), name.last == UInt8(ascii: "\"") {
            name = name.dropFirst().dropLast()
        }
        guard name.first == UInt8(ascii: "$") else { return nil }
        name = name.dropFirst()
        if name.first == UInt8(ascii: "{"), name.last == UInt8(ascii: "}") { name = name.dropFirst().dropLast() }
        guard !name.isEmpty, name.allSatisfy(\.isNamePart) else { return nil }
        return String(decoding: name, as: UTF8.self)
    }

    /// An earlier stage by its name, whatever the case of its letters.
    func stageIndex(named name: String) -> Int? {
        stages.lastIndex { $0.name?.lowercased() == name.lowercased() }
    }

    private mutating func take(_ instruction: DockerfileInstruction, in stage: inout DockerfileStage) {
        guard isKnown(instruction) else { return }
        switch instruction.keyword {
        case "ADD", "COPY": takeCopy(instruction, in: &stage)
        case "RUN": takeMounts(instruction, in: &stage)
        case "ARG": declareArguments(instruction, in: &stage.variables, isGlobal: false)
        case "ENV": setEnvironment(instruction, in: &stage)
        case "HEALTHCHECK": setHealthcheck(instruction, in: &stage)
        case "ONBUILD":
            guard let kept = instruction.kept else {
                fail("ONBUILD needs an instruction", at: instruction.keywordSpan)
                return
            }
            guard isKnown(kept) else { return }
            if ["ONBUILD", "FROM", "MAINTAINER"].contains(kept.keyword) {
                fail("ONBUILD can't keep a '\(kept.keyword)'", at: kept.keywordSpan)
            } else {
                stage.triggers.append(kept)
            }
        default:
            if instruction.arguments.bytes.isEmpty, instruction.flags.isEmpty, instruction.keyword != "CMD",
                instruction.keyword != "ENTRYPOINT"
            {
                fail("'\(instruction.keyword)' without a word behind it", at: instruction.keywordSpan)
            }
        }
    }

    // MARK: the answer

    func inputs(targetStage: String?) -> DockerfileInputs {
        var errors = errors
        let target = targetIndex(targetStage, &errors)
        var reached: Set<Int> = target.map { [$0] } ?? Set(stages.indices)
        var waiting = Array(reached)
        while let index = waiting.popLast() {
            for next in stages[index].references where reached.insert(next).inserted { waiting.append(next) }
        }
        let used = reached.sorted().map { stages[$0] }
        let unresolved = used.flatMap(\.unresolved)
        let isWhole = !errors.isEmpty || !unresolved.isEmpty
        var sources = used.flatMap(\.sources)
        if isWhole {
            let place = unresolved.first ?? errors.first?.span ?? SourceSpan(source, offset: 0, length: 0)
            let all = DockerPattern(literalCutAtRoot: [])
            sources.append(ContextSource(pattern: all, text: ".", span: place, isOptional: true))
        }
        return DockerfileInputs(
            sources: sources, remoteSources: used.flatMap(\.remoteSources), wholeContext: isWhole,
            diagnostics: errors + used.flatMap(\.diagnostics), baseImages: used.flatMap(\.baseImages),
            secrets: used.flatMap(\.secrets), usedArguments: declared,
            healthcheck: target.flatMap { stages[$0].healthcheck },
            bottomImage: target.flatMap { stages[$0].bottomImage }, syntax: text.syntax,
            reachedText: errors.isEmpty ? reachedText(reached) : source.bytes)
    }

    private func targetIndex(_ name: String?, _ errors: inout [Diagnostic]) -> Int? {
        guard let name else { return stages.indices.last }
        if let index = stageIndex(named: name) { return index }
        if let index = Int(name), stages.indices.contains(index) { return index }
        if stages.isEmpty { return nil }
        let names = stages.compactMap(\.name)
        let hint = nearestWord(to: name, among: names).map { "did you mean '\($0)'?" }
        errors.append(
            Diagnostic(
                .badDockerfile, .error, "unknown target stage '\(shown(name))'",
                at: SourceSpan(source, offset: stages[0].range.lowerBound, length: 4),
                hint: hint
                    ?? (names.isEmpty ? "no stage has a name" : "the stages are \(names.joined(separator: ", "))")))
        return nil
    }

    private func reachedText(_ reached: Set<Int>) -> [UInt8] {
        guard reached.count < stages.count else { return source.bytes }
        var bytes: [UInt8] = []
        var position = 0
        for (index, stage) in stages.enumerated() where !reached.contains(index) {
            bytes.append(contentsOf: source.bytes[position..<stage.range.lowerBound])
            bytes.append(contentsOf: "FROM scratch\(stage.name.map { " AS \($0)" } ?? "")\n".utf8)
            let lines = source.bytes[stage.range].filter { $0 == UInt8(ascii: "\n") }.count
            bytes.append(contentsOf: Array(repeating: UInt8(ascii: "\n"), count: max(0, lines - 1)))
            position = stage.range.upperBound
        }
        return bytes + source.bytes[position...]
    }
}
