import BuildGraph
import BuildTestSupport
import Buildfile
import Foundation
import Testing

@testable import lmsbuild

/// What the documents show is what the program reads and prints.
@Suite struct DocumentationTests {
    // MARK: Examples

    @Test func theWholeExampleIsReadAndHashed() throws {
        let resolution = try resolve(try exampleTree(), ResolutionSettings())
        #expect(rendered(resolution.diagnostics) == "")
        let graph = try #require(resolution.graph)
        let labels = Set(graph.targets.map(\.label.description))
        #expect(
            labels.isSuperset(of: ["catalog:verify[lending]", "frontend:image", "python-base:image", "search:build"]))
        #expect(try HashedGraph(graph).hashes.count == graph.targets.count)
    }

    /// An example that leaves a word of the language out is not the whole one.
    @Test func theWholeExampleLeavesNothingOut() throws {
        let parsed = parseBuildfile(SourceText(name: "Buildfile.example", text: try text("Buildfile.example")))
        var used: Set<String> = []
        for declaration in parsed.declarations {
            switch declaration {
            case .variable(let variable): used.insert(variable.isDefault ? "?=" : "=")
            case .directive(let directive):
                used.formUnion([directive.keyword.text] + directive.lines.map(\.keyword.text))
            case .tool: used.insert("tool")
            case .environment(let environment):
                used.formUnion(environment.directives.map(\.keyword.text) + ["environment"])
            case .component(let component):
                used.insert(component.kind.rawValue)
                for item in component.items {
                    if case .directive(let directive) = item { used.insert(directive.keyword.text) }
                    if case .rule(let rule) = item { used.formUnion(rule.attributes.map { "[\($0.name.text)]" }) }
                }
            }
        }
        let directives = [
            "=", "?=", "include", "default", "tool", "template", "service", "library", "services", "libraries",
            "environment", "variable", "notify", "cache", "dir", "uses", "inputs", "consumes", "needs", "export", "env",
            "pass", "secret", "owners", "shell", "stack", "env-file", "engine", "after", "strategy", "check", "policy",
            "on", "environments", "branches", "url", "key", "to", "from", "server", "user", "password",
        ]
        let attributes = [
            "timeout", "retries", "pool", "network", "uncached", "keep", "report", "gate", "platform", "dockerfile",
            "context", "target", "arg", "pact", "states", "pending", "batch",
        ]
        #expect(Set(directives + attributes.map { "[\($0)]" }).subtracting(used) == [])
    }

    @Test func theSampleSystemHasNoMistakes() async throws {
        let result = try await run(["check"], in: root.appending(path: "services"))
        #expect(result.status == 0)
        #expect(result.output.wholeMatch(of: /\d+ components, \d+ targets, no mistakes\n/) != nil)
    }

    @Test func everyBuildfileInADocumentIsRead() throws {
        let folder = root.appending(path: "docs")
        let pages = try FileManager.default.subpathsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".md") }
        for name in pages.sorted().map({ "docs/" + $0 }) + (exists("README.md") ? ["README.md"] : []) {
            // Of pages about the text of a Buildfile the first block is wrong on purpose.
            let isAboutText = name.hasPrefix("docs/errors/LMS0")
            for (place, block) in blocks("make", in: try text(name)).enumerated() where !(isAboutText && place == 0) {
                let parsed = parseBuildfile(SourceText(name: name, text: block))
                #expect(rendered(parsed.diagnostics) == "", "block \(place + 1) of \(name)")
            }
        }
    }

    // MARK: Error pages

    @Test func everyCodeHasAPageAndEveryPageACode() throws {
        let codes = Set(DiagnosticCode.allCases.map(\.rawValue))
        let folder = root.appending(path: "docs/errors").path
        let pages = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasPrefix("LMS") }
        #expect(Set(pages) == Set(codes.map { $0 + ".md" }))
        for code in codes { #expect(try text("docs/errors/\(code).md").hasPrefix("# \(code): "), "\(code)") }
    }

    @Test func theProgramCarriesThePages() throws {
        let codes = DiagnosticCode.allCases.map(\.rawValue)
        #expect(Set(errorPages.keys) == Set(codes))
        for code in codes {
            // The script ends each page with one empty line.
            let page = try text("docs/errors/\(code).md")
            #expect(errorPages[code] == page, "run scripts/generate-error-pages: \(code) is not what its page says")
        }
    }

    @Test func explainPrintsThePage() async throws {
        let result = try await run(["explain", "LMS101"], in: root)
        #expect(result.status == 0)
        #expect(result.output == errorPages["LMS101"])
    }

    /// Every page shows its own code, or is named here with the reason why a page cannot.
    @Test func everyPageIsShownOrExcused() {
        let textCodes = DiagnosticCode.allCases.filter { $0.rawValue.hasPrefix("LMS0") }
        let shown = Set(ErrorPageCase.all.map(\.code)).union([.badDockerfile, .unresolvedDockerfile, .notReproducible])
        #expect(shown.isDisjoint(with: ErrorPageCase.notShown.keys))
        // The pages about the text of a Buildfile are tested beside the parser.
        #expect(shown.union(ErrorPageCase.notShown.keys).union(textCodes) == Set(DiagnosticCode.allCases))
    }

    @Test(arguments: ErrorPageCase.all)
    func thePageShowsWhatIsPrinted(example: ErrorPageCase) async throws {
        let page = try text("docs/errors/\(example.code.rawValue).md")
        let folder = try TemporaryFolder()
        var files = example.files
        if let block = blocks("make", in: page).first, let path = example.buildfile { files[path] = block }
        for (path, text) in files { try folder.write(path, text) }
        var expected = try #require(blocks("text", in: page).first)
        let command = expected.hasPrefix("$ lmsbuild ") ? String(expected.prefix { $0 != "\n" }) : "$ lmsbuild check"
        if expected.hasPrefix(command) { expected.removeFirst(command.count + 1) }
        let result = try await run(
            command.split(separator: " ").dropFirst(2).map(String.init),
            in: URL(filePath: String(decoding: folder.path.bytes, as: UTF8.self)))
        let shown = result.output.replacing(String(decoding: folder.path.bytes, as: UTF8.self), with: "/src/shop")
        #expect(shown.contains("[\(example.code.rawValue)]"))
        #expect(withoutClosing(shown) == withoutClosing(expected))
    }

    @Test(arguments: [DiagnosticCode.badDockerfile, .unresolvedDockerfile, .notReproducible])
    func theDockerfilesOfPagesAreWrongAndRight(code: DiagnosticCode) throws {
        let page = blocks("dockerfile", in: try text("docs/errors/\(code.rawValue).md"))
        #expect(page.count == 2)
        func codes(_ dockerfile: String) throws -> Set<DiagnosticCode> {
            let tree = MemoryFileSystem([
                "Buildfile": "service shop\n    image: Dockerfile\n", "Dockerfile": dockerfile, "app": "", "app-2": "",
            ])
            return Set(try resolve(tree, ResolutionSettings()).diagnostics.map(\.code))
        }
        #expect(try codes(page[0]) == [code])
        #expect(try codes(page[1]) == [])
    }

    // MARK: Reading

    private var root: URL {
        URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..").standardizedFileURL
    }

    private func exists(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: root.appending(path: path).path)
    }

    private func text(_ path: String) throws -> String {
        try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }

    /// The fenced blocks of one language.
    private func blocks(_ language: String, in page: String) -> [String] {
        page.components(separatedBy: "```").enumerated()
            .filter { $0.offset % 2 == 1 && $0.element.hasPrefix(language + "\n") }
            .map { String($0.element.dropFirst(language.count + 1)) }
    }

    private func rendered(_ diagnostics: [Diagnostic]) -> String {
        DiagnosticRenderer(color: false).render(diagnostics)
    }

    /// Without the line that tells the exit status or counts targets, which pages may leave out.
    private func withoutClosing(_ output: String) -> String {
        output.components(separatedBy: "\n")
            .filter { !$0.hasPrefix("lmsbuild: exit") && !$0.hasSuffix("no mistakes") }
            .joined(separator: "\n").trimmingCharacters(in: .newlines)
    }

    /// The program, as people start it: what it prints on both streams, and its exit status.
    private func run(_ arguments: [String], in folder: URL) async throws -> (status: Int32, output: String) {
        let outcome = try await Program().run(arguments, in: BytePath(folder.path(percentEncoded: false)))
        return (outcome.status, outcome.output + outcome.errors)
    }

    private func exampleTree() throws -> MemoryFileSystem {
        var tree = MemoryFileSystem([
            "Buildfile": try text("Buildfile.example"), "VERSION": "1", "lint.ini": "",
            "tools/testing/Buildfile": "library testing\n    inputs *.py\n", "tools/testing/testing.py": "",
            "search/Buildfile": "service search\n    build: *.py -> dist/\n        cp *.py dist/\n",
            "search/main.py": "",
            "images/python-base/Dockerfile": "FROM scratch\nCOPY rootfs.list /\n", "images/python-base/rootfs.list": "",
            "lib/http/module.cfg": "", "lib/http/http.py": "", "lib/money/module.cfg": "", "lib/money/money.py": "",
            "frontend/src/main.c": "", "frontend/src/a file.c": "",
            "frontend/deploy/Web.Dockerfile": """
            ARG python_base
            FROM ${python_base} AS runtime
            ARG VERSION
            COPY frontend/dist/frontend /app
            COPY frontend/dist/static/ /static/

            """,
            "services/lending/contracts/catalog.json": "{}",
        ])
        for name in ["catalog", "lending"] {
            for path in [
                "VERSION", "src/main.py", "src/generated_x.py", "tests/unit/test_a.py", "tests/contract/verify.py",
            ] {
                tree["services/\(name)/\(path)"] = ""
            }
            tree["services/\(name)/Dockerfile"] = "ARG python_base\nFROM ${python_base}\nCOPY dist/\(name).pyz /app\n"
        }
        return tree
    }
}

