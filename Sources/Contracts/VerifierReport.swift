// What the verifier prints: for people, consumer by consumer, and the last line for the engine. Does not know how it was verified.
import BuildEngine
import BuildGraph

struct VerifierReport {
    private let request: VerifierRequest
    var outcomes: [(item: Verifier.Item, outcome: Verifier.Outcome)] = []
    /// Why it could not be verified, or not to the end.
    var trouble: String?
    var providerOutput: [UInt8] = []

    /// Failures that the last line tells of, of one consumer.
    private static let toldFailures = 5

    init(_ request: VerifierRequest) {
        self.request = request
    }

    /// Whether nothing failed but what may, and everything else was verified.
    var isRight: Bool {
        if request.contracts.indices.contains(where: { marks(of: $0).contains(.failed) }) { return false }
        return request.contracts.indices.allSatisfy { index in
            let contract = request.contracts[index]
            return zip(contract.terms, marks(of: index)).allSatisfy {
                $1 != .unknown || contract.pending.contains($0)
            }
        }
    }

    private func marks(of contract: Int) -> [VerifierResults.Mark] {
        var found: [SHA256Value: VerifierResults.Mark] = [:]
        for (item, outcome) in outcomes where item.contract == contract {
            found[item.interaction.digest.hash] =
                switch outcome {
                case .passed: .passed
                case .failed: item.isPending ? .pending : .failed
                case .unknown: .unknown
                }
        }
        return request.contracts[contract].terms.map { found[$0] ?? .unknown }
    }

    // MARK: Text

    var text: String {
        var text = ""
        for (index, contract) in request.contracts.enumerated() {
            text += VerifierResults.heading(contract.consumer)
            text += section(index, contract)
        }
        text += VerifierResults.heading(nil)
        if let trouble { text += ReportText.line(trouble) + "\n" }
        if !isRight || trouble != nil, !providerOutput.isEmpty {
            text += "the last that '\(request.provider)' printed:\n" + ReportText.quoted(providerOutput)
        }
        return text + results.text
    }

    /// Without the last line: nothing of an interrupted verification counts.
    var interrupted: String {
        "the verification of '\(request.provider)' was interrupted"
            + (providerOutput.isEmpty
                ? "\n" : "; the last that it printed:\n" + ReportText.quoted(providerOutput))
    }

    private var results: VerifierResults {
        // What is pending and was not got to is no trouble.
        VerifierResults(
            parts: request.contracts.enumerated().map { index, contract in
                let failures = outcomes.compactMap { item, outcome -> String? in
                    guard item.contract == index, !item.isPending, case .failed(let findings) = outcome,
                        let first = findings.first
                    else { return nil }
                    let more = findings.count > 1 ? " (and \(findings.count - 1) more)" : ""
                    return "\"\(ReportText.line(item.interaction.description))\": \(first.line)\(more)"
                }
                return VerifierResults.Part(
                    consumer: contract.consumer, marks: marks(of: index),
                    failures: Array(failures.prefix(Self.toldFailures)))
            }, trouble: isRight ? nil : trouble)
    }

    private func section(_ index: Int, _ contract: VerifierRequest.Contract) -> String {
        let own = outcomes.filter { $0.item.contract == index }
            .sorted { $0.item.interaction.offset < $1.item.interaction.offset }
        let count = contract.terms.count
        var text =
            "'\(request.provider)' as '\(contract.consumer)' relies on it: \(count) \(count == 1 ? "interaction" : "interactions")\n"
        for (item, outcome) in own {
            let name = ReportText.line(item.interaction.description)
            switch outcome {
            case .passed(let notes):
                text += "  ok       \(name)\n"
                for note in notes { text += "           note: \(ReportText.line(note))\n" }
            case .failed: text += item.isPending ? "  pending  \(name)\n" : "  FAILED   \(name)\n"
            case .unknown: text += "  -        \(name): not verified\n"
            }
        }
        for (item, outcome) in own {
            guard case .failed(let findings) = outcome else { continue }
            text += "\n" + failure(item, findings, contract)
        }
        return text
    }

    private func failure(
        _ item: Verifier.Item, _ findings: [Verifier.Finding], _ contract: VerifierRequest.Contract
    ) -> String {
        let owners = contract.owners.isEmpty ? "" : ", owned by \(contract.owners.joined(separator: ", "))"
        var text = item.isPending ? "pending:\n" : "FAILED:\n"
        text += "  consumer     \(contract.consumer)\(owners)\n"
        text += "  provider     \(request.provider)\n"
        text += "  interaction  \(ReportText.line(item.interaction.description))\n"
        for state in item.interaction.providerStates {
            let parameters =
                state.parameters.isEmpty ? "" : " " + JSONTree(.object(state.parameters)).text(pretty: false)
            text += "  state        \(ReportText.line(state.name + parameters))\n"
        }
        switch item.interaction.content.exchange {
        case .http(let request, _):
            let query = request.queryText
            text +=
                "  request      \(ReportText.line("\(request.method) \(request.path)\(query.isEmpty ? "" : "?" + query)"))\n"
        case .synchronous(let request, _):
            text += "  request      \(ReportText.excerpt(request.contents.bytes))\n"
        case .asynchronous: break
        }
        for finding in findings {
            text += "  \(finding.line)\n"
            if finding.expected == nil, finding.actual == nil { continue }
            if let expected = finding.expected, let actual = finding.actual, expected.contains("\n"),
                actual.contains("\n")
            {
                text += ReportText.difference(expected, actual, indent: "    ")
                continue
            }
            text += ReportText.block(finding.expected ?? "nothing", mark: "- expected  ", indent: "    ")
            text += ReportText.block(finding.actual ?? "nothing", mark: "+ actual    ", indent: "    ")
        }
        return text
    }
}
