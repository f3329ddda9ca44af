import BuildEngine
import BuildGraph
import BuildTestSupport
import Glibc
import History
import Reporting
import Synchronization
import Testing

@testable import Dashboard

/// A workspace with hostile names, one run, and an environment that has drifted.
private struct StagedSource: DashboardSource {
    static let hostile = "<script>alert('x')</script>\u{1B}[31m\u{202E}"

    let workspace = hostile
    let logs: EventLogs

    func statistics() async throws -> RunStatistics { RunStatistics() }

    func system() async throws -> SystemView {
        let row = TargetRow(label: "web:build", hash: String(repeating: "ab", count: 32), isCached: true)
        let component = ComponentView(
            name: "web", kind: "service", folder: Self.hostile, owners: [Self.hostile], targets: [row], uses: [],
            usedBy: [], consumes: [], consumedBy: [])
        return SystemView(components: [component])
    }

    func graph() async throws -> GraphView {
        GraphView(
            GraphPicture(
                nodes: [
                    .init(
                        name: Self.hostile, component: "web", kind: "service", stage: nil, isAffected: true,
                        isCached: true)
                ],
                edges: []), compared: "affected by \(Self.hostile)")
    }

    func target(_ label: String) async throws -> TargetView? {
        guard let row = try await system().components.first?.targets.first, row.label == label else { return nil }
        return TargetView(
            row: row, component: "web", explanation: Self.hostile, inputs: [(Self.hostile, "00")], inputCount: 1,
            settings: [("recipe", Self.hostile)], needs: ["lib:build"], neededBy: [])
    }

    func contracts() async throws -> ContractGrid {
        ContractGrid(
            [.init(consumer: Self.hostile, provider: "b", standing: .failed, terms: [], count: "0 of 1")],
            title: Self.hostile)
    }

    func environments() async throws -> [EnvironmentView] {
        var view = EnvironmentView(name: "prod", engine: "swarm")
        view.release = String(repeating: "cd", count: 32)
        view.drifts = [Self.hostile]
        view.services = [.init(name: Self.hostile, image: Self.hostile, up: 1, wanted: 2)]
        view.deployments = [
            .init(time: 0, action: "deploy", release: "r", who: Self.hostile, why: Self.hostile, end: "deployed")
        ]
        var gap = EnvironmentGap(from: Self.hostile)
        gap.releases = [(String(repeating: "ef", count: 32), 0), (Self.hostile, 0)]
        gap.services = [
            .init(
                name: Self.hostile, what: "changed", changes: [Self.hostile], commits: [Self.hostile],
                without: [Self.hostile])
        ]
        gap.unknown = Self.hostile
        view.gaps = [gap, EnvironmentGap(from: "dev")]
        return [view]
    }
}

@Suite struct DashboardSiteTests {
    private let folder: TemporaryFolder
    private let source: StagedSource
    private let site: DashboardSite

    init() throws {
        folder = try TemporaryFolder()
        source = StagedSource(logs: EventLogs(in: folder.path))
        site = DashboardSite(source, isServed: true)
    }

    private func text(_ path: String, search: String = "") async -> String? {
        await site.file(path, search: search).map { String(decoding: $0.bytes, as: UTF8.self) }
    }

    @Test func whateverIsNamedIsText() async throws {
        let paths = [
            "/index.html", "/runs.html", "/times.html", "/components.html", "/components/web.html",
            "/targets/web~build.html", "/contracts.html", "/environments.html", "/graph.html",
        ]
        for path in paths {
            let page = try #require(await text(path), "\(path)")
            #expect(!page.contains("<script>alert"), "\(path)")
            #expect(!page.contains("\u{1B}"), "\(path)")
            #expect(!page.contains("\u{202E}"), "\(path)")
        }
        let search = try #require(await text("/search.html", search: StagedSource.hostile))
        #expect(!search.contains("<script>alert"))
    }

