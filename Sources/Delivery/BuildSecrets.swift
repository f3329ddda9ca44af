// The secrets of one run: what is masked, what is looked for, and whether an image was made with the same ones. Does not know
// where values come from, nor how a builder gets them.
package import BuildEngine
package import BuildGraph
import Buildfile
import Glibc

/// Every secret of a run, each read once.
package struct BuildSecrets: Sendable {
    /// By name; text, as recipes get them in their environment.
    private let values: [String: String]
    private let key: SecretKey
    /// Absolute: a file for each image that was made with secrets, with their fingerprint.
    private let records: BytePath
    /// Takes all of them out of what is said.
    let mask: SecretMask
    /// What looks for them in images; nil where none is long enough to be looked for.
    let search: SecretSearch?

    /// `state` is the workspace's `.lmsbuild`; `runner` and `environment` are for what takes images apart.
    package init(
        _ values: [String: String], key: SecretKey, state: BytePath, runner: any CommandRunner,
        environment: [String: String]
    ) {
        self.values = values
        self.key = key
        records = state.appending("secrets")
        mask = SecretMask(values: Array(values.values))
        search = SecretSearch(values, runner: runner, environment: environment)
    }

    /// Whether the action's secrets are those with which its image was made here the last time.
    func areSame(for action: Action) -> Bool {
        guard let file = record(of: action), let bytes = try? Disk.contents(of: file) else { return false }
        return bytes == fingerprint(of: action)
    }

    /// Notes with which secrets the action's image was made. The note is a keyed fingerprint: nobody without the
    /// workspace's key can try guesses against it.
    func record(_ action: Action) throws {
        guard !action.secretNames.isEmpty, let file = record(of: action) else { return }
        do throws(FileSystemError) {
            try FileReplacement.write(fingerprint(of: action), to: file)
        } catch {
            throw StoreError.system(error.operation, error.path, error.errno)
        }
    }

    private func record(of action: Action) -> BytePath? {
        guard case .image(let request) = action.command else { return nil }
        return records.appending(BytePath(request.tag))
    }

    private func fingerprint(of action: Action) -> [UInt8] {
        var bytes: [UInt8] = []
        for name in action.secretNames.sorted() {
            let value = Array((action.unhashedEnvironment[name] ?? "").utf8)
            // Lengths keep one list of values from looking like another.
            bytes += Array("\(name) \(value.count)\n".utf8) + value
        }
        return Array((key.fingerprint(of: SecretValue(bytes)).hex + "\n").utf8)
    }
}
