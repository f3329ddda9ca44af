// Verifies contracts that are documents: each is compared with the provider's own of the same kind. Hands pacts on, and puts
// both reports together. Does not know how documents are compared, nor how pacts are verified.
package import BuildEngine
package import BuildGraph
import Buildfile

/// lmsbuild's own verifier, of all kinds of contracts.
package struct InterfaceVerifier: Sendable {
    private let request: VerifierRequest
    /// Absolute: where contracts and documents are looked for.
    private let folder: BytePath

    package init(_ request: VerifierRequest, folder: BytePath) {
        self.request = request
        self.folder = folder
    }

    /// What became of one contract that is a document.
    struct Outcome: Sendable {
        let path: String
        /// Of the terms it stands for.
        let terms: Set<SHA256Value>
        let other: String
        let findings: [Incompatibility]
        let isPending: Bool
    }

    /// Verifies, and gives what to print (the last line is for the engine) and whether all is well. `pacts` verifies what is a
    /// pact. Throws what `pacts` throws.
    package func run(
        pacts: @Sendable (VerifierRequest) async throws -> (text: String, passed: Bool)
    ) async throws -> (text: String, passed: Bool) {
        if request.documents.isEmpty { return try await pacts(request) }
        var outcomes: [[Outcome]] = []
        var rest = request
        do {
            for index in request.contracts.indices {
                let (found, left) = try compare(request.contracts[index])
                outcomes.append(found)
                rest.contracts[index] = left
            }
        } catch let failure as VerifierFailure {
            let none = VerifierResults(
                parts: request.contracts.map { contract in
                    .init(consumer: contract.consumer, marks: contract.terms.map { _ in .unknown }, failures: [])
                }, trouble: failure.message)
            return (VerifierResults.heading(nil) + ReportText.line(failure.message) + "\n" + none.text, false)
        }
        var other: VerifierResults?
        var passed = true
        rest.contracts.removeAll { $0.terms.isEmpty }
        if !rest.contracts.isEmpty {
            let found = try await pacts(rest)
            other = VerifierResults(log: Array(found.text.utf8))
            passed = found.passed
        }
        return report(outcomes, rest, other, passed)
    }

    // MARK: Comparing

    private func compare(
        _ contract: VerifierRequest.Contract
    ) throws -> (outcomes: [Outcome], rest: VerifierRequest.Contract) {
        var outcomes: [Outcome] = []
        var rest = contract
        rest.paths = []
        let wanted = Set(contract.terms)
        for path in contract.paths {
            let bytes = try contents(path, "the contract '\(path)' of '\(contract.consumer)'")
            let terms = Set(PactAwareContracts().terms(of: bytes).map(\.digest)).intersection(wanted)
            let kind: ContractDocument.Kind
            do throws(ContractReadError) {
                kind = try ContractDocument.read(bytes, name: path).kind
            } catch {
                throw VerifierFailure(message: error.text(name: path, bytes: bytes))
            }
            if kind == .pact, request.hasProvider {
                rest.paths.append(path)
                continue
            }
            guard let own = interface(kind) else {
                throw VerifierFailure(
                    message:
                        "'\(path)' of '\(contract.consumer)' is \(InterfaceDocument.words(kind)): the rule verifies \(verified)"
                )
            }
            rest.terms.removeAll { terms.contains($0) }
            if terms.isEmpty { continue }
            let (mine, its) = try read(bytes, path, own)
            outcomes.append(
                Outcome(
                    path: path, terms: terms, other: its.name,
                    findings: mine.incompatibilities(with: its, .consumer),
                    isPending: terms.isSubset(of: contract.pending)))
        }
        rest.pending.formIntersection(rest.terms)
        if rest.paths.isEmpty, !rest.terms.isEmpty {
            throw VerifierFailure(
                message: "the contract of '\(contract.consumer)' is no longer what was hashed: run again")
        }
        return (outcomes, rest)
    }

    private var verified: String {
        let kinds = InterfaceKind.allCases.filter { kind in request.documents.contains { $0.kind == kind } }
        let words = kinds.map { "[\($0.rawValue)]" } + (request.hasProvider ? ["[pact]"] : [])
        return "what fits " + words.joined(separator: ", ")
    }

    /// A schema that does not say it is one is taken for one where schemas are what is compared.
    private func interface(_ kind: ContractDocument.Kind) -> InterfaceKind? {
        let found: InterfaceKind? =
            switch kind {
            case .openAPI: .openapi
            case .protobuf: .proto
            case .jsonSchema, .opaque: .schema
            case .pact: nil
            }
        return request.documents.contains { $0.kind == found } ? found : nil
    }

    private func read(
        _ bytes: [UInt8], _ path: String, _ kind: InterfaceKind
    ) throws -> (mine: InterfaceDocument, its: InterfaceDocument) {
        let files = try request.documents.filter { $0.kind == kind }.map { document in
            (bytes: try contents(document.path, "the document '\(document.path)'"), name: document.path)
        }
        let mine: InterfaceDocument
        do throws(ContractReadError) {
            mine = try InterfaceDocument.read(bytes, name: path, as: kind.contractKind)
        } catch {
            throw VerifierFailure(message: error.text(name: path, bytes: bytes))
        }
        do throws(ContractReadError) {
            return (mine, try InterfaceDocument.read(files, as: kind.contractKind))
        } catch {
            throw VerifierFailure(message: error.text(name: files.first?.name ?? "", bytes: files.first?.bytes ?? []))
        }
    }

    private func contents(_ path: String, _ what: String) throws -> [UInt8] {
        do {
            return try Disk.contents(of: folder.appending(BytePath(path)))
        } catch {
            throw VerifierFailure(message: "\(what) cannot be read: \(error)")
        }
    }

    // MARK: Telling

    /// Incompatibilities that the last line tells of, of one consumer.
    private static let toldFailures = 5

    private func report(
        _ outcomes: [[Outcome]], _ rest: VerifierRequest, _ other: VerifierResults?, _ passed: Bool
    ) -> (text: String, passed: Bool) {
        var text = ""
        var parts: [VerifierResults.Part] = []
        var isRight = passed
        for (contract, found) in zip(request.contracts, outcomes) {
            text += VerifierResults.heading(contract.consumer)
            text += section(contract, found)
            var marks: [SHA256Value: VerifierResults.Mark] = [:]
            var failures: [String] = []
            for outcome in found {
                let mark: VerifierResults.Mark =
                    outcome.findings.isEmpty ? .passed : outcome.isPending ? .pending : .failed
                if mark == .failed {
                    isRight = false
                    failures += outcome.findings.prefix(Self.toldFailures).map { "\($0.place): \($0.message)" }
                }
                for term in outcome.terms { marks[term] = mark }
            }
            if let other, let left = rest.contracts.first(where: { $0.consumer == contract.consumer }),
                let part = other.part(of: contract.consumer)
            {
                for (term, mark) in zip(left.terms, part.marks) { marks[term] = mark }
                failures += part.failures
                text += String(decoding: other.log(of: contract.consumer), as: UTF8.self)
            }
            parts.append(
                .init(
                    consumer: contract.consumer, marks: contract.terms.map { marks[$0] ?? .unknown },
                    failures: failures))
        }
        text += VerifierResults.heading(nil)
        return (text + VerifierResults(parts: parts, trouble: other?.trouble).text, isRight)
    }

    private func section(_ contract: VerifierRequest.Contract, _ outcomes: [Outcome]) -> String {
        let owners = contract.owners.isEmpty ? "" : ", owned by \(contract.owners.joined(separator: ", "))"
        var text = ""
        for outcome in outcomes {
            text += "'\(request.provider)' as '\(contract.consumer)'\(owners), relies on it\n"
            let mark = outcome.findings.isEmpty ? "ok     " : outcome.isPending ? "pending" : "FAILED "
            text += "  \(mark)  \(ReportText.line(outcome.path)) with \(ReportText.line(outcome.other))\n"
            text += IncompatibilityText.list(outcome.findings, expected: outcome.path, actual: outcome.other)
        }
        return text
    }
}

