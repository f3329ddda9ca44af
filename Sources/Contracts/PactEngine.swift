// What the verifier asks of the pact's own rules: a request with its generated values, and what is wrong with an answer.
import BuildEngine

enum PactEngine {
    /// What is sent to the provider on `port`; `values` are those that its states named.
    static func prepared(_ request: PactRequest, values: [JSONTree.Member], port: Int) -> PactRequest { request }

    static func findings(
        _ expected: PactResponse, _ came: PactResponse, values: [JSONTree.Member]
    ) -> [Verifier.Finding] {
        []
    }

    static func findings(
        _ expected: PactMessage, _ came: PactMessage, values: [JSONTree.Member]
    ) -> [Verifier.Finding] {
        []
    }
}
