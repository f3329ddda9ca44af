// Ed25519 keys, and openssl that signs and verifies with them. A private key is read by openssl from its file, and never seen here.
package import BuildEngine
package import BuildGraph
package import Buildfile

/// A public key.
package struct PublicKey: Sendable, Hashable {
    /// DER of its SubjectPublicKeyInfo (RFC 8410): 44 bytes.
    package let bytes: [UInt8]

    private static let prefix: [UInt8] = [0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00]

    /// Nil unless `bytes` are an Ed25519 key.
    package init?(bytes: [UInt8]) {
        guard bytes.count == 44, bytes.starts(with: Self.prefix) else { return nil }
        self.bytes = bytes
    }

    /// The SHA-256 of the key, 64 hex digits.
    package var id: String { SHA256Value.of(bytes).hex }

    /// As it stands in a file of trusted keys and between the lines of a PEM file.
    package var text: String { EnvelopeText.encode(bytes) }
}

/// Who may sign: a file with a line for each key, `trusted NAME BASE64` or `revoked KEYID`, comments from `#` on.
package struct TrustedKeys: Sendable, Hashable {
    /// By key id: the name and the key.
    package let trusted: [String: (name: String, key: PublicKey)]
    /// Key ids whose signatures count no more, whenever they were made.
    package let revoked: Set<String>

    package static func == (left: TrustedKeys, right: TrustedKeys) -> Bool {
        left.revoked == right.revoked && left.trusted.mapValues(\.key) == right.trusted.mapValues(\.key)
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(revoked) }

    /// Throws LMS311, with the line, for what cannot be read: a key that is misspelt must not silently be none. `name` is what
    /// people call the file.
    package init(reading bytes: [UInt8], name: String) throws(Diagnostic) {
        var trusted: [String: (name: String, key: PublicKey)] = [:]
        var revoked: Set<String> = []
        for (number, line) in bytes.split(separator: 10, omittingEmptySubsequences: false).enumerated() {
            let words = line.prefix { $0 != UInt8(ascii: "#") }.split { $0 == 32 || $0 == 9 || $0 == 13 }
                .map { String(decoding: $0, as: UTF8.self) }
            if words.isEmpty { continue }
            if words.count == 3, words[0] == "trusted",
                let key = EnvelopeText.decode(words[2]).flatMap({ PublicKey(bytes: $0) })
            {
                trusted[key.id] = (words[1], key)
            } else if words.count == 2, words[0] == "revoked", SHA256Value(hex: words[1]) != nil {
                revoked.insert(words[1])
            } else {
                throw Diagnostic(
                    .badRecord,
                    "line \(number + 1) of '\(BytePath(name).shown)' is neither a trusted nor a revoked key",
                    hint: "'trusted NAME BASE64' of an Ed25519 key as 'release sign' prints it, or 'revoked KEYID'")
            }
        }
        (self.trusted, self.revoked) = (trusted, revoked)
    }
}

