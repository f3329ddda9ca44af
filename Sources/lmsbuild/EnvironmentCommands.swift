// `status` and `history`: what runs in an environment, and what ran.
import ArgumentParser
import BuildEngine
import BuildGraph
import Buildfile
import Delivery

struct StatusCommand: AsyncParsableCommand, ExitingCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "What runs in an environment against what was released there.")

    @OptionGroup var global: GlobalOptions
    @Option(help: ArgumentHelp("The environment.", valueName: "environment")) var env: String
    @Flag(help: "Deploy again what should run there, where something else does.") var fix = false
    @Flag(help: "Exit with 9 where another is at work there.") var noWait = false
    @Option(help: "text or json.") var format = "text"
    @Argument(help: "NAME=VALUE sets a '?=' variable.") var words: [String] = []

    func perform() async throws -> BuildEngine.ExitCode {
        try checkFormat(format)
        let opened = try await Workspace.open(global, overrides: GlobalOptions.overrides(in: words).overrides)
        let place = try await DeployPlace(opened, env)
        let status = try await DeployPlace.refusing {
            try await EnvironmentStatus(of: place.engine, project: place.project)
        }
        Terminal.out(format == "json" ? json(status).text(pretty: true) + "\n" : text(status))
        await DeployTelling(place).tell(status.drifts, release: status.running?.wanted.release)
        if status.drifts.isEmpty, !(fix && status.layout?.kept?.isOver == true) { return .done }
        return fix ? try await mend(place, status) : .checkFailed
    }

    /// What was begun is brought to an end; then what should run is deployed again.
    private func mend(_ place: DeployPlace, _ status: EnvironmentStatus) async throws -> BuildEngine.ExitCode {
        let origin = await place.origin("status --fix")
        let rollout = place.rollout
        let ended = try await DeployPlace.refusing {
            try await place.held(waits: !noWait, who: origin.who, bound: .seconds(1800)) { try await rollout.resume() }
        }
        if let ended { place.note(ended) }
        let ledger = try await DeployPlace.refusing { try await DeployLedger(on: place.engine.shelf) }
        guard let running = ledger.running else {
            throw Refusal(
                Diagnostic(
                    .noDeployment, "nobody knows what should run in '\(env)'",
                    hint: "'lmsbuild deploy --to \(env)' brings a release there"), .checkFailed)
        }
        return try await Redeployment(place: place, running: running, ledger: ledger).carryOut(
            origin: origin, action: "fix", waits: !noWait)
    }

    private func text(_ status: EnvironmentStatus) -> String {
        var text = ""
        if let running = status.running {
            text += "\(env) runs \(running.wanted.release.prefix(12))"
            text += running.commit.map { " of commit \($0.prefix(12))" } ?? ""
            text += ", since \(UTCTime(seconds: running.origin.time).shown) by \(BytePath(running.origin.who).shown)\n"
        } else if let last = status.halfWay {
            text += "\(env) runs no release as a whole: the \(last.action) of \(last.wanted.release.prefix(12))"
            text +=
                " by \(BytePath(last.origin.who).shown) at \(UTCTime(seconds: last.origin.time).shown) stopped half-way\n"
        } else {
            text += "nothing has been deployed to \(env)\n"
        }
        text += sets(status) + waiting(status)
        for (name, service) in status.observed.services.sorted(by: { $0.key < $1.key }) {
            let up = service.tasks.filter { $0.isCurrent && $0.isWanted && $0.isUp }.count
            text += "  \(name): \(up) of \(service.replicas) up, \(Self.short(service.image))\n"
        }
        for drift in status.drifts { text += "  drift: \(drift.shown)\n" }
        return text
    }

    /// An image with so much of its digest or hash tag as people read; JSON has all of it.
    private static func short(_ image: String) -> String {
        guard let colon = image.lastIndex(of: ":"), SHA256Value(hex: String(image[colon...].dropFirst())) != nil else {
            return image
        }
        return String(image.dropLast(52))
    }

    /// By set, in percent.
    private func serving(_ status: EnvironmentStatus) -> JSONValue {
        guard let shares = status.shares else { return .null }
        var members: [(String, JSONValue)] = []
        for set in ServiceSet.allCases {
            if let share = shares[set] { members.append((set.rawValue, .number(share))) }
        }
        return .object(members)
    }

    /// Who serves, by the router's own word.
    private func sets(_ status: EnvironmentStatus) -> String {
        var text = ""
        if let shares = status.shares {
            let parts = ServiceSet.allCases.compactMap { set in
                shares[set].map { "\(set.rawValue) serves \($0 == 100 ? "all" : "\($0)%")" }
            }
            text += "  \(parts.joined(separator: ", "))\n"
        }
        if let kept = status.layout?.kept {
            let end =
                kept.isOver
                ? "no longer needed: 'lmsbuild status --env \(env) --fix' or the next deployment takes it away"
                : "kept until \(UTCTime(seconds: kept.until).shown), so that 'rollback' takes no time"
            text += "  \(kept.set.rawValue) is \(kept.running.release.prefix(12)), \(end)\n"
        }
        return text
    }

    /// What waits for somebody's word, and what happens without one.
    private func waiting(_ status: EnvironmentStatus) -> String {
        guard let open = status.open, let wait = open.wait else { return "" }
        let release = wait.release.prefix(12)
        let who = BytePath(wait.who).shown
        if open.holder == nil {
            return "  \(release) waited to be promoted when the process of \(who) was ended: "
                + "'lmsbuild deploy --to \(env) --promote' goes on, '--abort' and '--fix' take it back\n"
        }
        return
            "  \(release) by \(who) waits since \(UTCTime(seconds: wait.since).shown) for 'lmsbuild deploy --to \(env) --promote', "
            + "or '--abort'; taken back at \(UTCTime(seconds: wait.until).shown)\n  \(RolloutTalk.look(wait))\n"
    }

    private func json(_ status: EnvironmentStatus) -> JSONValue {
        func text(_ value: String?) -> JSONValue { value.map { .string($0) } ?? .null }
        return .object([
            ("schema", .number(1)), ("environment", .string(env)),
            ("release", text(status.running?.wanted.release)), ("commit", text(status.running?.commit)),
            ("inSync", .bool(status.drifts.isEmpty)),
            ("serving", serving(status)), ("kept", status.layout?.kept?.json ?? .null),
            ("waiting", status.open?.wait?.json ?? .null),
            (
                "services",
                .object(
                    status.observed.services.sorted { $0.key < $1.key }.map { name, service in
                        let up = service.tasks.filter { $0.isCurrent && $0.isWanted && $0.isUp }.count
                        return (
                            name,
                            .object([
                                ("image", .string(service.image)), ("up", .number(up)),
                                ("replicas", .number(service.replicas)),
                            ])
                        )
                    })
            ),
            (
                "drift",
                .array(
                    status.drifts.map {
                        .object([
                            ("kind", .string($0.kind.rawValue)), ("service", text($0.service)), ("path", text($0.path)),
                            ("wanted", text($0.wanted)), ("found", text($0.found)),
                        ])
                    })
            ),
        ])
    }
}

