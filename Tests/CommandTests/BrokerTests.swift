import BuildEngine
import BuildGraph
import BuildTestSupport
import Foundation
import Testing

/// `contracts publish` and `fetch` with a stand-in for a Pact Broker.
@Suite struct BrokerTests {
    private let program = Program()

    private func workspace() async throws -> TestRepository {
        let repository = try await TestRepository()
        try repository.write(
            "Buildfile",
            """
            service catalog
                verify: *.txt
                    true
            service lending
                consumes catalog by pact.json

            """)
        try repository.write("a.txt", "a")
        try repository.write(
            "pact.json",
            """
            {"consumer":{"name":"lending"},"provider":{"name":"catalog"},
             "interactions":[{"description":"a \\"book\\" \\\\ é","request":{"method":"GET","path":"/b"},
               "response":{"status":200}}],"metadata":{"pactSpecification":{"version":"3.0.0"}}}
            """)
        return repository
    }

    @Test func publishesAndFetches() async throws {
        let repository = try await workspace()
        let broker = try BrokerStandIn()
        let first = try await program.run(
            "contracts", "publish", "--broker", broker.url, "--as", "1.0", in: repository.path)
        #expect(first.status == 0, "\(first.errors)")
        #expect(first.output == "new  lending asks catalog, pact.json\n")
        let again = try await program.run(
            "contracts", "publish", "--broker", broker.url, "--as", "1.0", in: repository.path)
        #expect(again.output.hasPrefix("there"))
        #expect(
            broker.requests == Array(repeating: "PUT /pacts/provider/catalog/consumer/lending/version/1.0", count: 2))

        let fetched = try await program.run(
            "contracts", "fetch", "--broker", broker.url + "/", "--provider", "catalog", "-o", ".", in: repository.path)
        #expect(fetched.status == 0, "\(fetched.errors)")
        let text = try String(contentsOfFile: repository.path.appending("lending.json").shown, encoding: .utf8)
        #expect(text.contains("interactions"))
    }

    @Test func publishesResults() async throws {
        let repository = try await workspace()
        let broker = try BrokerStandIn()
        _ = try await program.run("run", ":verify", in: repository.path)
        let outcome = try await program.run(
            "contracts", "publish", "--broker", broker.url, "--as", "7", "--results", in: repository.path)
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(broker.requests.suffix(2) == ["POST /results/lending/7", "True 7"])
    }

    @Test func asksOldBrokersForTheLatest() async throws {
        let repository = try await workspace()
        let broker = try BrokerStandIn(#"{"old":true}"#)
        _ = try await program.run("contracts", "publish", "--broker", broker.url, "--as", "1", in: repository.path)
        let fetched = try await program.run(
            "contracts", "fetch", "--broker", broker.url, "--provider", "catalog", "-o", ".", in: repository.path)
        #expect(fetched.errors == "1 pact fetched\n")
    }

    @Test(arguments: [
        (#"{"token":"s3cret"}"#, ["PACT_BROKER_TOKEN": "s3cret"]),
        (#"{"password":"s3cret"}"#, ["PACT_BROKER_USERNAME": "reader", "PACT_BROKER_PASSWORD": "s3cret"]),
    ])
    func credentials(settings: String, environment: [String: String]) async throws {
        let repository = try await workspace()
        let broker = try BrokerStandIn(settings)
        func publish(_ environment: [String: String]) async throws -> Program.Outcome {
            try await program.run(
                ["contracts", "publish", "--broker", broker.url, "--as", "1"], in: repository.path,
                environment: environment)
        }
        let right = try await publish(environment)
        #expect(right.status == 0, "\(right.errors)")
        #expect(broker.requests.allSatisfy { $0.hasSuffix(" with credentials") })
        let none = try await publish([:])
        #expect(none.status == 2)
        #expect(none.errors.contains("wants credentials (401)"))
        let wrong = try await publish(environment.mapValues { $0 + "0" })
        #expect(wrong.status == 2)
        #expect(wrong.errors.contains("does not take these credentials (401)"))
        #expect(!(wrong.errors + wrong.output).contains("s3cret"))
    }

    @Test func conflict() async throws {
        let repository = try await workspace()
        let broker = try BrokerStandIn(#"{"conflict":true}"#)
        let outcome = try await program.run(
            "contracts", "publish", "--broker", broker.url, "--as", "1", in: repository.path)
        #expect(outcome.status == 3)
        #expect(outcome.errors.contains("LMS705"))
        #expect(outcome.errors.contains("holds something else"))
    }

    @Test func unreachable() async throws {
        let repository = try await workspace()
        // Nobody listens on the port of one that has ended.
        let broker = try BrokerStandIn()
        broker.end()
        let outcome = try await program.run(
            "contracts", "publish", "--broker", broker.url, "--as", "1", in: repository.path)
        #expect(outcome.status == 34)
        #expect(outcome.errors.contains("gives no answer"))
    }

    @Test func credentialsGoNowhereElse() async throws {
        let repository = try await workspace()
        let broker = try BrokerStandIn(#"{"elsewhere":true}"#)
        _ = try await program.run("contracts", "publish", "--broker", broker.url, "--as", "1", in: repository.path)
        let fetched = try await program.run(
            ["contracts", "fetch", "--broker", broker.url, "--provider", "catalog", "-o", "."], in: repository.path,
            environment: ["PACT_BROKER_TOKEN": "x"])
        #expect(fetched.status == 34)
        #expect(fetched.errors.contains("on another machine"))
    }

    @Test(arguments: ["ftp://x", "http://user:word@x", "x", "http://", "http://a\"b"])
    func noBroker(url: String) async throws {
        let repository = try await workspace()
        let outcome = try await program.run(
            "contracts", "fetch", "--broker", url, "--provider", "p", "-o", ".", in: repository.path)
        #expect(outcome.status == 2)
        #expect(!outcome.errors.contains("word"))
    }
}
