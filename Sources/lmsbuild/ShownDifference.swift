// The wording of what differs between two releases. Finds nothing.
import BuildEngine
import BuildGraph
import Buildfile

struct ShownDifference {
    let old: Release
    let new: Release
    let difference: ReleaseDifference
    let reasons: ReleaseReasons

    // MARK: Text

    var text: String {
        if old.name == new.name { return "nothing: both are \(new.shortName)\n" }
        var text = "\(side(old)) -> \(side(new))\n"
        if difference.isEmpty { text += "nothing but the commit differs\n" }
        for service in difference.services { text += lines(of: service) }
        if let unknown = reasons.unknown { text += "files and commits are not known: \(unknown)\n" }
        for term in difference.terms { text += line(of: term) }
        for environment in difference.environments { text += line(of: environment) }
        for tool in difference.tools {
            text += "tool \(shown(tool.name)): \(shown(tool.old ?? "none")) -> \(shown(tool.new ?? "none"))\n"
        }
        return text
    }

    private func side(_ release: Release) -> String {
        release.shortName + (release.commit.map { " (commit \(shown($0).prefix(12)))" } ?? " (no commit)")
    }

    private func shown(_ text: String) -> String { BytePath(text).shown }

    private func lines(of service: ReleaseDifference.Service) -> String {
        let name = shown(service.name)
        guard let old = service.old else { return "added    \(name)  \(state(service.new))\n" }
        guard let new = service.new else { return "removed  \(name)  \(state(service.old))\n" }
        var text = "changed  \(name)  "
        if old.hash != new.hash {
            text += "\(old.hash.short) -> \(new.hash.short)\n"
        } else if old.digest != new.digest || old.layers != new.layers {
            text += "the same inputs, another image\n"
        } else {
            text += "the same inputs, another name\n"
        }
        if old.digest != new.digest {
            text += "  image   \(short(old.digest)) -> \(short(new.digest))\n"
        } else if old.image != new.image {
            text += "  name    \(shown(old.image ?? "none")) -> \(shown(new.image ?? "none"))\n"
        }
        guard let reason = reasons.services[service.name] else { return text }
        for change in reason.changes { text += "  \(change.line)\n" }
        for commit in reason.commits { text += "  commit  \(line(of: commit))\n" }
        for commit in reason.without { text += "  without \(line(of: commit))\n" }
        return text
    }

    private func state(_ service: Release.Service?) -> String {
        guard let service else { return "" }
        return service.hash.short + (service.image == nil ? "" : "  \(short(service.digest))")
    }

    private func short(_ digest: String?) -> String { digest.map { VerificationTable.short($0) } ?? "not built" }

    private func line(of commit: TouchingCommit) -> String {
        "\(commit.id.prefix(12)) \(BytePath(bytes: commit.author).shown): \(BytePath(bytes: commit.subject).shown)"
    }

    private func line(of term: ReleaseDifference.Term) -> String {
        let pair = "\(shown(term.consumer)) with \(shown(term.provider)): '\(shown(term.term.name))'"
        func said(_ verdict: Release.TermVerdict?) -> String { verdict?.rawValue ?? "nothing known" }
        if !term.wasThere { return "contract \(pair) is new, \(said(term.new))\n" }
        if !term.isThere { return "contract \(pair) is gone\n" }
        return "contract \(pair): \(said(term.old)) -> \(said(term.new))\n"
    }

    private func line(of environment: ReleaseDifference.Environment) -> String {
        let name = shown(environment.name)
        guard let old = environment.old else { return "environment \(name) is new\n" }
        guard let new = environment.new else { return "environment \(name) is gone\n" }
        let parts = [
            old.stack == new.stack ? nil : "another stack",
            old.environment == new.environment ? nil : "other variables",
        ]
        return "environment \(name): \(parts.compactMap { $0 }.joined(separator: ", "))\n"
    }

    // MARK: JSON

    var json: JSONValue {
        func text(_ text: String?) -> JSONValue { text.map { .string($0) } ?? .null }
        return .object([
            ("schema", .number(1)), ("old", Self.json(old)), ("new", Self.json(new)),
            ("services", .array(difference.services.map { json($0) })), ("unknown", text(reasons.unknown)),
            (
                "contracts",
                .array(
                    difference.terms.map { term in
                        .object([
                            ("consumer", .string(term.consumer)), ("provider", .string(term.provider)),
                            ("term", .string(term.term.name)), ("digest", .string(term.term.digest.hex)),
                            ("change", .string(!term.wasThere ? "added" : !term.isThere ? "removed" : "verdict")),
                            ("old", text(term.old?.rawValue)), ("new", text(term.new?.rawValue)),
                        ])
                    })
            ),
            (
                "environments",
                .array(
                    difference.environments.map { environment in
                        .object([
                            ("name", .string(environment.name)), ("old", Self.json(environment.old)),
                            ("new", Self.json(environment.new)),
                        ])
                    })
            ),
            (
                "tools",
                .array(
                    difference.tools.map {
                        .object([("name", .string($0.name)), ("old", text($0.old)), ("new", text($0.new))])
                    })
            ),
        ])
    }

    private static func json(_ release: Release) -> JSONValue {
        .object([
            ("release", .string(release.name.hex)), ("commit", release.commit.map { .string($0) } ?? .null),
        ])
    }

    private static func json(_ environment: Release.Environment?) -> JSONValue {
        guard let environment else { return .null }
        return .object([
            ("stack", environment.stack.map { .string($0.hex) } ?? .null),
            ("environment", environment.environment.map { .string($0.hex) } ?? .null),
        ])
    }

    private static func json(_ service: Release.Service?) -> JSONValue {
        guard let service else { return .null }
        return .object([
            ("hash", .string(service.hash.hex)), ("image", service.image.map { .string($0) } ?? .null),
            ("digest", service.digest.map { .string($0) } ?? .null),
        ])
    }

    private func json(_ service: ReleaseDifference.Service) -> JSONValue {
        let reason = reasons.services[service.name]
        let change = service.old == nil ? "added" : service.new == nil ? "removed" : "changed"
        return .object([
            ("name", .string(service.name)), ("change", .string(change)), ("old", Self.json(service.old)),
            ("new", Self.json(service.new)), ("why", .array((reason?.changes ?? []).map(\.json))),
            ("commits", .array((reason?.commits ?? []).map { Self.json($0) })),
            ("without", .array((reason?.without ?? []).map { Self.json($0) })),
        ])
    }

    private static func json(_ commit: TouchingCommit) -> JSONValue {
        .object([
            ("id", .string(commit.id)), ("author", .string(BytePath(bytes: commit.author).shown)),
            ("subject", .string(BytePath(bytes: commit.subject).shown)),
        ])
    }
}
