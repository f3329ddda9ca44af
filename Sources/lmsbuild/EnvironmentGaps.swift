// What an environment has that a later one has not: releases by the environments' own histories, files and commits as
// 'release diff' finds them. Changes nothing, and never stands in the way of the page.
import BuildEngine
import BuildGraph
import Buildfile
import Dashboard

struct EnvironmentGaps {
    let opened: Workspace

    /// Against the environments that the `after` line names; without one against the one that is declared before.
    func gaps(of index: Int, among views: [EnvironmentView]) async -> [EnvironmentGap] {
        let view = views[index]
        if view.problem != nil { return [] }
        var names = view.after
        if names.isEmpty, index > 0 { names = [views[index - 1].name] }
        var gaps: [EnvironmentGap] = []
        for name in names {
            guard let ahead = views.first(where: { $0.name == name }), let release = ahead.release else { continue }
            gaps.append(await gap(from: ahead, release, to: view))
        }
        return gaps
    }

    private func gap(from ahead: EnvironmentView, _ release: String, to view: EnvironmentView) async -> EnvironmentGap {
        var gap = EnvironmentGap(from: ahead.name)
        if view.release == release { return gap }
        gap.releases = Self.releases(of: ahead, since: view.release)
        do {
            let new = try await opened.found(release).release
            var old = Release.empty
            if let name = view.release { old = try await opened.found(name).release }
            let difference = ReleaseDifference(from: old, to: new)
            let reasons = try await ReleaseReasons.find(opened, old, new, of: difference.services)
            gap.unknown = reasons.unknown.map { "Files and commits are not known: \($0)." }
            gap.services = difference.services.map { Self.service($0, reasons.services[$0.name]) }
        } catch let refusal as Refusal {
            gap.unknown =
                "What differs is not known: \(refusal.diagnostics.first?.message ?? "a release cannot be read")."
        } catch {
            gap.unknown = "What differs is not known: \(error)."
        }
        return gap
    }

    /// What came up in `ahead` after `release` did, each once, newest first; the one that runs alone where that never ran there.
    private static func releases(of ahead: EnvironmentView, since release: String?) -> [(name: String, time: Int)] {
        let all = ahead.deployments.filter { $0.end == "deployed" }.map { (name: $0.release, time: $0.time) }
        let isKnown = all.contains { $0.name == release }
        let since = isKnown ? Array(all.prefix { $0.name != release }) : Array(all.prefix(1))
        var seen: Set<String> = []
        return since.filter { seen.insert($0.name).inserted }
    }

    private static func service(
        _ service: ReleaseDifference.Service, _ reasons: ReleaseReasons.Service?
    ) -> EnvironmentGap.Service {
        func line(_ commit: TouchingCommit) -> String {
            "\(commit.id.prefix(12)) \(BytePath(bytes: commit.author).shown): \(BytePath(bytes: commit.subject).shown)"
        }
        return EnvironmentGap.Service(
            name: service.name, what: service.old == nil ? "added" : service.new == nil ? "removed" : "changed",
            changes: (reasons?.changes ?? []).map(\.line), commits: (reasons?.commits ?? []).map(line),
            without: (reasons?.without ?? []).map(line))
    }
}
