// A client that asks a service again and again while something else happens. Does not know engines.
import BuildEngine
import BuildGraph
import BuildTestSupport

/// Asks `/health` on ports of 127.0.0.1, one after the other and round again as a router would: one good answer is enough.
/// Twice round, because between two questions the one may have come and the other gone.
struct PollingClient {
    let ports: [Int]

    struct Outcome {
        let asked: Int
        /// When nobody answered.
        let unanswered: [String]
    }

    /// Asks while `body` runs. At least one question is asked.
    func asking(_ body: () async throws -> Void) async throws -> Outcome {
        let folder = try TemporaryFolder()
        let script = """
            asked=0
            while :; do
              [ ! -e stop ] || last=1
              good=
              for port in \((ports + ports).map { "\($0)" }.joined(separator: " ")); do
                if curl -sf -m 30 -o /dev/null http://127.0.0.1:$port/health; then good=1; break; fi
              done
              [ -n "$good" ] || date +%T.%N
              asked=$((asked + 1))
              [ -z "$last" ] || break
              sleep 0.05
            done
            echo $asked
            """
        let command = Command(
            ["/bin/sh", "-c", script], environment: ["PATH": "/usr/bin:/bin"], folder: folder.path)
        async let asked = ProcessRunner.ofTests.run(command)
        do {
            try await body()
        } catch {
            try folder.write("stop", "")
            throw error
        }
        try folder.write("stop", "")
        let lines = String(decoding: try await asked.output, as: UTF8.self).split(separator: "\n").map(String.init)
        return Outcome(asked: lines.last.flatMap { Int($0) } ?? 0, unanswered: lines.dropLast())
    }
}
