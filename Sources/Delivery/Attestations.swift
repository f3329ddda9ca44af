// What is attested of an image: SLSA v1 provenance and a CycloneDX 1.5 bill of materials, each in an in-toto statement (v1).
// The same facts give the same bytes: no time, no machine, no serial number.
import BuildEngine
import BuildGraph

/// One statement about one image.
package struct Attestation: Sendable, Hashable {
    /// What the statement says.
    package enum Kind: String, Sendable, Hashable, CaseIterable {
        /// How it was made: https://slsa.dev/provenance/v1.
        case provenance
        /// What went into it: https://cyclonedx.org/bom.
        case bom

        /// The predicate's type.
        package var type: String {
            self == .provenance ? "https://slsa.dev/provenance/v1" : "https://cyclonedx.org/bom"
        }
    }

    package let kind: Kind
    /// The statement, JSON in UTF-8 on one line, members sorted.
    package let statement: [UInt8]

    package init(_ kind: Kind, of facts: ImageFacts) {
        self.kind = kind
        let subject = JSONValue.object([
            ("name", .string(facts.repository)),
            ("digest", .object([("sha256", .string(Self.digits(facts.digest)))])),
        ])
        let document = JSONValue.object([
            ("_type", .string("https://in-toto.io/Statement/v1")), ("subject", .array([subject])),
            ("predicateType", .string(kind.type)),
            ("predicate", kind == .provenance ? facts.provenance : facts.billOfMaterials),
        ])
        statement = Array(document.sorted.text(pretty: false).utf8)
    }

    /// The envelope around it, not signed yet.
    package var envelope: Envelope { Envelope(type: Envelope.statementType, payload: statement) }

    /// A digest without its algorithm.
    static func digits(_ digest: String) -> String {
        String(digest.split(separator: ":").last ?? Substring(digest))
    }
}

extension ImageFacts {
    private static func texts(_ texts: [String]) -> JSONValue { .array(texts.map { .string($0) }) }

    /// The predicate of SLSA provenance v1. What a build argument was is not told: the input hash covers it.
    var provenance: JSONValue {
        let parameters = JSONValue.object([
            ("label", .string(label)), ("dockerfile", .string(dockerfile.shown)),
            ("stage", targetStage.map { .string($0) } ?? .null), ("platforms", Self.texts(platforms)),
            ("arguments", Self.texts(arguments)), ("inputHash", .string(hash.hex)),
        ])
        var versions: [(String, JSONValue)] = []
        if let version = tools.lmsbuild { versions.append(("lmsbuild", .string(version))) }
        if let engine = tools.engine { versions.append(("engine", .string(engine))) }
        let builder = JSONValue.object([("id", .string("urn:lmsbuild:builder")), ("version", .object(versions))])
        return .object([
            (
                "buildDefinition",
                .object([
                    ("buildType", .string("urn:lmsbuild:image:v1")), ("externalParameters", parameters),
                    ("internalParameters", .object([])), ("resolvedDependencies", .array(dependencies)),
                ])
            ), ("runDetails", .object([("builder", builder), ("metadata", .object([]))])),
        ])
    }

    /// in-toto's resource descriptors: the commit, files, base images, targets, tools.
    private var dependencies: [JSONValue] {
        func resource(_ kind: String, _ name: String, _ digest: JSONValue?, _ more: (String, JSONValue)? = nil)
            -> JSONValue
        {
            let members: [(String, JSONValue)?] = [
                ("name", .string(name)), digest.map { ("digest", $0) },
                ("annotations", .object([("kind", .string(kind))] + (more.map { [$0] } ?? []))),
                // Every descriptor needs one of uri, digest and content.
                digest == nil ? ("uri", .string("urn:lmsbuild:\(kind):\(name)")) : nil,
            ]
            return .object(members.compactMap { $0 })
        }
        func sha256(_ hex: String) -> JSONValue { .object([("sha256", .string(hex))]) }
        var all: [JSONValue] = []
        if let commit { all.append(resource("commit", "commit", .object([("gitCommit", .string(commit))]))) }
        all += inputs.map {
            resource("file", $0.path.shown, sha256($0.content.hex), ("mode", .string(RecordedState.mode($0.kind))))
        }
        all += bases.map { base in
            resource("image", base.reference, base.digest.map { sha256(Attestation.digits($0)) })
        }
        all += targets.map { resource("target", $0.label, .object([("lmsbuildInput", .string($0.hash.hex))])) }
        all += tools.declared.sorted { $0.key < $1.key }.map {
            resource("tool", $0.key, nil, ("version", .string($0.value)))
        }
        return all
    }

    /// A CycloneDX 1.5 document: the image, the files it was made from, its bases and tools.
    var billOfMaterials: JSONValue {
        func hashes(_ hex: String) -> (String, JSONValue) {
            ("hashes", .array([.object([("alg", .string("SHA-256")), ("content", .string(hex))])]))
        }
        func component(_ type: String, _ kind: String, _ name: String, _ more: [(String, JSONValue)]) -> JSONValue {
            .object(
                [("type", .string(type)), ("bom-ref", .string("\(kind):\(name)")), ("name", .string(name))] + more)
        }
        let files = inputs.map { component("file", "file", $0.path.shown, [hashes($0.content.hex)]) }
        let images = bases.map { base in
            component(
                "container", "image", base.reference, base.digest.map { [hashes(Attestation.digits($0))] } ?? [])
        }
        let programs = tools.declared.sorted { $0.key < $1.key }.map {
            component("application", "tool", $0.key, [("version", .string($0.value))])
        }
        let own = component(
            "container", "subject", repository, [("version", .string(hash.hex)), hashes(Attestation.digits(digest))])
        var maker: [(String, JSONValue)] = [("type", .string("application")), ("name", .string("lmsbuild"))]
        if let version = tools.lmsbuild { maker.append(("version", .string(version))) }
        let names = inputs.map { "file:" + $0.path.shown } + bases.map { "image:" + $0.reference }
        return .object([
            ("bomFormat", .string("CycloneDX")), ("specVersion", .string("1.5")), ("version", .number(1)),
            (
                "metadata",
                .object([("tools", .object([("components", .array([.object(maker)]))])), ("component", own)])
            ),
            ("components", .array(files + images + programs)),
            (
                "dependencies",
                .array([.object([("ref", .string("subject:" + repository)), ("dependsOn", Self.texts(names))])])
            ),
        ])
    }
}
