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
        /// Milliseconds in which failed checks do not count. A busy machine may take long to start what is good.
        var startPeriod = 30_000
        var labels: [String: String] = [:]
        var configs: [String] = []
        /// `HOST:CONTAINER:ro`.
        var volumes: [String] = []
    }

    var project = "lms-test"
    var services: [String: Service]
    var configs: [String: String] = [:]
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
        let configList = configs.sorted { $0.key < $1.key }.map { key, text in
            let bytes = Array(text.utf8)
            return RenderedConfig(
                key: key, engineName: "\(project)_\(key)_\(SHA256Value.of(bytes).hex.prefix(12))", bytes: bytes)
        }
        let all = services.sorted { $0.key < $1.key }.map { name, service in
            rendered(name, service, secretList, configList)
        }
        let rest = [
            JSONTree.Member(
                name: "networks", value: tree(#"{"host": {"external": true, "name": "host"}}"#))
        ]
        let whole = all.map { $0.specHash.hex }.joined()
        return RenderedStack(
            project: project, environment: "test", services: all, configs: configList, secrets: secretList, rest: rest,
            digest: SHA256Value.of(Array(whole.utf8)))
    }

    private func tree(_ text: String) -> JSONTree { (try? JSONTree.parse(Array(text.utf8))) ?? JSONTree(.null) }

    private func rendered(
        _ name: String, _ service: Service, _ secrets: [RenderedSecret], _ configs: [RenderedConfig]
    ) -> RenderedService {
        var environment = service.environment
        environment["PORT"] = "\(service.port)"
        let used = secrets.filter { service.secrets.contains($0.key) }
        let read = configs.filter { service.configs.contains($0.key) }
        let labels = service.labels.sorted { $0.key < $1.key }.map { #""\#($0.key)": "\#($0.value)""# }.joined(
            separator: ", ")
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
             "configs": [\(read.map { "{\"source\": \"\($0.key)\", \"target\": \"/\($0.key)\"}" }.joined(separator: ","))],
             "volumes": \(list(service.volumes)),
             "healthcheck": {"test": \(list(["CMD"] + check)), "interval": "\(service.interval)s", "timeout": "30s", "retries": 2, "start_period": "\(service.startPeriod)ms"},
             "deploy": {"labels": {\(labels)}, "replicas": \(service.replicas), "restart_policy": {"condition": "any", "delay": "500ms"},
              "update_config": {"parallelism": 1, "order": "\(service.order)", "failure_action": "rollback",
               "monitor": "1s", "max_failure_ratio": 0},
              "rollback_config": {"parallelism": 1, "order": "stop-first", "failure_action": "pause", "monitor": "1s"}}}
            """)
        let text = entry.text(pretty: false) + used.map(\.engineName).joined() + read.map(\.engineName).joined()
        return RenderedService(
            name: name, component: name, image: service.image, replicas: service.replicas, isGlobal: false,
            entry: entry, specHash: SHA256Value.of(Array(text.utf8)), configNames: read.map(\.engineName),
            secretNames: used.map(\.engineName), environment: environment,
            timing: RolloutTiming(
                startPeriod: service.startPeriod, interval: 1000 * service.interval, timeout: 30_000, stopGrace: 1000,
                monitor: 1000,
                delay: 0, retries: 2,
                parallelism: 1))
    }
}
