// `release sign`, and what `release verify` makes of signatures. Does not sign by itself.
import ArgumentParser
import BuildEngine
import BuildGraph
import Buildfile
import Delivery
import Glibc

struct ReleaseSign: AsyncParsableCommand, ExitingCommand {
    static let configuration = CommandConfiguration(
        commandName: "sign", abstract: "Signs a release with an Ed25519 key; the signature lies beside the lock.")

    @OptionGroup var global: GlobalOptions
    @Option(help: ArgumentHelp("The private key, a PEM file without a passphrase.", valueName: "file")) var key: String
    @Argument(help: "The release: a file, or digits of a kept one's name.") var release: String

    func perform() async throws -> BuildEngine.ExitCode {
        let opened = try await Workspace.open(global, overrides: [:])
        let found = try await opened.found(release)
        guard let file = found.file else {
            throw Refusal(
                Diagnostic(
                    .badCommandLine, "'release sign' signs a release that was written, and '\(release)' is made now",
                    hint: "'lmsbuild release -o FILE' writes one"), .wrongInput)
        }
        var envelope = ReleaseSignature.envelope(of: found.release)
        let place = Workspace.signature(of: file)
        guard ReleaseSignature.speaks(envelope, of: found.release) else {
            throw Refusal(
                Diagnostic(
                    .badRecord, "the release \(found.release.shortName) says more than this lmsbuild can read",
                    hint: "sign it with the version that made it"), .wrongInput)
        }
        // Others who signed the same release keep their signatures.
        if let bytes = fileContents(place), let before = try? Envelope(reading: bytes, name: place.shown),
            ReleaseSignature.speaks(before, of: found.release)
        {
            envelope = before
        }
        let (signer, folder) = try opened.signer()
        defer { Disk.remove(folder) }
        let signed = try await Workspace.refusing { [envelope] in
            try await signer.sign(envelope, key: try absolute(key))
        }
        try writeFile(place.shown, Array((signed.envelope.json.text(pretty: true) + "\n").utf8))
        Terminal.say("release \(found.release.shortName) signed: '\(place.shown)'")
        Terminal.say("who trusts this key has the line:")
        Terminal.out("trusted \(keyName) \(signed.key.text)\n")
        return .done
    }

    /// The key file's name without what ends it, as a first name for the key.
    private var keyName: String {
        let last = key.split(separator: "/").last.map(String.init) ?? key
        let stem = last.split(separator: ".").first.map(String.init) ?? last
        let plain = stem.utf8.filter { $0 > 32 && $0 < 127 && $0 != UInt8(ascii: "#") }
        return plain.isEmpty ? "key" : String(decoding: plain, as: UTF8.self)
    }
}

/// `path` from the root on.
func absolute(_ path: String) throws -> BytePath {
    path.hasPrefix("/") ? BytePath(path) : try WorkspaceSearch.currentFolder().appending(BytePath(path))
}

extension Workspace {
    /// Where the signatures of the lock `file` lie: beside it.
    static func signature(of file: BytePath) -> BytePath { BytePath(bytes: file.bytes + Array(".dsse".utf8)) }

    /// What signs and verifies, and its folder, which is the caller's to remove.
    func signer() throws -> (Signer, BytePath) {
        let parent = environment["TMPDIR"].flatMap { $0.hasPrefix("/") ? $0 : nil } ?? "/tmp"
        var template = Array("\(parent)/lmsbuild-sign-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw Refusal(
                Diagnostic(
                    .storeUnusable, "cannot make a folder below '\(BytePath(parent).shown)': \(errnoText(errno))"),
                .machine)
        }
        let folder = BytePath(bytes: template.dropLast().map { UInt8(bitPattern: $0) })
        return (Signer(runner: commands, environment: environment, folder: folder), folder)
    }
}

extension VerificationTable {
    /// What the signatures beside the lock say, judged by the file of trusted keys.
    mutating func checkSignatures(
        _ found: ReleaseStore.Found, _ opened: Workspace, keys: String, isRequired: Bool
    ) async throws {
        guard let bytes = fileContents(BytePath(keys)) else {
            throw Refusal(
                Diagnostic(.badRecord, "cannot read the keys '\(BytePath(keys).shown)': \(errnoText(errno))"),
                .wrongInput)
        }
        let trusted = try await Workspace.refusing { try TrustedKeys(reading: bytes, name: keys) }
        guard let file = found.file, let signed = fileContents(Workspace.signature(of: file)) else {
            add("signature", release.shortName, isRequired ? .differs : .unknown, "nobody has signed it")
            return
        }
        let envelope = try await Workspace.refusing {
            try Envelope(reading: signed, name: Workspace.signature(of: file).shown)
        }
        guard ReleaseSignature.speaks(envelope, of: release) else {
            add("signature", release.shortName, .differs, "the signature is of another release")
            return
        }
        let (signer, folder) = try opened.signer()
        defer { Disk.remove(folder) }
        let verdicts = try await Workspace.refusing {
            try await ReleaseSignature.verdicts(envelope, trusted, signer)
        }
        let isSigned = verdicts.contains { if case .valid = $0.verdict { true } else { false } }
        for (key, verdict) in verdicts {
            let id = String(BytePath(key).shown.prefix(12))
            let open: Answer = isRequired && !isSigned ? .differs : .unknown
            switch verdict {
            case .valid(let name): add("signature", id, .same, "by \(BytePath(name).shown)")
            case .wrong: add("signature", id, .differs, "it is not this key's signature of the release")
            case .revoked: add("signature", id, open, "the key is revoked")
            case .unknown: add("signature", id, open, "no trusted key has this id")
            }
        }
        if verdicts.isEmpty, isRequired { add("signature", release.shortName, .differs, "nobody has signed it") }
    }
}
