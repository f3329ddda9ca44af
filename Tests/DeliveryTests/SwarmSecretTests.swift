import BuildEngine
import BuildGraph
import BuildTestSupport
import Buildfile
import Glibc
import Testing

@testable import Delivery

extension RealEngineTests {
    /// Secrets on a real swarm: a new value restarts its users alone, and no value can be read outside the containers.
    @Suite(.enabled(if: isInstalled("docker") && isInstalled("dockerd") && geteuid() == 0), .serialized)
    struct SwarmSecretTests {
        private let good = #"["/bin/busybox", "sh", "-c", "exec /bin/busybox httpd -f -p 127.0.0.1:$PORT -h /www"]"#
        private let values = ["first-5EcReT-of-a", "second-5EcReT-of-a", "only-5EcReT-of-b"]

        @Test(.timeLimit(.minutes(12))) func aNewValueReachesItsUsersAlone() async throws {
            try await DockerEngine.during(swarm: true) { engine in
                _ = try await engine.image("one", ["www/health": "one\n"], command: good)
                try await check(engine)
            }
        }

        private func check(_ engine: DockerEngine) async throws {
            var place = try EnginePlace.swarm(engine)
            place.watch = .milliseconds(200)
            place.rollout.keptReleases = 2
            var stack = StackFixture(services: [
                "a": .init(image: "one", port: 18591, secrets: ["key-a"]),
                "b": .init(image: "one", port: 18592, secrets: ["key-b"]),
            ])
            stack.secrets = ["key-a": values[0], "key-b": values[2]]
            let first = stack.rendered.secrets.map(\.engineName)
            #expect(try await place.deploy(stack, "r1").end == .deployed)
            let before = try await containers(engine)

            stack.secrets["key-a"] = values[1]
            let second = stack.rendered.secrets.map(\.engineName)
            #expect(try await place.deploy(stack, "r2").end == .deployed)
            let after = try await containers(engine)
            #expect(before["b"] == after["b"])
            #expect(before["a"] != after["a"])
            #expect(try await value(engine, after["a"]) == values[1])
            // r1 can be gone back to, without anybody knowing its value.
            #expect(try await place.engine.observe("lms-test").secrets == Set(first + second))
            var back = stack
            back.secrets["key-a"] = values[0]
            back.valueless = ["key-a", "key-b"]
            #expect(try await place.deploy(back, "r1").end == .deployed)
            #expect(try await value(engine, try await containers(engine)["a"]) == values[0])
            #expect(try await place.deploy(stack, "r2").end == .deployed)
            try await checkNoValueIsSeen(engine, place)

            // No kept stack names it any more, but Swarm's description of the one before does: it stays, then goes.
            place.rollout.keptReleases = 1
            #expect(try await place.deploy(stack, "r2").end == .deployed)
            stack.services["b"]?.environment = ["NEW": "1"]
            #expect(try await place.deploy(stack, "r3").end == .deployed)
            #expect(try await place.engine.observe("lms-test").secrets == Set(second))
            stack.secrets["key-a"] = "third-5EcReT-of-a"
            #expect(try await place.deploy(stack, "r4").end == .deployed)
            let third = stack.rendered.secrets.map(\.engineName)
            #expect(try await place.engine.observe("lms-test").secrets == Set(second + third))
            #expect(try await place.deploy(stack, "r4").end == .deployed)
            #expect(try await place.engine.observe("lms-test").secrets == Set(third))
            #expect(try await place.drifts() == [])
        }

        /// By service, the container that runs.
        private func containers(_ engine: DockerEngine) async throws -> [String: String] {
            var found: [String: String] = [:]
            for name in ["a", "b"] {
                found[name] = try await engine.output(
                    "docker", "ps", "-q", "--filter", "label=com.docker.swarm.service.name=lms-test_\(name)"
                ).split(separator: "\n").joined(separator: " ")
            }
            return found
        }

        private func value(_ engine: DockerEngine, _ container: String?) async throws -> String {
            try await engine.output(
                "docker", "exec", try #require(container), "/bin/busybox", "cat", "/run/secrets/key-a")
        }

        private func checkNoValueIsSeen(_ engine: DockerEngine, _ place: EnginePlace) async throws {
            let script = """
                docker inspect $(docker ps -aq) $(docker service ls -q) $(docker config ls -q) $(docker secret ls -q)
                for container in $(docker ps -aq); do docker logs "$container" 2>&1; done
                docker image ls -q | xargs docker history --no-trunc
                cat "$1"/* "$1"/.[!.]* 2>/dev/null
                cat "$2"/log
                """
            var seen = Array(
                try await engine.output(
                    "/bin/sh", "-c", script, "sh", EnginePlace.files(engine, place.project).shown,
                    engine.folder.path.shown
                ).utf8)
            for kind in ShelfKind.allCases {
                for bytes in try await place.engine.shelf.list(kind).values { seen += bytes }
            }
            let text = String(decoding: seen, as: UTF8.self)
            // What is looked through is what it should be.
            #expect(text.contains("io.lmsbuild.fp") && text.contains("key-a") && text.contains("\"r1\""))
            for value in values {
                #expect(!text.contains(value))
                #expect(!text.contains(Base64.encode(Array(value.utf8))))
            }
        }
    }
}
