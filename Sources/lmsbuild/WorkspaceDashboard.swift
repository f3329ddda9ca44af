// What the dashboard shows of a workspace, looked up when it is asked for. Shows nothing itself and changes nothing.
import BuildEngine
import BuildGraph
import Buildfile
import Contracts
import Dashboard
import Delivery
import Glibc
import History
import Reporting

/// Looks at the workspace anew, but not more often than somebody clicks: what was seen a moment ago is given again.
actor WorkspaceDashboard: DashboardSource {
    nonisolated let workspace: String
    nonisolated let logs: EventLogs
    private let global: GlobalOptions
    private let overrides: [String: String]
    private var seen: (at: ContinuousClock.Instant, hashed: HashedGraph, missing: Set<Int>, opened: Workspace)?
    private var places: (at: ContinuousClock.Instant, views: [EnvironmentView])?

    /// `global` names no folder that is not the current one.
    init(_ opened: Workspace, _ global: GlobalOptions, overrides: [String: String]) {
        workspace = opened.workspace.shownName
        logs = EventLogs(in: opened.state)
        self.global = global
        self.overrides = overrides
    }

    private func look() async throws -> (hashed: HashedGraph, missing: Set<Int>, opened: Workspace) {
        if let seen, ContinuousClock.now - seen.at < .seconds(2) { return (seen.hashed, seen.missing, seen.opened) }
        return try await telling {
            let opened = try await Workspace.open(global, overrides: overrides)
            let hashed = try opened.hashed(try await opened.workingTree())
            let all = Set(hashed.graph.targets.indices)
            let missing = await hashed.targetsWithoutResult(
                among: hashed.graph.closure(of: all), in: try opened.actionCache(), opened.verdicts)
            seen = (.now, hashed, missing, opened)
            return (hashed, missing, opened)
        }
    }

    /// What refuses a command is a text on the page.
    private func telling<Result: Sendable>(_ body: () async throws -> Result) async throws -> Result {
        do {
            return try await body()
        } catch let refusal as Refusal {
            throw DashboardProblem(DiagnosticRenderer(color: false).render(refusal.diagnostics))
        }
    }

    // MARK: Runs

    func statistics() async throws -> RunStatistics {
        try await telling {
            let opened = try await Workspace.open(global, overrides: overrides)
            guard let history = try RunHistory.open(opened) else { return RunStatistics() }
            return try RunHistory.refusing { try RunStatistics(history, last: 200, most: 5000) }
        }
    }

    // MARK: The graph

    func system() async throws -> SystemView {
        let (hashed, missing, _) = try await look()
        let graph = hashed.graph
        var rows = [[TargetRow]](repeating: [], count: graph.components.count)
        var uses = [Set<String>](repeating: [], count: graph.components.count)
        for (index, target) in graph.targets.enumerated() {
            rows[target.component].append(Self.row(hashed, index, target, missing))
            for edge in target.edges where edge.kind == .input || edge.kind == .tag {
                let other = graph.targets[edge.target].component
                if other != target.component { uses[target.component].insert(graph.components[other].name) }
            }
        }
        var usedBy: [String: Set<String>] = [:]
        var consumedBy: [String: Set<String>] = [:]
        for (index, component) in graph.components.enumerated() {
            for name in uses[index] { usedBy[name, default: []].insert(component.name) }
            for consumption in component.consumes {
                consumedBy[consumption.provider, default: []].insert(component.name)
            }
        }
        let views = graph.components.enumerated().map { index, component in
            ComponentView(
                name: component.name, kind: component.kind.rawValue, folder: component.folder.shown,
                owners: component.owners, targets: rows[index].sorted { $0.label < $1.label },
                uses: uses[index].sorted(), usedBy: (usedBy[component.name] ?? []).sorted(),
                consumes: Set(component.consumes.map(\.provider)).sorted(),
                consumedBy: (consumedBy[component.name] ?? []).sorted())
        }
        return SystemView(components: views.sorted { $0.name < $1.name })
    }

    private static func row(_ hashed: HashedGraph, _ index: Int, _ target: Target, _ missing: Set<Int>) -> TargetRow {
        TargetRow(
            label: target.label.description, hash: hashed.hashes[index].hex,
            isCached: target.isGroup ? nil : !missing.contains(index))
    }

    func graph() async throws -> GraphView {
        let (hashed, missing, opened) = try await look()
        let chosen = Set(hashed.graph.targets.indices)
        let compared = await DashboardBase.compared(opened, hashed)
        let pictured = GraphPictured(
            graph: hashed.graph, chosen: chosen, affected: compared.affected, missing: missing)
        return GraphView(
            chosen.count > GraphCommand.readableTargets ? pictured.components : pictured.targets,
            compared: compared.words)
    }

    func target(_ label: String) async throws -> TargetView? {
        let (hashed, missing, opened) = try await look()
        let graph = hashed.graph
        guard let name = Label(parsing: Array(label.utf8)), let index = graph.index(of: name) else { return nil }
        let target = graph.targets[index]
        return try await telling {
            let (told, against) = try await ExplainCommand.lastRuns(opened, [label])
            let explanation = Explanations(targets: told, against: against, all: true).text
            let fields: [ManifestField]
            do throws(FileSystemError) {
                fields = try hashed.manifest(of: index)
            } catch {
                throw Refusal(.unreadable(error), .machine)
            }
            let files = fields.filter { $0.tag == .file }
            let kinds: Set<BuildGraph.Edge.Kind> = [.input, .contract, .gate, .tag]
            func labels(_ targets: Set<Int>) -> [String] {
                targets.subtracting([index]).map { graph.targets[$0].label.description }.sorted()
            }
            return TargetView(
                row: Self.row(hashed, index, target, missing), component: graph.components[target.component].name,
                explanation: explanation,
                inputs: files.prefix(TargetView.mostInputs).map { field in
                    (BytePath(bytes: field.key).shown, Self.hex(field.value.dropFirst()))
                },
                inputCount: files.count,
                settings: fields.filter { $0.tag != .file }.map(Self.setting),
                needs: labels(graph.dependencies(of: [index], over: kinds, direct: true)),
                neededBy: labels(graph.dependents(of: [index], over: kinds, direct: true)))
        }
    }

    private static func setting(_ field: ManifestField) -> (name: String, value: String) {
        let key = BytePath(bytes: field.key).shown
        let isHash = [.prerequisite, .imageTag, .contract].contains(field.tag)
        let value = isHash ? hex(field.value[...]) : String(decoding: field.value, as: UTF8.self)
        let shown = value.unicodeScalars.drop { $0.value < 0x09 }
        return ("\(field.tag)" + (key.isEmpty ? "" : " \(key)"), String(String.UnicodeScalarView(shown)))
    }

    private static func hex(_ bytes: ArraySlice<UInt8>) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    // MARK: Contracts and environments

    func contracts() async throws -> ContractGrid {
        try await telling {
            let opened = try await Workspace.open(global, overrides: overrides)
            return try await ShownContracts(opened, release: nil, environment: nil).grid
        }
    }

    func environments() async throws -> [EnvironmentView] {
        if let places, ContinuousClock.now - places.at < .seconds(5) { return places.views }
        let (hashed, _, opened) = try await look()
        var views: [EnvironmentView] = []
        for name in hashed.graph.environments.map(\.name.text) {
            var view = EnvironmentView(name: name, engine: "")
            do {
                view = try await Self.view(of: name, opened)
            } catch let refusal as Refusal {
                view.problem = refusal.diagnostics.first?.message
            } catch {
                view.problem = "\(error)"
            }
            views.append(view)
        }
        for index in views.indices {
            views[index].gaps = await EnvironmentGaps(opened: opened).gaps(of: index, among: views)
        }
        places = (.now, views)
        return views
    }

    private static func view(of name: String, _ opened: Workspace) async throws -> EnvironmentView {
        let place = try await DeployPlace(opened, name)
        var view = EnvironmentView(name: name, engine: place.environment.definition.engine.rawValue)
        view.after = place.environment.definition.after
        let status = try await DeployPlace.refusing {
            try await EnvironmentStatus(of: place.engine, project: place.project)
        }
        let ledger = try await DeployPlace.refusing { try await DeployLedger(on: place.engine.shelf) }
        view.release = status.running?.wanted.release
        view.commit = status.running?.commit
        view.drifts = status.drifts.map(\.shown)
        view.services = status.observed.services.sorted { $0.key < $1.key }.map { name, service in
            EnvironmentView.Service(
                name: name, image: service.image,
                up: service.tasks.count { $0.isCurrent && $0.isWanted && $0.isUp }, wanted: service.replicas)
        }
        view.deployments = ledger.entries.reversed().map { entry in
            EnvironmentView.Deployment(
                time: entry.origin.time, action: entry.action, release: entry.wanted.release, who: entry.origin.who,
                why: entry.origin.why, end: entry.end.rawValue)
        }
        return view
    }
}

extension BytePath {
    /// The last part, for titles.
    fileprivate var shownName: String {
        let name = bytes.split(separator: UInt8(ascii: "/")).last.map { BytePath(bytes: Array($0)).shown }
        return name ?? "lmsbuild"
    }
}
