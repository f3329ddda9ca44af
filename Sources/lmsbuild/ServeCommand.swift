import ArgumentParser
import BuildEngine
import BuildGraph
import Buildfile
import Dashboard
import Glibc
import Reporting

/// Shows the workspace in a browser; nothing can be changed there.
struct ServeCommand: AsyncParsableCommand, ExitingCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "The dashboard: runs as they happen, history, graph, contracts, environments.")

    @OptionGroup var global: GlobalOptions
    @Option(help: "The port on 127.0.0.1; 0 takes one that is free.") var port = 8440
    @Option(
        help: ArgumentHelp(
            "Write all pages into this folder, and end; for artifacts of a CI job.", valueName: "folder"))
    var export: String?
    @Argument(help: "NAME=VALUE sets a '?=' variable.") var words: [String] = []

    func perform() async throws -> BuildEngine.ExitCode {
        guard (0...65535).contains(port) else {
            throw Refusal(Diagnostic(.badCommandLine, "'--port \(port)' is no port"), .wrongInput)
        }
        let overrides = GlobalOptions.overrides(in: words).overrides
        let opened = try await Workspace.open(global, overrides: overrides)
        // It was entered; from here on it is the current one.
        var global = global
        global.folder = nil
        let source = WorkspaceDashboard(opened, global, overrides: overrides)
        if let export { return try await write(source, to: export) }
        var generator = SystemRandomNumberGenerator()
        let token = (0..<4).map { _ in
            let digits = String(UInt64.random(in: .min ... .max, using: &generator), radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
        let server: DashboardServer
        do throws(PortTaken) {
            server = try DashboardServer(source, port: port, token: token)
        } catch {
            throw Refusal(
                Diagnostic(
                    .machineFailure, "port \(error.port) of 127.0.0.1 cannot be had: \(errnoText(error.errno))",
                    hint: "'--port 0' takes one that is free"), .machine)
        }
        Terminal.out("http://127.0.0.1:\(server.port)/?token=\(token)\n")
        Terminal.say("open that address; it holds a token, so keep it to yourself. Ctrl-C ends the dashboard.")
        Interruption.shared.handle(first: { _ in }, second: {})
        defer { Interruption.shared.release() }
        await server.run(until: { Interruption.shared.received != nil })
        return Interruption.shared.received.map { .signal($0) } ?? .done
    }

    /// The pages as files, which need no server.
    private func write(_ source: WorkspaceDashboard, to folder: String) async throws -> BuildEngine.ExitCode {
        let current = try WorkspaceSearch.currentFolder()
        let place = folder.hasPrefix("/") ? BytePath(folder) : current.appending(BytePath(folder))
        let site = DashboardSite(source, isServed: false)
        do {
            // A mistake in a Buildfile is the command's, and not a page's.
            let paths = try await site.paths()
            for path in paths {
                guard let file = await site.file(path) else { continue }
                let target = place.appending(BytePath(String(path.dropFirst())))
                try Disk.makeFolders(target.parent)
                try Disk.replace(target, with: file.bytes)
            }
            Terminal.say("\(paths.count) files in '\(place.shown)': open index.html")
            return .done
        } catch let problem as DashboardProblem {
            Terminal.say(problem.text)
            return .wrongInput
        } catch let error as StoreError {
            throw Refusal(
                Diagnostic(.machineFailure, "'\(place.shown)' cannot be written: \(error.text)"), .machine)
        }
    }
}
