// A router's routes where configs are files: its container stays, reads them anew, and goes on listening all the while. Does
// not know HAProxy's language, nor when routes change.
import BuildEngine
import BuildGraph
import Glibc

/// The routes in a folder that the router's container has mounted. Compose would make the container anew for another config,
/// and nobody would listen meanwhile.
struct LiveRoutes {
    /// Routes that are to be taken.
    struct Wanted {
        let service: String
        let bytes: [UInt8]
        let mark: Mark
    }

    /// What the router has taken, written down afterwards: the container's own labels cannot tell, for they stay.
    struct Mark: Hashable {
        let service: String
        /// The hash of the service's description without its routes: the container's label.
        let container: String
        /// The hash with them.
        let spec: String
        let shares: String

        var json: JSONValue {
            .object([
                ("service", .string(service)), ("container", .string(container)), ("spec", .string(spec)),
                ("shares", .string(shares)),
            ])
        }
    }

    /// A private folder of the engine's.
    let files: BytePath

    /// Mounted whole: a file that takes another's place is not seen through a mount of the file itself.
    private var folder: BytePath { files.appending("routes") }
    private var markFile: BytePath { files.appending("routes.json") }

    /// `stack` with a router that has the folder in place of the config, and what is to be in the folder.
    func separated(_ stack: RenderedStack) -> (stack: RenderedStack, wanted: Wanted?) {
        func isRoutes(_ element: JSONTree) -> Bool { element.member("source")?.text == RouterRoutes.configKey }
        guard let config = stack.configs.first(where: { $0.key == RouterRoutes.configKey }),
            let router = stack.services.first(where: {
                $0.entry.member("configs")?.elements?.contains(where: isRoutes) == true
            })
        else { return (stack, nil) }
        let shares = router.entry.at("deploy", "labels", DeployLabel.shares)?.text ?? ""
        let configs = (router.entry.member("configs")?.elements ?? []).filter { !isRoutes($0) }
        let target = RouterRoutes.file.split(separator: "/").dropLast().joined(separator: "/")
        let mount = JSONTree.string("\(String(decoding: folder.bytes, as: UTF8.self)):/\(target):ro")
        let deploy = router.entry.member("deploy") ?? .object([])
        let labels = (deploy.member("labels") ?? .object([])).setting(DeployLabel.shares, nil)
        let entry = router.entry
            .setting("configs", configs.isEmpty ? nil : JSONTree(.array(configs)))
            .setting("volumes", JSONTree(.array((router.entry.member("volumes")?.elements ?? []) + [mount])))
            .setting("deploy", deploy.setting("labels", labels))
        let names = router.configNames.filter { $0 != config.engineName }
        let hash = SHA256Value.of(
            JSONTree.object([
                ("entry", entry.inOrder), ("configs", JSONTree(.array(names.map { .string($0) }))),
                ("secrets", JSONTree(.array(router.secretNames.map { .string($0) }))),
            ]).bytes)
        let container = RenderedService(
            name: router.name, component: router.component, image: router.image, replicas: router.replicas,
            isGlobal: router.isGlobal, entry: entry, specHash: hash, configNames: names,
            secretNames: router.secretNames, environment: router.environment, timing: router.timing)
        let own = RenderedStack(
            project: stack.project, environment: stack.environment,
            services: stack.services.map { $0.name == router.name ? container : $0 },
            configs: stack.configs.filter { $0.key != RouterRoutes.configKey }, secrets: stack.secrets,
            rest: stack.rest,
            digest: stack.digest)
        let mark = Mark(service: router.name, container: hash.hex, spec: router.specHash.hex, shares: shares)
        return (own, Wanted(service: router.name, bytes: config.bytes, mark: mark))
    }

    /// Puts the routes where the router reads them when it is told to, or starts.
    func place(_ wanted: Wanted) throws {
        _ = folder.withCString { mkdir($0, 0o755) }
        // Whatever the umask: the router is another user, and the folder above keeps others out.
        _ = folder.withCString { chmod($0, 0o755) }
        let file = folder.appending("routes.cfg")
        if let there = try? Disk.contents(of: file), there == wanted.bytes { return }
        try writePrivate(wanted.bytes, to: file)
        // The router's user is another; there is no secret in it but the preview's, which is over with the rollout.
        _ = file.withCString { chmod($0, 0o444) }
    }

    var taken: Mark? {
        guard let bytes = try? Disk.contents(of: markFile), let tree = try? JSONTree.parse(bytes) else { return nil }
        let texts = tree.texts
        guard let service = texts["service"], let container = texts["container"], let spec = texts["spec"] else {
            return nil
        }
        return Mark(service: service, container: container, spec: spec, shares: texts["shares"] ?? "")
    }

    func noteTaken(_ wanted: Wanted) throws {
        try writePrivate(Array(wanted.mark.json.text(pretty: false).utf8), to: markFile)
    }

    /// `service` as it is with its routes.
    func completed(_ service: ObservedService) -> ObservedService {
        guard let taken, taken.service == service.name, service.specHash == taken.container else { return service }
        var labels = service.labels
        labels[DeployLabel.spec] = taken.spec
        labels[DeployLabel.shares] = taken.shares
        return ObservedService(
            name: service.name, id: service.id, version: service.version, image: service.image, labels: labels,
            replicas: service.replicas, update: service.update, updateMessage: service.updateMessage,
            tasks: service.tasks, description: service.description, uses: service.uses)
    }
}

/// A container whose first process reads its files anew on SIGUSR2, as HAProxy's master does.
struct RouterReload {
    let api: EngineAPI
    /// How long the old worker may go on answering whom it has.
    private static let bound = 300

    /// Tells the container, and comes back when no process is left that goes by the old routes.
    func reload(_ id: String) async throws {
        let old = try await workers(id)
        do {
            try await api.post("/containers/\(id)/kill?signal=SIGUSR2", nil)
        } catch let error as EngineError where error.kind == .conflict {
            // It does not run, and reads them when it starts.
            return
        }
        for _ in 0..<Self.bound {
            let now = try await workers(id)
            if !now.isEmpty, now.isDisjoint(with: old) { return }
            try await Task.sleep(for: .milliseconds(200))
        }
        throw EngineError(
            .refused, "the router still goes by its old routes; it has to run as 'haproxy -W', with 'hard-stop-after'")
    }

    /// Processes that another one of the container started, and that have not started any.
    private func workers(_ id: String) async throws -> Set<String> {
        let table: JSONTree
        do {
            table = try await api.get("/containers/\(id)/top?ps_args=-o%20pid,ppid")
        } catch let error as EngineError where error.kind == .conflict || error.kind == .refused {
            return []
        }
        let titles = (table.member("Titles")?.elements ?? []).compactMap(\.text)
        guard let own = titles.firstIndex(of: "PID"), let above = titles.firstIndex(of: "PPID") else { return [] }
        let rows = (table.member("Processes")?.elements ?? []).compactMap { row -> (id: String, parent: String)? in
            let cells = (row.elements ?? []).compactMap(\.text)
            return cells.count > max(own, above) ? (cells[own], cells[above]) : nil
        }
        let all = Set(rows.map(\.id))
        let parents = Set(rows.map(\.parent))
        return Set(rows.filter { all.contains($0.parent) && !parents.contains($0.id) }.map(\.id))
    }
}
