// Data that cannot be taken back: which changes of a stack leave its services with data that what ran before cannot read.
// Does not know migrations, nor who may force what.
import BuildEngine

/// What a service's description says of its data, as a label: a whole number that goes up with each migration which cannot be
/// undone. Without the label it is 0.
package enum DataVersion {
    /// In `labels` or `deploy.labels`; lmsbuild puts it where the engine shows it for the service.
    package static let label = DeployLabel.data

    /// Of a service as an engine has it.
    static func of(_ service: ObservedService) -> Int { service.labels[label].flatMap { Int($0) } ?? 0 }

    /// The newest data of `service` of `stack`, whichever of its sets has it: both have the same data. Nil where none is there.
    private static func version(of service: String, _ stack: RenderedStack, in now: ObservedStack) -> Int? {
        let isRouted = stack.routing?.routes.contains { $0.service == service } ?? false
        let names = [service] + (isRouted ? ServiceSet.allCases.map { $0.name(of: service) } : [])
        return names.compactMap { now.services[$0].map(of) }.max()
    }

    /// By service, why `wanted` and what runs cannot be changed for one another: its data would be newer than what it knows, or
    /// what runs could not read the data any more that it leaves. A service that is not there yet has no data. `known` says of
    /// images which version they ran with when they last did: a stack at hand may be newer than the image it names. Where
    /// `isThere`, `wanted` is what should run there already, and a label that somebody removed is no older data.
    static func crossings(
        from now: ObservedStack, to wanted: RenderedStack, known: [Running: Int] = [:], isThere: Bool = false
    ) -> [String: String] {
        var found: [String: String] = [:]
        for service in wanted.services {
            guard let old = version(of: service.name, wanted, in: now) else { continue }
            let said = service.dataVersion ?? 0
            let new = min(said, known[Running(service)] ?? said)
            if new < old {
                found[service.name] =
                    "its data has version \(old), which this release, made for version \(new), cannot read"
            } else if new > old, !isThere {
                found[service.name] =
                    "its data becomes version \(new), which what runs now, made for version \(old), cannot read: "
                    + "there is no way back by itself"
            }
        }
        return found
    }

    /// A service with an image.
    struct Running: Hashable {
        let service: String
        let image: String

        init(_ service: RenderedService) {
            self.service = service.name
            image = service.image
        }
    }

    /// The version that each ran with when it last did: of `stacks`, oldest first.
    static func known(from stacks: [RenderedStack]) -> [Running: Int] {
        var found: [Running: Int] = [:]
        for stack in stacks {
            for service in stack.services { found[Running(service)] = service.dataVersion ?? 0 }
        }
        return found
    }

    /// By service, why it must not be brought back to `old`: the engine has been handed a description with newer data.
    static func losses(in now: ObservedStack, goingBackTo old: RenderedStack) -> [String: String] {
        crossings(from: now, to: old).filter { name, _ in
            version(of: name, old, in: now) ?? 0 > (old.services.first { $0.name == name }?.dataVersion ?? 0)
        }
    }
}

extension RenderedService {
    /// What its labels say; nil where they say nothing, or no number.
    package var dataVersion: Int? { dataLabel.flatMap { Int($0) }.flatMap { $0 < 0 ? nil : $0 } }

    /// The label's text; nil where there is none.
    package var dataLabel: String? {
        let labels = [entry.at("deploy", "labels"), entry.member("labels")]
        return labels.lazy.compactMap { $0?.member(DataVersion.label)?.text }.first
    }

    /// The same, but the engine stops where an update fails: it does not go back by itself.
    fileprivate var withoutOwnRollback: RenderedService {
        let update = (entry.at("deploy", "update_config") ?? .object([])).setting("failure_action", .string("pause"))
        let deploy = (entry.member("deploy") ?? .object([])).setting("update_config", update)
        return RenderedService(
            name: name, component: component, image: image, replicas: replicas, isGlobal: isGlobal,
            entry: entry.setting("deploy", deploy), specHash: specHash, configNames: configNames,
            secretNames: secretNames, environment: environment, timing: timing)
    }
}

extension RenderedStack {
    /// The stack as it is handed over where `now` runs: no engine takes a service's newer data back by itself.
    func guardingData(in now: ObservedStack) -> RenderedStack {
        let crossing = DataVersion.crossings(from: now, to: self)
        if crossing.isEmpty { return self }
        return RenderedStack(
            project: project, environment: environment,
            services: services.map { crossing[$0.name] == nil ? $0 : $0.withoutOwnRollback }, configs: configs,
            secrets: secrets, rest: rest, digest: digest, routing: routing)
    }
}
