// `contracts`: who asks what of whom, and whether that has been verified for the contents at hand.
import ArgumentParser
import BuildEngine
import BuildGraph
import Buildfile
import Contracts
import Glibc
import Reporting

struct ContractsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "contracts",
        abstract: "The pairs of consumers and providers, and whether each is verified for the contents at hand.",
        subcommands: [ContractListing.self, PublishCommand.self, FetchCommand.self],
        defaultSubcommand: ContractListing.self)
}

/// `contracts` without a further word.
struct ContractListing: AsyncParsableCommand, ExitingCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "The pairs, or with --breaking what a document's new version breaks; the same without this word.")

    @OptionGroup var global: GlobalOptions
    @Option(help: "text, json, svg or html.") var format = "text"
    @Option(name: .shortAndLong, help: "Write to this file instead of standard output.") var output: String?
    @Option(
        help: ArgumentHelp("What this release's contents are verified for, and not those at hand.", valueName: "file"))
    var release: String?
    @Option(
        help: ArgumentHelp(
            "What runs in this environment is verified for, and not the contents at hand.", valueName: "name"))
    var env: String?
    @Option(help: ArgumentHelp("One pair, term by term.", valueName: "consumer/provider")) var why: String?
    @Option(help: ArgumentHelp("Take over the verdicts that another workspace exported.", valueName: "file"))
    var importing: [String] = []
    @Option(help: ArgumentHelp("Write all verdicts to a file for other workspaces.", valueName: "file"))
    var exporting: String?
    @Option(help: ArgumentHelp("Write the pairs as JUnit XML, too.", valueName: "file")) var junit: String?
    @Flag(help: "Compare two files, OLD NEW, of one kind, and show what breaks; status 3 where something does.")
    var breaking = false
    @Argument(help: "Components to show (all without any), and NAME=VALUE; the two files of --breaking.") var words:
        [String] = []

    static let formats = ["text", "json", "svg", "html"]

    func perform() async throws -> BuildEngine.ExitCode {
        guard Self.formats.contains(format) else {
            throw Refusal(
                Diagnostic(
                    .badCommandLine, "'--format \(format)' is none of \(Self.formats.joined(separator: ", "))",
                    hint: nearestWord(to: format, among: Self.formats).map { "did you mean '\($0)'?" }), .wrongInput)
        }
        if breaking { return try BreakingChanges(format: format, output: output).answer(words) }
        let (names, overrides) = GlobalOptions.overrides(in: words)
        let opened = try await Workspace.open(global, overrides: overrides)
        for file in importing { try take(file, opened) }
        if let exporting {
            try writeFile(exporting, (try? Disk.contents(of: opened.verdictFile)) ?? [])
            return .done
        }
        let shown = try await ShownContracts(opened, release: release, environment: env)
        var states = shown.states
        let title = shown.title
        if let why { return try explain(why, states) }
        if !names.isEmpty {
            let known = Set(states.flatMap { [$0.consumer, $0.provider] })
            for name in names where !known.contains(name) {
                throw Refusal(
                    Diagnostic(
                        .noMatch, "'\(name)' neither consumes nor is consumed",
                        hint: nearestWord(to: name, among: known.sorted()).map { "did you mean '\($0)'?" }), .noTarget)
            }
            states = states.filter { names.contains($0.consumer) || names.contains($0.provider) }
        }
        if let junit { try writeFile(junit, Array(ContractJUnit.text(states).utf8)) }
        let text =
            switch format {
            case "json": ContractAnswer.json(states).text(pretty: true) + "\n"
            case "svg": ContractGrid(states, title: title).picture
            case "html": ContractGrid(states, title: title).page
            default: ContractAnswer.text(states)
            }
        if let output { try writeFile(output, Array(text.utf8)) } else { Terminal.out(text) }
        return .done
    }

    private func take(_ file: String, _ opened: Workspace) throws {
        guard let bytes = fileContents(BytePath(file)) else {
            throw Refusal(
                Diagnostic(.badRecord, "cannot read the verdicts '\(file)': \(errnoText(errno))"), .wrongInput)
        }
        do {
            guard let count = try opened.verdictLog.merge(bytes) else {
                throw Refusal(
                    Diagnostic(
                        .badRecord, "'\(file)' holds no verdicts",
                        hint: "'lmsbuild contracts --exporting FILE' writes some"), .wrongInput)
            }
            Terminal.say("\(count) verdicts taken over")
        } catch let error as StoreError {
            throw Refusal(.unusableStore(error), .machine)
        }
    }

    private func explain(_ pair: String, _ states: [PairState]) throws -> BuildEngine.ExitCode {
        let parts = pair.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        let found = states.first { state in
            parts == [state.consumer, state.provider] || pair == state.label.description
        }
        guard let found else {
            let known = states.map { "\($0.consumer)/\($0.provider)" }
            throw Refusal(
                Diagnostic(
                    .noMatch, "there is no pair '\(pair)'",
                    hint: nearestWord(to: pair, among: known).map { "did you mean '\($0)'?" }
                        ?? "pairs are written CONSUMER/PROVIDER; 'lmsbuild contracts' lists them"), .noTarget)
        }
        Terminal.out(
            format == "json"
                ? ContractAnswer.json([found]).text(pretty: true) + "\n" : ContractAnswer.explanation(found))
        return .done
    }
}

