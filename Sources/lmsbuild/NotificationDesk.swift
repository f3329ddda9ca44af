// Tells people what changed: remembers, looks up secrets, sends, keeps what was not taken. Never changes how a command ends.
import BuildEngine
import BuildGraph
import Buildfile
import Delivery
import Glibc
import Reporting

/// Where all commands that notice a change of state hand it in.
struct NotificationDesk {
    /// For all that is sent by one command together, whatever the other sides do.
    static let limit = Duration.seconds(5)

    let opened: Workspace
    /// The tree with the Buildfiles.
    let files: any FileSystem
    /// Tells of a full disk together with others, where there are any.
    var full: FullDisk?

    private var file: BytePath { opened.state.appending("notified") }

    /// What is known from before; nothing on the first look.
    var states: NotifiedStates { (fileContents(file)).map { NotifiedStates(reading: $0) } ?? NotifiedStates() }

    /// The notifications, secrets not yet looked up; nil, with a warning, where the Buildfiles cannot be read.
    func declared() -> DeclaredNotifications? {
        do throws(FileSystemError) {
            return try DeclaredNotifications(of: files, opened.settings)
        } catch {
            Self.warn("nobody was told: '\(error.path.shown)' cannot be read", hint: nil)
            return nil
        }
    }

    /// What the system is called: the variable `project`, or the workspace's folder.
    var project: String {
        (try? DeclaredNotifications(of: files, opened.settings))?.project ?? opened.workspace.name.shown
    }

    // MARK: Telling

    /// Has `take` compare what is with what was, and tells what it gives to those who want it; sends what was not taken
    /// earlier as well. Warns once for each side that does not take its messages.
    func tell(_ take: (inout NotifiedStates, StateChange.Origin) -> [StateChange]) async {
        let end = ContinuousClock.now + Self.limit
        guard let declared = declared(), !declared.notifications.isEmpty else { return }
        opened.makeState()
        guard let lock = await NotificationLock.take(opened.state, until: end) else {
            return Self.warn(
                "nobody was told: another lmsbuild is at it since \(Self.limit.components.seconds) s",
                hint: "the next run tells")
        }
        defer { lock.release() }
        var states = states
        let changes = take(&states, await origin(declared.project))
        let now = time(nil)
        let dropped = states.tidy(Set(declared.notifications.map(\.name)), now: now)
        if dropped > 0 {
            Self.warn(
                "\(dropped) messages were dropped that nobody took in time",
                hint: "at most \(NotifiedStates.mostWaiting) are kept, for \(NotifiedStates.longestWait / 86400) days")
        }
        let (routes, missing) = changes.isEmpty && states.outbox.isEmpty ? ([], [:]) : await self.routes(declared)
        var unsent: [String: String] = [:]
        for change in changes {
            for notification in declared.notifications {
                guard let wanted = change.wanted(by: notification) else { continue }
                guard routes.contains(where: { $0.isFor(notification) }) else {
                    // Nobody is told, which is what is wanted on most machines but a CI server.
                    if opened.isCI { unsent[notification.name] = missing[notification.name] }
                    continue
                }
                states.post(wanted, to: notification.name, now: now)
                if states.due(notification.name, now: now).isEmpty {
                    unsent[notification.name] = "nothing is sent to it for a while, because it took nothing before"
                }
            }
        }
        // Before anything is sent: who is ended midway may tell twice, but never not at all.
        _ = save(states)
        await send(&states, routes, until: end, &unsent)
        let refused = save(states)
        if let refused, full?.takes("who was told of what, and so may be told again", file, refused) != true {
            Self.warn(
                "what people were told cannot be kept in '\(file.shown)': \(errnoText(refused))",
                hint: "they may be told the same again; free space, or correct the folder's permissions")
        }
        for (name, reason) in unsent.sorted(by: { $0.key < $1.key }) {
            let waiting = states.outbox.count { $0.name == name }
            Self.warn(
                "'\(BytePath(name).shown)' was not told: \(reason)",
                hint: waiting == 0
                    ? "'lmsbuild notify test' tries it"
                    : refused != nil
                        ? "the message could not be kept either: a later run tells what is still so then"
                        : "\(waiting == 1 ? "the message is" : "\(waiting) messages are") kept, and a later run tries again"
            )
        }
    }

    private func origin(_ project: String?) async -> StateChange.Origin {
        let job = JobFacts(opened.environment)
        var origin = StateChange.Origin(project: project ?? opened.workspace.name.shown, time: time(nil))
        origin.branch = job.branch
        origin.commit = job.commit
        if let repository = opened.repository {
            if origin.branch == nil { origin.branch = await repository.branch() }
            if origin.commit == nil { origin.commit = try? await repository.headCommit }
        }
        origin.who = job.who ?? opened.environment["USER"] ?? opened.environment["LOGNAME"]
        origin.link = job.link
        return origin
    }

    /// Nil where it is kept, else why it is not.
    private func save(_ states: NotifiedStates) -> Int32? {
        do throws(FileSystemError) {
            try FileReplacement.write(Array((states.json.text(pretty: false) + "\n").utf8), to: file)
            return nil
        } catch {
            return error.errno
        }
    }

    static func warn(_ message: String, hint: String?) {
        Workspace.show([Diagnostic(.notificationNotSent, .warning, message, hint: hint)])
    }

    // MARK: Sending