/// Signs and verifies with the `openssl` program.
package struct Signer: Sendable {
    private let runner: any CommandRunner
    private let environment: [String: String]
    /// Absolute: where what openssl reads and writes lies meanwhile. It holds no secret.
    private let folder: BytePath

    package init(runner: any CommandRunner, environment: [String: String], folder: BytePath) {
        self.runner = runner
        self.environment = environment.filter { ["PATH", "OPENSSL_CONF", "OPENSSL_MODULES"].contains($0.key) }
        self.folder = folder
    }

    /// The public half of the private key in the PEM file `key`. Throws LMS506 without openssl, LMS311 for no Ed25519 key.
    package func publicKey(of key: BytePath) async throws -> PublicKey {
        let result = try await run(["pkey", "-in", key.shown, "-pubout", "-outform", "DER"])
        guard result.succeeded, let found = PublicKey(bytes: result.output) else {
            throw Diagnostic(
                .badRecord, "'\(key.shown)' is no private Ed25519 key that openssl can read",
                hint: "'openssl genpkey -algorithm ed25519 -out FILE' makes one; it must not have a passphrase")
        }
        return found
    }

    /// `envelope` with a signature by the private key in the PEM file `key`.
    package func sign(_ envelope: Envelope, key: BytePath) async throws -> (envelope: Envelope, key: PublicKey) {
        let own = try await publicKey(of: key)
        let message = try write("message", envelope.signedBytes)
        defer { Disk.remove(message) }
        let result = try await run(["pkeyutl", "-sign", "-rawin", "-inkey", key.shown, "-in", message.shown])
        guard result.succeeded, result.output.count == 64 else {
            throw Diagnostic(
                .toolMissing, "openssl did not sign: \(EngineProgram.lastLine(result.errors) ?? "no answer")",
                hint: "openssl 1.1.1 and later sign with Ed25519")
        }
        return (envelope.with(.init(key: own.id, bytes: result.output)), own)
    }

    /// Whether `signature` is `key`'s of `envelope`.
    package func verifies(_ envelope: Envelope, _ signature: Envelope.Signature, by key: PublicKey) async throws -> Bool
    {
        guard signature.bytes.count == 64 else { return false }
        let message = try write("message", envelope.signedBytes)
        let bytes = try write("signature", signature.bytes)
        let text = "-----BEGIN PUBLIC KEY-----\n\(key.text)\n-----END PUBLIC KEY-----\n"
        let file = try write("key", Array(text.utf8))
        defer { for file in [message, bytes, file] { Disk.remove(file) } }
        let result = try await run([
            "pkeyutl", "-verify", "-pubin", "-inkey", file.shown, "-rawin", "-in", message.shown, "-sigfile",
            bytes.shown,
        ])
        return result.succeeded
    }

    private func write(_ name: String, _ bytes: [UInt8]) throws -> BytePath {
        try Disk.makeFolders(folder, mode: 0o700)
        let file = folder.appending(BytePath(name))
        Disk.remove(file)
        try ImageContext.write(bytes, to: file)
        return file
    }

    private func run(_ arguments: [String]) async throws -> CommandResult {
        var command = Command(["openssl"] + arguments, environment: environment, folder: BytePath("/"))
        command.separateErrors = true
        do {
            return try await runner.run(command)
        } catch is SpawnError {
            throw Diagnostic(
                .toolMissing, "openssl is needed for signatures, and cannot be started", hint: "install openssl")
        }
    }
}

/// A release's signatures: an envelope beside the lock, whose payload is the lock's canonical form.
package enum ReleaseSignature {
    /// The type of the payload, and of a release in a registry.
    package static let type = "application/vnd.lmsbuild.release.v1+json"

    /// What was found of one signature.
    package enum Verdict: Sendable, Hashable {
        /// By this name in the file of trusted keys.
        case valid(String)
        case revoked
        /// No trusted key has this id.
        case unknown
        /// It is not that key's signature of this payload.
        case wrong
    }

    /// The release, as it is signed.
    package static func envelope(of release: Release) -> Envelope {
        Envelope(type: type, payload: release.canonical)
    }

    /// Whether `envelope` speaks of this very release. One of another release, or of a lock that was altered, does not.
    package static func speaks(_ envelope: Envelope, of release: Release) -> Bool {
        envelope.type == type && SHA256Value.of(envelope.payload) == release.name
    }

    /// The verdict on each signature, by its key id.
    package static func verdicts(
        _ envelope: Envelope, _ keys: TrustedKeys, _ signer: Signer
    ) async throws -> [(key: String, verdict: Verdict)] {
        var found: [(key: String, verdict: Verdict)] = []
        for signature in envelope.signatures {
            if keys.revoked.contains(signature.key) {
                found.append((signature.key, .revoked))
            } else if let known = keys.trusted[signature.key] {
                let isValid = try await signer.verifies(envelope, signature, by: known.key)
                found.append((signature.key, isValid ? .valid(known.name) : .wrong))
            } else {
                found.append((signature.key, .unknown))
            }
        }
        return found
    }
}
