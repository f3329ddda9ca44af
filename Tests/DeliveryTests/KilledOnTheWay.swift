// The program killed while it leads users from one set to the other. Does not know how a set is changed.
import BuildEngine
import BuildGraph
import BuildTestSupport
import Glibc
import Testing

/// A stack behind a router on a swarm, whose deployments are killed one after the other.
struct KilledOnTheWay {
    /// When the program is killed, and by what its work is ended.
    private struct Moment: Sendable {
        /// Said by the program right before its end.
        let line: String
        /// What is brought; nil: what does not run now, of the two that are good.
        var image: String?
        /// The judge calls the step bad.
        var isWrong = false
        var isEndedByDeploy = false
    }

    private let place: StackWorkspace

    static func blueGreen(_ engine: DockerEngine, port: Int) async throws {
        let killed = KilledOnTheWay(
            place: try await StackWorkspace(engine, port: port, strategy: "blue-green"))
        try await killed.check([
            Moment(line: "comes up beside"), Moment(line: "all go to", isEndedByDeploy: true),
            Moment(line: "is taken away"),
            Moment(line: "going back to", image: "sick", isEndedByDeploy: true),
        ])
    }

    static func canary(_ engine: DockerEngine, port: Int) async throws {
        let killed = KilledOnTheWay(
            place: try await StackWorkspace(engine, port: port, strategy: "canary 30% for 1s judge ./judge"))
        try await killed.check([
            Moment(line: "30% go to"), Moment(line: "all go to"),
            Moment(line: " again", isWrong: true, isEndedByDeploy: true),
        ])
    }

    private func check(_ moments: [Moment]) async throws {
        try await place.serve("one")
        try await place.expect(0, "deploy", "--to", "test")
        let client = try await PersistentClient(port: place.port)
        do {
            for moment in moments { try await check(moment) }
        } catch {
            _ = try? await client.end()
            throw error
        }
        let (answers, bad) = try await client.end()
        #expect(bad == [] && Set(answers.keys) == ["one", "two"], "\(place.strategy): \(answers)")
    }

    private func check(_ moment: Moment) async throws {
        let said = Comment(rawValue: "\(place.strategy) \(moment)")
        let other = try await place.answers() == place.all("one") ? "two" : "one"
        try await place.serve(moment.image ?? other)
        try place.judgeSaysNo(moment.isWrong)
        let deploying = try place.start("deploy", "--to", "test", "--retry")
        try await deploying.expect(moment.line)
        #expect(try await deploying.end(by: SIGKILL) == 137, said)
        // Also where by chance there is only one set just then.
        let seen = try await place.expect(3, "status", "--env", "test")
        #expect(seen.output.contains("ended midway"), said)
        try place.judgeSaysNo(false)
        if moment.isEndedByDeploy {
            try await place.serve(other)
            let deployed = try await place.expect(0, "deploy", "--to", "test", "--retry")
            #expect(deployed.errors.contains("that comes first"), said)
            #expect(try await place.answers() == place.all(other), said)
        } else {
            try await place.expect(0, "status", "--env", "test", "--fix")
        }
        let quiet = try await place.expect(0, "status", "--env", "test")
        #expect(quiet.output.contains("serves all"), "\(moment): \(quiet)")
        #expect(quiet.output.contains("web-blue") != quiet.output.contains("web-green"), "\(moment): \(quiet)")
        // Nobody comes to another set by chance.
        var answers: Set<[String: String]> = []
        for _ in 0..<8 { answers.insert(try await place.answers()) }
        #expect(answers.count == 1 && answers.isSubset(of: [place.all("one"), place.all("two")]), said)
    }
}
