// Environments and their schema: what their words mean, what is said of mistakes, and what a check finds.
import BuildEngine
import BuildGraph
import BuildTestSupport
import Buildfile
import Glibc
import Testing

@testable import Delivery

struct EnvironmentTests {
    private struct System {
        let definitions: [EnvironmentDefinition]
        let schema: VariableSchema
        let mistakes: [Diagnostic]
        let survey: EnvironmentSurvey
    }

    private func system(
        _ buildfile: String, _ files: [String: String] = [:], shell: [String: String] = [:]
    ) throws -> System {
        var tree = MemoryFileSystem(files)
        tree["Buildfile"] = buildfile
        let declared = try DeclaredEnvironments(of: tree, ResolutionSettings())
        let (definitions, first) = EnvironmentDefinition.all(of: declared) { files[$0.shown] != nil }
        let (schema, second) = VariableSchema.read(declared.variables)
        let around = StackSurroundings(
            components: ["web"], registry: declared.registry, read: { files[$0.shown].map { Array($0.utf8) } },
            lookup: { _ in nil })
        let checked = definitions.map { CheckedEnvironment($0, schema, around, shell: shell) }
        return System(
            definitions: definitions, schema: schema, mistakes: first + second,
            survey: EnvironmentSurvey(schema, checked))
    }