/// A page whose first Buildfile, in this tree, makes the program print what the page shows.
struct ErrorPageCase: Sendable, CustomTestStringConvertible {
    let code: DiagnosticCode
    /// Where the page's Buildfile lies.
    let buildfile: String?
    let files: [String: String]

    init(_ code: DiagnosticCode, _ files: [String: String] = [:], buildfile: String? = "Buildfile") {
        self.code = code
        self.buildfile = buildfile
        self.files = files
    }

    var testDescription: String { code.rawValue }

    private static let inService = "services/catalog/Buildfile"
    private static let including = "include services/*/Buildfile\n"

    static let all: [ErrorPageCase] = [
        ErrorPageCase(.unknownComponent, ["a.py": ""]),
        ErrorPageCase(.unknownStage, ["src/a.py": "", "tests/a.py": ""]),
        ErrorPageCase(.unknownTool, ["src/a.py": ""]),
        ErrorPageCase(.unknownTemplate, ["src/a.py": ""]),
        ErrorPageCase(.unknownVariable, ["src/a.py": ""]),
        ErrorPageCase(.duplicateName, ["services/catalog/a.py": "", "lib/catalog/a.py": ""]),
        ErrorPageCase(.cycle, ["src/a.py": ""]),
        ErrorPageCase(.overlappingOutputs, ["src/a.py": "", "docs/a.md": ""]),
        ErrorPageCase(
            .missingInput,
            ["Buildfile": including, "services/catalog/src/main.py": "", "services/catalog/pyproject.toml": ""],
            buildfile: inService),
        ErrorPageCase(.pathLeavesWorkspace, ["services/catalog/src/a.py": ""]),
        ErrorPageCase(.emptyInclude, ["services/catalog/Buildfile": ""]),
        ErrorPageCase(
            .emptyGlob,
            ["Buildfile": including, "services/catalog/src/a.py": "", "services/catalog/tests/a.py": ""],
            buildfile: inService),
        ErrorPageCase(
            .missingImagePrerequisite,
            [
                "src/a.py": "", "Dockerfile": "ARG python_base\nFROM ${python_base}\nCOPY dist/catalog.pyz /app\n",
                "images/python-base/Dockerfile": "FROM scratch\n",
                "images/python-base/Buildfile": "library python-base\n    image: Dockerfile\n",
            ]),
        ErrorPageCase(.badEnvironment),
        ErrorPageCase(.badNotification),
        ErrorPageCase(.badEnvironmentVariable, ["compose.yml": "services: {a: {image: a}}\n"]),
        ErrorPageCase(.badCommandLine),
        ErrorPageCase(.noBuildfile, buildfile: nil),
        ErrorPageCase(.noMatch, ["src/a.py": "", "tests/a.py": ""]),
        ErrorPageCase(.notBuiltYet),
        ErrorPageCase(
            .missingSecret, ["Buildfile": including, "services/catalog/src/a.py": ""], buildfile: inService),
    ]

