import BuildGraph
import Testing

@testable import Delivery

/// What the tasks of a service say of its rollout, and which of them say nothing.
@Suite struct RolloutJudgeTests {
    private func task(_ slot: Int, _ number: Int, failure: String? = nil, isWanted: Bool = true) -> ObservedTask {
        var task = ObservedTask(
            id: "\(slot)-\(number)", image: "i", isWanted: failure == nil && isWanted, isUp: failure == nil,
            failure: failure)
        task.slot = slot
        return task
    }

    private func standing(replicas: Int, _ tasks: [ObservedTask], before: [ObservedTask] = []) throws -> Standing {
        let stack = StackFixture(services: ["a": StackFixture.Service(image: "i", port: 1, replicas: replicas)])
            .rendered
        let wanted = try #require(stack.services.first)
        func observed(_ tasks: [ObservedTask]) -> ObservedStack {
            ObservedStack(services: [
                ObservedService(
                    name: wanted.name, version: 1, image: "i", labels: [DeployLabel.spec: wanted.specHash.hex],
                    replicas: replicas, tasks: tasks)
            ])
        }
        return RolloutJudge(before: observed(before)).standing(of: wanted, in: observed(tasks))
    }

    /// Replicas of one host cannot share a port: those that somebody added end again and again until they are taken away.
    @Test func whatBecomesOfReplicasThatAreTooManySaysNothing() throws {
        let surplus = [2, 3].flatMap { slot in (0..<4).map { task(slot, $0, failure: "address in use") } }
        #expect(try standing(replicas: 1, surplus + [task(1, 0)]) == .up)
        // The engine still starts them.
        #expect(try standing(replicas: 1, surplus + [task(1, 0), task(2, 9), task(3, 9)]) == .up)
    }

    @Test func aReplicaThatEndsAgainAndAgainIsGivenUp() throws {
        let ends = (0..<3).map { task(1, $0, failure: "exit status 1") }
        let words = Standing.failing("ended 3 times: exit status 1")
        #expect(try standing(replicas: 1, ends) == words)
        #expect(try standing(replicas: 1, ends + [task(1, 9)]) == words)
        #expect(try standing(replicas: 2, ends + [task(2, 0)]) == words)
        #expect(try standing(replicas: 1, ends + [task(1, 9)], before: ends) == .up)
    }
}