    @Test func whatABlockSays() throws {
        let found = try system(
            """
            registry = localhost:5000/lms
            host = 127.0.0.1
            environment dev
                stack a.yml
            environment prod
                stack a.yml b.yml
                env-file $environment.env
                engine swarm
                after dev
                strategy canary 10% for 5m then 50% for 1m router gate judge ./judge --fast
                check http://$host:80/health within 30s
                check http://$host:81/
                policy signed protected watch 10s
            """, ["a.yml": "", "b.yml": "", "prod.env": ""])
        #expect(found.mistakes.map(\.message) == [])
        #expect(found.definitions.map(\.name) == ["dev", "prod"])
        #expect(found.definitions[0].engine == .compose)
        #expect(found.definitions[0].strategy == .rolling(.init()))
        let prod = found.definitions[1]
        #expect(prod.stackFiles.map(\.path.shown) == ["a.yml", "b.yml"])
        #expect(prod.envFiles.map(\.path.shown) == ["prod.env"])
        #expect(prod.after == ["dev"])
        #expect(
            prod.strategy
                == .canary(
                    .init(
                        steps: [.init(percent: 10, duration: 300_000), .init(percent: 50, duration: 60_000)],
                        router: "gate", judge: ["./judge", "--fast"])))
        #expect(prod.checks.map(\.url) == ["http://127.0.0.1:80/health", "http://127.0.0.1:81/"])
        #expect(prod.checks.map(\.within) == [30_000, 60_000])
        #expect(
            prod.policy
                == .init(isSigned: true, isClean: true, isVerified: false, isProtected: true, watch: 10_000))
    }

    @Test(arguments: [
        (
            "strategy rolling parallelism 2 order start-first pause 10s",
            RolloutStrategy.rolling(.init(parallelism: 2, startsFirst: true, pause: 10_000))
        ),
        ("strategy blue-green router gate keep 5m", .blueGreen(.init(router: "gate", keep: 300_000))),
        ("strategy blue-green until promoted", .blueGreen(.init(promotion: 3_600_000))),
        ("strategy blue-green until promoted within 10m keep 5m", .blueGreen(.init(keep: 300_000, promotion: 600_000))),
        (
            "strategy canary 10% until promoted within 2h then 50% for 1m then 60% until promoted router gate",
            .canary(
                .init(
                    steps: [
                        .init(percent: 10, duration: 7_200_000, isUntilPromoted: true),
                        .init(percent: 50, duration: 60_000),
                        .init(percent: 60, duration: 3_600_000, isUntilPromoted: true),
                    ], router: "gate"))
        ),
    ])
    func otherStrategies(_ line: String, _ strategy: RolloutStrategy) throws {
        let found = try system("environment e\n    \(line)\n")
        #expect(found.mistakes.map(\.message) == [])
        #expect(found.definitions[0].strategy == strategy)
    }

    @Test(arguments: [
        ("environment e\n    stack ⟦none.yml⟧\n", "there is no file 'none.yml'"),
        ("environment e\n    env-file ⟦../x⟧\n", "'../x' leaves the workspace"),
        ("environment e\n    engine swarm\n    ⟦engine⟧ compose\n", "'engine' stands twice in environment 'e'"),
        ("environment e\n    strategy ⟦rollling⟧\n", "unknown strategy 'rollling'"),
        ("environment e\n    strategy canary ⟦0%⟧ for 1m\n", "'0%' is no share from 1% to 99%"),
        ("environment e\n    strategy canary 5% ⟦or⟧ 1m\n", "'canary' does not take 'or' here"),
        ("environment e\n    strategy canary 5% until ⟦promotd⟧\n", "'canary' does not take 'promotd' here"),
        ("environment e\n    strategy canary 5% until promoted within ⟦soon⟧\n", "'soon' is no duration"),
        ("environment e\n    strategy blue-green ⟦until⟧\n", "'until' lacks a word"),
        ("environment e\n    strategy blue-green until promoted ⟦soon⟧\n", "'blue-green' does not take 'soon' here"),
        ("environment e\n    strategy rolling ⟦order⟧\n", "'order' lacks a word"),
        ("environment e\n    policy ⟦singed⟧\n", "unknown policy 'singed'"),
        ("environment e\n    check ⟦127.0.0.1/health⟧\n", "'127.0.0.1/health' is no address that can be asked"),
        (
            "environment a\n    after ⟦b⟧\nenvironment b\n    after a\n",
            "environments wait for one another: a -> b -> a"
        ),
        ("environment a\n    after ⟦a⟧\n", "environments wait for one another: a -> a"),
        ("variable A: ⟦urll⟧\n", "unknown type 'urll'"),
        ("variable A: int default ⟦x⟧\n", "the default of 'A' is no whole number"),
        ("variable A: text one of a b default ⟦c⟧\n", "the default of 'A' is none of a, b"),
        ("variable A: port one of 80 ⟦0⟧\n", "the choice '0' is no port (1 to 65535)"),
        ("variable A: text ⟦requird⟧\n", "unknown word 'requird'"),
        ("variable A: text pattern ⟦x⟧\n", "'x' is no pattern"),
        ("variable A: text secret default ⟦x⟧\n", "a secret has no default: 'A'"),
        ("variable A: text ⟦from⟧ env B\n", "'from' is for secrets, and 'A' is none"),
        ("variable A: text secret from ⟦vault⟧ x\n", "a secret does not come from 'vault'"),
        ("variable A: text\nvariable ⟦A⟧: int\n", "variable 'A' is declared twice"),
    ])
    func mistakes(_ marked: String, _ message: String) throws {
        let text = MarkedText(marked.replacing("⟦from⟧ env B", with: "from ⟦env⟧ B"))
        let found = try system(String(decoding: text.bytes, as: UTF8.self))
        #expect(found.mistakes.map(\.message) == [message])
        let span = found.mistakes.first?.span
        #expect(span.map { $0.offset..<$0.offset + $0.length } == text.ranges.first)
    }

    @Test(arguments: [
        (VariableType.int, ["0", "-12"], ["", "1.5", "a"]), (.number, ["1", "-1.5", "2e3"], ["", "1.", "x"]),
        (.bool, ["true", "0", "off"], ["", "TRUE", "2"]), (.port, ["1", "65535"], ["0", "65536", "-1", "http"]),
        (
            .url, ["http://a", "postgres://u@h:1/d?x=y", "amqp+ssl://h"],
            ["", "a.b", "http:/a", "http:///a", "http://a b"]
        ),
        (.host, ["a", "a.b-c.d", "10.0.0.1", "::1", "my_db"], ["", "a..b", "-a", "a b", "a/b"]),
        (.path, ["/a", "a"], [""]), (.duration, ["10s", "1m30s", "500ms", "1.5h", "0"], ["", "10", "s", "1x"]),
        (.json, ["{}", "[1]", "null"], ["", "{a}"]), (.text, ["", "any thing"], []),
    ])
    func types(_ type: VariableType, _ good: [String], _ bad: [String]) {
        for value in good { #expect(type.problem(with: value) == nil, "\(value)") }
        for value in bad { #expect(type.problem(with: value) != nil, "\(value)") }
    }

    private static let stack = """
        services:
          a: {image: web, environment: {DB_URL: "${DB_URL}", LEVEL: "${LEVEL}"}}
          b: {image: web, environment: {DATABASE_URL: "${DB_URL}"}, secrets: [TOKEN]}
        secrets: {TOKEN: {}}
        """

    private func kinds(_ found: System) -> [String] {
        found.survey.problems.map { "\($0.kind.rawValue) \($0.environment ?? "-") \($0.name ?? "-")" }
    }

    @Test func whatACheckFinds() throws {
        let found = try system(
            """
            variable DB_URL: url required
            variable LEVEL: text one of low high
            variable TOKEN: text secret
            variable IDLE: text
            environment dev
                stack a.yml
                env-file dev.env
            environment prod
                stack a.yml
                env-file prod.env
            """,
            [
                "a.yml": Self.stack, "dev.env": "DB_URL=http://db\nLEVEL=middle\nOTHER=1\n",
                "prod.env": "LEVEL=low\nTOKEN=x\n",
            ])
        #expect(
            kinds(found) == [
                "unknown dev OTHER", "wrong-type dev LEVEL", "missing prod DB_URL", "exposed prod TOKEN",
                "unused - IDLE", "differing-names - DB_URL",
            ])
    }

    @Test func whatIsRightHasNoProblems() throws {
        let stack = Self.stack.replacing("DATABASE_URL", with: "DB_URL")
        let found = try system(
            "variable DB_URL: url\nvariable LEVEL: text default low\nvariable TOKEN: text secret\nenvironment e\n    stack a.yml\n    env-file e.env\n",
            ["a.yml": stack, "e.env": "DB_URL=http://db\n"])
        #expect(kinds(found) == [])
        #expect(found.survey.environments[0].secrets.map(\.name) == ["TOKEN"])
    }

    @Test func aSecretIsNoTextOfAStack() throws {
        let found = try system(
            "variable TOKEN: text secret\nenvironment e\n    stack a.yml\n",
            ["a.yml": "services: {a: {image: web, environment: {T: \"${TOKEN}\"}}}"])
        #expect(kinds(found) == ["exposed e TOKEN"])
    }

    @Test func theShellWinsWhereItWasAskedAlone() throws {
        let files = [
            "a.yml": "services: {a: {image: web, environment: {A: \"$A\", H: \"${HOME:-none}\"}}}", "e.env": "A=file\n",
        ]
        let block = "environment e\n    stack a.yml\n    env-file e.env\n"
        func environment(_ text: String) throws -> String? {
            let found = try system(text, files, shell: ["A": "shell", "HOME": "/root"])
            let entry = found.survey.environments[0].reading.project?.services[0].entry
            return entry?.member("environment")?.text(pretty: false)
        }
        #expect(try environment(block) == #"{"A":"shell","H":"none"}"#)
        #expect(try environment(block + "    policy protected\n") == #"{"A":"file","H":"none"}"#)
    }

    @Test(arguments: [
        ("DB_URL", "DATABASE_URL", true), ("dbUrl", "DB_URI", true), ("USER_NAME", "USERNAME", false),
        ("DB_PASS", "DB_PASSWORD", true), ("HOST", "PORT", false),
    ])
    func namesThatSayTheSame(_ one: String, _ other: String, _ isSame: Bool) throws {
        let found = try system(
            "environment e\n    stack a.yml\n    env-file e.env\n",
            ["a.yml": "services: {a: {image: web, command: \"$\(one) $\(other)\"}}", "e.env": "\(one)=1\n\(other)=2\n"])
        #expect(kinds(found).contains { $0.hasPrefix("differing-names") } == isSame)
    }

    // MARK: Secrets

    private func secrets(
        _ line: String, shell: [String: String] = [:],
        answer: @escaping @Sendable (Command) throws -> CommandResult = { _ in
            CommandResult(ending: .exited(0), output: [])
        }, read: @escaping (BytePath) -> [UInt8]? = { _ in nil }
    ) async throws -> (values: [String: SecretValue], diagnostics: [Diagnostic], asked: [[String]]) {
        let schema = try system("variable TOKEN: \(line)\n").schema
        let commands = RecordingCommandRunner(answer: answer)
        let reader = SecretReader(commands: commands, shell: shell, root: BytePath("/w"))
        let (values, diagnostics) = try await reader.values(of: schema.variables, in: "prod", read: read)
        return (values, diagnostics, commands.commands.map(\.arguments))
    }

    @Test func whereSecretsComeFrom() async throws {
        let value = SecretValue(Array("v".utf8))
        #expect(try await secrets("text secret", shell: ["TOKEN": "v"]).values == ["TOKEN": value])
        #expect(try await secrets("text secret from env OTHER", shell: ["OTHER": "v"]).values == ["TOKEN": value])
        let file = try await secrets(
            "text secret from file s/$environment", read: { $0.shown == "/w/s/prod" ? Array("v\n".utf8) : nil })
        #expect(file.values == ["TOKEN": value])
        let command = try await secrets(
            "text secret from command age -d -i key s/${environment}.age",
            answer: { _ in CommandResult(ending: .exited(0), output: Array("v\n".utf8)) })
        #expect(command.values == ["TOKEN": value])
        #expect(command.asked == [["age", "-d", "-i", "key", "s/prod.age"]])
    }

    @Test func secretsThatAreNotToBeHad() async throws {
        let said = Array("hunter2 is wrong".utf8)
        let found = [
            try await secrets("text secret"), try await secrets("text secret", shell: ["TOKEN": ""]),
            try await secrets("url secret", shell: ["TOKEN": "hunter2"]), try await secrets("text secret from file s"),
            try await secrets(
                "text secret from command vault",
                answer: { _ in CommandResult(ending: .exited(3), output: said, errors: said) }),
            try await secrets(
                "text secret from command vault", answer: { _ in CommandResult(ending: .timedOut, output: said) }),
            try await secrets(
                "text secret from command vault", answer: { _ in throw SpawnError(program: "vault", errno: ENOENT) }),
        ]
        #expect(
            found.flatMap(\.diagnostics).map(\.message) == [
                "the secret 'TOKEN' is not set", "the secret 'TOKEN' is empty",
                "the secret 'TOKEN' is no URL (scheme://host…)", "the secret 'TOKEN' cannot be read from 's'",
                "the secret 'TOKEN' is not given by 'vault', which ended with exit status 3",
                "the secret 'TOKEN' is not given by 'vault' within 30 s",
                "the secret 'TOKEN' cannot be asked of 'vault', which cannot be started",
            ])
        #expect(found.allSatisfy { $0.values.isEmpty })
        #expect(!"\(found)".contains("hunter2"))
    }
}
