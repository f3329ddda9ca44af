// A router on an engine of a test's own, and somebody who comes through it all the while.
import BuildEngine
import BuildGraph
import BuildTestSupport
import Glibc
import Testing

@testable import Delivery

/// A stack on the machine's network whose service `web` is behind HAProxy.
struct RoutedEngine {
    let docker: DockerEngine
    let place: EnginePlace
    /// Where users come; the two sets are at the two ports after it.
    let port = 31_000 + 4 * Int.random(in: 0..<400)

    private static let good =
        #"["/bin/busybox", "sh", "-c", "exec /bin/busybox httpd -f -p 127.0.0.1:$PORT -h /www"]"#

    /// Images that answer with their names, and the sample system's router with this machine's HAProxy.
    func fill(_ names: [String]) async throws {
        for name in names { _ = try await docker.image(name, ["www/health": "\(name)\n"], command: Self.good) }
        try await docker.routerImage()
    }

    func stack(_ image: String) throws -> RenderedStack {
        var fixture = StackFixture(services: [
            "web": .init(
                image: image, port: port,
                check: [
                    "/bin/busybox", "sh", "-c", "exec /bin/busybox wget -q -O /dev/null http://127.0.0.1:$PORT/health",
                ]),
            "router": .init(
                image: "router", port: port, command: ["-x", "/data/handover.sock"], order: "start-first",
                check: ["/bin/busybox", "test", "-s", "/tmp/haproxy.pid"]),
        ])
        fixture.project = place.project
        let plain = fixture.rendered
        let volumes = try JSONTree.parse(Array(#"{"router": {}}"#.utf8))
        let mounts = try JSONTree.parse(Array(#"["router:/data"]"#.utf8))
        return RenderedStack(
            project: plain.project, environment: plain.environment,
            services: plain.services.map { service in
                if service.name != "router" { return service }
                return service.changed(
                    name: "router", entry: service.entry.setting("volumes", mounts), configNames: [],
                    environment: service.environment)
            }, configs: [], secrets: [], rest: plain.rest + [JSONTree.Member(name: "volumes", value: volumes)],
            digest: plain.digest
        ).routed(
            Routing(
                router: "router",
                routes: [
                    .init(
                        service: "web", listen: "127.0.0.1:\(port)",
                        ports: [.blue: "\(port + 1)", .green: "\(port + 2)"])
                ]))
    }

    /// What whoever comes through the router is answered.
    func answer(header: String? = nil) async throws -> String {
        try await docker.output(
            "/usr/bin/curl", "-s", "-m", "10", "-H", header ?? "x-nothing: 1", "http://127.0.0.1:\(port)/health"
        ).trimmed
    }

    /// Of so many who come, how many each set answers.
    func answers(of count: Int) async throws -> [String: Int] {
        let text = try await docker.output(
            "/bin/sh", "-c", "for i in $(seq \(count)); do curl -s -m 10 http://127.0.0.1:\(port)/health; done")
        return Dictionary(grouping: text.split(separator: "\n").map(String.init)) { $0 }.mapValues(\.count)
    }

    /// A rollout whose check fails wherever `bad` answers users.
    func rollout(bad: String? = nil, judge: StepJudge? = nil) -> Rollout {
        var rollout = Rollout(
            engine: place.engine,
            ask: { _ in
                let text = (try? await answer()) ?? ""
                return text.isEmpty || text == bad ? "answered '\(text)'" : nil
            }, tell: { _ in }, pause: .milliseconds(200))
        rollout.askPreview = { _, header in
            let text = (try? await answer(header: "\(header.name): \(header.value)")) ?? ""
            return text.isEmpty ? "no answer" : nil
        }
        rollout.judgeStep = judge
        return rollout
    }

    @discardableResult
    func deploy(
        _ image: String, _ release: String, _ strategy: RolloutStrategy, action: String = "deploy",
        by rollout: Rollout? = nil
    ) async throws -> LedgerEntry {
        var plan = RolloutPlan(
            stack: try stack(image), release: release, commit: nil,
            origin: DeployOrigin(who: "t", why: "", time: Int(time(nil))))
        plan.strategy = strategy
        plan.action = action
        plan.watch = .seconds(1)
        plan.checks = [RolloutCheck(url: "http://router/health", within: .seconds(2))]
        return try await (rollout ?? self.rollout()).run(plan)
    }

    /// Containers of `web` that run, by their own names.
    func containers() async throws -> Set<String> {
        let text = try await docker.output("docker", "ps", "-q", "--no-trunc", "--filter", "name=web")
        return Set(text.split(separator: "\n").map(String.init))
    }
}

extension String {
    fileprivate var trimmed: String { split(whereSeparator: \.isWhitespace).joined(separator: " ") }
}

/// Asks again and again, several at a time, and remembers everything that was not answered.
struct PersistentClient {
    private let program: RunningProgram

    private static let script = """
        import collections, http.client, signal, sys, threading
        stop = threading.Event()
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
        answers, bad = collections.Counter(), []
        def ask():
            while not stop.is_set():
                try:
                    connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=20)
                    connection.request("GET", "/health")
                    answer = connection.getresponse()
                    text = answer.read().decode().strip()
                    connection.close()
                    if answer.status == 200: answers[text] += 1
                    else: bad.append(str(answer.status))
                except Exception as error:
                    bad.append(repr(error))
                stop.wait(0.02)
        threads = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads: thread.start()
        print("asking", file=sys.stderr, flush=True)
        signal.sigwait([signal.SIGTERM])
        stop.set()
        for thread in threads: thread.join()
        for text, count in answers.items(): print("answer", text, count, file=sys.stderr)
        for reason in bad: print("bad", reason, file=sys.stderr)
        """

    init(port: Int) async throws {
        program = try RunningProgram(
            ["/usr/bin/python3", "-c", Self.script, "\(port)"], in: BytePath("/"),
            environment: ["PATH": "/usr/bin:/bin"])
        try await program.expect("asking")
    }

    /// How often each answer came, and why none came. Ends it.
    func end() async throws -> (answers: [String: Int], bad: [String]) {
        _ = try await program.end(by: SIGTERM)
        var answers: [String: Int] = [:]
        var bad: [String] = []
        for line in program.text.split(separator: "\n") {
            let words = line.split(separator: " ").map(String.init)
            if words.first == "answer", words.count == 3 { answers[words[1]] = Int(words[2]) }
            if words.first == "bad" { bad.append(words.dropFirst().joined(separator: " ")) }
        }
        return (answers, bad)
    }
}
