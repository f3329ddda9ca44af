// What runs in an environment, as a release: its lock, as deployments leave it in the workspace's state. Does not know
// deployments, nor who writes the lock.
import BuildEngine
import BuildGraph
import Buildfile
import Glibc

struct EnvironmentReleases {
    private let state: BytePath
    private let declared: [String]

    /// `graph` says which environments there are.
    init(_ opened: Workspace, _ graph: Graph) {
        state = opened.state
        declared = graph.environments.map(\.name.text)
    }

    /// The release that runs in `environment`. Refuses an environment that is not declared, one where nothing runs yet, and a
    /// lock that cannot be read or names a release that is not there, or is another.
    func release(in environment: String) throws -> Release {
        guard declared.contains(environment) else {
            throw Refusal(
                Diagnostic(
                    .badEnvironment, "there is no environment '\(environment)'",
                    hint: nearestWord(to: environment, among: declared).map { "did you mean '\($0)'?" }
                        ?? (declared.isEmpty
                            ? "'environment NAME' declares one" : "declared are: \(declared.joined(separator: ", "))")),
                .wrongInput)
        }
        let lock = lock(of: environment)
        guard let text = try contents(lock) else {
            throw Refusal(
                Diagnostic(
                    .badEnvironment, "nothing runs in '\(environment)' yet, as far as this workspace knows",
                    hint: "a deployment from here notes it in '.lmsbuild/environments'; "
                        + "'--release FILE' (or '--running FILE') names a release that was written down elsewhere"),
                .wrongInput)
        }
        let name =
            String(decoding: text, as: UTF8.self)
            .split(whereSeparator: \.isWhitespace).first.map(String.init) ?? ""
        guard SHA256Value(hex: name) != nil else {
            throw Refusal(
                Diagnostic(
                    .badRecord, "'\(lock.shown)' names no release: its first word is no number of 64 hex digits",
                    hint: "deploy to '\(environment)' again, or remove the file"), .wrongInput)
        }
        let file = state.appending("releases").appending(BytePath(name + ".json"))
        guard let bytes = try contents(file) else {
            throw Refusal(
                Diagnostic(
                    .badRecord, "the release that runs in '\(environment)' is not there: '\(file.shown)'",
                    hint: "'--release FILE' (or '--running FILE') names it where it was kept elsewhere"), .wrongInput)
        }
        do {
            return try Release(reading: bytes, name: file.shown)
        } catch {
            throw Refusal(error, .wrongInput)
        }
    }

    /// The name of the release that runs in `environment`; nil where nothing does yet, as far as is known here. Refuses a note
    /// that names none.
    func name(in environment: String) throws -> SHA256Value? {
        guard let text = try contents(lock(of: environment)) else { return nil }
        let word = String(decoding: text, as: UTF8.self).split(whereSeparator: \.isWhitespace).first.map(String.init)
        if let name = word.flatMap({ SHA256Value(hex: $0) }) { return name }
        throw Refusal(
            Diagnostic(
                .badRecord,
                "'\(lock(of: environment).shown)' names no release: its first word is no number of 64 hex digits",
                hint: "deploy to '\(environment)' again, or remove the file"), .wrongInput)
    }

    /// The release that runs in `environment`, nil where nothing does yet: for questions that an empty place answers.
    func releaseIfAny(in environment: String) throws -> Release? {
        if declared.contains(environment), try contents(lock(of: environment)) == nil { return nil }
        return try release(in: environment)
    }

    private func lock(of environment: String) -> BytePath {
        state.appending("environments").appending(BytePath(environment)).appending("current")
    }

    /// Nil where there is no such file.
    private func contents(_ file: BytePath) throws -> [UInt8]? {
        do throws(StoreError) {
            return try Disk.contents(of: file)
        } catch {
            if case .system(_, _, ENOENT) = error { return nil }
            throw Refusal(.unusableStore(error), .machine)
        }
    }
}
