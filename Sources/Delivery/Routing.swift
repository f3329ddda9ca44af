// What of a stack is reached through a router, and the two sets in which that runs. Does not write a router's configuration
// (RouterRoutes) and does not move anybody (Rollout).
import BuildEngine
import BuildGraph
package import Buildfile

/// Of a service behind a router there are up to two sets at a time, which take turns.
package enum ServiceSet: String, Sendable, Hashable, CaseIterable {
    case blue, green

    package var other: ServiceSet { self == .blue ? .green : .blue }

    /// What engines call `service` in this set.
    package func name(of service: String) -> String { "\(service)-\(rawValue)" }
}

/// A stack's router, and what is behind it.
package struct Routing: Sendable, Hashable {
    /// One service that users reach through the router.
    package struct Route: Sendable, Hashable {
        package let service: String
        /// Where the router takes its requests: `8280`, or `127.0.0.1:8280`.
        package let listen: String
        /// What `PORT` is in the blue and in the green set, where both run on their machine's own network. Nil where each has a
        /// network address of its own, and is found by its name.
        package let ports: [ServiceSet: String]?

        package init(service: String, listen: String, ports: [ServiceSet: String]? = nil) {
            self.service = service
            self.listen = listen
            self.ports = ports
        }
    }

    /// The service that is the router.
    package let router: String
    /// Sorted by service.
    package let routes: [Route]

    package init(router: String, routes: [Route]) {
        self.router = router
        self.routes = routes.sorted { $0.service < $1.service }
    }

    func route(of service: String) -> Route? { routes.first { $0.service == service } }
}

// MARK: In records

extension Routing {
    var recorded: JSONTree {
        JSONTree.object([
            ("router", .string(router)),
            (
                "routes",
                JSONTree(
                    .array(
                        routes.map { route in
                            let ports = ServiceSet.allCases.compactMap { set in
                                route.ports?[set].map { (set.rawValue, JSONTree.string($0)) }
                            }
                            return JSONTree.object([
                                ("service", .string(route.service)), ("listen", .string(route.listen)),
                                ("ports", route.ports == nil ? JSONTree(.null) : .object(ports)),
                            ])
                        }))
            ),
        ])
    }

    /// Reads what `recorded` wrote; nil for anything else.
    init?(recorded tree: JSONTree) {
        guard let router = tree.member("router")?.text, let routes = tree.member("routes")?.elements else { return nil }
        self.init(
            router: router,
            routes: routes.compactMap { route in
                guard let service = route.member("service")?.text, let listen = route.member("listen")?.text else {
                    return nil
                }
                let texts = route.member("ports")?.members == nil ? nil : route.member("ports")?.texts
                let ports = texts.map { texts in
                    Dictionary(
                        texts.compactMap { name, port in ServiceSet(rawValue: name).map { ($0, port) } },
                        uniquingKeysWith: { $1 })
                }
                return Route(service: service, listen: listen, ports: ports)
            })
    }
}

extension RenderedStack {
    /// The stack with its routing; another digest, for it is deployed in another way.
    package func routed(_ routing: Routing?) -> RenderedStack {
        guard let routing else { return self }
        var stack = RenderedStack(
            project: project, environment: environment, services: services, configs: configs, secrets: secrets,
            rest: rest, digest: SHA256Value.of(Array(digest.hex.utf8) + routing.recorded.bytes))
        stack.routing = routing
        return stack
    }
}

// MARK: In stack files

/// Reads routing from a stack's labels.
struct RoutingReader {
    /// Where the router takes what is for the service.
    static let routeLabel = "io.lmsbuild.route"
    /// What PORT is in each of the two sets.
    static let portsLabel = "io.lmsbuild.ports"

    let project: ComposeProject
    /// As `strategy … router NAME` says.
    let named: String?
    /// Where the strategy stands.
    let span: SourceSpan
    private(set) var diagnostics: [Diagnostic] = []

    init(project: ComposeProject, named: String?, span: SourceSpan) {
        (self.project, self.named, self.span) = (project, named, span)
    }

    private mutating func report(_ message: String, _ service: ComposeProject.Service?, hint: String) {
        diagnostics.append(Diagnostic(.badStack, message, at: service?.span ?? span, hint: hint))
    }