/// The wording of pairs.
enum ContractAnswer {
    static func words(_ state: PairState) -> String {
        state.shown.words + (state.pendingSince.map { " since \(day($0))" } ?? "")
    }

    /// `2026-11-21`, in UTC.
    static func day(_ seconds: UInt32) -> String { UTCTime(seconds: Int(seconds)).date }

    /// Such as `5 of 6`: how many terms are verified.
    static func count(_ state: PairState) -> String {
        guard let terms = state.terms else { return "not put out yet" }
        return "\(terms.count - state.toDo) of \(terms.count)"
    }

    static func text(_ states: [PairState]) -> String {
        if states.isEmpty { return "no component consumes another\n" }
        var lines = [["consumer", "provider", "state", "verified"]]
        lines += states.map { [$0.consumer, $0.provider, words($0), count($0)] }
        let widths = (0..<4).map { column in lines.map { $0[column].count }.max() ?? 0 }
        var text = ""
        for line in lines {
            let cells = zip(line, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
            text += cells.joined(separator: "  ").trimmedEnd + "\n"
        }
        let order: [ContractGrid.Standing] = [.verified, .undeclared, .pending, .toDo, .failed]
        let counts = order.compactMap { standing -> String? in
            let count = states.count { $0.shown == standing }
            return count == 0 ? nil : "\(count) \(standing.words)"
        }
        let todo = states.reduce(0) { $0 + $1.toDo }
        let all = states.reduce(0) { $0 + ($1.terms?.count ?? 0) }
        text += "\(states.count == 1 ? "1 pair" : "\(states.count) pairs"): \(counts.joined(separator: ", "))"
        return text + "; \(todo) of \(all) terms to verify\n"
    }

    static func explanation(_ state: PairState) -> String {
        var text = "\(state.consumer) asks \(state.provider): \(words(state)), \(count(state)) verified\n"
        for file in state.files { text += "  contract \(file.shown)\n" }
        for term in state.terms ?? [] { text += "  \(line(term))\n" }
        switch state.standing {
        case .verified: break
        case .undeclared: text += "'\(state.provider)' has no 'verify' rule, so nobody verifies it\n"
        case .toDo, .failed: text += "'lmsbuild run \(state.label)' verifies what is open\n"
        }
        return text
    }

    private static func line(_ term: PairState.Term) -> String {
        let when = term.time.map { " on \(UTCTime(seconds: Int($0)).text)" } ?? ""
        let name = "'\(BytePath(term.term.name).shown)'"
        if let since = term.pendingSince {
            return
                "pending   \(name)\(when); the provider has never done it, asked for since \(UTCTime(seconds: Int(since)).text)"
        }
        return switch term.standing {
        case .verified: "verified  \(name)\(when)"
        case .undeclared: "no rule   \(name)"
        case .failed where !term.wasEverSatisfied:
            "failed    \(name)\(when); the provider has never satisfied it, asked for since "
                + (term.firstAsked.map { UTCTime(seconds: Int($0)).text } ?? "now")
        case .failed: "failed    \(name)\(when)"
        case .toDo where term.firstAsked == nil: "to do     \(name): never verified, a new expectation"
        case .toDo: "to do     \(name): the provider or its verification changed since it was verified"
        }
    }

    static func json(_ states: [PairState]) -> JSONValue {
        .object([
            ("schema", .number(1)), ("pairs", .array(states.map { json($0) })),
        ])
    }

    static func json(_ state: PairState) -> JSONValue {
        .object(
            [
                ("consumer", .string(state.consumer)), ("provider", .string(state.provider)),
                ("label", .string(state.label.description)), ("state", .string(state.shown.rawValue)),
                ("files", .array(state.files.map { .string($0.shown) })),
                (
                    "terms",
                    state.terms.map { terms in
                        .array(
                            terms.map { term in
                                .object(
                                    [
                                        ("name", .string(term.term.name)), ("digest", .string(term.term.digest.hex)),
                                        ("state", .string(term.shown.rawValue)),
                                        ("verdict", term.time.map { .string(UTCTime(seconds: Int($0)).text) } ?? .null),
                                        ("new", .bool(!term.wasEverSatisfied)),
                                    ] + since(term.pendingSince))
                            })
                    } ?? .null
                ),
            ] + since(state.pendingSince))
    }

    private static func since(_ seconds: UInt32?) -> [(String, JSONValue)] {
        seconds.map { [("since", .string(UTCTime(seconds: Int($0)).text))] } ?? []
    }
}

extension String {
    fileprivate var trimmedEnd: String {
        var text = self
        while text.last == " " { text.removeLast() }
        return text
    }
}
