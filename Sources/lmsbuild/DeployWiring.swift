// What the commands about environments share: the engine behind one, who asks, how what happens is told.
import BuildEngine
import BuildGraph
import Buildfile
import Delivery
import Glibc

/// One environment with its engine.
struct DeployPlace {
    let opened: Workspace
    let system: SurveyedSystem
    let environment: CheckedEnvironment
    let engine: any DeployEngine
    /// What the engine calls the environment's stack.
    let project: String
    let exchange: CurlExchange
    /// The environment's folder in the workspace's state.
    let folder: BytePath

    /// Refuses an unknown environment (exit 2), one whose stacks nobody runs, and an engine that does not answer (exit 34).
    init(_ opened: Workspace, _ name: String) async throws {
        let system = try await SurveyedSystem(opened)
        let environment = try system.environment(name)
        guard let exchange = CurlExchange(commands: opened.commands, environment: opened.environment) else {
            throw Self.unavailable("the program 'curl', which asks the engine, is not there", hint: "install curl")
        }
        let folder = opened.state.appending("environments").appending(BytePath(name))
        for part in [opened.state, opened.state.appending("environments"), folder] {
            _ = part.withCString { mkdir($0, 0o700) }
        }
        project = StackMaterials.projectName(system.system.project, name)
        engine = MaskedEngine(try await Self.engine(opened, environment.definition, exchange, project, folder))
        self.opened = opened
        self.system = system
        self.environment = environment
        self.exchange = exchange
        self.folder = folder
    }

    private static func engine(
        _ opened: Workspace, _ definition: EnvironmentDefinition, _ exchange: CurlExchange, _ project: String,
        _ folder: BytePath
    ) async throws -> any DeployEngine {
        let host = await EngineAddress.current(runner: opened.commands, environment: opened.environment)
        guard let address = EngineAddress(host) else {
            throw unavailable(
                "the engine at '\(BytePath(host).shown)' is reached by a way that lmsbuild does not know",
                hint: "set DOCKER_HOST to unix://PATH or tcp://HOST:PORT")
        }
        let api = EngineAPI(address, exchange: exchange)
        switch definition.engine {
        case .swarm:
            let swarm = SwarmEngine(
                api, project: project, runner: opened.commands, environment: opened.environment, files: folder)
            if let reason = await swarm.reasonUnusable() {
                throw unavailable(reason, hint: "start the engine, or name another with DOCKER_HOST")
            }
            return swarm
        case .compose:
            let found = await ComposeEngine.commandLine(runner: opened.commands, environment: opened.environment)
            guard let found else {
                throw unavailable(
                    "neither 'docker compose' nor 'docker-compose' is there", hint: "install one of the two")
            }
            let compose = ComposeEngine(
                api, found, runner: opened.commands, environment: opened.environment, files: folder)
            if let reason = await compose.reasonUnusable() {
                throw unavailable(reason, hint: "start the engine, or name another with DOCKER_HOST")
            }
            return compose
        case .plan:
            throw Refusal(
                Diagnostic(
                    .badEnvironment,
                    "the stack of '\(definition.name)' is only rendered ('engine plan'): nobody runs it",
                    at: definition.span, hint: "'lmsbuild env render \(definition.name)' prints it"), .wrongInput)
        }
    }

    private static func unavailable(_ message: String, hint: String) -> Refusal {
        Refusal(Diagnostic(.engineUnavailable, .error, message, hint: hint), .unavailable)
    }

    // MARK: Who and when

    /// Who asks, as a CI server, git or the system calls them.
    func origin(_ message: String?) async -> DeployOrigin {
        let named = ["GITHUB_ACTOR", "GITLAB_USER_LOGIN", "BUILD_USER"].lazy
            .compactMap { opened.environment[$0] }.first { !$0.isEmpty }
        var who = named
        for name in ["USER", "LOGNAME"] where who == nil {
            who = opened.environment[name].flatMap { $0.isEmpty ? nil : $0 }
        }
        if who == nil { who = await gitUser() }
        return DeployOrigin(who: who ?? Self.accountName ?? "user \(getuid())", why: message ?? "", time: time(nil))
    }

    /// Whom git takes for the author of commits here.
    private func gitUser() async -> String? {
        var command = Command(
            ["git", "config", "user.name"], environment: opened.environment, folder: opened.workspace)
        command.separateErrors = true
        command.timeout = .seconds(5)
        guard let result = try? await opened.commands.run(command), result.succeeded else { return nil }
        let name = String(decoding: result.output.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
        return name.isEmpty ? nil : name
    }

    /// As the system calls whoever runs this.
    private static var accountName: String? {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: 16 << 10)
        return buffer.withUnsafeMutableBufferPointer { room in
            guard let start = room.baseAddress,
                getpwuid_r(getuid(), &entry, start, room.count, &found) == 0, found != nil, let name = entry.pw_name
            else { return nil }
            return String(cString: name)
        }
    }

    /// Holds the environment while `body` works. Waits for whoever has it, or refuses with exit 9.
    func held<Result: Sendable>(
        waits: Bool, who: String, bound: Duration, _ body: () async throws -> Result
    ) async throws -> Result {
        var hasTold = false
        while true {
            let own = LockHolder.own(who: who, now: time(nil), bound: bound)
            switch try await Self.refusing({ try await DeployLock.take(engine.shelf, as: own) }) {
            case .success(let lock):
                do {
                    let result = try await body()
                    await lock.release()
                    return result
                } catch {
                    await lock.release()
                    throw error
                }
            case .failure(let held):
                let name = held.holder.map { " (\($0.who), since \(UTCTime(seconds: $0.since).shown))" } ?? ""
                let message = "'\(environment.definition.name)' is being changed by another\(name)"
                if !waits {
                    throw Refusal(
                        Diagnostic(
                            .locked, .error, message,
                            hint: await promotionHint ?? "run again when it has ended, or without '--no-wait'"),
                        .locked)
                }
                if !hasTold {
                    Workspace.show([
                        Diagnostic(
                            .locked, .notice, message + "; waiting for it",
                            hint: await promotionHint ?? "'--no-wait' exits with 9 instead")
                    ])
                }
                hasTold = true
                try await Task.sleep(for: .seconds(1))
            }
        }
    }

