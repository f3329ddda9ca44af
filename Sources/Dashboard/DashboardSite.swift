// Which page an address means. The same pages are served and written into a folder. Does not know sockets.
import BuildEngine
import BuildGraph
import History
import Reporting
import Synchronization

/// One answer: bytes of a kind.
package struct SiteFile: Sendable {
    package let type: String
    package let bytes: [UInt8]
    /// The Content-Security-Policy that belongs to it.
    package let policy: String

    init(page text: String, policy: String = PageFrame.policy) {
        type = "text/html; charset=utf-8"
        bytes = Array(text.utf8)
        self.policy = policy
    }

    init(type: String, text: String) {
        self.type = type
        bytes = Array(text.utf8)
        policy = "default-src 'none'"
    }
}

/// All pages of a workspace.
package final class DashboardSite: Sendable {
    private let source: any DashboardSource
    private let isServed: Bool
    /// Runs whose logs were looked at: each line is read once.
    private let followed = Mutex<[String: Followed]>([:])

    /// A run, and how far its log was read.
    private struct Followed {
        var reader: EventLogReader
        var picture: RunPicture?

        mutating func follow() {
            // A run that has ended does not change.
            while picture?.summary == nil, let lines = try? reader.next(), !lines.isEmpty {
                var rest = lines[...]
                if picture == nil {
                    guard case .heading(let heading)? = rest.popFirst() else { return }
                    picture = RunPicture(heading)
                }
                for line in rest { picture?.apply(line) }
            }
        }
    }

    /// `isServed` is false for pages that go into a folder.
    package init(_ source: any DashboardSource, isServed: Bool) {
        self.source = source
        self.isServed = isServed
    }

    /// The page at `path` (`/runs/ID.html`), nil where there is none. A workspace that cannot be read is a page that says so.
    package func file(_ path: String, search: String = "") async -> SiteFile? {
        do {
            return try await found(path, search)
        } catch let problem as DashboardProblem {
            let body =
                "<h1>This cannot be shown</h1><pre tabindex=\"0\">\(Markup.log(Array(problem.text.utf8)))</pre>\n"
            let depth = path.utf8.count { $0 == UInt8(ascii: "/") } - 1
            return page("Problem", "", depth: max(0, depth), body)
        } catch {
            return page("Problem", "", depth: 0, "<h1>This cannot be shown</h1><p>\(Markup.text("\(error)"))</p>\n")
        }
    }

    private func page(_ title: String, _ section: String, depth: Int, _ body: String) -> SiteFile {
        SiteFile(
            page: PageFrame(
                title: title, workspace: source.workspace, section: section, depth: depth, isServed: isServed
            ).document(body))
    }

    private func found(_ path: String, _ search: String) async throws -> SiteFile? {
        let links = PageLinks(root: "")
        switch path {
        case "/", "/index.html": return try await overview(links)
        case "/runs.html":
            return page("Runs", "runs", depth: 0, "<h1>Runs</h1>\n" + RunPages.table(pictures(RunPages.most), links))
        case "/times.html":
            return page("Slow and flaky", "times", depth: 0, RunPages.times(try await source.statistics(), links))
        case "/components.html":
            return page("Components", "components", depth: 0, SystemPages.components(try await source.system(), links))
        case "/graph.html":
            let view = try await source.graph()
            return SiteFile(
                page: GraphPage.document(view.picture.reduced(), home: "index.html", note: view.compared),
                policy: GraphPage.policy)
        case "/contracts.html":
            let grid = try await source.contracts()
            return page("Contracts", "contracts", depth: 0, "<h1>Contracts</h1>\n" + grid.section)
        case "/environments.html":
            let body = SystemPages.environments(try await source.environments(), links)
            return page("Environments", "environments", depth: 0, body)
        case "/search.html" where isServed:
            return page("Search", "", depth: 0, SystemPages.search(search, try await source.system(), links))
        case "/style.css": return SiteFile(type: "text/css; charset=utf-8", text: PageFrame.style)
        case "/app.js": return SiteFile(type: "text/javascript; charset=utf-8", text: PageFrame.script)
        default: return try await below(path)
        }
    }

    private func overview(_ links: PageLinks) async throws -> SiteFile {
        let pictures = pictures(10)
        var body = "<h1>\(Markup.text(source.workspace))</h1>\n<div id=\"live\" aria-live=\"polite\""
        body += isServed ? " data-live=\"live\"" : ""
        body += ">\(RunPages.live(pictures.first, links))</div>\n<section><h2>Last runs</h2>\n"
        body += RunPages.table(pictures, links) + "</section>\n"
        let system = try await source.system()
        let statistics = try await source.statistics()
        let targets = system.components.flatMap(\.targets).filter { $0.isCached != nil }
        let cells = [
            ("components", "\(system.components.count)"), ("targets", "\(targets.count)"),
            ("cached", "\(targets.count { $0.isCached == true })"),
            ("failing", "\(statistics.failing.count)"), ("flaky", "\(statistics.flaky.count)"),
        ]
        body += "<section><h2>The workspace</h2><dl class=\"figures\">"
        body += cells.map { "<div><dt>\($0)</dt><dd>\($1)</dd></div>" }.joined() + "</dl></section>\n"
        return page("Overview", "index", depth: 0, body)
    }

    private func below(_ path: String) async throws -> SiteFile? {
        let links = PageLinks(root: "../")
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3, parts[0].isEmpty, parts[2].hasSuffix(".html") else { return nil }
        let name = String(parts[2].dropLast(5))
        switch parts[1] {
        case "runs":
            guard let picture = picture(name) else { return nil }
            let isLive = isServed && picture.summary == nil && picture.signal == nil
            let live = isLive ? "<div data-live=\"\(Markup.text(name)).live\">" : "<div>"
            return page("Run \(name)", "runs", depth: 1, live + RunPage.body(picture) + "</div>\n")
        case "components":
            guard let component = try await source.system().component(name) else { return nil }
            return page(
                name, "components", depth: 1, SystemPages.component(component, try await source.statistics(), links))
        case "targets":
            guard let label = PageLinks.label(ofPage: name), let target = try await source.target(label) else {
                return nil
            }
            return page(
                label, "components", depth: 1, SystemPages.target(target, try await source.statistics(), links))
        default: return nil
        }
    }

    // MARK: Runs

    /// The run `id`; nil where there is none.
    func picture(_ id: String) -> RunPicture? {
        guard RunHeading.isID(id) else { return nil }
        return followed.withLock { all in
            // Taken out, so that the picture is changed where it is: a copy of thousands of targets is not cheap.
            var run = all.removeValue(forKey: id) ?? Followed(reader: EventLogReader(at: source.logs.path(of: id)))
            run.follow()
            if run.picture != nil { all[id] = run }
            return run.picture
        }
    }

    /// The newest runs, newest first.
    private func pictures(_ most: Int) -> [RunPicture] {
        let ids = source.logs.ids
        followed.withLock { kept in
            let known = Set(ids)
            for id in kept.keys where !known.contains(id) { kept[id] = nil }
        }
        return ids.reversed().prefix(most).compactMap(picture)
    }

    /// What `GET /live` tells: the overview's newest run, or a page's.
    func live(of id: String?) -> LiveState {
        if let id {
            guard let picture = picture(id) else { return LiveState(html: "", isEnd: true) }
            return LiveState(html: RunPage.body(picture), isEnd: picture.summary != nil)
        }
        return LiveState(html: RunPages.live(pictures(1).first, PageLinks(root: "")), isEnd: false)
    }

    // MARK: All of it

    /// The paths of all pages, for a folder: of runs the newest `RunPages.most`.
    package func paths() async throws -> [String] {
        let system = try await source.system()
        var paths = ["index", "runs", "times", "components", "graph", "contracts", "environments"].map { "/\($0).html" }
        paths += ["/style.css", "/app.js"]
        paths += pictures(RunPages.most).map { "/runs/\($0.heading.id).html" }
        for component in system.components {
            paths.append("/components/\(component.name).html")
            paths += component.targets.map { "/" + PageLinks.targetPath($0.label) }
        }
        return paths
    }
}

/// A part of a page as it is now.
struct LiveState: Sendable {
    let html: String
    /// Nothing will come after it.
    let isEnd: Bool
}
