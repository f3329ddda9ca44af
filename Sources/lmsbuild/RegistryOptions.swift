// What the commands that ask image registries share: options, the clients, and how what goes wrong is told. Does not know what is
// asked.
import ArgumentParser
import BuildEngine
import BuildGraph
import Buildfile
import Delivery
import Synchronization

struct RegistryOptions: ParsableArguments {
    @Option(
        name: .customLong("insecure-registry"),
        help: ArgumentHelp(
            "Ask this registry by plain HTTP, as this machine's own are; also LMSBUILD_INSECURE_REGISTRIES, separated by commas.",
            valueName: "host[:port]"))
    var insecure: [String] = []

    /// Clients for what `opened` says; one for each registry.
    func clients(_ opened: Workspace) throws -> Registries { try Self.clients(opened, insecure: insecure) }

    /// The same; `insecure` are asked by plain HTTP besides those that the environment names.
    static func clients(_ opened: Workspace, insecure: [String] = []) throws -> Registries {
        guard let exchange = CurlExchange(commands: opened.commands, environment: opened.environment) else {
            throw Refusal(
                Diagnostic(
                    .toolMissing, "'curl', by which registries are asked, can't be found", hint: "apt-get install curl"),
                .machine)
        }
        var settings = RegistrySettings()
        let named = (opened.environment["LMSBUILD_INSECURE_REGISTRIES"] ?? "").split(separator: ",").map(String.init)
        settings.insecure = Set(insecure + named)
        return Registries(
            exchange: exchange,
            credentials: RegistryCredentials(environment: opened.environment, commands: opened.commands),
            settings: settings)
    }
}

/// The clients of a command, made when the first asks for them.
final class Registries: Sendable {
    private let exchange: any HTTPExchange
    private let credentials: RegistryCredentials
    private let settings: RegistrySettings
    private let made = Mutex<[String: RegistryClient]>([:])

    init(exchange: any HTTPExchange, credentials: RegistryCredentials, settings: RegistrySettings) {
        self.exchange = exchange
        self.credentials = credentials
        self.settings = settings
    }

    func client(_ host: String) -> RegistryClient {
        made.withLock { made in
            if let client = made[host] { return client }
            let client = RegistryClient(host: host, exchange: exchange, credentials: credentials, settings: settings)
            made[host] = client
            return client
        }
    }
}

extension Workspace {
    /// What registries have under images' tags, by one question each: the manifest's digest. Throws `ActionFailure` of kind
    /// `.unavailable` where one cannot be asked.
    func pushedDigests(_ options: RegistryOptions) throws -> @Sendable (ImageReference) async throws -> String? {
        let clients = try options.clients(self)
        return { name in
            // A name without a host is of this machine's engine alone.
            if name.host == ImageReference.dockerHub { return nil }
            do {
                return try await clients.client(name.host).digest(of: name.version, in: name.repository)
            } catch let error as RegistryError {
                throw ActionFailure(
                    kind: .unavailable,
                    diagnostic: Diagnostic(
                        .registryFailed, .error, error.message, hint: "without '--from-registry' images are built here")
                )
            }
        }
    }
}

extension Refusal {
    /// `kept` says what is not lost by it.
    init(_ error: RegistryError, kept: String? = nil) {
        let hint: String? =
            switch error.kind {
            case .unauthorized: "log in with 'docker login', 'podman login' or 'buildah login'"
            case .unavailable: kept
            case .missing, .refused, .misunderstood: nil
            }
        self.init(Diagnostic(.registryFailed, error.message, hint: hint), .unavailable)
    }
}
