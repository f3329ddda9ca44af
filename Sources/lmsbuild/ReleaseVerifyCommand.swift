// `release verify`: whether a release is what it says it is, in its file, in git and in the engine.
import ArgumentParser
import BuildEngine
import BuildGraph
import Buildfile
import Delivery

struct ReleaseVerify: AsyncParsableCommand, ExitingCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Whether a release is what its name says, its commit gives its hashes, and its images are those here."
    )

    @OptionGroup var global: GlobalOptions
    @Option(help: "The container engine that has the images: auto, buildah, docker or podman.") var driver = "auto"
    @Option(
        help: ArgumentHelp("The name that the release must have: its first digits, at least 12.", valueName: "hash"))
    var name: String?
    @Option(help: ArgumentHelp("Judge its signatures by the keys that this file trusts.", valueName: "file"))
    var keys: String?
    @Flag(name: .customLong("require-signed"), help: "Nobody of --keys having signed it is a disagreement.")
    var isRequiredSigned = false
    @Option(help: "text or json.") var format = "text"
    @Argument(help: "The release (a file, digits of a kept one's name, here, HEAD), and NAME=VALUE.")
    var words: [String] = []

    func perform() async throws -> BuildEngine.ExitCode {
        try checkFormat(format)
        let engine = try driverChoice(driver)
        let (names, overrides) = GlobalOptions.overrides(in: words)
        guard names.count == 1 else {
            throw Refusal(Diagnostic(.badCommandLine, "'release verify' takes one release"), .wrongInput)
        }
        if isRequiredSigned, keys == nil {
            throw Refusal(
                Diagnostic(
                    .badCommandLine, "'--require-signed' needs '--keys FILE': nothing says whose signature counts"),
                .wrongInput)
        }
        if let name, name.utf8.count < 12 || !name.utf8.allSatisfy({ "0123456789abcdef".utf8.contains($0) }) {
            throw Refusal(
                Diagnostic(.badCommandLine, "'--name \(name)' is no release's name: 12 to 64 hex digits"), .wrongInput)
        }
        let opened = try await Workspace.open(global, overrides: overrides)
        let found = try await opened.found(names[0], engine: engine)
        var table = VerificationTable(release: found.release)
        table.checkName(claimed: found.claimed?.hex, asked: name)
        try await table.checkCommit(opened)
        if found.release.services.values.contains(where: { $0.digest != nil }) {
            try await table.checkImages(await opened.images(engine))
        }
        if let keys {
            try await table.checkSignatures(found, opened, keys: keys, isRequired: isRequiredSigned)
        }
        Terminal.out(format == "json" ? table.json.text(pretty: true) + "\n" : table.text)
        return table.agrees ? .done : .checkFailed
    }
}

/// What was looked at, and what came of it.
struct VerificationTable {
    enum Answer: String {
        case same = "ok"
        case differs
        /// It could not be looked at, which is no disagreement.
        case unknown
    }

    struct Row {
        /// `name`, `hash`, `image` or `signature`.
        let kind: String
        let subject: String
        let answer: Answer
        let detail: String
    }

    let release: Release
    private(set) var rows: [Row] = []

    init(release: Release) {
        self.release = release
    }

    var agrees: Bool { !rows.contains { $0.answer == .differs } }

    mutating func add(_ kind: String, _ subject: String, _ answer: Answer, _ detail: String) {
        rows.append(Row(kind: kind, subject: subject, answer: answer, detail: detail))
    }

    mutating func checkName(claimed: String?, asked: String?) {
        let own = release.name.hex
        guard claimed != nil || asked != nil else {
            add("name", release.shortName, .unknown, "nothing says what its name has to be")
            return
        }
        for wanted in [claimed, asked].compactMap({ $0 }) {
            add(
                "name", release.shortName, own.hasPrefix(wanted) ? .same : .differs,
                own.hasPrefix(wanted) ? "" : "its name should be \(wanted.prefix(12))")
        }
    }

    /// The hash of every target, recomputed from the commit.
    mutating func checkCommit(_ opened: Workspace) async throws {
        guard let commit = release.commit else {
            add("hash", "commit", .unknown, "it was made of files that no commit has")
            return
        }
        guard let repository = opened.repository,
            try await Workspace.refusing({ try await repository.hasCommit(commit) })
        else {
            add("hash", String(BytePath(commit).shown.prefix(12)), .unknown, "this repository does not have the commit")
            return
        }
        let hashed = try await opened.hashed(at: commit)
        let state = try await opened.release(of: hashed, commit: commit)
        for (name, service) in release.services.sorted(by: { $0.key < $1.key }) {
            let own = state.services[name]?.hash
            add(
                "hash", name, own == service.hash ? .same : .differs,
                own.map { $0 == service.hash ? "" : "\(service.hash.short), and its commit gives \($0.short)" }
                    ?? "its commit has no such service")
        }
        let environments = try opened.environmentDigests(of: hashed.graph)
        for (name, known) in release.environments.sorted(by: { $0.key < $1.key }) {
            let own = environments[name]
            add(
                "stack", name, own == known ? .same : .differs,
                own == known ? "" : own == nil ? "its commit has no such environment" : "its commit gives another")
        }
        let missing = Set(state.services.keys).subtracting(release.services.keys).sorted()
        for name in missing { add("hash", name, .differs, "its commit has this service, too") }
        for label in Set(state.hashes.keys).union(release.hashes.keys).sorted()
        where state.hashes[label] != release.hashes[label] && !release.hashes.isEmpty {
            add(
                "hash", label, .differs,
                "\(release.hashes[label]?.short ?? "nothing"), and its commit gives \(state.hashes[label]?.short ?? "nothing")"
            )
        }
    }

    /// The images that the engine has under the release's references.
    mutating func checkImages(_ images: EngineImages?) async throws {
        for (name, service) in release.services.sorted(by: { $0.key < $1.key }) {
            guard let digest = service.digest, let reference = service.image else { continue }
            guard let images else {
                add("image", name, .unknown, "no engine could be asked")
                continue
            }
            guard let image = try await Workspace.refusing({ try await images.image(reference) }) else {
                add("image", name, .unknown, "\(images.engine) does not have it")
                continue
            }
            if image.digest != digest {
                add(
                    "image", name, .differs,
                    "\(Self.short(digest)), and \(images.engine) has \(Self.short(image.digest))")
            } else if let layers = service.layers, layers != image.layers {
                add("image", name, .differs, "its layers are others than \(images.engine) has")
            } else {
                add("image", name, .same, "")
            }
        }
    }

    static func short(_ digest: String) -> String { String(BytePath(digest).shown.prefix(19)) }

    var text: String {
        let width = rows.map(\.subject.count).max() ?? 0
        return rows.map { row in
            let kind = row.kind + String(repeating: " ", count: max(0, 9 - row.kind.count))
            let answer = row.answer.rawValue + String(repeating: " ", count: 8 - row.answer.rawValue.count)
            let subject = row.subject + String(repeating: " ", count: width - row.subject.count)
            return row.detail.isEmpty
                ? "\(answer)\(kind) \(row.subject)\n" : "\(answer)\(kind) \(subject)  \(row.detail)\n"
        }.joined()
    }

    var json: JSONValue {
        .object([
            ("schema", .number(1)), ("release", .string(release.name.hex)), ("agrees", .bool(agrees)),
            (
                "checks",
                .array(
                    rows.map { row in
                        .object([
                            ("kind", .string(row.kind)), ("subject", .string(row.subject)),
                            ("answer", .string(row.answer.rawValue)), ("detail", .string(row.detail)),
                        ])
                    })
            ),
        ])
    }
}
