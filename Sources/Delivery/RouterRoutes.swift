// The part of HAProxy's configuration that says which set gets what users ask. Does not know releases or engines.
import BuildEngine

/// Which set is behind which place where the router listens.
struct RouterRoutes {
    /// What Swarm replaces by a replica's number.
    static let slot = "{{.Task.Slot}}"
    /// What a stack calls the configuration.
    static let configKey = "lmsbuild-routes"
    /// Where routers read it, beside a file of their own.
    static let file = "/etc/haproxy/lmsbuild/routes.cfg"
    /// A request with this header and the preview's secret as its value goes to the new set.
    static let header = "x-lmsbuild-preview"

    /// A server that is down is asked often, so that it is not left out for longer than it is down.
    static let check = "check inter 1s fall 2 rise 1 fastinter 300ms downinter 300ms"

    /// A service in one set.
    struct Server {
        let service: String
        let replicas: Int
        /// The port on the machine's network; nil: `port` at the service's own name.
        let hostPort: String?
        let port: String
    }

    /// One place where the router listens.
    struct Place {
        let service: String
        let listen: String
        /// By set, of those that are there.
        let servers: [ServiceSet: Server]
        /// Percent by set.
        let shares: [ServiceSet: Int]
        let preview: SetLayout.Preview?
    }

    let places: [Place]

    /// The file. Sections are named after services, and inherit from `defaults lmsbuild` alone, whatever else a router reads.
    var text: String {
        var lines = [
            "# Written by lmsbuild: changes made here by hand are lost.",
            "defaults lmsbuild",
            "    mode http",
            "    timeout connect 5s",
            "    timeout client 60s",
            "    timeout server 60s",
            "    timeout http-keep-alive 10s",
            "    option redispatch",
            "    option forwardfor",
            "    retries 3",
        ]
        if places.contains(where: { $0.servers.values.contains { $0.hostPort == nil } }) {
            lines += ["", "resolvers lmsbuild", "    parse-resolv-conf", "    hold valid 2s"]
        }
        for place in places { lines += section(place) }
        return lines.joined(separator: "\n") + "\n"
    }

    private func section(_ place: Place) -> [String] {
        // A set that has no such service cannot serve it: the other does.
        let there = ServiceSet.allCases.filter { place.servers[$0] != nil }
        var shares = place.shares.filter { place.servers[$0.key] != nil && $0.value > 0 }
        if shares.isEmpty, let only = there.first { shares = [only: 100] }
        let ordered = shares.sorted { ($0.value, $0.key.rawValue) > ($1.value, $1.key.rawValue) }
        guard let most = ordered.first?.key else { return [] }
        let listen = place.listen.contains(":") ? place.listen : ":" + place.listen
        var lines = ["", "frontend \(place.service) from lmsbuild", "    bind \(listen)"]
        var used = [most]
        if let preview = place.preview, place.servers[preview.set] != nil {
            let name = preview.set.name(of: place.service)
            lines.append("    use_backend \(name) if { req.hdr(\(Self.header)) -m str \(preview.token) }")
            used.append(preview.set)
        }
        for (set, share) in ordered.dropFirst() {
            lines.append("    use_backend \(set.name(of: place.service)) if { rand(100) lt \(share) }")
            used.append(set)
        }
        lines.append("    default_backend \(most.name(of: place.service))")
        for set in ServiceSet.allCases where used.contains(set) {
            guard let server = place.servers[set] else { continue }
            lines += ["", "backend \(set.name(of: place.service)) from lmsbuild", "    balance roundrobin"]
            lines.append("    http-request del-header \(Self.header)")
            lines += self.lines(of: server, set)
        }
        return lines
    }

    private func lines(of server: Server, _ set: ServiceSet) -> [String] {
        let name = set.name(of: server.service)
        guard let port = server.hostPort else {
            return [
                "    server-template \(name)- \(max(server.replicas, 1)) \(name):\(server.port) \(Self.check) "
                    + "resolvers lmsbuild init-addr last,libc,none"
            ]
        }
        let slots = port.contains(Self.slot) ? max(server.replicas, 1) : 1
        return (1...slots).map { slot in
            let address = "127.0.0.1:" + port.replacing(Self.slot, with: "\(slot)")
            return "    server \(name)-\(slot) \(address) \(Self.check)"
        }
    }
}
