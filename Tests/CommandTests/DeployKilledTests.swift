import BuildEngine
import BuildGraph
import BuildTestSupport
import Glibc
import Testing

/// `deploy` killed at moments spread over it, on a real swarm: what it leaves is seen, and whoever comes next ends it.
@Suite(.enabled(if: access("/usr/sbin/dockerd", X_OK) == 0 && geteuid() == 0), .serialized)
struct DeployKilledTests {
    /// When the program is killed, and by what its work is ended.
    private struct Moment: Sendable {
        /// What the release answers; nil never becomes healthy.
        let text: String?
        /// Said by the program right before its end.
        let line: String
        var isEndedByDeploy = false
        /// Whoever ends it is killed too, before it has done so.
        var isKilledTwice = false
    }

    private let moments = [
        // The very first deployment: there is nothing to go back to.
        Moment(text: "one", line: "is with the engine"),
        Moment(text: "two", line: "is with the engine", isKilledTwice: true),
        Moment(text: "one", line: "  web: ", isEndedByDeploy: true),
        Moment(text: "two", line: "watched by the engine"),
        Moment(text: "one", line: "answers", isEndedByDeploy: true),
        Moment(text: "two", line: "all up; watched"),
        Moment(text: nil, line: "is with the engine"),
        Moment(text: nil, line: "not up: "),
        Moment(text: nil, line: "going back to", isEndedByDeploy: true),
    ]

    @Test(.timeLimit(.minutes(12))) func whoeverComesNextEndsIt() async throws {
        try await DockerEngine.during(swarm: true) { engine in
            let place = DeployedWorkspace(
                engine: engine, repository: try await TestRepository(), program: Program(), isPair: true)
            try place.fill()
            for moment in moments { try await check(moment, place) }
        }
    }

    private func check(_ moment: Moment, _ place: DeployedWorkspace) async throws {
        let said = Comment(rawValue: "\(moment)")
        try await kill(at: moment, place)
        try await expectUnfinished(place, said)
        if moment.isKilledTwice {
            let mending = try place.start("status", "--env", "test", "--fix")
            try await mending.expect("that comes first")
            #expect(try await mending.end(by: SIGKILL) == 137, said)
            try await expectUnfinished(place, said)
        }
        if moment.isEndedByDeploy {
            try await place.serve("one")
            let deployed = try await place.run("deploy", "--to", "test")
            #expect(deployed.status == 0, "\(moment): \(deployed)")
            #expect(deployed.errors.contains("that comes first"), said)
            #expect(try await place.answers() == ["one"], said)
        } else {
            let mended = try await place.run("status", "--env", "test", "--fix")
            #expect(mended.status == 0, "\(moment): \(mended)")
            let answers = try await place.answers()
            #expect(answers.count == 1 && answers.isSubset(of: ["one", "two"]), "\(moment): \(answers)")
            // All of it had been submitted, so it came up; what cannot come up is taken back.
            if let text = moment.text { #expect(answers == [text], said) }
        }
        let quiet = try await place.run("status", "--env", "test")
        #expect(quiet.status == 0, "\(moment): \(quiet)")
    }

    /// Where much else runs, a deployment may be through before the signal for its last moments comes: then it is made once more.
    private func kill(at moment: Moment, _ place: DeployedWorkspace) async throws {
        for _ in 0..<5 {
            try await place.serve(moment.text)
            let deploying = try place.start("deploy", "--to", "test", "--retry")
            try await deploying.expect(moment.line)
            let status = try await deploying.end(by: SIGKILL)
            let seen = try await place.run("status", "--env", "test")
            if status == 137, seen.status != 0 { return }
            guard let text = moment.text else { continue }
            // There must be something to deploy again.
            try await place.serve(text == "one" ? "two" : "one")
            let other = try await place.run("deploy", "--to", "test", "--retry")
            #expect(other.status == 0, "\(moment): \(other)")
        }
        Issue.record("five deployments were through before they could be ended: \(moment)")
    }

    private func expectUnfinished(_ place: DeployedWorkspace, _ said: Comment) async throws {
        let seen = try await place.run("status", "--env", "test")
        #expect(seen.status == 3, said)
        #expect(seen.output.contains("ended midway"), "\(said): \(seen)")
    }
}
