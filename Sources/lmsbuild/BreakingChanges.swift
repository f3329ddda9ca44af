// `contracts --breaking OLD NEW`: what of a document's later version breaks those who rely on the earlier one. Does not know how
// documents are compared, nor any workspace.
import BuildEngine
import BuildGraph
import Buildfile
import Contracts
import Glibc

struct BreakingChanges {
    let format: String
    let output: String?

    /// Exit 3 where something breaks, or may.
    func answer(_ names: [String]) throws -> BuildEngine.ExitCode {
        guard names.count == 2 else {
            throw Refusal(
                Diagnostic(
                    .badCommandLine, "'--breaking' compares two files, and there are \(names.count)",
                    hint: "lmsbuild contracts --breaking OLD NEW"), .wrongInput)
        }
        guard ["text", "json"].contains(format) else {
            throw Refusal(
                Diagnostic(
                    .badCommandLine, "'--format \(format)' shows no changes", hint: "text or json"), .wrongInput)
        }
        let documents = try names.map { try Self.read($0) }
        let changes = documents[0].incompatibilities(with: documents[1], .versions)
        let text =
            format == "json"
            ? Self.json(names, documents, changes).text(pretty: true) + "\n" : Self.text(names, documents, changes)
        if let output { try writeFile(output, Array(text.utf8)) } else { Terminal.out(text) }
        return changes.isEmpty ? .done : .checkFailed
    }

    private static func read(_ name: String) throws -> InterfaceDocument {
        guard let bytes = fileContents(BytePath(name)) else {
            throw Refusal(
                Diagnostic(.missingInput, "cannot read '\(BytePath(name).shown)': \(errnoText(errno))"), .wrongInput)
        }
        do throws(ContractReadError) {
            // A schema often does not say that it is one.
            do throws(ContractReadError) {
                return try InterfaceDocument.read(bytes, name: name)
            } catch {
                guard (try? ContractDocument.read(bytes, name: name))?.kind == .opaque,
                    bytes.first(where: { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }) == UInt8(ascii: "{")
                else { throw error }
                return try InterfaceDocument.read(bytes, name: name, as: .jsonSchema)
            }
        } catch {
            let expected = error.expected.map { " (expected \($0))" } ?? ""
            throw Refusal(
                Diagnostic(
                    .badContract, "this cannot be compared: \(error.message)\(expected)",
                    at: SourceSpan(
                        SourceText(name: name, bytes: bytes), offset: min(error.offset, bytes.count),
                        length: error.offset < bytes.count ? 1 : 0)), .wrongInput)
        }
    }

    private static func text(
        _ names: [String], _ documents: [InterfaceDocument], _ changes: [Incompatibility]
    ) -> String {
        let what =
            "\(InterfaceDocument.words(documents[0].kind)), \(BytePath(names[0]).shown) to \(BytePath(names[1]).shown)"
        if changes.isEmpty { return "no breaking change: \(what)\n" }
        let certain = changes.count(where: \.isCertain)
        var counts: [String] = []
        if certain > 0 { counts.append(certain == 1 ? "1 breaking change" : "\(certain) breaking changes") }
        if certain < changes.count { counts.append("\(changes.count - certain) that cannot be told") }
        return "\(counts.joined(separator: ", ")): \(what)\n"
            + IncompatibilityText.list(changes, expected: names[0], actual: names[1])
    }

    private static func json(
        _ names: [String], _ documents: [InterfaceDocument], _ changes: [Incompatibility]
    ) -> JSONValue {
        func spot(_ spot: Incompatibility.Spot) -> JSONValue {
            .object([
                ("pointer", .string(spot.pointer)),
                ("line", spot.line.map { .number($0) } ?? .null),
                ("text", spot.text.map { .string($0) } ?? .null),
            ])
        }
        return .object([
            ("schema", .number(1)), ("kind", .string(documents[0].kind.rawValue)),
            ("old", .string(names[0])), ("new", .string(names[1])),
            (
                "changes",
                .array(
                    changes.map { change in
                        .object([
                            ("kind", .string(change.kind)), ("breaks", .string(change.side.rawValue)),
                            ("certain", .bool(change.isCertain)), ("place", .string(change.place)),
                            ("message", .string(change.message)), ("old", spot(change.expected)),
                            ("new", spot(change.actual)),
                        ])
                    })
            ),
        ])
    }
}
