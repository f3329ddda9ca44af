// `[changed-only]`: a recipe that makes mutants is told which files changed since the base, and what the base's report says of
// the others is put into its own. Does not know how a report is written (`MutationParts` does), nor where the base is.
import BuildGraph
import Buildfile

/// What a recipe is spared: the results of files that are as they were at the base.
struct Takeover: Sendable {
    /// What the recipe measures; relative to its folder, sorted.
    let changed: [BytePath]
    /// Whose results are taken, as the reports call them resolved: inputs, relative to the workspace's root.
    let kept: Set<BytePath>
    /// A report of the rule → what the base's said.
    let reports: [BytePath: [UInt8]]
    let places: ReportedPlaces
    /// For people.
    let base: String

    /// `action` with `$changed`, a path on each line.
    func narrowing(_ action: Action) -> Action {
        var environment = action.unhashedEnvironment
        environment["changed"] = changed.map { String(decoding: $0.bytes, as: UTF8.self) }.joined(separator: "\n")
        return action.with(unhashedEnvironment: environment)
    }
}

extension Engine {
    /// What a run of `target`, which is `node`, need not measure again; nil where it must measure everything, which is said.
    ///
    /// A file's results are the base's where the file is as it was, and so is everything that no mutants are made of: tests, tools,
    /// settings, the recipe. Whatever else differs has everything measured.
    func takeover(of node: Target, _ target: Int) async throws -> Takeover? {
        guard node.attributes.changedOnly, !options.ignoresCache, let base = parts.base else { return nil }
        switch await base.recorded(node.label) {
        case .unknown(let reason, let hint):
            say(node, reason, hint: hint)
            return nil
        case .known(let result, let manifest, let name):
            do throws(EverythingCounts) {
                return try await takeover(of: node, target, since: result, manifest, named: name)
            } catch {
                say(node, error.reason)
                return nil
            }
        }
    }

    private func say(_ node: Target, _ reason: String, hint: String? = nil) {
        emit(
            .notice(
                Diagnostic(
                    .measuredAnew, .notice, "'\(node.label)' measures everything: \(reason)", at: node.span, hint: hint)
            ))
    }

    /// Why nothing can be taken from the base.
    private struct EverythingCounts: Error {
        let reason: String
    }

    private func takeover(
        of node: Target, _ target: Int, since result: ActionResult, _ manifest: [ManifestField], named base: String
    ) async throws(EverythingCounts) -> Takeover {
        let folder = hashed.graph.components[node.component].folder
        let places = ReportedPlaces(folder: folder, workspace: parts.workspace)
        let now: [ManifestField]
        do {
            now = try hashed.manifest(of: target)
        } catch {
            throw EverythingCounts(reason: "\(error)")
        }
        let delta = FileDelta(from: manifest, to: now)
        if let other = delta.other { throw EverythingCounts(reason: "\(other) is not as at the base \(base)") }
        var reports: [BytePath: [UInt8]] = [:]
        var measured: Set<BytePath> = []
        for gate in node.attributes.gates where gate.metric == GateMetric.mutation.rawValue {
            guard let file = result.outputs.first(where: { $0.path == gate.file }),
                let bytes = try? await parts.store.read(file.digest)
            else { throw EverythingCounts(reason: "'\(gate.file.shown)' of the base \(base) is not kept here") }
            do throws(ReportError) {
                let names = try MutationParts(bytes).files
                measured.formUnion(names.map { places.resolved(BytePath($0)) { delta.all.contains($0) } })
            } catch {
                throw EverythingCounts(reason: "'\(gate.file.shown)' of the base \(base): \(error.message)")
            }
            reports[gate.file] = bytes
        }
        if let rest = delta.changed.union(delta.removed).union(delta.added).subtracting(measured).min() {
            throw EverythingCounts(
                reason: "'\(rest.shown)' is not as at the base \(base), and the report there has no mutants of it")
        }
        let kept = measured.subtracting(delta.changed).subtracting(delta.removed)
        let changed = delta.changed.map { $0.walked(from: folder) }.sorted()
        guard !changed.isEmpty, !kept.isEmpty else {
            throw EverythingCounts(reason: "no part of the report of the base \(base) can be taken")
        }
        guard
            changed.allSatisfy({ path in
                !path.bytes.contains(UInt8(ascii: "\n")) && String(validating: path.bytes, as: UTF8.self) != nil
            })
        else { throw EverythingCounts(reason: "a changed file's name cannot be told in a variable") }
        return Takeover(changed: changed, kept: kept, reports: reports, places: places, base: base)
    }

