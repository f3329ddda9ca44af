// The hashes of a state, and what they were made of, as a document that outlives the state. Does not compare.
package import BuildGraph
package import Buildfile

/// What `lmsbuild hash --format json` wrote: `{"schema": 1, "targets": {label: hash}}`, and with `--inputs` also
/// `"inputs": {label: [[kind, name, value], …]}`, the fields of each target's manifest in the order of the walk.
///
/// A value is text, but a file's is its mode and digest, a prerequisite's its input hash, and a variable's is `=` and
/// its value, or empty where it is not set. Bytes that are no UTF-8 are written as a zero character and hex digits.
package struct RecordedState: Sendable {
    /// By label.
    package let hashes: [String: InputHash]
    /// By label; empty where only hashes were recorded.
    package let manifests: [String: [ManifestField]]

    init(hashes: [String: InputHash], manifests: [String: [ManifestField]]) {
        self.hashes = hashes
        self.manifests = manifests
    }

    /// The state of `labels` (all without) in a hashed graph.
    package init(
        _ hashed: HashedGraph, targets: [Int]? = nil, withInputs: Bool
    ) throws(FileSystemError) {
        var hashes: [String: InputHash] = [:]
        var manifests: [String: [ManifestField]] = [:]
        for index in targets ?? Array(hashed.graph.targets.indices) {
            let label = hashed.graph.targets[index].label.description
            hashes[label] = hashed.hashes[index]
            if withInputs { manifests[label] = try hashed.manifest(of: index) }
        }
        self.hashes = hashes
        self.manifests = manifests
    }

    /// Reads what `json` wrote. Throws LMS311 for anything else.
    package init(reading bytes: [UInt8], name: String) throws(Diagnostic) {
        func refuse(_ reason: String) -> Diagnostic {
            Diagnostic(
                .badRecord, "'\(name)' is no recorded state: \(reason)",
                hint: "'lmsbuild hash --format json > FILE' writes one")
        }
        let document: JSONValue
        do {
            document = try JSONValue.parse(bytes)
        } catch {
            throw refuse(error.message)
        }
        guard document.member("schema")?.numeric == 1 else { throw refuse("its \"schema\" is not 1") }
        guard let targets = document.member("targets")?.members else { throw refuse("it has no \"targets\"") }
        var hashes: [String: InputHash] = [:]
        for (label, value) in targets {
            guard Label(parsing: Array(label.utf8)) != nil, let text = value.text, let hash = SHA256Value(hex: text)
            else {
                throw refuse("the target '\(BytePath(label).shown)' has no hash of 64 hex digits")
            }
            hashes[label] = InputHash(hash)
        }
        var manifests: [String: [ManifestField]] = [:]
        for (label, fields) in document.member("inputs")?.members ?? [] {
            guard hashes[label] != nil, let elements = fields.elements else {
                throw refuse("the inputs of '\(BytePath(label).shown)' are of no target")
            }
            var manifest: [ManifestField] = []
            for element in elements {
                guard let field = Self.field(element) else {
                    throw refuse("an input of '\(BytePath(label).shown)' cannot be read")
                }
                manifest.append(field)
            }
            manifests[label] = manifest
        }
        self.hashes = hashes
        self.manifests = manifests
    }

    package var json: JSONValue {
        var members: [(String, JSONValue)] = [
            ("schema", .number(1)),
            ("targets", .object(hashes.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value.hex)) })),
        ]
        if !manifests.isEmpty {
            members.append(
                (
                    "inputs",
                    .object(
                        manifests.sorted { $0.key < $1.key }.map { ($0.key, .array($0.value.map { Self.json($0) })) })
                ))
        }
        return .object(members)
    }

    package var states: TargetStates {
        TargetStates(
            hash: { hashes[$0.description] },
            manifest: { label throws(FileSystemError) in manifests[label.description] })
    }

    // MARK: Fields

    private static let names: [(ManifestTag, String)] = [
        (.making, "making"), (.folder, "folder"), (.interpreter, "interpreter"), (.recipe, "recipe"),
        (.attribute, "attribute"), (.value, "variable"), (.tool, "tool"), (.output, "output"), (.file, "file"),
        (.prerequisite, "prerequisite"), (.imageTag, "tag"), (.contract, "contract"),
    ]

    private static func json(_ field: ManifestField) -> JSONValue {
        let name = names.first { $0.0 == field.tag }?.1 ?? ""
        return .array([.string(name), .string(text(field.key)), .string(value(field))])
    }

    private static func value(_ field: ManifestField) -> String {
        switch field.tag {
        case .file:
            let kind = field.value.first.flatMap(FileKind.init) ?? .file
            return mode(kind) + " " + (SHA256Value(bytes: field.value.dropFirst())?.hex ?? "")
        case .prerequisite, .imageTag, .contract: return SHA256Value(bytes: field.value)?.hex ?? ""
        case .value: return field.value.first == 1 ? "=" + text(Array(field.value.dropFirst())) : ""
        case .output: return field.value == [1] ? "folder" : "file"
        default: return text(field.value)
        }
    }

    private static func field(_ value: JSONValue) -> ManifestField? {
        guard let parts = value.elements, parts.count == 3, let name = parts[0].text,
            let tag = names.first(where: { $0.1 == name })?.0, let key = parts[1].text.flatMap(bytes),
            let text = parts[2].text
        else { return nil }
        let raw: [UInt8]? =
            switch tag {
            case .file: fileValue(text)
            case .prerequisite, .imageTag, .contract: SHA256Value(hex: text)?.bytes
            case .value:
                text.hasPrefix("=") ? bytes(String(text.dropFirst())).map { [1] + $0 } : text.isEmpty ? [0] : nil
            case .output: text == "folder" ? [1] : text == "file" ? [0] : nil
            default: bytes(text)
            }
        return raw.map { ManifestField(tag, key: key, value: $0) }
    }

    private static func fileValue(_ text: String) -> [UInt8]? {
        let parts = text.split(separator: " ")
        guard parts.count == 2, let digest = SHA256Value(hex: parts[1]),
            let kind = [FileKind.file, .executable, .link, .submodule].first(where: { mode($0) == parts[0] })
        else { return nil }
        return [kind.rawValue] + digest.bytes
    }

    /// Git's modes, in words where they are no permissions.
    package static func mode(_ kind: FileKind) -> String {
        switch kind {
        case .executable: "0755"
        case .link: "link"
        case .submodule: "submodule"
        default: "0644"
        }
    }

    private static func text(_ bytes: [UInt8]) -> String {
        if let text = String(validating: bytes, as: UTF8.self), !text.utf8.starts(with: [0]) { return text }
        let digits = Array("0123456789abcdef".utf8)
        return "\0" + String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    private static func bytes(_ text: String) -> [UInt8]? {
        let given = Array(text.utf8)
        guard given.first == 0 else { return given }
        guard given.count % 2 == 1 else { return nil }
        var found: [UInt8] = []
        for start in stride(from: 1, to: given.count, by: 2) {
            guard let byte = UInt8(String(decoding: given[start..<start + 2], as: UTF8.self), radix: 16) else {
                return nil
            }
            found.append(byte)
        }
        return found
    }
}
