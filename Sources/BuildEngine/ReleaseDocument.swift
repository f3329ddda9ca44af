// A release as a JSON document, and the name that its bytes give it. Does not know where documents lie.
import BuildGraph
package import Buildfile

extension JSONValue {
    /// The value with the members of every object sorted by the bytes of their names.
    package var sorted: JSONValue {
        switch self {
        case .object(let members):
            .object(
                members.map { ($0.0, $0.1.sorted) }.sorted { $0.0.utf8.lexicographicallyPrecedes($1.0.utf8) })
        case .array(let elements): .array(elements.map(\.sorted))
        default: self
        }
    }
}

extension Release {
    /// The canonical form: JSON in UTF-8 on one line without spaces, members sorted by their names' bytes. Holds no time,
    /// machine, run or verdict, so what is the same has the same bytes wherever and whenever it is made.
    package var canonical: [UInt8] { Array(named.sorted.text(pretty: false).utf8) }

    /// The document: what the name covers, and beside it the verdicts that are known.
    package var json: JSONValue {
        guard case .object(let members) = named, !hasNamedVerdicts else { return named }
        let known = verdicts
        return known.isEmpty ? named : .object(members + [(Self.verdictsMember, Self.json(known))])
    }

    /// What the name covers. A member that nothing is known for is left out, so that what an older lmsbuild wrote keeps its
    /// name.
    private var named: JSONValue {
        var members: [(String, JSONValue)] = [
            ("schema", .number(1)), ("commit", commit.map { .string($0) } ?? .null),
            ("services", .object(services.sorted { $0.key < $1.key }.map { ($0.key, Self.json($0.value)) })),
            ("contracts", .array(contracts.map { Self.json($0, withVerdicts: hasNamedVerdicts) })),
        ]
        if !environments.isEmpty {
            members.append(
                ("environments", .object(environments.sorted { $0.key < $1.key }.map { ($0.key, Self.json($0.value)) }))
            )
        }
        if tools != Tools() { members.append(("tools", Self.json(tools))) }
        members.append(
            ("targets", .object(hashes.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value.hex)) })))
        return .object(members)
    }

    private static func json(_ service: Service) -> JSONValue {
        var members: [(String, JSONValue)] = [
            ("hash", .string(service.hash.hex)), ("image", service.image.map { .string($0) } ?? .null),
            ("digest", service.digest.map { .string($0) } ?? .null),
        ]
        if let layers = service.layers { members.append(("layers", .array(layers.map { .string($0) }))) }
        return .object(members)
    }

    private static func json(_ environment: Environment) -> JSONValue {
        .object([
            ("stack", environment.stack.map { .string($0.hex) } ?? .null),
            ("environment", environment.environment.map { .string($0.hex) } ?? .null),
        ])
    }

    private static func json(_ tools: Tools) -> JSONValue {
        var members: [(String, JSONValue)] = []
        if let version = tools.lmsbuild { members.append(("lmsbuild", .string(version))) }
        if let engine = tools.engine { members.append(("engine", .string(engine))) }
        members.append(
            ("declared", .object(tools.declared.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) })))
        return .object(members)
    }

    private static func json(_ contract: Contract, withVerdicts: Bool) -> JSONValue {
        func json(_ term: ContractTerm) -> JSONValue {
            var members: [(String, JSONValue)] = [
                ("name", .string(term.name)), ("digest", .string(term.digest.hex)),
            ]
            if withVerdicts, let verdict = contract.verdicts[term.digest] {
                members.append(("verdict", .string(verdict.rawValue)))
            }
            return .object(members)
        }
        return .object([
            ("consumer", .string(contract.consumer)), ("provider", .string(contract.provider)),
            ("files", .array(contract.files.map { .string($0.shown) })),
            ("terms", contract.terms.map { .array($0.map { json($0) }) } ?? .null),
            ("verification", contract.verification.map { .string($0.hex) } ?? .null),
        ])
    }

    // MARK: Reading

    /// Reads what `json` wrote, now or in an older version. Throws LMS311 for anything else; `name` is what people call the
    /// document.
    package init(reading bytes: [UInt8], name: String) throws(Diagnostic) {
        let document: JSONValue
        do {
            document = try JSONValue.parse(bytes)
        } catch {
            throw .noRelease(name, error.message)
        }
        do throws(Unreadable) {
            self = try Self.read(document)
        } catch {
            throw .noRelease(name, error.reason)
        }
        readName = SHA256Value.of(Array(document.without(Self.verdictsMember).sorted.text(pretty: false).utf8))
    }

    private struct Unreadable: Error {
        let reason: String
    }

    private static func read(_ document: JSONValue) throws(Unreadable) -> Release {
        guard document.member("schema")?.numeric == 1 else { throw Unreadable(reason: "its \"schema\" is not 1") }
        guard let services = document.member("services")?.members else {
            throw Unreadable(reason: "it has no \"services\"")
        }
        guard let contracts = document.member("contracts")?.elements else {
            throw Unreadable(reason: "it has no \"contracts\"")
        }
        var read: [String: Service] = [:]
        for (name, value) in services { read[name] = try service(value, name) }
        var found: [Contract] = []
        for (place, value) in contracts.enumerated() {
            guard let contract = contract(value) else {
                throw Unreadable(reason: "its contract \(place + 1) cannot be read")
            }
            found.append(contract)
        }
        var hashes: [String: InputHash] = [:]
        for (label, value) in document.member("targets")?.members ?? [] {
            guard let hash = value.text.flatMap({ SHA256Value(hex: $0) }) else {
                throw Unreadable(reason: "the target '\(BytePath(label).shown)' has no hash of 64 hex digits")
            }
            hashes[label] = InputHash(hash)
        }
        var release = Release(
            commit: document.member("commit")?.text, services: read, contracts: found, hashes: hashes)
        for (name, value) in document.member("environments")?.members ?? [] {
            release.environments[name] = Environment(
                stack: value.member("stack")?.text.flatMap { SHA256Value(hex: $0) },
                environment: value.member("environment")?.text.flatMap { SHA256Value(hex: $0) })
        }
        release.tools = tools(document.member("tools"))
        release.hasNamedVerdicts = found.contains { !$0.verdicts.isEmpty }
        return release.knowing(verdicts(document.member(verdictsMember)))
    }

    private static func tools(_ value: JSONValue?) -> Tools {
        var tools = Tools()
        tools.lmsbuild = value?.member("lmsbuild")?.text
        tools.engine = value?.member("engine")?.text
        for (name, version) in value?.member("declared")?.members ?? [] { tools.declared[name] = version.text }
        return tools
    }

    private static func service(_ value: JSONValue, _ name: String) throws(Unreadable) -> Service {
        guard let hash = value.member("hash")?.text.flatMap({ SHA256Value(hex: $0) }) else {
            throw Unreadable(reason: "the service '\(BytePath(name).shown)' has no hash of 64 hex digits")
        }
        return Service(
            hash: InputHash(hash), image: value.member("image")?.text, digest: value.member("digest")?.text,
            layers: value.member("layers")?.elements.map { $0.compactMap(\.text) })
    }

    private static func contract(_ value: JSONValue) -> Contract? {
        guard let consumer = value.member("consumer")?.text, let provider = value.member("provider")?.text,
            let files = value.member("files")?.elements
        else { return nil }
        var terms: [ContractTerm]?
        var verdicts: [SHA256Value: TermVerdict] = [:]
        if let elements = value.member("terms")?.elements {
            var read: [ContractTerm] = []
            for element in elements {
                guard let name = element.member("name")?.text,
                    let digest = element.member("digest")?.text.flatMap({ SHA256Value(hex: $0) })
                else { return nil }
                read.append(ContractTerm(name: name, digest: digest))
                verdicts[digest] = element.member("verdict")?.text.flatMap { TermVerdict(rawValue: $0) }
            }
            terms = read
        }
        var verification: SHA256Value?
        if let text = value.member("verification")?.text {
            guard let hash = SHA256Value(hex: text) else { return nil }
            verification = hash
        }
        return Contract(
            consumer: consumer, provider: provider, files: files.compactMap(\.text).map { BytePath($0) }, terms: terms,
            verification: verification, verdicts: verdicts)
    }
}

extension Diagnostic {
    /// LMS311: what is called `name` is no release.
    static func noRelease(_ name: String, _ reason: String) -> Diagnostic {
        Diagnostic(
            .badRecord, "'\(BytePath(name).shown)' is no release: \(reason)",
            hint: "'lmsbuild release -o FILE' writes one")
    }
}