extension InterfaceKind {
    package var contractKind: ContractDocument.Kind {
        switch self {
        case .openapi: .openAPI
        case .proto: .protobuf
        case .schema: .jsonSchema
        }
    }
}

/// The wording of what was found, for reports.
package enum IncompatibilityText {
    /// Each with its place, what is expected and what there is; `expected` and `actual` name the documents.
    package static func list(_ findings: [Incompatibility], expected: String, actual: String) -> String {
        findings.map { finding in
            let side: String =
                switch finding.side {
                case .request: "breaks requests"
                case .response: "breaks responses"
                case .both: "breaks both ways"
                }
            var text = "\n  \(finding.place.isEmpty ? "the document" : ReportText.line(finding.place))\n"
            text += "    \(ReportText.line(finding.message))\n"
            text += "    \(finding.kind), \(finding.isCertain ? side : "cannot be told")\n"
            text += "    - expected  \(spot(finding.expected, expected))\n"
            return text + "    + actual    \(spot(finding.actual, actual))\n"
        }.joined()
    }

    private static func spot(_ spot: Incompatibility.Spot, _ name: String) -> String {
        let place = ReportText.line(name) + (spot.line.map { ":\($0)" } ?? "")
        return place + "  " + (spot.text.map(ReportText.line) ?? "(not there)")
    }
}
