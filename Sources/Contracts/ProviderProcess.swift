// A provider that is started for its verification: its port, whether it is ready, its end. Does not know what it is asked.
import BuildEngine
import BuildGraph
import Glibc
import Synchronization

/// A running provider. Whoever starts it stops it.
final class ProviderProcess: Sendable {
    let port: Int
    /// Its own, so that ending what it runs ends the provider and nothing else.
    private let runner = ProcessRunner()
    /// Ends what outlives the process; nil where nothing does.
    private let removal: Command?
    private let ended = Mutex<Result<CommandResult, any Error>?>(nil)

    /// What of its output is kept.
    private static let outputLimit = 16 << 20

    private init(port: Int, removal: Command?) {
        self.port = port
        self.removal = removal
    }

    /// Starts `recipe` in `folder`; `removal` ends what it started where its own end does not. Throws where no port is free.
    static func start(
        _ recipe: [String], removal: [String] = [], environment: [String: String], folder: BytePath
    ) throws(VerifierFailure) -> ProviderProcess {
        let provider = ProviderProcess(
            port: try freePort(),
            removal: removal.isEmpty ? nil : Command(removal, environment: environment, folder: folder))
        var command = Command(recipe, environment: environment, folder: folder)
        command.environment["PORT"] = "\(provider.port)"
        command.outputLimit = outputLimit
        let (runner, started) = (provider.runner, command)
        Task { [weak provider] in
            let result: Result<CommandResult, any Error>
            do {
                result = .success(try await runner.run(started))
            } catch {
                result = .failure(error)
            }
            provider?.ended.withLock { $0 = result }
        }
        return provider
    }

    /// How it ended, in words; nil while it runs.
    var ending: String? {
        switch ended.withLock({ $0 }) {
        case nil: nil
        case .success(let result):
            switch result.ending {
            case .exited(let code): "exit status \(code)"
            case .signalled(let number): "ended by signal \(number)"
            case .timedOut: "stopped"
            }
        case .failure(let error as SpawnError): "'\(error.program)' cannot be started: \(errorText(error.errno))"
        case .failure(let error): "\(error)"
        }
    }

    /// Ends it, if it still runs, by TERM, and KILL 5 s later, or by its removal. Gives what it has printed.
    func stop(immediately: Bool = false) async -> [UInt8] {
        // Not cancelled with the one who asks: an end is waited for in any case.
        await Task {
            await remove()
            // What waits for it ends by itself then, and has said all that it had to say.
            let isGone = removal == nil ? ended.withLock { $0 != nil } : await hasEnded()
            while ended.withLock({ $0 == nil }) {
                runner.terminateAll(immediately: immediately)
                try? await Task.sleep(for: .milliseconds(10))
            }
            // It may have been about to start when it was to be removed.
            if !isGone { await remove() }
        }.value
        guard case .success(let result) = ended.withLock({ $0 }) else { return [] }
        return result.output
    }

    private func remove() async {
        guard var command = removal else { return }
        command.timeout = .seconds(30)
        // Not the provider's own runner, which ends all that it runs.
        _ = try? await ProcessRunner().run(command)
    }

    /// For a signal to this process.
    func kill() { runner.terminateAll(immediately: true) }

    // MARK: Getting ready

    /// Waits until it is ready, at most `settings.wait`. Gives what is wrong where it does not get so.
    func becomeReady(_ client: HTTPClient, health: String?, within wait: Duration) async throws -> String? {
        let end = ContinuousClock.now + wait
        var last = "nothing listens on port \(port) (the environment variable PORT)"
        while true {
            if let ending { return "it ended before it was ready: \(ending)" }
            try Task.checkCancellation()
            if Self.accepts(port) {
                guard let health else { return nil }
                let left = ContinuousClock.now.duration(to: end)
                do {
                    let answer = try await client.send(
                        "GET", health, limit: max(.milliseconds(100), min(client.limit, left)))
                    if answer.succeeded { return nil }
                    last = "GET \(health) answered \(answer.shown)"
                } catch let failure as VerifierFailure {
                    last = "GET \(health): \(failure.message)"
                }
            }
            if ContinuousClock.now >= end { return "it was not ready within \(wait.components.seconds)s: \(last)" }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// Whether it has ended, where a lost connection says that it may have: its end is seen a moment later.
    func hasEnded() async -> Bool {
        for _ in 0..<25 {
            if ending != nil { return true }
            try? await Task.sleep(for: .milliseconds(20))
        }
        return false
    }

    // MARK: Ports

    /// A port of 127.0.0.1 that nothing listens on.
    private static func freePort() throws(VerifierFailure) -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw VerifierFailure(message: "no socket: \(errorText(errno))") }
        defer { close(descriptor) }
        var address = loopback(port: 0)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let code = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, size) == 0 ? getsockname(descriptor, address, &size) : -1
            }
        }
        guard code == 0 else { throw VerifierFailure(message: "no free port on 127.0.0.1: \(errorText(errno))") }
        return Int(UInt16(bigEndian: address.sin_port))
    }

    private static func accepts(_ port: Int) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var address = loopback(port: port)
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    private static func loopback(port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(truncatingIfNeeded: port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }
}

func errorText(_ code: Int32) -> String { String(cString: strerror(code)) }
