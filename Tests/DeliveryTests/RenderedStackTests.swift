// What engines are handed: names by content, documents by engine, and secrets that nothing prints.
import BuildEngine
import BuildGraph
import BuildTestSupport
import Buildfile
import Glibc
import Testing

@testable import Delivery

struct RenderedStackTests {
    private let key = SecretKey([UInt8](repeating: 7, count: 32))

    private func project() throws -> ComposeProject {
        let entry = try JSONTree.parse(
            Array(
                """
                {"image": "shop/web", "environment": {"A": "pay $5", "B": "x"}, "configs": ["conf"],
                 "secrets": [{"source": "token", "target": "api"}], "depends_on": {"db": {"condition": "service_healthy"}},
                 "healthcheck": {"interval": "2s", "retries": 4, "start_period": "1m30s"}, "stop_grace_period": "1500ms",
                 "deploy": {"replicas": 3, "update_config": {"parallelism": 2, "delay": "10s"},
                            "restart_policy": {"condition": "on-failure", "max_attempts": 5},
                            "resources": {"limits": {"cpus": "0.50", "memory": "256M"}}}}
                """.utf8))
        let database = try JSONTree.parse(Array(#"{"image": "postgres:15"}"#.utf8))
        return ComposeProject(
            services: [
                .init(name: "db", span: nil, component: nil, image: "postgres:15", entry: database),
                .init(name: "web", span: nil, component: "web", image: "shop/web", entry: entry),
            ],
            configs: [
                .init(key: "conf", span: nil, source: .content("x")),
                .init(key: "idle", span: nil, source: .content("")),
            ],
            secrets: [.init(key: "token", span: nil, source: .variable("TOKEN"))],
            rest: [JSONTree.Member(name: "volumes", value: .object([]))])
    }

    private func materials(secret: String = "s3cret-value", config: String = "conf\n") throws -> StackMaterials {
        var materials = StackMaterials(
            project: StackMaterials.projectName("Shop", "prod"), environment: "prod",
            images: ["web": "localhost/web@sha256:abc"], key: try #require(key))
        materials.configs = ["conf": Array(config.utf8)]
        materials.secrets = ["token": SecretValue(Array(secret.utf8))]
        return materials
    }

    private func stack(secret: String = "s3cret-value", config: String = "conf\n") throws -> RenderedStack {
        RenderedStack(try project(), try materials(secret: secret, config: config))
    }

    @Test func everythingIsDecided() throws {
        let stack = try stack()
        #expect(stack.project == "shop-prod")
        #expect(stack.services.map(\.name) == ["db", "web"])
        let web = stack.services[1]
        #expect(web.image == "localhost/web@sha256:abc")
        #expect(web.entry.member("image")?.text == web.image)
        #expect(web.replicas == 3)
        #expect(web.environment == ["A": "pay $5", "B": "x"])
        #expect(stack.configs.map(\.key) == ["conf"], "what nobody uses is not there")
        #expect(stack.configs[0].engineName == "shop-prod_conf_" + SHA256Value.of(Array("conf\n".utf8)).hex.prefix(12))
        #expect(web.configNames == stack.configs.map(\.engineName))
        #expect(web.secretNames == stack.secrets.map(\.engineName))
        #expect(
            web.timing
                == RolloutTiming(
                    startPeriod: 90_000, interval: 2000, timeout: 30_000, stopGrace: 1500, monitor: 5000,
                    delay: 10_000, retries: 4, parallelism: 2))
    }

    @Test func whoUsesWhatChangedIsAnother() throws {
        let one = try stack()
        #expect(try stack().digest == one.digest)
        for other in [try stack(secret: "s3cret-other"), try stack(config: "more\n")] {
            #expect(other.digest != one.digest)
            #expect(other.services[0].specHash == one.services[0].specHash)
            #expect(other.services[1].specHash != one.services[1].specHash)
        }
    }

    @Test func aSecretIsNeverPrinted() throws {
        let stack = try stack()
        var dumped = ""
        dump(stack, to: &dumped)
        dump(try materials(), to: &dumped)
        dumped += "\(stack) \(stack.secrets) \(String(reflecting: stack.secrets)) \(try materials())"
        for flavour in [StackFlavour.swarm, .composeOne, .composeTwo] {
            dumped += stack.document(for: flavour, files: BytePath("/run/x")).text(pretty: true)
        }
        #expect(!dumped.contains("s3cret"))
        #expect(!dumped.contains(Array("s3cret-value".utf8).map { "\($0)" }.joined(separator: ", ")))
    }

    @Test func theFingerprintNeedsTheKey() throws {
        // RFC 4231, test case 1.
        let known = try #require(SecretKey([UInt8](repeating: 0x0B, count: 20)))
        #expect(
            known.fingerprint(of: SecretValue(Array("Hi There".utf8))).hex
                == "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7")
        #expect(SecretKey([1, 2, 3]) == nil)
    }

    @Test func theWorkspacesKeyIsMadeOnceAndIsPrivate() throws {
        let folder = try TemporaryFolder()
        let path = folder(".lmsbuild").appending("secret-key")
        let value = SecretValue([1])
        let first = try SecretKey.ofWorkspace(at: path).fingerprint(of: value)
        #expect(try SecretKey.ofWorkspace(at: path).fingerprint(of: value) == first)
        #expect(try readFile(path.shown).count == 32)
        var status = stat()
        _ = path.withCString { lstat($0, &status) }
        #expect(status.st_mode & 0o777 == 0o600)
        _ = path.withCString { chmod($0, 0o644) }
        let error = #expect(throws: FileSystemError.self) { try SecretKey.ofWorkspace(at: path) }
        #expect(error?.errno == EPERM)
    }

    @Test func forSwarm() throws {
        let stack = try stack()
        let document = stack.document(for: .swarm, files: BytePath("/run/x"))
        let web = try #require(document.at("services", "web"))
        #expect(document.member("version")?.text == "3.8")
        #expect(web.at("environment", "A")?.text == "pay $$5", "engines replace variables once more")
        #expect(web.member("depends_on")?.text(pretty: false) == #"["db"]"#)
        #expect(document.at("secrets", "token", "name")?.text == stack.secrets[0].engineName)
        #expect(document.at("configs", "conf", "external")?.scalarText == "true")
        #expect(document.member("volumes") != nil)
    }

    @Test func forDockerComposeOne() throws {
        let stack = try stack()
        let document = stack.document(for: .composeOne, files: BytePath("/run/x"))
        let web = try #require(document.at("services", "web"))
        #expect(web.member("deploy") == nil)
        #expect(web.member("scale")?.whole == 3)
        #expect(web.member("restart")?.text == "on-failure:5")
        #expect(web.member("mem_limit")?.text == "256M")
        #expect(
            web.member("volumes")?.elements?.map(\.text) == [
                "/run/x/\(stack.configs[0].engineName):/conf:ro",
                "/run/x/\(stack.secrets[0].engineName):/run/secrets/api:ro",
            ])
        #expect(document.member("secrets") == nil)
    }

    @Test func forComposeTwo() throws {
        let stack = try stack()
        let document = stack.document(for: .composeTwo, files: BytePath("/run/x"))
        #expect(document.member("name")?.text == "shop-prod")
        #expect(document.at("secrets", "token", "file")?.text == "/run/x/\(stack.secrets[0].engineName)")
        #expect(document.at("services", "web", "deploy", "replicas")?.whole == 3)
    }

    @Test func namesThatEnginesTake() {
        #expect(StackMaterials.projectName("My_Shop.2", "prod") == "my-shop-2-prod")
        let long = StackMaterials.projectName(String(repeating: "a", count: 80), "prod")
        #expect(long.utf8.count <= 63)
        #expect(long != StackMaterials.projectName(String(repeating: "a", count: 80), "test"))
    }
}
