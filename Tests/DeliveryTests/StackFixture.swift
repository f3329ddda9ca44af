import BuildEngine
import BuildGraph
import BuildTestSupport

@testable import Delivery

/// A stack of services on the host's network, as `environment` blocks would give it.
struct StackFixture {
    struct Service {
        var image: String
        var port: Int
        var environment: [String: String] = [:]
        var command: [String]?
        var secrets: [String] = []
        var replicas = 1
        var order = "stop-first"
        /// In place of asking for /health on the port.
        var check: [String]?
        var user: String?
        /// Seconds between two checks. Each costs an engine a process: many services want few checks.
        var interval = 1
    }

    var project = "lms-test"
    var services: [String: Service]
    var secrets: [String: String] = [:]
    /// Keys of those whose values nobody knows here.
    var valueless: Set<String> = []

    var rendered: RenderedStack {
        let secretList = secrets.sorted { $0.key < $1.key }.map { key, value in
            let mark = SHA256Value.of(Array(value.utf8))
            return RenderedSecret(
                key: key, engineName: "\(project)_\(key)_\(mark.hex.prefix(12))", fingerprint: mark,
                value: valueless.contains(key) ? nil : SecretValue(Array(value.utf8)))
        }
        let all = services.sorted { $0.key < $1.key }.map { name, service in
            rendered(name, service, secretList)
        }
        let rest = [
            JSONTree.Member(
                name: "networks", value: tree(#"{"host": {"external": true, "name": "host"}}"#))
        ]
        let whole = all.map { $0.specHash.hex }.joined()
        return RenderedStack(
            project: project, environment: "test", services: all, configs: [], secrets: secretList, rest: rest,
            digest: SHA256Value.of(Array(whole.utf8)))
    }

    private func tree(_ text: String) -> JSONTree { (try? JSONTree.parse(Array(text.utf8))) ?? JSONTree(.null) }

    private func rendered(_ name: String, _ service: Service, _ secrets: [RenderedSecret]) -> RenderedService {
        var environment = service.environment
        environment["PORT"] = "\(service.port)"
        let used = secrets.filter { service.secrets.contains($0.key) }
        let pairs = environment.sorted { $0.key < $1.key }.map { #""\#($0.key)": "\#($0.value)""# }.joined(
            separator: ", ")
        func list(_ words: [String]) -> String { "[" + words.map { "\"\($0)\"" }.joined(separator: ", ") + "]" }
        let command = service.command.map { "\"command\": \(list($0))," } ?? ""
        let user = service.user.map { "\"user\": \"\($0)\"," } ?? ""
        let check =
            service.check ?? [
                "/bin/busybox", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:\(service.port)/health",
            ]
        let entry = tree(
            """
            {"image": "\(service.image)", "networks": ["host"], "init": true, "stop_grace_period": "1s", \(command) \(user)
             "environment": {\(pairs)},
             "secrets": [\(used.map { "{\"source\": \"\($0.key)\", \"target\": \"\($0.key)\"}" }.joined(separator: ","))],
             "healthcheck": {"test": \(list(["CMD"] + check)), "interval": "\(service.interval)s", "timeout": "10s", "retries": 2, "start_period": "500ms"},
             "deploy": {"replicas": \(service.replicas), "restart_policy": {"condition": "any", "delay": "500ms"},
              "update_config": {"parallelism": 1, "order": "\(service.order)", "failure_action": "rollback",
               "monitor": "1s", "max_failure_ratio": 0},
              "rollback_config": {"parallelism": 1, "order": "stop-first", "failure_action": "pause", "monitor": "1s"}}}
            """)
        let text = entry.text(pretty: false) + used.map(\.engineName).joined()
        return RenderedService(
            name: name, component: name, image: service.image, replicas: service.replicas, isGlobal: false,
            entry: entry, specHash: SHA256Value.of(Array(text.utf8)), configNames: [],
            secretNames: used.map(\.engineName), environment: environment,
            timing: RolloutTiming(
                startPeriod: 500, interval: 1000 * service.interval, timeout: 10_000, stopGrace: 1000, monitor: 1000,
                delay: 0, retries: 2,
                parallelism: 1))
    }
}