    /// `result` with what the base said of the files that its recipe was spared.
    func taking(_ takeover: Takeover?, into result: ActionResult, of node: Target) async throws -> ActionResult {
        guard let takeover else { return result }
        var outputs = result.outputs
        var taken: Set<BytePath> = []
        for (index, output) in outputs.enumerated() {
            guard let base = takeover.reports[output.path], output.kind != .link else { continue }
            let bytes = try await parts.store.read(output.digest)
            do throws(ReportError) {
                let own = try MutationParts(bytes)
                let merged = try own.adding(try MutationParts(base)) { name in
                    let file = takeover.places.resolved(BytePath(name)) { takeover.kept.contains($0) }
                    guard takeover.kept.contains(file) else { return false }
                    taken.insert(file)
                    return true
                }
                outputs[index] = OutputFile(
                    path: output.path, kind: output.kind, digest: try await written(merged, output))
            } catch {
                throw ActionFailure(
                    kind: .gate,
                    diagnostic: Diagnostic(
                        .gateFailed,
                        "'\(node.label)': '\(output.path.shown)\(error.place(in: bytes))': \(error.message)",
                        at: node.span,
                        hint: "'[changed-only]' puts the base's results of unchanged files into it"),
                    exitCode: 0, output: await log(result), duration: result.duration)
            }
        }
        emit(
            .notice(
                Diagnostic(
                    .measuredAnew, .notice,
                    "'\(node.label)' measured what changed, \(Self.files(takeover.changed.count)); \(Self.files(taken.count)) as at the base \(takeover.base)",
                    at: node.span)))
        return ActionResult(
            exitCode: result.exitCode, outputs: outputs, imageDigest: result.imageDigest, log: result.log,
            duration: result.duration, reports: result.reports)
    }

    private func written(_ bytes: [UInt8], _ output: OutputFile) async throws(ReportError) -> Digest {
        do {
            return try await parts.store.write(bytes)
        } catch {
            throw ReportError("it cannot be stored: \(error)")
        }
    }

    private static func files(_ count: Int) -> String { count == 1 ? "1 file" : "\(count) files" }
}

/// How two manifests of a target differ.
private struct FileDelta {
    private(set) var changed: Set<BytePath> = []
    private(set) var added: Set<BytePath> = []
    private(set) var removed: Set<BytePath> = []
    /// Every file of either.
    private(set) var all: Set<BytePath> = []
    /// Something other than a file that differs, for people; nil where there is none.
    private(set) var other: String?

    init(from old: [ManifestField], to new: [ManifestField]) {
        let (oldFiles, oldRest) = Self.parts(of: old)
        let (newFiles, newRest) = Self.parts(of: new)
        if oldRest != newRest {
            let field = newRest.subtracting(oldRest).min() ?? oldRest.subtracting(newRest).min()
            other = field.map(\.shown) ?? "something"
        }
        for (path, value) in newFiles {
            all.insert(path)
            guard let before = oldFiles[path] else {
                added.insert(path)
                continue
            }
            if before != value { changed.insert(path) }
        }
        for path in oldFiles.keys where newFiles[path] == nil {
            all.insert(path)
            removed.insert(path)
        }
    }

    /// A field without the place that its value was read from.
    private struct Bare: Hashable, Comparable {
        let tag: ManifestTag
        let key: [UInt8]
        let value: [UInt8]

        static func < (left: Bare, right: Bare) -> Bool {
            left.tag != right.tag
                ? left.tag.rawValue < right.tag.rawValue : left.key.lexicographicallyPrecedes(right.key)
        }

        var shown: String {
            let name = BytePath(bytes: key).shown
            return switch tag {
            case .recipe, .making, .folder, .interpreter: "the rule"
            case .tool: "the tool '\(name)'"
            case .value: "the variable '\(name)'"
            case .prerequisite, .imageTag: "'\(name)', which it takes in,"
            default: "'\(name)'"
            }
        }
    }

    private static func parts(of fields: [ManifestField]) -> (files: [BytePath: [UInt8]], rest: Set<Bare>) {
        var files: [BytePath: [UInt8]] = [:]
        var rest: Set<Bare> = []
        for field in fields {
            if field.tag == .file {
                files[BytePath(bytes: field.key)] = field.value
            } else {
                rest.insert(Bare(tag: field.tag, key: field.key, value: field.value))
            }
        }
        return (files, rest)
    }
}
