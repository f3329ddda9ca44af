// A stack whose routed services run in sets, as one engine is to have it at one moment of a rollout. Does not know in which
// order such moments come.
import BuildEngine
import BuildGraph

/// Which sets there are, and what share of what users ask goes to each.
struct SetLayout {
    /// Lets whoever knows the secret ask a set that nobody else reaches.
    struct Preview {
        let set: ServiceSet
        let token: String
    }

    /// The stack that each set is of, before anything is laid out.
    var sets: [ServiceSet: RenderedStack]
    /// In percent, together 100.
    var shares: [ServiceSet: Int]
    var preview: Preview?
}

extension DeployLabel {
    /// On a service in a set: which one.
    package static let set = "io.lmsbuild.set"
    /// On a router: `blue=90 green=10`.
    package static let shares = "io.lmsbuild.shares"

    static func text(of shares: [ServiceSet: Int]) -> String {
        ServiceSet.allCases.compactMap { set in shares[set].map { "\(set.rawValue)=\($0)" } }.joined(separator: " ")
    }

    /// What a router says of itself; nil for a service that is none.
    package static func sharing(in labels: [String: String]) -> [ServiceSet: Int]? {
        guard let text = labels[shares] else { return nil }
        var found: [ServiceSet: Int] = [:]
        for word in text.split(separator: " ") {
            let parts = word.split(separator: "=")
            guard parts.count == 2, let set = ServiceSet(rawValue: String(parts[0])), let share = Int(parts[1]) else {
                continue
            }
            found[set] = share
        }
        return found
    }
}

extension RenderedStack {
    /// The stack with its routed services in sets, and the router that leads to them; the stack itself where it has no router.
    /// What is not routed is as this stack says; each set is as its own stack says.
    func laidOut(_ layout: SetLayout) -> RenderedStack {
        guard let routing else { return self }
        var services = services.filter { $0.name != routing.router && routing.route(of: $0.name) == nil }
            .map { $0.without(dependencies: Set(routing.routes.map(\.service))) }
        var configs = configs
        var secrets = secrets
        var rest = rest
        for (set, stack) in layout.sets.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            for route in stack.routing?.routes ?? [] {
                guard let service = stack.services.first(where: { $0.name == route.service }) else { continue }
                services.append(service.inSet(set, route, stack.routing))
            }
            configs += stack.configs.filter { own in !configs.contains { $0.engineName == own.engineName } }
            secrets += stack.secrets.filter { own in !secrets.contains { $0.engineName == own.engineName } }
            rest = Self.merged(rest, stack.rest)
        }
        let bytes = Array(routes(layout, routing).text.utf8)
        let config = RenderedConfig(
            key: RouterRoutes.configKey,
            engineName: Self.engineName(project, RouterRoutes.configKey, SHA256Value.of(bytes)), bytes: bytes)
        configs.append(config)
        if let router = self.services.first(where: { $0.name == routing.router }) {
            services.append(
                router.without(dependencies: Set(routing.routes.map(\.service)))
                    .asRouter(config, shares: DeployLabel.text(of: layout.shares)))
        }
        services.sort { $0.name < $1.name }
        let all = services.map { $0.name + $0.specHash.hex }.joined(separator: " ")
        return RenderedStack(
            project: project, environment: environment, services: services,
            configs: configs.sorted { $0.engineName < $1.engineName },
            secrets: secrets.sorted { $0.engineName < $1.engineName }, rest: rest,
            digest: SHA256Value.of(Array(all.utf8)))
    }

    /// The stack with all that users ask going to one set of it.
    package func alone(in set: ServiceSet) -> RenderedStack {
        laidOut(SetLayout(sets: [set: self], shares: [set: 100]))
    }

    private func routes(_ layout: SetLayout, _ routing: Routing) -> RouterRoutes {
        var routes = routing.routes
        for stack in layout.sets.sorted(by: { $0.key.rawValue < $1.key.rawValue }).map(\.value) {
            routes += (stack.routing?.routes ?? []).filter { own in !routes.contains { $0.service == own.service } }
        }
        return RouterRoutes(
            places: routes.map { route in
                var servers: [ServiceSet: RouterRoutes.Server] = [:]
                for (set, stack) in layout.sets {
                    guard let own = stack.routing?.route(of: route.service),
                        let service = stack.services.first(where: { $0.name == route.service })
                    else { continue }
                    servers[set] = RouterRoutes.Server(
                        service: route.service, replicas: service.replicas, hostPort: own.ports?[set],
                        port: service.environment["PORT"] ?? "80")
                }
                return RouterRoutes.Place(
                    service: route.service, listen: route.listen, servers: servers, shares: layout.shares,
                    preview: layout.preview)
            })
    }

    /// Networks and volumes of both; where both have one of that name, the first.
    private static func merged(_ one: [JSONTree.Member], _ two: [JSONTree.Member]) -> [JSONTree.Member] {
        var result = one
        for member in two {
            guard let place = result.firstIndex(where: { $0.name == member.name }) else {
                result.append(member)
                continue
            }
            let own = result[place].value
            let new = (member.value.members ?? []).filter { own.member($0.name) == nil }
            result[place] = JSONTree.Member(
                name: member.name, value: new.reduce(own) { $0.setting($1.name, $1.value) })
        }
        return result
    }
}