    /// A test message to each route, at once: what came of each, by name.
    func test(_ routes: [NotificationRoute], project: String?) async -> [String: DeliveryAnswer] {
        guard let sender else { return [:] }
        let change = StateChange(.test, await origin(project))
        let end = ContinuousClock.now + Self.limit
        return await withTaskGroup(of: (String, DeliveryAnswer).self) { group in
            for route in routes {
                group.addTask { (route.notification.name, await Self.send(change, route, sender, until: end)) }
            }
            return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
    }

    /// Another try is due for whoever has just taken a message.
    func resume(_ names: [String]) {
        var states = states
        for name in names where states.pauses[name] != nil { states.resume(name) }
        if states != self.states { _ = save(states) }
    }

    /// A test message as it would go out.
    func preview(_ notification: DeclaredNotification, project: String?) async -> [UInt8] {
        NotificationSender.payload(StateChange(.test, await origin(project)), notification)
    }

    private var sender: NotificationSender? {
        guard let http = CurlExchange(commands: opened.commands, environment: opened.environment),
            let mail = CurlMail(commands: opened.commands, environment: opened.environment)
        else {
            Self.warn("nobody was told: the program 'curl' is not there", hint: "install curl")
            return nil
        }
        return NotificationSender(http: http, mail: mail, agent: "lmsbuild/\(LMSBuild.version)")
    }

    /// All sides at once, each one's messages one after the other until one is not taken.
    private func send(
        _ states: inout NotifiedStates, _ routes: [NotificationRoute], until end: ContinuousClock.Instant,
        _ unsent: inout [String: String]
    ) async {
        let now = time(nil)
        let due = routes.map { ($0, states.due($0.notification.name, now: now)) }.filter { !$0.1.isEmpty }
        guard !due.isEmpty, let sender else { return }
        typealias Answered = [(NotifiedStates.Waiting, DeliveryAnswer)]
        let answers = await withTaskGroup(of: Answered.self, returning: Answered.self) { group in
            for (route, messages) in due {
                group.addTask {
                    var answers: Answered = []
                    for message in messages {
                        let answer = await Self.send(message.change, route, sender, until: end)
                        answers.append((message, answer))
                        if case .later = answer { break }
                    }
                    return answers
                }
            }
            return await group.reduce(into: []) { $0 += $1 }
        }
        for (message, answer) in answers {
            switch answer {
            case .taken: states.settle(message.change.id, message.name)
            case .refused(let reason):
                states.settle(message.change.id, message.name)
                unsent[message.name] = reason
            case .later(let reason, let after):
                states.postpone(message.change.id, message.name, after: after, now: now)
                unsent[message.name] = reason
            }
        }
    }

    /// Not longer than until `end`, whatever holds it up.
    private static func send(
        _ change: StateChange, _ route: NotificationRoute, _ sender: NotificationSender,
        until end: ContinuousClock.Instant
    ) async -> DeliveryAnswer {
        let left = end - ContinuousClock.now
        if left < .milliseconds(100) { return .later("there was no time left", after: nil) }
        return await withTaskGroup(of: DeliveryAnswer.self) { group in
            group.addTask {
                await sender.send(
                    change, along: route, limit: max(.milliseconds(50), left - .milliseconds(300)), now: time(nil))
            }
            group.addTask {
                try? await Task.sleep(for: left)
                return .later("there was no answer in time", after: nil)
            }
            let answer = await group.next()
            group.cancelAll()
            return answer ?? .later("there was no answer in time", after: nil)
        }
    }

    // MARK: Secrets

    /// The notifications whose secrets are there, and why the others' are not, by name.
    func routes(
        _ declared: DeclaredNotifications
    ) async -> (routes: [NotificationRoute], missing: [String: String]) {
        let (schema, _) = VariableSchema.read(declared.variables)
        let reader = SecretReader(
            commands: opened.commands, shell: opened.environment, root: opened.workspace, timeout: .seconds(3))
        var routes: [NotificationRoute] = []
        var missing: [String: String] = [:]
        for notification in declared.notifications {
            var values: [String: String] = [:]
            var reason: String?
            for name in notification.secrets {
                guard let variable = schema.variable(name), case let source = variable.source(in: ""),
                    source != .environment(name)
                else {
                    values[name] = opened.environment[name].flatMap { $0.isEmpty ? nil : $0 }
                    if values[name] == nil { reason = "the variable \(name) is not set" }
                    continue
                }
                let found = try? await reader.values(of: [variable], in: "") { fileContents($0) }
                values[name] = found?.values[name]?.textToMask
                if values[name] == nil {
                    reason = found?.diagnostics.first?.message ?? "the secret '\(name)' is not there"
                }
            }
            if let reason {
                missing[notification.name] = reason
            } else {
                routes.append(NotificationRoute(notification, secrets: values))
            }
        }
        return (routes, missing)
    }
}

extension NotificationRoute {
    fileprivate func isFor(_ other: DeclaredNotification) -> Bool { notification.name == other.name }
}

/// Held while states are compared and messages sent: two commands at once must not tell the same twice.
private struct NotificationLock {
    private let descriptor: Int32

    static func take(_ state: BytePath, until end: ContinuousClock.Instant) async -> NotificationLock? {
        let path = state.appending("notified.lock")
        let descriptor = path.withCString { open($0, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600) }
        // A full disk keeps nobody from telling.
        guard descriptor >= 0 else { return NotificationLock(descriptor: -1) }
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            guard ContinuousClock.now < end, !Task.isCancelled else {
                close(descriptor)
                return nil
            }
            try? await Task.sleep(for: .milliseconds(50))
        }
        return NotificationLock(descriptor: descriptor)
    }

    func release() { if descriptor >= 0 { close(descriptor) } }
}
