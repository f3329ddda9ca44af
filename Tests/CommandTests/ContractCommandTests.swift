import BuildEngine
import BuildGraph
import BuildTestSupport
import Glibc
import Testing

/// `contracts`, `release` and `can-deploy` with providers that are verified by a recipe of their own.
@Suite struct ContractCommandTests {
    private let program = Program()
    private let documents = DocumentCheck()

    /// A provider that does what its `serves` says; each consumer asks for lines of it.
    private func repository() async throws -> TestRepository {
        let repository = try await TestRepository()
        try repository.write(
            "Buildfile",
            """
            environment staging
                stack compose.yml

            service api
                dir api
                build: serves -> out
                    cp serves out
                verify: :build
                    echo "$consumer" >> "${TMPDIR}/x"; python3 -c '
                    import json, sys
                    serves = open("out").read().split()
                    asked = [i["description"] for i in json.load(open(sys.argv[1]))["interactions"]]
                    print("asked:", *asked)
                    sys.exit(any(a not in serves for a in asked))
                    ' "$contract"
            service web
                dir web
                consumes api by api.json
                build: api.json src -> out
                    cat src > out
            service app
                dir app
                consumes api by api.json
                build: api.json src -> out
                    cat src > out
            service job
                dir job
                build: src -> out
                    cat src > out

            """)
        try repository.write("compose.yml", "services: {}\n")
        try repository.write("api/serves", "books loans\n")
        for name in ["web", "app", "job"] { try repository.write("\(name)/src", "1\n") }
        try repository.write("web/api.json", Self.pact("web", ["books"]))
        try repository.write("app/api.json", Self.pact("app", ["books", "loans"]))
        try await repository.commitAll()
        return repository
    }

    private static func pact(_ consumer: String, _ asked: [String]) -> String {
        let interactions = asked.map { name in
            """
            {"description": "\(name)", "request": {"method": "GET", "path": "/\(name)"}, "response": {"status": 200}}
            """
        }
        return """
            {"consumer": {"name": "\(consumer)"}, "provider": {"name": "api"},
             "interactions": [\(interactions.joined(separator: ", "))],
             "metadata": {"pactSpecification": {"version": "2.0.0"}}}

            """
    }

    private func ask(_ arguments: [String], in repository: TestRepository, status: Int32 = 0) async throws -> String {
        let outcome = try await program.run(arguments, in: repository.path)
        #expect(outcome.status == status, "\(arguments): \(outcome.output)\(outcome.errors)")
        return outcome.output
    }

    private func read(_ repository: TestRepository, _ name: String) throws -> String {
        String(decoding: try Disk.contents(of: repository.path.appending(name)), as: UTF8.self)
    }

    private func verify(_ repository: TestRepository, status: Int32 = 0) async throws -> String {
        let outcome = try await program.run(["run", "-v", "-k", ":verify"], in: repository.path)
        #expect(outcome.status == status, "\(outcome.errors)")
        return outcome.errors
    }

