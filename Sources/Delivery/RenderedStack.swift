// What an engine is handed: a stack in which everything has been decided. Does not know where values came from.
package import BuildEngine
package import BuildGraph

/// A stack with every value plain, every image pinned, every config and secret named by its content.
package struct RenderedStack: Sendable {
    /// What engines call it: `NAME-ENVIRONMENT`, at most 63 characters.
    package let project: String
    package let environment: String
    /// Sorted by name.
    package let services: [RenderedService]
    /// Those in use, sorted by engine name.
    package let configs: [RenderedConfig]
    /// Those in use, sorted by engine name.
    package let secrets: [RenderedSecret]
    /// The other top-level members of the document (networks, volumes), plain.
    package let rest: [JSONTree.Member]
    /// SHA-256 of everything above, fingerprints in place of secrets' values. Does not depend on which release or when.
    package let digest: SHA256Value
    /// Where users come through a router: what is behind it. Nil too where sets are laid out already.
    package var routing: Routing?
}

/// One service as an engine is to run it.
package struct RenderedService: Sendable {
    package let name: String
    /// The component whose image this is; nil for an image from elsewhere.
    package let component: String?
    /// `repo@sha256:…`, or what the stack says where nothing pins it.
    package let image: String
    /// 0 and up.
    package let replicas: Int
    /// `deploy.mode: global`.
    package let isGlobal: Bool
    /// The service's Compose entry, merged, plain, with `image` as above.
    package let entry: JSONTree
    /// Of `entry` and the engine names of its configs and secrets.
    package let specHash: SHA256Value
    /// Engine names, sorted.
    package let configNames: [String]
    /// Engine names, sorted.
    package let secretNames: [String]
    /// The variables that its containers get.
    package let environment: [String: String]
    /// For the deadline of a rollout.
    package let timing: RolloutTiming
}

/// What bounds how long a rollout may take, in milliseconds, engines' defaults filled in.
package struct RolloutTiming: Sendable, Hashable {
    package var startPeriod, interval, timeout, stopGrace, monitor, delay: Int
    /// `parallelism` 0: all at once.
    package var retries, parallelism: Int

    /// As a service's plain entry says.
    init(_ entry: JSONTree) {
        func time(_ value: JSONTree?, _ otherwise: Int) -> Int {
            value?.scalarText.flatMap { GoDuration.milliseconds($0) } ?? otherwise
        }
        let check = entry.member("healthcheck")
        let update = entry.at("deploy", "update_config")
        startPeriod = time(check?.member("start_period"), 0)
        interval = time(check?.member("interval"), 30_000)
        timeout = time(check?.member("timeout"), 30_000)
        stopGrace = time(entry.member("stop_grace_period"), 10_000)
        monitor = time(update?.member("monitor"), 5000)
        delay = time(update?.member("delay"), 0)
        retries = check?.member("retries")?.whole ?? 3
        parallelism = update?.member("parallelism")?.whole ?? 1
    }

    /// The given times.
    init(
        startPeriod: Int, interval: Int, timeout: Int, stopGrace: Int, monitor: Int, delay: Int, retries: Int,
        parallelism: Int
    ) {
        (self.startPeriod, self.interval, self.timeout, self.stopGrace) = (startPeriod, interval, timeout, stopGrace)
        (self.monitor, self.delay, self.retries, self.parallelism) = (monitor, delay, retries, parallelism)
    }
}

/// A config under a name that no other content has.
package struct RenderedConfig: Sendable {
    /// What the stack calls it.
    package let key: String
    /// `PROJECT_KEY_` and the first 12 digits of the content's SHA-256.
    package let engineName: String
    package let bytes: [UInt8]
}

/// A secret under a name that no other value has.
package struct RenderedSecret: Sendable {
    /// What the stack calls it.
    package let key: String
    /// `PROJECT_KEY_` and the first 12 digits of the fingerprint.
    package let engineName: String
    package let fingerprint: SHA256Value
    /// Nil where the stack was read from a record.
    package let value: SecretValue?
}
