import BuildEngine
import BuildGraph
import BuildTestSupport
import Glibc
import Testing

/// The dashboard in a real browser: Chromium without a window, driven by `Browser/dashboard.py`.
@Suite struct DashboardBrowserTests {
    private static let buildfile = """
        variable LOG_LEVEL: text

        service app
            dir app
            owners front-desk@library.example
            slow: a
                while ! [ -e ../go ]; do sleep 0.05; done
            unit: a
                echo "<script>document.title = 'taken over'</script><img src=x onerror=document.title='taken over'>"
                printf '\\033[31mred\\033[0m\\n'
                exit 3

        service web
            dir web
            build: a -> out
                cp a out
            image-like: :build app:slow

        """

    @Test func everyPageIsShownAtBothWidthsAndARunAsItGoesOn() async throws {
        let repository = try await TestRepository()
        try repository.write("Buildfile", Self.buildfile)
        try repository.write(".gitignore", ".lmsbuild/\nout\ngo\n")
        for name in ["app/a", "web/a"] { try repository.write(name, "\(name)\n") }
        try await repository.commitAll()
        let folder = try TemporaryFolder()
        let root = BytePath(#filePath).parent.parent.parent
        var command = Command(
            [
                root.appending(".build-tools/bin/python3").shown,
                root.appending("Tests/CommandTests/Browser/dashboard.py").shown, Program().path, folder.path.shown,
                "index.html", "runs.html", "components.html", "components/app.html", "targets/app~unit.html",
                "graph.html", "contracts.html", "environments.html", "times.html", "search.html?q=app",
            ],
            environment: [
                "PATH": getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin", "HOME": folder.path.shown,
                "LANG": "C.UTF-8", "LMSBUILD_SLOW": "",
            ],
            folder: repository.path)
        command.timeout = .seconds(240)
        command.separateErrors = true
        let result = try await ProcessRunner.ofTests.run(command)
        #expect(String(decoding: result.output, as: UTF8.self) == "done\n")
    }
}
