// What `strategy rolling …` asks of a stack's services. Does not roll anything out.
import BuildEngine

extension RenderedStack {
    /// The stack with its services' `update_config` as `strategy` says, where it says something; a strategy of several sets
    /// is carried out by others and changes nothing here.
    package func following(_ strategy: RolloutStrategy) -> RenderedStack {
        guard case .rolling(let rolling) = strategy else { return self }
        return RenderedStack(
            project: project, environment: environment, services: services.map { $0.following(rolling) },
            configs: configs, secrets: secrets, rest: rest, digest: digest)
    }
}

extension RenderedService {
    fileprivate func following(_ rolling: RolloutStrategy.Rolling) -> RenderedService {
        var update = entry.at("deploy", "update_config") ?? .object([])
        if let count = rolling.parallelism { update = update.setting("parallelism", .whole(count)) }
        if let isFirst = rolling.startsFirst {
            update = update.setting("order", .string(isFirst ? "start-first" : "stop-first"))
        }
        if let pause = rolling.pause { update = update.setting("delay", .string("\(pause)ms")) }
        let deploy = (entry.member("deploy") ?? .object([])).setting("update_config", update)
        let entry = update.members?.isEmpty == false ? entry.setting("deploy", deploy) : entry
        return RenderedService(
            name: name, component: component, image: image, replicas: replicas, isGlobal: isGlobal, entry: entry,
            specHash: specHash, configNames: configNames, secretNames: secretNames, environment: environment,
            timing: RolloutTiming(entry))
    }
}
