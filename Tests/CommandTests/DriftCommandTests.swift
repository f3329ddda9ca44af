import BuildEngine
import BuildGraph
import BuildTestSupport
import Glibc
import Testing

/// What somebody changes by hand in a swarm: `status` names each with exit 3, and puts it right where it is asked to.
@Suite(.enabled(if: access("/usr/sbin/dockerd", X_OK) == 0 && geteuid() == 0), .serialized)
struct DriftCommandTests {
    /// Something done by hand, and what is said of it.
    private struct Change: Sendable {
        let script: String
        let named: [String]
    }

    private static let web = "workspace-test_web"

    private let changes = [
        Change(
            script: "docker service scale --detach \(Self.web)=3",
            named: ["drift: web: Mode.Replicated.Replicas: 3 in place of 1"]),
        Change(
            script: "docker service update -q --detach=false --env-add HAND=1 \(Self.web)",
            named: ["drift: web: TaskTemplate.ContainerSpec.Env: ", "HAND=1"]),
        Change(
            script: """
                docker tag $(docker service inspect --format '{{.Spec.TaskTemplate.ContainerSpec.Image}}' \(Self.web)) by-hand:1
                docker service update -q --detach=false --no-resolve-image --image by-hand:1 \(Self.web)
                """,
            named: ["drift: web: TaskTemplate.ContainerSpec.Image: ", "by-hand:1", " in place of "]),
        Change(
            script: """
                config=$(docker config ls --filter name=workspace-test_conf_ --format '{{.Name}}')
                for service in web west; do
                  docker service update -q --detach=false --config-rm "$config" "workspace-test_$service"
                done
                docker config rm "$config"
                """,
            named: [
                "drift: web: TaskTemplate.ContainerSpec.Configs", "drift: west: TaskTemplate.ContainerSpec.Configs",
                ": the config is gone",
            ]),
        Change(
            script: """
                docker service create -q --detach --name workspace-test_extra --label com.docker.stack.namespace=workspace-test \
                  --network host --no-resolve-image by-hand:1 /bin/busybox sleep 1000
                """,
            named: ["drift: extra: it is no service of the release"]),
        Change(script: "docker service rm workspace-test_west", named: ["drift: west: it is not there"]),
        Change(
            script: "docker service update -q --detach=false --label-add by=hand \(Self.web)",
            named: ["drift: web: Labels.by: ", "hand"]),
    ]

    @Test(.timeLimit(.minutes(12))) func whatIsChangedByHandIsNamed() async throws {
        try await DockerEngine.during(swarm: true) { engine in
            let place = DeployedWorkspace(
                engine: engine, repository: try await TestRepository(), program: Program(), isPair: true)
            try place.fill()
            try await place.serve("one")
            let deployed = try await place.run("deploy", "--to", "test")
            #expect(deployed.status == 0, "\(deployed)")
            let deployedAs = try await descriptions(place)
            for change in changes {
                try await check(change, place)
                #expect(try await descriptions(place) == deployedAs, "\(change.script)")
            }
        }
    }

    /// Of each service, what the engine has of what is changed here: what is put right is really put right.
    private func descriptions(_ place: DeployedWorkspace) async throws -> String {
        let container = ".Spec.TaskTemplate.ContainerSpec"
        return try await place.shell(
            """
            docker service ls -q | xargs docker service inspect --format '{{.Spec.Name}} {{\(container).Image}} \
            {{\(container).Env}} {{.Spec.Labels}} {{.Spec.Mode.Replicated.Replicas}} \
            {{range \(container).Configs}}{{.ConfigName}}{{end}}' | sort
            """)
    }

    private func check(_ change: Change, _ place: DeployedWorkspace) async throws {
        let quiet = try await place.run("status", "--env", "test")
        #expect(quiet.status == 0 && !quiet.output.contains("drift"), "before \(change.script): \(quiet)")
        try await place.shell(change.script)
        let seen = try await place.run("status", "--env", "test")
        #expect(seen.status == 3, "\(change.script): \(seen)")
        for words in change.named { #expect(seen.output.contains(words), "\(change.script): \(seen.output)") }
        // What is not of it is not named.
        let named = Set(change.named.compactMap { $0.split(separator: ":").dropFirst().first })
        let drifts = seen.lines.filter { $0.hasPrefix("  drift: ") && !$0.contains("config") }
        let others = drifts.filter { line in !named.contains { line.hasPrefix("  drift:\($0):") } }
        #expect(others == [], "\(change.script)")
        let mended = try await place.run("status", "--env", "test", "--fix")
        #expect(mended.status == 0, "\(change.script): \(mended)")
        #expect(try await place.answers() == ["one"], "\(change.script)")
    }
}
