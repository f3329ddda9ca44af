import BuildEngine
import BuildGraph
import BuildTestSupport
import Glibc
import Testing

private let watchmanProgram = ProgramSearch(path: getenv("PATH").map { String(cString: $0) } ?? "").file(
    named: "watchman")

/// A Watchman that runs and watches the workspace is asked as our own watcher is. Needs the program `watchman`.
@Suite(.enabled(if: watchmanProgram != nil, "there is no watchman: scripts/install-packages test installs it"))
struct WatchmanTests {
    private let program = Program()

    @Test func aRandomHistoryIsFollowed() async throws {
        let repository = try await TestRepository()
        let state = try TemporaryFolder()
        let watchman = try #require(watchmanProgram)
        // A daemon of this test's own: another socket, another state, ended by its process.
        let daemon = try RunningProgram(
            [
                watchman, "--foreground", "--sockname=\(state("sock").shown)", "--statefile=\(state("state").shown)",
                "--pidfile=\(state("pid").shown)", "--logfile=\(state("log").shown)",
            ], in: state.path,
            environment: [
                "PATH": "/usr/bin:/bin", "HOME": state.path.shown, "USER": "root", "TMPDIR": state.path.shown,
            ])
        var history = try RandomMonorepo(repository, seed: 4711)
        try await repository.commitAll()
        let runner = ProcessRunner.ofTests
        func ask(_ words: [String]) async throws -> String {
            let result = try await runner.run(
                Command(
                    [watchman, "--sockname=\(state("sock").shown)", "--no-spawn", "--no-local"] + words,
                    environment: ["PATH": "/usr/bin:/bin", "HOME": state.path.shown], folder: state.path))
            return String(decoding: result.output, as: UTF8.self)
        }
        while try await !ask(["watch", repository.path.shown]).contains("\"watch\":") { usleep(10_000) }
        let environment = ["WATCHMAN_SOCK": state("sock").shown]
        var few = 0
        for step in 0..<30 {
            let change = step % 3 == 2 ? "nothing" : (try? history.change()) ?? "nothing"
            let fast = try await program.run(
                ["hash", "--format", "json", "--inputs"], in: repository.path, environment: environment)
            let slow = try await program.run(
                ["hash", "--format", "json", "--inputs"], in: repository.path,
                environment: ["LMSBUILD_SLOW": "watch"])
            #expect(fast.status == slow.status, "\(step): \(change): \(fast.errors)")
            #expect(fast.output == slow.output, "\(step): \(change)")
            let look = try await program.run(["run", "-n", "-v"], in: repository.path, environment: environment)
            if look.errors.contains("looked at ") && !look.errors.contains("everything was looked at") { few += 1 }
        }
        #expect(few > 5, "Watchman was of use in \(few) of 30 steps")

        // Not watched any more: nobody is asked.
        _ = try await ask(["watch-del", repository.path.shown])
        let after = try await program.run(["run", "-n", "-v"], in: repository.path, environment: environment)
        #expect(!after.errors.contains("\nlooked at "))
        _ = try await daemon.end(by: SIGKILL)
    }
}