    @Test func pagesAreFoundByTheirNamesAlone() async throws {
        #expect(try #require(await text("/targets/web~build.html")).contains("lib:build"))
        for path in [
            "/../etc/passwd", "/runs/../../etc/passwd.html", "/runs/%2e%2e/x.html", "/components/none.html",
            "/targets/.html",
            "/runs/20261121-170306-3f2a.html", "/runs/", "//", "/index.html/", "/style.css/x", "/.html",
        ] {
            #expect(await site.file(path) == nil, "\(path)")
        }
    }

    @Test(arguments: ["web:build", "a.b-c_d:verify", "web:verify[other-web]"])
    func aPagesNameIsItsLabels(label: String) {
        let path = PageLinks.targetPath(label)
        #expect(PageLinks.label(ofPage: String(path.dropFirst(8).dropLast(5))) == label)
    }

    @Test(arguments: ["", "web", "~", "web~build~x", "web~build~~", "web~verify~~a]", "web:build", "a~b~~c~d"])
    func otherNamesAreNoPages(name: String) async {
        #expect(await site.file("/targets/\(name).html") == nil)
    }

    @Test func thePageSaysWhatOneEnvironmentHasAndTheNextHasNot() async throws {
        let page = try #require(await text("/environments.html"))
        #expect(page.contains(" has and prod has not</h3>"))
        #expect(page.contains("2 releases, the newest <span class=\"hash\">efefefefefef</span>"))
        #expect(
            page.contains("<h3>Between dev and prod</h3>\n<p class=\"soft\">Nothing: both run the same release.</p>"))
    }

    @Test func theGraphSaysWhatItsMarksMean() async throws {
        let page = try #require(await text("/graph.html"))
        #expect(page.contains("<p id=\"note\">affected by &lt;script&gt;"))
        // Affected, and there is a result already.
        let node = try #require(page.firstMatch(of: #/<g class="node affected" id="n0">.*<\/g>/#)).0
        #expect(node.contains("</title>") && node.contains(">✓</text>"))
    }

    @Test func theSearchFindsComponentsAndTargets() async throws {
        let page = try #require(await text("/search.html", search: "WEB"))
        #expect(page.contains("1 components and 1 targets"))
        #expect(page.contains("href=\"components/web.html\""))
        #expect(page.contains("href=\"targets/web~build.html\""))
    }

    @Test func whatIsWrittenIntoAFolderLinksWithinIt() async throws {
        let site = DashboardSite(source, isServed: false)
        let paths = try await site.paths()
        #expect(Set(paths).count == paths.count)
        for path in paths where path.hasSuffix(".html") {
            let file = try #require(await site.file(path), "\(path)")
            let page = String(decoding: file.bytes, as: UTF8.self)
            #expect(!page.contains("data-live"), "\(path)")
            #expect(!page.contains("search.html"), "\(path)")
            for link in page.split(separator: "href=\"").dropFirst() {
                let name = link.prefix { $0 != "\"" }
                if name.hasPrefix("#") || name.hasPrefix("data:") { continue }
                let base =
                    path.hasPrefix("/components/") || path.hasPrefix("/targets/")
                    ? path.split(separator: "/")[0] + "/" : ""
                let target = name.hasPrefix("../") ? "/" + name.dropFirst(3) : "/" + base + name
                let isKnown = paths.contains(String(target)) || target.hasSuffix("lib~build.html")
                #expect(isKnown, "\(path) links to \(target)")
            }
        }
    }
}

/// The server itself, on a port of its own.
@Suite struct DashboardServerTests {
    private static let token = String(repeating: "ab", count: 32)

    /// Sends `text`, and gives all that comes back until the server ends it or `isEnough`, at most two minutes
    /// long. On a thread of its own: the server answers by tasks, which what blocks here would keep from running.
    private func exchange(
        _ port: Int, _ text: String, isEnough: @escaping @Sendable (String) -> Bool = { _ in false }
    ) async throws -> String {
        let answer: String? = await withCheckedContinuation { continuation in
            let failed = Threads.start { continuation.resume(returning: Self.talked(port, text, isEnough)) }
            if failed != 0 { continuation.resume(returning: nil) }
        }
        return try #require(answer)
    }

