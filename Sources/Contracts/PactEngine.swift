// What the verifier asks of the pact's own rules: a request with its generated values, and what is wrong with an answer.
import BuildEngine
import BuildGraph
import Glibc

/// The rules of one interaction, for one verification of it.
struct PactEngine: Sendable {
    /// The same interaction gets the same random values each time, so that a failure can be seen again.
    private let generators: GeneratorRun

    /// `values` are those that the provider's states named.
    init(_ interaction: Interaction, values: [JSONTree.Member]) {
        generators = GeneratorRun(seed: interaction.digest.hash.words.0, now: time(nil), states: values)
    }

    /// What is sent to the provider.
    func prepared(_ request: PactRequest) throws(VerifierFailure) -> PactRequest {
        var run = generators
        do throws(GeneratorError) {
            return try run.request(request)
        } catch {
            throw VerifierFailure(message: "the request cannot be made: \(error.message)")
        }
    }

    /// The message that is given to the provider.
    func prepared(_ message: PactMessage) throws(VerifierFailure) -> PactMessage {
        var run = generators
        do throws(GeneratorError) {
            return try run.message(message)
        } catch {
            throw VerifierFailure(message: "the message cannot be made: \(error.message)")
        }
    }

    func findings(_ expected: PactResponse, _ came: PactResponse) -> [Verifier.Finding] {
        var run = generators
        return findings(generated: try? run.response(expected), written: expected) {
            PactMatching.response(expected: $0, actual: came)
        }
    }

    /// One by one, in their order. Where the contract has none, whatever comes will do.
    func findings(_ expected: [PactMessage], _ came: [PactMessage]) -> [Verifier.Finding] {
        if expected.isEmpty { return [] }
        if expected.count != came.count {
            return [
                Verifier.Finding(
                    "another number of messages came", path: "answer", expected: "\(expected.count)",
                    actual: "\(came.count)")
            ]
        }
        var found: [Verifier.Finding] = []
        for (place, pair) in zip(expected, came).enumerated() {
            var run = generators
            found += findings(generated: try? run.message(pair.0), written: pair.0) {
                PactMatching.message(expected: $0, actual: pair.1)
            }.map { finding in
                var finding = finding
                if expected.count > 1 { finding.path = "answer \(place + 1)" + (finding.path.map { ", \($0)" } ?? "") }
                return finding
            }
        }
        return found
    }

    /// A provider may answer with what its states say, or with what the consumer's own test was answered.
    private func findings<Expected>(
        generated: Expected?, written: Expected, _ compare: (Expected) -> [Mismatch]
    ) -> [Verifier.Finding] {
        let mismatches = compare(generated ?? written)
        if mismatches.isEmpty || generated != nil && compare(written).isEmpty { return [] }
        return mismatches.map { mismatch in
            Verifier.Finding(
                mismatch.sentence, path: Self.place(mismatch), expected: mismatch.expected, actual: mismatch.actual)
        }
    }

    /// `body $.title`, `header X-Count`, `status`.
    private static func place(_ mismatch: Mismatch) -> String {
        mismatch.path.isEmpty || mismatch.path == "$"
            ? mismatch.part.rawValue : "\(mismatch.part.rawValue) \(mismatch.path)"
    }
}