    @Test func whatIsVerifiedShowsPairByPair() async throws {
        let repository = try await repository()
        #expect(
            try await ask(["contracts"], in: repository) == """
                consumer  provider  state  verified
                app       api       to do  0 of 2
                web       api       to do  0 of 1
                2 pairs: 2 to do; 3 of 3 terms to verify

                """)
        _ = try await verify(repository)
        #expect(
            try await ask(["contracts"], in: repository) == """
                consumer  provider  state     verified
                app       api       verified  2 of 2
                web       api       verified  1 of 1
                2 pairs: 2 verified; 0 of 3 terms to verify

                """)
        try repository.write("app/api.json", Self.pact("app", ["books", "loans", "fines"]))
        #expect(try await ask(["contracts", "--why", "app/api"], in: repository).contains("to do     'fines': never"))
        let said = try await verify(repository, status: 3)
        #expect(said.contains("FAILED  api:verify[app]") && !said.contains("FAILED  api:verify[web]"))
        #expect(try await ask(["contracts", "app"], in: repository).contains("app       api       failed  2 of 3"))
        #expect(try await ask(["contracts", "--why", "app/api"], in: repository).contains("never satisfied it"))
        for (format, start) in [("json", "{"), ("svg", "<svg"), ("html", "<!doctype html>")] {
            let text = try await ask(["contracts", "--format", format], in: repository)
            #expect(text.hasPrefix(start))
        }
        let json = try await ask(["contracts", "--format", "json"], in: repository)
        #expect(try await documents.problems(json, schema: "contracts") == "")
        _ = try await ask(["contracts", "nobody"], in: repository, status: 4)
        _ = try await ask(["contracts", "--why", "web/job"], in: repository, status: 4)
    }

    /// The same demands in another order, place and spelling: nothing is affected, nothing runs.
    @Test func aContractThatAsksForTheSameVerifiesNothing() async throws {
        let repository = try await repository()
        _ = try await verify(repository)
        try repository.write(
            "app/api.json",
            Self.pact("app", ["loans", "books"]).replacing("\"interactions\"", with: "\n\n  \"interactions\""))
        let affected = try await ask(["affected", "--base", "HEAD", "--contracts"], in: repository)
        #expect(affected == "")
        let said = try await verify(repository)
        #expect(!said.contains("asked:"))
        try repository.write(
            "Buildfile",
            try read(repository, "Buildfile").replacing("consumes api by api.json", with: "consumes api by pact.json"))
        for name in ["app", "web"] {
            try repository.write("\(name)/pact.json", try read(repository, "\(name)/api.json"))
        }
        #expect(try await ask(["affected", "--base", "HEAD", "--contracts"], in: repository) == "")
        #expect(try await !verify(repository).contains("asked:"))
    }

    /// One interaction more is one interaction verified, whatever else the contract asks.
    @Test func onlyWhatIsNewIsVerified() async throws {
        let repository = try await repository()
        _ = try await verify(repository)
        try repository.write("api/serves", "books loans fines\n")
        #expect(try await verify(repository).components(of: "asked:") == 2)
        try repository.write("app/api.json", Self.pact("app", ["books", "loans", "fines"]))
        let said = try await verify(repository)
        #expect(said.contains("asked: fines\n"))
        #expect(said.components(of: "asked:") == 1)
    }

    @Test func mayItGoThere() async throws {
        let repository = try await repository()
        _ = try await verify(repository)
        _ = try await ask(["release", "-o", "running.json"], in: repository)
        let lock = try read(repository, "running.json")
        #expect(try await documents.problems(lock, schema: "release") == "")
        #expect(lock.contains("\"commit\": \"\(try await repository.line("rev-parse", "HEAD"))\""))
        let same = try await ask(["can-deploy", "--to", "staging", "--running", "running.json"], in: repository)
        #expect(same == "yes: nothing would change in staging\n")

        try repository.write("api/serves", "books\n")
        let unknown = try await ask(
            ["can-deploy", "--to", "staging", "--running", "running.json", "--format", "json"], in: repository,
            status: 3)
        #expect(try await documents.problems(unknown, schema: "can-deploy") == "")
        #expect(unknown.contains("\"answer\": \"unverified\""))
        let verified = try await ask(
            ["can-deploy", "--to", "staging", "--running", "running.json", "--verify"], in: repository, status: 3)
        #expect(
            verified.contains("  no          app with api: failed: 'books', 'loans'"))
        #expect(verified.contains("  yes         web with api"))
        #expect(verified.hasSuffix("no: 1 service may not go to staging\n"))

        try repository.write("app/api.json", Self.pact("app", ["books"]))
        let together = try await ask(
            ["can-deploy", "--to", "staging", "--running", "running.json", "--verify"], in: repository)
        #expect(together.hasSuffix("yes: 2 services may go to staging\n"))
        let alone = try await ask(
            ["can-deploy", "--to", "staging", "--running", "running.json", "--service", "api"], in: repository,
            status: 3)
        #expect(alone.contains("  unverified  app with api (what runs with the release): 1 of 2 terms"))
        _ = try await ask(["can-deploy", "--to", "nowhere"], in: repository, status: 2)
        _ = try await ask(["can-deploy", "--to", "staging", "missing.json"], in: repository, status: 2)
    }

    /// The provider is taken from its own commit, the contract from the consumer's.
    @Test func aPairAcrossReleasesIsVerifiedInAClone() async throws {
        let repository = try await repository()
        _ = try await ask(["release", "-o", "old.json"], in: repository)
        try repository.write("app/api.json", Self.pact("app", ["books"]))
        try repository.write("app/src", "2\n")
        try await repository.commitAll()
        _ = try await ask(["release", "-o", "new.json"], in: repository)
        try repository.write("api/serves", "nothing\n")
        try await repository.commitAll()
        let question = ["can-deploy", "--to", "staging", "--running", "old.json", "--service", "app", "new.json"]
        let before = try await ask(question, in: repository, status: 3)
        #expect(before.contains("unverified  app with api (the release with what runs): 1 of 1 terms"))
        let after = try await ask(question + ["--verify"], in: repository)
        #expect(after.hasSuffix("yes: 1 service may go to staging\n"))
        #expect(try await ask(question, in: repository) == after)
    }

    @Test func whatNoContractSpeaksOfIsAPolicy() async throws {
        let repository = try await repository()
        _ = try await verify(repository)
        _ = try await ask(["release", "-o", "running.json"], in: repository)
        try repository.write("job/src", "2\n")
        let question = ["can-deploy", "--to", "staging", "--running", "running.json"]
        #expect(try await ask(question, in: repository).contains("  undeclared  job: no contract speaks of it\n"))
        _ = try await ask(question + ["--undeclared", "refuse"], in: repository, status: 3)
    }

    @Test func checkFindsABrokenContract() async throws {
        let repository = try await repository()
        try repository.write("web/api.json", "{\"interactions\": [{}\n")
        let outcome = try await program.run(["check"], in: repository.path)
        #expect(outcome.status == 3)
        #expect(outcome.errors.contains("error[LMS701]"))
        #expect(outcome.errors.contains("--> web/api.json:2:1"))
    }

    @Test func verdictsGoFromWorkspaceToWorkspace() async throws {
        let repository = try await repository()
        _ = try await verify(repository)
        _ = try await ask(["contracts", "--exporting", "verdicts"], in: repository)
        let clone = try TemporaryFolder()
        _ = try await repository.line("clone", "-q", repository.path.shown, clone.path.appending("c").shown)
        let path = clone.path.appending("c")
        let taken = try await program.run(
            ["contracts", "--importing", repository.path.appending("verdicts").shown], in: path)
        #expect(taken.status == 0)
        #expect(taken.errors.contains("3 verdicts taken over"))
        #expect(taken.output.contains("2 pairs: 2 verified"))
        let bad = try await program.run(["contracts", "--importing", "Buildfile"], in: path)
        #expect(bad.status == 2)
        #expect(bad.errors.contains("holds no verdicts"))
    }
}

extension String {
    fileprivate func components(of part: String) -> Int { ranges(of: part).count }
}
