import BuildEngine
import BuildGraph
import BuildTestSupport
import Testing

@testable import Delivery

/// What a router is told: HAProxy takes it, and it leads where it should.
@Suite struct RouterRoutesTests {
    private func place(
        _ shares: [ServiceSet: Int], preview: SetLayout.Preview? = nil, ports: [ServiceSet: String?] = [:]
    ) -> RouterRoutes.Place {
        let servers = Dictionary(
            uniqueKeysWithValues: ServiceSet.allCases.map { set in
                (
                    set,
                    RouterRoutes.Server(
                        service: "web", replicas: 3, hostPort: ports[set] ?? (set == .blue ? "8081" : "8082"),
                        port: "8080")
                )
            })
        return .init(service: "web", listen: "127.0.0.1:8080", servers: servers, shares: shares, preview: preview)
    }

    private func lines(_ place: RouterRoutes.Place) -> [String] {
        RouterRoutes(places: [place]).text.split(separator: "\n").map {
            String($0.drop { $0 == " " })
        }
    }

    @Test func oneSetGetsAll() {
        let lines = lines(place([.green: 100]))
        #expect(lines.contains("bind 127.0.0.1:8080"))
        #expect(lines.contains("default_backend web-green"))
        #expect(lines.contains("server web-green-1 127.0.0.1:8082 \(RouterRoutes.check)"))
        #expect(!lines.contains { $0.contains("web-blue") || $0.hasPrefix("use_backend") })
    }

    @Test func aShareIsDrawn() {
        let lines = lines(place([.blue: 90, .green: 10]))
        #expect(lines.contains("use_backend web-green if { rand(100) lt 10 }"))
        #expect(lines.contains("default_backend web-blue"))
    }

    @Test func thePreviewLeadsToTheNewSetAlone() {
        let lines = lines(place([.blue: 100], preview: .init(set: .green, token: "abc")))
        #expect(lines.contains("use_backend web-green if { req.hdr(x-lmsbuild-preview) -m str abc }"))
        #expect(lines.contains("default_backend web-blue"))
        // No service is told the secret.
        #expect(lines.filter { $0 == "http-request del-header x-lmsbuild-preview" }.count == 2)
    }

    @Test func eachReplicaHasItsPort() {
        let lines = lines(place([.blue: 100], ports: [.blue: "1808{{.Task.Slot}}"]))
        #expect(lines.filter { $0.hasPrefix("server ") }.count == 3)
        #expect(lines.contains("server web-blue-3 127.0.0.1:18083 \(RouterRoutes.check)"))
    }

    @Test func aServiceThatOneSetLacksIsServedByTheOther() {
        let place = RouterRoutes.Place(
            service: "old", listen: "8090",
            servers: [.blue: .init(service: "old", replicas: 1, hostPort: "8091", port: "80")], shares: [.green: 100],
            preview: nil)
        #expect(lines(place).contains("default_backend old-blue"))
        #expect(lines(place).contains("bind :8090"))
    }

    @Test(.enabled(if: isInstalled("haproxy"))) func haproxyTakesIt() async throws {
        let folder = try TemporaryFolder()
        let names = place([.blue: 60, .green: 40], preview: .init(set: .green, token: "abc"), ports: [.blue: nil])
        let own = RouterRoutes.Place(
            service: "other", listen: "8090",
            servers: [.blue: .init(service: "other", replicas: 2, hostPort: nil, port: "80")], shares: [.blue: 100],
            preview: nil)
        try folder.write("own.cfg", "global\n    maxconn 10\ndefaults\n    mode tcp\n    timeout client 1s\n")
        try folder.write("routes.cfg", RouterRoutes(places: [names, own]).text)
        let result = try await ProcessRunner.ofTests.run(
            Command(
                ["haproxy", "-c", "-q", "-f", "own.cfg", "-f", "routes.cfg"],
                environment: ["PATH": "/usr/sbin:/usr/bin:/bin"], folder: folder.path))
        let said = String(decoding: result.output, as: UTF8.self)
        #expect(result.succeeded, "\(said)")
        // Only the engine knows the names of its services.
        let warnings = said.split(separator: "\n").filter {
            $0.contains("[WARNING]") && !$0.contains("could not resolve")
        }
        #expect(warnings == [])
    }

    @Test func routingOutlivesARecord() throws {
        let routing = Routing(
            router: "gate",
            routes: [
                .init(service: "web", listen: "8080", ports: [.blue: "1", .green: "2"]),
                .init(service: "api", listen: "127.0.0.1:8090"),
            ])
        let stack = StackFixture(services: ["gate": .init(image: "g", port: 1)]).rendered.routed(routing)
        let read = try #require(RenderedStack(recorded: stack.recorded.bytes))
        #expect(read.routing == routing)
        #expect(read.digest == stack.digest)
    }
}