    private static let ofFiles = "a text cannot show the state of a file; the scan's and the index's tests do"
    private static let ofRuns = "needs a recipe that runs; the runner's and the gates' tests show it"
    private static let ofContracts = "needs contracts and a provider; the verifier's tests show it"
    private static let ofMachine = "needs a machine, store or engine that fails"
    private static let unreported = "no message has this code yet; its page says so"

    static let notShown: [DiagnosticCode: String] = [
        .missingTag: unreported,
        .badRevision: "needs a repository; git's tests show it",
        .unknownBase: "needs a clone that lacks history; the base finder's tests show it",
        .contractKind: "needs a provider's document; the tests of documents show it",
        .brokerFailed: "needs a broker; the tests of brokers show it",
        .unbuiltImage: "needs a release; the tests of contracts show it",
        .deployRefused: "needs an engine; the tests of deployments show it",
        .deployFailed: "needs an engine; the tests of deployments show it",
        .noDeployment: "needs an engine; the tests of deployments show it",
        .undeclaredSecret: "needs a Dockerfile; the tests of Dockerfiles show it",
        .secretInImage: "needs an engine; the tests of secrets show it",
        .unpinnedBase: "needs an image; the tests of 'lock' show it",
        .registryFailed: "needs a registry; the tests of 'push' show it",
        .tagTaken: "needs a registry; the tests of 'push' show it",
        .badEnvFile: "needs an env file; the tests of env files show it",
        .badStack: "needs a stack; the tests of stacks show it",
        .badRecord: "needs a record that is none; the tests of 'explain' show it",
        .gitUnavailable: "needs a machine without git; git's tests show it",
        .unreadableFile: ofFiles, .specialFile: ofFiles, .fileChanged: ofFiles, .badIndex: ofFiles,
        .lfsPointer: "needs a repository; the tests of repositories' kinds show it", .nestedRepository: ofFiles,
        .actionFailed: ofRuns, .actionTimedOut: ofRuns, .missingOutput: ofRuns, .undeclaredOutput: ofRuns,
        .gateFailed: ofRuns, .toolMissing: ofRuns, .sandboxUnavailable: ofMachine, .inputChanged: ofRuns,
        .outputUnusable: ofRuns, .checkFailed: ofRuns, .badReport: ofRuns, .unknownGateBase: ofRuns,
        .measuredAnew: ofRuns,
        .storeUnusable: ofMachine, .engineUnavailable: ofMachine, .locked: "needs two runs at once",
        .notificationNotSent: "needs somebody who takes no message; the tests of notifications show it",
        .measuresNotSent: "needs a collector that takes nothing; the tests of monitoring show it",
        .machineFailure: ofMachine, .storeDamaged: ofMachine,
        .badContract: ofContracts, .contractFailed: ofContracts, .contractPending: ofContracts,
        .internalError: "what is not known to be wrong cannot be shown",
    ]
}