extension RenderedService {
    fileprivate func inSet(_ set: ServiceSet, _ route: Routing.Route, _ routing: Routing?) -> RenderedService {
        var entry = self.entry
        var environment = self.environment
        if let port = route.ports?[set] {
            environment["PORT"] = port
            let values = (entry.member("environment") ?? .object([])).setting("PORT", .string(port))
            entry = entry.setting("environment", values)
        }
        var depends: [(String, JSONTree)] = []
        for member in entry.member("depends_on")?.members ?? [] where member.name != routing?.router {
            let isRouted = routing?.route(of: member.name) != nil
            depends.append((isRouted ? set.name(of: member.name) : member.name, member.value))
        }
        entry = entry.setting("depends_on", depends.isEmpty ? nil : .object(depends))
        return changed(
            name: set.name(of: name), entry: entry.labelled(DeployLabel.set, set.rawValue), configNames: configNames,
            environment: environment)
    }

    /// Routed services are not there under their own names; the rollout sees to it that they are there before they are asked.
    fileprivate func without(dependencies names: Set<String>) -> RenderedService {
        guard let members = entry.member("depends_on")?.members, members.contains(where: { names.contains($0.name) })
        else { return self }
        let left = members.filter { !names.contains($0.name) }
        return changed(
            name: name, entry: entry.setting("depends_on", left.isEmpty ? nil : JSONTree(.object(left))),
            configNames: configNames, environment: environment)
    }

    fileprivate func asRouter(_ config: RenderedConfig, shares: String) -> RenderedService {
        let mount = JSONTree.object([
            ("source", .string(config.key)), ("target", .string(RouterRoutes.file)),
        ])
        let configs = (entry.member("configs")?.elements ?? []) + [mount]
        let deploy = entry.member("deploy") ?? .object([])
        var update = deploy.member("update_config") ?? .object([])
        // The new one takes over before the old one ends: else nobody would listen for a while.
        if update.member("order") == nil { update = update.setting("order", .string("start-first")) }
        let entry = self.entry.setting("configs", JSONTree(.array(configs)))
            .setting("deploy", deploy.setting("update_config", update)).labelled(DeployLabel.shares, shares)
        return changed(
            name: name, entry: entry, configNames: (configNames + [config.engineName]).sorted(),
            environment: environment)
    }

    /// This service with another entry, and a hash of its own.
    func changed(
        name: String, entry: JSONTree, configNames: [String], environment: [String: String]
    ) -> RenderedService {
        let spec = JSONTree.object([
            ("before", .string(specHash.hex)), ("entry", entry.inOrder),
            ("configs", JSONTree(.array(configNames.map { .string($0) }))),
        ])
        return RenderedService(
            name: name, component: component, image: image, replicas: replicas, isGlobal: isGlobal, entry: entry,
            specHash: SHA256Value.of(spec.bytes), configNames: configNames, secretNames: secretNames,
            environment: environment, timing: timing)
    }
}

extension JSONTree {
    /// A service's entry with a label that restarts nothing.
    fileprivate func labelled(_ name: String, _ value: String) -> JSONTree {
        let deploy = member("deploy") ?? .object([])
        let labels = deploy.member("labels") ?? .object([])
        return setting("deploy", deploy.setting("labels", labels.setting(name, .string(value))))
    }
}
