import BuildEngine
import BuildGraph
import BuildTestSupport
import Glibc
import Testing

/// Each way of finding an answer sooner can be switched off, and the answer is the same.
@Suite struct SlowPathTests {
    private let program = Program()

    @Test(arguments: ["index", "snapshot", "git", "ids", "run", "watch", "attributes", "index,git", "all"])
    func theAnswerIsTheSameWithout(path: String) async throws {
        let repository = try await TestRepository()
        var history = try RandomMonorepo(repository, seed: 90 &+ UInt64(path.utf8.count))
        try await repository.commitAll()
        if path == "watch" || path == "all" {
            #expect(try await program.run("watch", "--background", in: repository.path).status == 0)
        }
        func answers(_ environment: [String: String]) async throws -> [Program.Outcome] {
            var found: [Program.Outcome] = []
            for arguments in [
                ["hash", "--format", "json", "--inputs"], ["affected", "--base", "HEAD", "--targets", "--why"],
                ["affected", "--base", "HEAD~1", "--head", "HEAD", "--format", "json"], ["tag"], ["run", "-n"],
                ["graph", "--format", "json"], ["deps", ":*"], ["rdeps", ":*", "--gates"],
            ] {
                found.append(try await program.run(arguments, in: repository.path, environment: environment))
            }
            return found
        }
        for step in 0..<16 {
            let change = (try? history.change()) ?? "nothing"
            if step % 3 == 0 { try await repository.commitAll(change) }
            let fast = try await answers([:])
            let slow = try await answers(["LMSBUILD_SLOW": path])
            for (one, other) in zip(fast, slow) {
                #expect(one.status == other.status, "\(step): \(change): \(one.errors) \(other.errors)")
                #expect(one.output == other.output, "\(step): \(change)")
            }
        }
        #expect(try await program.run("watch", "--stop", in: repository.path).status == 0)
    }
}