struct HistoryCommand: AsyncParsableCommand, ExitingCommand {
    static let configuration = CommandConfiguration(
        commandName: "history",
        abstract:
            "The runs of this workspace; with --env what ran when in an environment, who brought it there, and why.")

    @OptionGroup var global: GlobalOptions
    @Option(help: ArgumentHelp("The environment.", valueName: "environment")) var env: String?
    @Option(help: "Only the last so many; of runs 20 without.") var last: Int?
    @Flag(help: "Make the history of runs anew from the logs that are kept.") var rebuild = false
    @Flag(name: .customLong("take-in"), help: .hidden) var takesIn = false
    @Option(help: "text or json.") var format = "text"
    @Argument(help: "NAME=VALUE sets a '?=' variable.") var words: [String] = []

    func perform() async throws -> BuildEngine.ExitCode {
        try checkFormat(format)
        let opened = try await Workspace.open(global, overrides: GlobalOptions.overrides(in: words).overrides)
        guard let env else {
            if takesIn { return RunHistory.takeIn(opened) }
            let history = try RunHistory.open(opened, rebuilding: rebuild)
            return try RunHistory.show(history, last: last ?? 20, isJSON: format == "json")
        }
        let place = try await DeployPlace(opened, env)
        let ledger = try await DeployPlace.refusing { try await DeployLedger(on: place.engine.shelf) }
        let entries = Array(ledger.entries.reversed().prefix(max(0, last ?? Int.max)))
        if format == "json" {
            let json = JSONValue.object([
                ("schema", .number(1)), ("environment", .string(env)), ("entries", .array(entries.map(\.json))),
            ])
            Terminal.out(json.text(pretty: true) + "\n")
            return .done
        }
        if entries.isEmpty { Terminal.say("nothing has been deployed to \(env)") }
        for entry in entries { Terminal.out(line(entry)) }
        return .done
    }

    private func line(_ entry: LedgerEntry) -> String {
        let commit = entry.commit.map { " of \($0.prefix(12))" } ?? ""
        let why = entry.origin.why.isEmpty ? "" : ": \(entry.origin.why)"
        var line =
            "\(UTCTime(seconds: entry.origin.time).shown)  \(entry.action) \(entry.wanted.release.prefix(12))\(commit)"
        line += "  \(entry.end.rawValue)  by \(entry.origin.who)\(why)"
        for one in entry.promoted {
            line += "  promoted by \(one.who)\(one.why.isEmpty ? "" : ": \(one.why)")"
        }
        for (name, reason) in entry.failed.sorted(by: { $0.key < $1.key }) {
            line += "  [\(name): \(reason.split(separator: "\n").first ?? "")]"
        }
        return BytePath(line).shown + "\n"
    }
}
