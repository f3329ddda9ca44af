import BuildEngine
import BuildGraph
import BuildTestSupport
import Buildfile
import Contracts
import Testing

@Suite struct DeployQuestionTests {
    private func value(_ text: String) -> SHA256Value { .of(Array(text.utf8)) }

    /// `contracts`: consumer, provider, terms; nil terms are not put out yet. A provider's verification is its service's.
    private func release(
        _ services: [String: String], _ contracts: [(String, String, [String]?)], withoutRule: Set<String> = []
    ) -> Release {
        Release(
            commit: nil,
            services: services.mapValues { .init(hash: InputHash(value($0)), image: nil, digest: nil) },
            contracts: contracts.map { consumer, provider, terms in
                .init(
                    consumer: consumer, provider: provider, files: [],
                    terms: terms.map { $0.map { ContractTerm(name: $0, digest: value($0)) } },
                    verification: withoutRule.contains(provider) ? nil : verification(services[provider] ?? "gone"))
            }, hashes: [:])
    }

    private func verification(_ service: String) -> SHA256Value { value("verify " + service) }

    private func log(_ verdicts: [(service: String, term: String, passed: Bool)]) throws -> VerdictLog {
        let folder = try TemporaryFolder()
        let log = VerdictLog(at: folder.path.appending("verdicts"))
        try log.keep(
            verdicts.map { verdict in
                Verdict(
                    key: HashedGraph.verdictKey(verification(verdict.service), value(verdict.term)),
                    term: value(verdict.term), consumer: "", provider: "", passed: verdict.passed)
            })
        return log
    }

    private func shown(_ question: DeployQuestion) -> [String] {
        question.pairs.map { pair in
            "\(pair.state.consumer)(\(pair.consumer)) \(pair.state.provider)(\(pair.provider)) "
                + (pair.lacksProvider ? "lacks" : pair.state.standing.rawValue)
        }
    }

    @Test func everyPairOfWhatChangesMustBeVerified() throws {
        let running = release(
            ["web": "web1", "api": "api1", "db": "db1"], [("web", "api", ["a"]), ("api", "db", ["x"])])
        let candidate = release(
            ["web": "web2", "api": "api1", "db": "db1"], [("web", "api", ["a", "b"]), ("api", "db", ["x"])])
        let half = DeployQuestion(
            candidate: candidate, running: running, verdicts: try log([("api1", "a", true)]))
        #expect(half.answer == .unverified)
        #expect(half.changed == ["web"])
        #expect(shown(half) == ["web(candidate) api(candidate) to-do"])
        #expect(half.deciding.map(\.state.label.description) == ["api:verify[web]"])
        let whole = DeployQuestion(
            candidate: candidate, running: running, verdicts: try log([("api1", "a", true), ("api1", "b", true)]))
        #expect(whole.answer == .yes)
        #expect(whole.deciding.isEmpty)
        let failed = DeployQuestion(
            candidate: candidate, running: running, verdicts: try log([("api1", "a", true), ("api1", "b", false)]))
        #expect(failed.answer == .no)
    }

    /// Each alone would break the other; together they work.
    @Test func twoThatOnlyWorkTogetherMayGoTogether() throws {
        let running = release(["web": "web1", "api": "api1"], [("web", "api", ["old"])])
        let candidate = release(["web": "web2", "api": "api2"], [("web", "api", ["new"])])
        let verdicts = try log([
            ("api1", "old", true), ("api1", "new", false), ("api2", "old", false), ("api2", "new", true),
        ])
        #expect(DeployQuestion(candidate: candidate, running: running, verdicts: verdicts).answer == .yes)
        for service in ["web", "api"] {
            let alone = DeployQuestion(
                candidate: candidate, running: running, services: [service], verdicts: verdicts)
            #expect(alone.answer == .no)
            #expect(alone.changed == [service])
        }
    }

    @Test func nothingThatChangesNeedsNoVerdict() throws {
        let same = release(["web": "web1", "api": "api1"], [("web", "api", ["a"])])
        let question = DeployQuestion(candidate: same, running: same, verdicts: try log([]))
        #expect(question.answer == .yes)
        #expect(question.pairs.isEmpty)
    }

    @Test func aProviderThatWouldNotRunIsANo() throws {
        let candidate = release(["web": "web1"], [("web", "api", ["a"])])
        let running = release(["api": "api1"], [])
        let question = DeployQuestion(candidate: candidate, running: running, verdicts: try log([("api1", "a", true)]))
        #expect(question.answer == .no)
        #expect(shown(question) == ["web(candidate) api(candidate) lacks"])
    }

    /// What runs has no such consumer, but verifies all of its consumers alike.
    @Test func aNewConsumerIsVerifiedAsOthersAre() throws {
        let running = release(["web": "web1", "api": "api1"], [("web", "api", ["a"])])
        let candidate = release(["app": "app1"], [("app", "api", ["b"])])
        let question = DeployQuestion(
            candidate: candidate, running: running, services: ["app"], verdicts: try log([("api1", "b", true)]))
        #expect(question.answer == .yes)
        #expect(shown(question) == ["app(candidate) api(running) verified"])
        let alone = release(["api": "api1"], [])
        let unknown = DeployQuestion(
            candidate: candidate, running: alone, services: ["app"], verdicts: try log([("api1", "b", true)]))
        #expect(unknown.answer == .unverified)
    }

    @Test func whatNoContractSpeaksOfIsSaid() throws {
        let candidate = release(["job": "job1"], [])
        let nothing = DeployQuestion(candidate: candidate, running: release([:], []), verdicts: try log([]))
        #expect(nothing.answer == .undeclared)
        #expect(nothing.undeclared == ["job"])
        let pair = release(["web": "web1", "api": "api1"], [("web", "api", ["a"])], withoutRule: ["api"])
        let question = DeployQuestion(candidate: pair, running: release([:], []), verdicts: try log([]))
        #expect(question.answer == .undeclared)
        #expect(shown(question) == ["web(candidate) api(candidate) undeclared"])
    }

    @Test func aContractThatIsNotPutOutYetIsUnverified() throws {
        let candidate = release(["web": "web1", "api": "api1"], [("web", "api", nil)])
        let question = DeployQuestion(candidate: candidate, running: release([:], []), verdicts: try log([]))
        #expect(question.answer == .unverified)
    }

    @Test func aReleaseReadsBackAsItWasWritten() throws {
        let written = release(
            ["web": "web1", "api": "api1"], [("web", "api", ["a", "b"]), ("api", "web", nil)], withoutRule: ["web"])
        let bytes = Array(written.json.text(pretty: true).utf8)
        let read = try Release(reading: bytes, name: "r.json")
        #expect(read.services == written.services)
        #expect(read.contracts == written.contracts)
        #expect(throws: Diagnostic.self) { try Release(reading: Array("{\"schema\": 1}".utf8), name: "r.json") }
        #expect(throws: Diagnostic.self) { try Release(reading: bytes.dropLast(20).map { $0 }, name: "r.json") }
    }
}