    private static func talked(_ port: Int, _ text: String, _ isEnough: (String) -> Bool) -> String? {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var limit = timeval(tv_sec: 120, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port)).bigEndian
        address.sin_addr = in_addr(s_addr: in_addr_t(0x7F00_0001).bigEndian)
        let isConnected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard isConnected else { return nil }
        let bytes = Array(text.utf8)
        _ = bytes.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        var answer = ""
        var buffer = [UInt8](repeating: 0, count: 65536)
        while !isEnough(answer) {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count <= 0 { break }
            answer += String(decoding: buffer[..<count], as: UTF8.self)
        }
        return answer
    }

    private func request(_ port: Int, _ target: String, method: String = "GET") -> String {
        "\(method) \(target) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nCookie: lmsbuild-\(port)=\(Self.token)\r\n\r\n"
    }

    private func served(_ body: @Sendable (Int, TemporaryFolder) async throws -> Void) async throws {
        let folder = try TemporaryFolder()
        let server = try DashboardServer(
            StagedSource(logs: EventLogs(in: folder.path)), port: 0, token: Self.token)
        let isOver = Mutex(false)
        async let serving: Void = server.run(until: { isOver.withLock { $0 } })
        do {
            try await body(server.port, folder)
        } catch {
            isOver.withLock { $0 = true }
            throw error
        }
        isOver.withLock { $0 = true }
        await serving
    }

    @Test func pagesComeWithTheirGuards() async throws {
        try await served { port, _ in
            let page = try await exchange(port, request(port, "/components.html"))
            #expect(page.hasPrefix("HTTP/1.1 200 OK\r\n"))
            for header in [
                "Content-Security-Policy: default-src 'none'; style-src 'self'; script-src 'self'",
                "frame-ancestors 'none'", "X-Content-Type-Options: nosniff", "Cache-Control: no-store",
                "Referrer-Policy: no-referrer", "Cross-Origin-Resource-Policy: same-origin",
            ] { #expect(page.contains(header), "\(header)") }
            let head = try await exchange(port, request(port, "/components.html", method: "HEAD"))
            #expect(head.hasPrefix("HTTP/1.1 200") && head.hasSuffix("\r\n\r\n"))
            #expect(try await exchange(port, request(port, "/none.html")).hasPrefix("HTTP/1.1 404"))
            #expect(
                try await exchange(port, "GET / HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\n\r\n").hasPrefix("HTTP/1.1 401"))
            #expect(try await exchange(port, "nonsense\r\n\r\n").hasPrefix("HTTP/1.1 400"))
            let long = String(repeating: "a", count: LoopbackListener.mostBytes)
            #expect(try await exchange(port, "GET /\(long)").hasPrefix("HTTP/1.1 431"))
        }
    }

    @Test func aRunIsToldAsItGoesOn() async throws {
        try await served { port, folder in
            let heading = RunHeading(id: "20261121-170306-3f2a", time: 0, program: "1")
            let log = EventLog(heading, in: EventLogs(in: folder.path)) { _ in }
            log.receive(ToldRun.started(2))
            let isEnding = Mutex(false)
            let told = try await exchange(port, request(port, "/live")) { text in
                let isFirst = isEnding.withLock { isEnding in
                    defer { isEnding = isEnding || text.contains("running") }
                    return text.contains("running") && !isEnding
                }
                if isFirst {
                    log.receive(ToldRun.finished(ran: 2))
                }
                return text.contains("last run")
            }
            #expect(told.contains("Content-Type: text/event-stream"))
            #expect(told.contains("last run"), "\(told)")
        }
    }

    /// Whoever watches a run sees it within a second, and does not take the processor from it.
    @Test func whatTakesLongToDrawIsDrawnLessOften() {
        #expect(LoopbackListener.wait(after: .zero) == 500)
        #expect(LoopbackListener.wait(after: .milliseconds(20)) == 500)
        #expect(LoopbackListener.wait(after: .milliseconds(40)) == 760)
        #expect(LoopbackListener.wait(after: .seconds(60)) == 5000)
    }

    @Test func aTakenPortIsSaid() async throws {
        try await served { port, folder in
            #expect(throws: PortTaken.self) {
                try DashboardServer(StagedSource(logs: EventLogs(in: folder.path)), port: port, token: Self.token)
            }
        }
    }
}