    /// An engine's refusal as the program's.
    static func refusing<Result>(_ body: () async throws -> Result) async throws -> Result {
        do {
            return try await body()
        } catch let error as EngineError {
            let (code, hint): (BuildEngine.ExitCode, String?) =
                switch error.kind {
                case .unreachable: (.unavailable, "start the engine, or correct DOCKER_HOST")
                case .registrySilent:
                    (
                        .unavailable,
                        "the engine does not have the image: start its registry, or 'lmsbuild run :image' here"
                    )
                case .missing, .conflict, .refused: (.machine, nil)
                }
            throw Refusal(
                Diagnostic(
                    .engineUnavailable, .error, BytePath(error.message).shown,
                    hint: hint), code)
        }
    }

    // MARK: Rolling out

    /// A rollout that tells what happens on standard error.
    var rollout: Rollout {
        let exchange = exchange
        let ask: @Sendable (String, [(String, String)]) async -> String? = { url, headers in
            var request = HTTPRequest("GET", url, limit: .seconds(5))
            request.headers = headers
            do {
                let answer = try await exchange.send(request)
                return answer.status < 400 ? nil : "answered \(answer.shown)"
            } catch let failure as HTTPFailure {
                return failure.message
            } catch {
                return "interrupted"
            }
        }
        let name = self.environment.definition.name
        var rollout = Rollout(engine: engine, ask: { await ask($0, []) }, tell: { RolloutTalk.tell($0, in: name) })
        rollout.askPreview = { await ask($0, [$1]) }
        let (commands, root, environment) = (opened.commands, opened.workspace, opened.environment)
        rollout.judgeStep = { words, facts in
            try await Self.judgement(
                of: words, commands, environment.merging(facts) { $1 }, in: root)
        }
        rollout.announce = { await DeployTelling(self).tell($0) }
        return rollout
    }

    /// Why the program `words` does not call a step good; nil where it does. Its path counts from the workspace's root.
    private static func judgement(
        of words: [String], _ commands: any CommandRunner, _ environment: [String: String], in root: BytePath
    ) async throws -> String? {
        var words = words
        if let first = words.first, first.contains("/"), !first.hasPrefix("/") {
            words[0] = String(decoding: root.appending(BytePath(first)).bytes, as: UTF8.self)
        }
        var command = Command(words, environment: environment, folder: root)
        command.timeout = .seconds(300)
        command.outputLimit = 64 << 10
        do {
            let result = try await commands.run(command)
            let line = result.output.split(separator: UInt8(ascii: "\n")).last.map { BytePath(bytes: Array($0)).shown }
            let said = line.map { ": \($0)" } ?? ""
            switch result.ending {
            case .exited(0): return nil
            case .exited(let status): return "exit status \(status)\(said)"
            case .signalled(let signal): return "ended by signal \(signal)\(said)"
            case .timedOut: return "not done after 300 s\(said)"
            }
        } catch let error as SpawnError {
            return "it cannot be started: \(String(cString: strerror(error.errno)))"
        }
    }

    /// Runs `plan` while the environment is held; an interrupt leaves it to whoever comes next, and says so.
    func carryOut(_ plan: RolloutPlan, waits: Bool, retries: Bool) async throws -> BuildEngine.ExitCode {
        let rollout = rollout
        let bound = plan.stack.deadline + plan.stack.deadline + plan.holding + plan.holding + .seconds(900)
        return try await carryOut(waits: waits, who: plan.origin.who, bound: bound) {
            try await rollout.run(plan, retriesQuarantined: retries)
        } ?? .done
    }

    /// Has `body` change the environment while it is held, and tells what became of it; nil where it changed nothing.
    func carryOut(
        waits: Bool, who: String, bound: Duration,
        _ body: @escaping @Sendable () async throws -> LedgerEntry?
    ) async throws -> BuildEngine.ExitCode? {
        let task = Task { try await held(waits: waits, who: who, bound: bound) { try await body() } }
        let commands = opened.commands
        Interruption.shared.handle(first: { _ in task.cancel() }, second: { commands.terminateAll(immediately: true) })
        defer { Interruption.shared.release() }
        do {
            guard let entry = try await Self.refusing({ try await task.value }) else { return nil }
            note(entry)
            if let ledger = try? await DeployLedger(on: engine.shelf) {
                await DeployTelling(self).tell(entry, in: ledger)
            }
            return RolloutTalk.code(entry.end)
        } catch let refusal as RolloutRefusal {
            throw RolloutTalk.refusal(refusal, environment.definition.name)
        } catch is CancellationError {
            Terminal.say(
                "interrupted: what was begun is written down, and the next 'deploy', 'rollback' or 'status --fix' ends it"
            )
            return .signal(Interruption.shared.received ?? SIGINT)
        }
    }

    /// Says for other questions (`contracts --env`, `can-deploy`) which release runs there.
    func note(_ entry: LedgerEntry) {
        let file = folder.appending("current")
        guard let running = entry.running else {
            _ = file.withCString { unlink($0) }
            return
        }
        try? FileReplacement.write(Array((running.release + "\n").utf8), to: file)
    }
}
