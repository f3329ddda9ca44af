// Starts built images as providers, by the engine that built them, and removes what earlier runs left. Does not know contracts.
package import BuildEngine
import BuildGraph
import Buildfile
import Glibc

/// Starts containers by docker or podman, with the host's network.
package actor ContainerStarter: ImageStarter {
    private let drivers: DriverProvider
    private let runner: any CommandRunner
    private let environment: [String: String]
    private var engine: Task<EngineProgram, any Error>?
    private var count = 0

    /// `drivers` says which engine builds.
    package init(_ drivers: DriverProvider, runner: any CommandRunner, environment: [String: String]) {
        self.drivers = drivers
        self.runner = runner
        self.environment = environment
    }

    static let label = "io.lmsbuild.verify"

    package func start(of reference: String) async throws -> ImageStart {
        let task = engine ?? Task { try await prepared() }
        engine = task
        let program = try await task.value
        count += 1
        let name = "\(ContainerOwner.own.text)-\(count)"
        var words = [program.name, "run", "--rm", "--pull", "never", "--name", name, "--label", Self.label]
        words += ["--network", "host", "--env", "PORT", "--env", "HOST=127.0.0.1"]
        // Podman hands proxies on, and waits for programs that do not know TERM.
        if program.name == "podman" { words += ["--http-proxy=false", "--stop-timeout", "0"] }
        return ImageStart(
            run: words + [reference], remove: Self.removal(of: name, by: program.name),
            environment: program.environment.filter { $0.key != "TMPDIR" })
    }

    private static func removal(of name: String, by engine: String) -> [String] {
        engine == "podman" ? [engine, "rm", "-f", "-i", name] : [engine, "rm", "-f", name]
    }

    private func prepared() async throws -> EngineProgram {
        let builder = try await drivers.driver().name
        let program = EngineProgram(
            builder == "docker" ? "docker" : "podman", runner: runner, environment: environment)
        if builder == "buildah", let reason = await program.reasonUnusable(["podman", "info"]) {
            throw ActionFailure(
                kind: .unavailable,
                diagnostic: Diagnostic(
                    .engineUnavailable, "[pact image]: buildah builds images, but cannot start one",
                    notes: [.init("podman: \(reason)")],
                    hint: "install podman, which has buildah's images, or use --driver docker; "
                        + "or start the provider by a recipe below [pact]"))
        }
        await sweep(program)
        return program
    }

    /// Removes containers whose lmsbuild runs no more.
    private func sweep(_ program: EngineProgram) async {
        let listing = try? await program.run(
            [program.name, "ps", "-a", "--filter", "label=\(Self.label)", "--format", "{{.Names}}"],
            timeout: .seconds(30))
        guard let listing, listing.succeeded else { return }
        for line in EngineProgram.text(listing.output).split(separator: "\n") {
            guard let owner = ContainerOwner(name: String(line)), owner.isGone else { continue }
            _ = try? await program.run(Self.removal(of: String(line), by: program.name), timeout: .seconds(30))
        }
    }
}

/// The process that answers for a container, as the container's name tells it.
struct ContainerOwner: Hashable {
    /// Of the machine, or rather of those who have the same process ids.
    let place: String
    let pid: pid_t
    /// Ticks since the machine was started; process ids come again.
    let started: UInt64

    private static let prefix = "lmsbuild-verify"

    static let own = ContainerOwner(place: ownPlace, pid: getpid(), started: startTime(of: getpid()) ?? 0)

    init(place: String, pid: pid_t, started: UInt64) {
        self.place = place
        self.pid = pid
        self.started = started
    }

    /// Nil for a name that lmsbuild does not give.
    init?(name: String) {
        let parts = name.split(separator: "-", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 6, parts[0] + "-" + parts[1] == Self.prefix, let pid = pid_t(parts[3]), pid > 0,
            let started = UInt64(parts[4])
        else { return nil }
        self.init(place: parts[2], pid: pid, started: started)
    }

    /// The name of its containers, but for their number.
    var text: String { "\(Self.prefix)-\(place)-\(pid)-\(started)" }

    /// It lived where this process does, and does no more.
    var isGone: Bool { place == Self.ownPlace && Self.startTime(of: pid) != started }

    private static let ownPlace: String = {
        let host = (try? Disk.contents(of: BytePath("/proc/sys/kernel/hostname"))) ?? []
        let space = (try? Disk.linkText(BytePath("/proc/self/ns/pid"))) ?? []
        return String(SHA256Value.of(host + space).hex.prefix(12))
    }()

    private static func startTime(of pid: pid_t) -> UInt64? {
        guard let text = try? Disk.contents(of: BytePath("/proc/\(pid)/stat")),
            let end = text.lastIndex(of: UInt8(ascii: ")"))
        else { return nil }
        // The program's name, before, may hold anything; field 22 is the 20th behind it.
        let fields = text[(end + 1)...].split(separator: UInt8(ascii: " "))
        return fields.count > 19 ? UInt64(String(decoding: fields[19], as: UTF8.self)) : nil
    }
}