    /// Nil where something is wrong, which is then in `diagnostics`.
    mutating func routing() -> Routing? {
        let name = named ?? "router"
        guard let router = project.services.first(where: { $0.name == name }) else {
            report(
                named == nil
                    ? "the strategy needs a router, and no service of the stack is called 'router'"
                    : "the stack has no service '\(name)', which the strategy names as its router", nil,
                hint: "add a service that runs HAProxy, and name it by 'router SERVICE' (see docs/strategies.md)")
            return nil
        }
        if Self.label(Self.routeLabel, router.entry) != nil {
            report("the router '\(name)' cannot be behind itself", router, hint: "remove '\(Self.routeLabel)'")
        }
        var routes: [Routing.Route] = []
        for service in project.services where service.name != name {
            if let listen = Self.label(Self.routeLabel, service.entry), let route = route(of: service, listen) {
                routes.append(route)
            }
        }
        if routes.isEmpty, diagnostics.isEmpty {
            report(
                "nothing is behind the router '\(name)'", router,
                hint: "label the services that users reach: \(Self.routeLabel): \"8080\" (where the router listens)")
        }
        let taken = Dictionary(grouping: routes) { $0.listen.split(separator: ":").last ?? "" }
        for (port, routes) in taken.sorted(by: { $0.key < $1.key }) where routes.count > 1 {
            report(
                "the router would listen twice on \(port), for \(routes.map(\.service).joined(separator: " and "))",
                router, hint: "give each service a port of its own")
        }
        return diagnostics.isEmpty ? Routing(router: name, routes: routes) : nil
    }

    private mutating func route(of service: ComposeProject.Service, _ listen: String) -> Routing.Route? {
        let parts = listen.split(separator: ":", omittingEmptySubsequences: false)
        let host = parts.dropLast().joined(separator: ":")
        guard parts.count <= 2, Self.isPort(parts.last ?? ""), host.utf8.allSatisfy(Self.isHostByte) else {
            report(
                "'\(listen)' is no place where a router can listen", service,
                hint: "write \(Self.routeLabel): \"PORT\" or \"ADDRESS:PORT\"")
            return nil
        }
        if service.entry.member("ports")?.elements?.isEmpty == false {
            report(
                "'\(service.name)' is behind the router and publishes ports itself", service,
                hint: "two sets of it could not; publish them at the router")
        }
        if service.entry.at("deploy", "mode")?.text == "global" {
            report("'\(service.name)' is behind the router and global", service, hint: "give it 'replicas'")
        }
        let words = Self.label(Self.portsLabel, service.entry)?.split(whereSeparator: \.isWhitespace).map(String.init)
        if let words {
            let isGood = words.count == 2 && words[0] != words[1] && words.allSatisfy(Self.isPortOrSlots)
            if isGood {
                return .init(service: service.name, listen: listen, ports: [.blue: words[0], .green: words[1]])
            }
            report(
                "'\(Self.portsLabel)' of '\(service.name)' is not two ports", service,
                hint: "write what PORT is in the one set and in the other: \(Self.portsLabel): \"8085 8086\"")
            return nil
        }
        if isOnHost(service.entry) {
            report(
                "two sets of '\(service.name)' would listen on one port of their machine", service,
                hint: "write what PORT is in the one set and in the other: \(Self.portsLabel): \"8085 8086\"")
            return nil
        }
        guard Self.isPort(service.entry.at("environment", "PORT")?.text ?? "") else {
            report(
                "nobody says where '\(service.name)' listens for its router", service,
                hint: "set PORT in its environment, which it reads")
            return nil
        }
        return .init(service: service.name, listen: listen)
    }

    private func isOnHost(_ entry: JSONTree) -> Bool {
        if entry.member("network_mode")?.text == "host" { return true }
        let networks = entry.member("networks")
        let names = networks?.elements?.compactMap(\.text) ?? networks?.members?.map(\.name) ?? []
        let all = project.rest.first { $0.name == "networks" }?.value
        return names.contains { name in
            all?.member(name).map { RenderedStack.builtInNetwork(name, $0) == "host" } == true
        }
    }

    static func label(_ name: String, _ entry: JSONTree) -> String? {
        entry.at("deploy", "labels", name)?.text ?? entry.at("labels", name)?.text
    }

    private static func isPort(_ text: some StringProtocol) -> Bool {
        Int(text).map { (1...65_535).contains($0) } == true && text.utf8.allSatisfy(\.isDecimal)
    }

    /// A port, or one that each replica makes its own by its number.
    private static func isPortOrSlots(_ text: String) -> Bool {
        isPort(text.replacing(RouterRoutes.slot, with: "1"))
    }

    private static func isHostByte(_ byte: UInt8) -> Bool {
        byte.isAlpha || byte.isDecimal || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "*")
    }
}

extension Routing {
    /// What `strategy` needs of `project`'s routing: nil where it needs none, or where something is wrong with it.
    package static func read(
        _ strategy: RolloutStrategy, _ project: ComposeProject, at span: SourceSpan
    ) -> (routing: Routing?, diagnostics: [Diagnostic]) {
        let named: String?
        switch strategy {
        case .rolling: return (nil, [])
        case .blueGreen(let words): named = words.router
        case .canary(let words): named = words.router
        }
        var reader = RoutingReader(project: project, named: named, span: span)
        let routing = reader.routing()
        return (routing, reader.diagnostics)
    }
}
