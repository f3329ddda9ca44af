// Who a registry is told that we are: Docker's and Podman's own files and helper programs. Does not know how a registry is asked.
package import BuildEngine
import BuildGraph

/// What one registry is told.
enum RegistryCredential: Sendable, Hashable {
    case password(user: String, String)
    /// For which the registry's token service gives a token.
    case identityToken(String)

    /// What must not be seen in a message.
    var secret: String {
        switch self {
        case .password(_, let password): password
        case .identityToken(let token): token
        }
    }
}

/// Looks credentials up, each registry's once. What it finds is never logged and never in a command line: helpers get the
/// registry's name on their standard input.
///
/// In this order, the first that has an entry for the registry wins: the file that `REGISTRY_AUTH_FILE` names,
/// `$XDG_RUNTIME_DIR/containers/auth.json`, `$DOCKER_CONFIG/config.json` or else `~/.docker/config.json`. In a file: the
/// registry's helper (`credHelpers`), its entry in `auths`, the helper for all (`credsStore`).
package actor RegistryCredentials {
    private let environment: [String: String]
    private let commands: any CommandRunner
    private var known: [String: Task<RegistryCredential?, Never>] = [:]

    /// `environment` says where the files are.
    package init(environment: [String: String], commands: any CommandRunner) {
        self.environment = environment
        self.commands = commands
    }

    func credential(for host: String) async -> RegistryCredential? {
        if let task = known[host] { return await task.value }
        let task = Task { await look(for: host) }
        known[host] = task
        return await task.value
    }

    private var files: [BytePath] {
        var paths: [String] = []
        if let file = environment["REGISTRY_AUTH_FILE"] { paths.append(file) }
        if let folder = environment["XDG_RUNTIME_DIR"] { paths.append(folder + "/containers/auth.json") }
        if let folder = environment["DOCKER_CONFIG"] {
            paths.append(folder + "/config.json")
        } else if let home = environment["HOME"] {
            paths.append(home + "/.docker/config.json")
        }
        return paths.filter { $0.hasPrefix("/") }.map { BytePath($0) }
    }

    private func look(for host: String) async -> RegistryCredential? {
        for path in files {
            guard let bytes = try? Disk.contents(of: path), let file = try? JSONValue.parse(bytes) else { continue }
            if let found = await look(for: host, in: file) { return found }
        }
        return nil
    }

    private func look(for host: String, in file: JSONValue) async -> RegistryCredential? {
        let keys = Self.keys(of: host)
        for key in keys {
            if let helper = file.member("credHelpers")?.member(key)?.text { return await ask(helper, for: key) }
        }
        let entries = file.member("auths")?.members ?? []
        for (name, entry) in entries where keys.contains(Self.plain(name)) {
            if let found = Self.credential(entry) { return found }
            if let helper = file.member("credsStore")?.text, let found = await ask(helper, for: name) { return found }
        }
        guard let helper = file.member("credsStore")?.text, let key = keys.first else { return nil }
        return await ask(helper, for: key == ImageReference.dockerHub ? "https://index.docker.io/v1/" : key)
    }

    /// Docker Hub has many names.
    private static func keys(of host: String) -> [String] {
        host == ImageReference.dockerHub ? [host, "index.docker.io", "registry-1.docker.io"] : [host]
    }

    /// `https://index.docker.io/v1/` → `index.docker.io`.
    private static func plain(_ name: String) -> String {
        let rest =
            name.hasPrefix("https://") ? name.dropFirst(8) : name.hasPrefix("http://") ? name.dropFirst(7) : name[...]
        return String(rest.prefix { $0 != "/" })
    }

    private static func credential(_ entry: JSONValue) -> RegistryCredential? {
        if let token = entry.member("identitytoken")?.text, !token.isEmpty { return .identityToken(token) }
        if let text = entry.member("auth")?.text, let bytes = Base64.decode(text),
            let colon = bytes.firstIndex(of: UInt8(ascii: ":"))
        {
            let password = bytes[(colon + 1)...].filter { $0 != 0 }
            return .password(
                user: String(decoding: bytes[..<colon], as: UTF8.self), String(decoding: password, as: UTF8.self))
        }
        if let user = entry.member("username")?.text, let password = entry.member("password")?.text, !user.isEmpty {
            return .password(user: user, password)
        }
        return nil
    }

    /// `docker-credential-NAME get`.
    private func ask(_ helper: String, for server: String) async -> RegistryCredential? {
        guard helper.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "/") }) else { return nil }
        var command = Command(
            ["docker-credential-" + helper, "get"], environment: environment, folder: BytePath("/"))
        command.input = Array(server.utf8)
        command.separateErrors = true
        command.timeout = .seconds(30)
        guard let result = try? await commands.run(command), result.succeeded,
            let answer = try? JSONValue.parse(result.output), let secret = answer.member("Secret")?.text
        else { return nil }
        let user = answer.member("Username")?.text ?? ""
        return user == "<token>" ? .identityToken(secret) : .password(user: user, secret)
    }
}
