// `notify`: who is told of what, and whether messages arrive.
import ArgumentParser
import BuildEngine
import BuildGraph
import Buildfile
import Reporting

struct NotifyCommand: AsyncParsableCommand {
    static let parts: Set<String> = ["list", "test"]

    static let configuration = CommandConfiguration(
        commandName: "notify", abstract: "Who is told when something fails, works again or is deployed.",
        subcommands: [NotifyListCommand.self, NotifyTestCommand.self], defaultSubcommand: NotifyListCommand.self)
}

/// The notifications of a workspace.
private struct NotifiedPlace {
    let desk: NotificationDesk
    let declared: DeclaredNotifications

    /// Mistakes of the Buildfiles end the program with exit 2.
    init(_ global: GlobalOptions, _ overrides: [String: String]) async throws {
        let opened = try await Workspace.open(global, overrides: overrides)
        let files = try await opened.workingTree()
        _ = try opened.knownGraph(files)
        desk = NotificationDesk(opened: opened, files: files)
        do throws(FileSystemError) {
            declared = try DeclaredNotifications(of: files, opened.settings)
        } catch {
            throw Refusal(.unreadable(error), .machine)
        }
        if !declared.diagnostics.isEmpty { throw Refusal(declared.diagnostics, .wrongInput) }
    }

    /// Those called `names`; all without any.
    func named(_ names: [String]) throws -> [DeclaredNotification] {
        if declared.notifications.isEmpty {
            throw Refusal(
                Diagnostic(
                    .noMatch, "the Buildfiles have no 'notify' block",
                    hint: "'lmsbuild explain LMS116' shows how one is written"), .noTarget)
        }
        if names.isEmpty { return declared.notifications }
        let known = declared.notifications.map(\.name)
        return try names.map { name in
            if let found = declared.notifications.first(where: { $0.name == name }) { return found }
            throw Refusal(
                Diagnostic(
                    .noMatch, "there is no notification '\(BytePath(name).shown)'",
                    hint: nearestWord(to: name, among: known).map { "did you mean '\($0)'?" }
                        ?? "declared are: \(known.joined(separator: ", "))"), .noTarget)
        }
    }
}

struct NotifyListCommand: AsyncParsableCommand, ExitingCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Who is told of what, and what waits to be sent.")

    @OptionGroup var global: GlobalOptions
    @Option(help: "text or json.") var format = "text"
    @Argument(help: "NAME=VALUE sets a '?=' variable.") var words: [String] = []

    func perform() async throws -> BuildEngine.ExitCode {
        try checkFormat(format)
        let place = try await NotifiedPlace(global, GlobalOptions.overrides(in: words).overrides)
        let states = place.desk.states
        func waiting(_ name: String) -> Int { states.outbox.count { $0.name == name } }
        if format == "json" {
            let list = place.declared.notifications.map { one in
                func texts(_ texts: [String]) -> JSONValue { .array(texts.map { .string($0) }) }
                return JSONValue.object([
                    ("name", .string(one.name)), ("kind", .string(one.kind.rawValue)),
                    ("on", texts(one.conditions.map(\.rawValue).sorted())), ("environments", texts(one.environments)),
                    ("owners", texts(one.owners)), ("branches", texts(one.branches)), ("secrets", texts(one.secrets)),
                    ("waiting", .number(waiting(one.name))),
                ])
            }
            Terminal.out(
                JSONValue.object([("schema", .number(1)), ("notifications", .array(list))]).text(pretty: true) + "\n")
            return .done
        }
        if place.declared.notifications.isEmpty { Terminal.say("the Buildfiles have no 'notify' block") }
        for one in place.declared.notifications {
            var line = "\(one.name) (\(one.kind.rawValue)): "
            line += NotificationCondition.allCases.filter { one.conditions.contains($0) }.map(\.rawValue).joined(
                separator: " ")
            for (word, names) in [
                ("environments", one.environments), ("owners", one.owners), ("branches", one.branches),
            ] where !names.isEmpty {
                line += "; \(word) \(names.joined(separator: " "))"
            }
            if !one.secrets.isEmpty { line += "; secrets \(one.secrets.joined(separator: " "))" }
            let count = waiting(one.name)
            if count > 0 { line += "; \(count) to be sent" }
            Terminal.out(BytePath(line).shown + "\n")
        }
        return .done
    }
}

struct NotifyTestCommand: AsyncParsableCommand, ExitingCommand {
    static let configuration = CommandConfiguration(
        commandName: "test", abstract: "Sends a test message, and says what the other side answers.")

    @OptionGroup var global: GlobalOptions
    @Flag(name: [.customShort("n"), .long], help: "Print what would be sent, and send nothing.") var dryRun = false
    @Argument(help: "Notifications by name (all without any), and NAME=VALUE.") var words: [String] = []

    func perform() async throws -> BuildEngine.ExitCode {
        let (names, overrides) = GlobalOptions.overrides(in: words)
        let place = try await NotifiedPlace(global, overrides)
        let wanted = try place.named(names)
        if dryRun {
            for one in wanted {
                if wanted.count > 1 { Terminal.say("== \(one.name) (\(one.kind.rawValue))") }
                let bytes = await place.desk.preview(one, project: place.declared.project)
                let json = try? JSONValue.parse(bytes)
                Terminal.out(json.map { Array(($0.text(pretty: true) + "\n").utf8) } ?? bytes)
            }
            return .done
        }
        let (routes, missing) = await place.desk.routes(place.declared)
        let chosen = routes.filter { route in wanted.contains { $0.name == route.notification.name } }
        let answers = await place.desk.test(chosen, project: place.declared.project)
        var code = BuildEngine.ExitCode.done
        for one in wanted {
            let name = BytePath(one.name).shown
            switch answers[one.name] {
            case .taken(let text): Terminal.out("\(name): \(text)\n")
            case .later(let text, _), .refused(let text):
                Terminal.out("\(name): not sent: \(text)\n")
                code = code.combined(with: .unavailable)
            case nil:
                Terminal.out("\(name): not sent: \(missing[one.name] ?? "its secrets are not there")\n")
                code = code.combined(with: .wrongInput)
            }
        }
        place.desk.resume(
            answers.compactMap { name, answer in if case .taken = answer { name } else { nil } })
        return code
    }
}
