// Stack files: variables, overlays by Compose's rules, `extends`, env files, and what is said of mistakes.
import BuildEngine
import BuildGraph
import BuildTestSupport
import Buildfile
import Testing

@testable import Delivery

struct StackReadingTests {
    private func read(
        _ files: [String: String], _ names: [String] = ["a.yml"], _ values: [String: String] = [:],
        root: BytePath? = nil
    ) -> StackReading {
        var around = StackSurroundings(
            components: ["catalog", "web"], registry: "localhost:5000/lms",
            read: { files[$0.shown].map { Array($0.utf8) } }, lookup: { values[$0] })
        around.root = root
        let span = SourceSpan(SourceText(name: "Buildfile", text: "stack"), offset: 0, length: 5)
        return StackReading(names.map { .init(path: BytePath($0), span: span) }, around)
    }

    /// The entry of the service `s`, as JSON.
    private func entry(_ texts: String..., values: [String: String] = [:]) throws -> JSONTree {
        let files = Dictionary(texts.enumerated().map { ("\($0.offset).yml", $0.element) }) { first, _ in first }
        let reading = read(files, texts.indices.map { "\($0).yml" }, values)
        #expect(reading.diagnostics.map(\.message) == [])
        let project = try #require(reading.project)
        return try #require(project.services.first { $0.name == "s" }).entry
    }

    private func json(_ tree: JSONTree?, _ names: String...) -> String? {
        names.reduce(tree) { $0?.member($1) }?.text(pretty: false)
    }

    @Test func imagesThatNameComponents() throws {
        let stack = """
            services:
              a: {image: catalog}
              b: {image: "${registry}/web"}
              c: {image: "localhost:5000/lms/web:old"}
              d: {image: "postgres:15"}
              e: {image: "localhost:5000/lms/other"}
            """
        let reading = read(["a.yml": stack], ["a.yml"], ["registry": "localhost:5000/lms"])
        #expect(reading.project?.services.map(\.component) == ["catalog", "web", "web", nil, nil])
    }

    @Test func variablesAreReplacedAndBecomeWhatTheirPlaceTakes() throws {
        let entry = try entry(
            """
            services:
              s:
                image: web
                init: ${INIT:-yes}
                environment: {A: "$A", B: 5, C: true, D: "$$x"}
                deploy: {replicas: "${N}"}
                healthcheck: {retries: "${N}", test: ["CMD", "${A}"]}
            """, values: ["A": "one", "N": "3"])
        #expect(json(entry, "environment") == #"{"A":"one","B":"5","C":"true","D":"$x"}"#)
        #expect(json(entry, "deploy") == #"{"replicas":3}"#)
        #expect(json(entry, "healthcheck") == #"{"retries":3,"test":["CMD","one"]}"#)
        #expect(json(entry, "init") == "true")
    }

    @Test func overlaysAreMergedAsComposeMergesThem() throws {
        let entry = try entry(
            """
            services:
              s:
                image: web
                command: ["a", "b"]
                environment: [A=1, B=2]
                labels: {x: 1}
                ports: ["80:80", "81:81"]
                volumes: ["data:/data", "/etc/x:/x:ro"]
                expose: ["80"]
                healthcheck: {test: ["CMD", "a"], interval: 1s}
                deploy: {replicas: 1, resources: {limits: {memory: 1M}}}
                depends_on: [t]
              t: {image: web}
            volumes: {data: , other: }
            """,
            """
            services:
              s:
                image: catalog
                command: c
                environment: {B: 3, C: 4}
                labels: ["y=2"]
                ports: ["81:81", {target: 90, published: 91}]
                volumes: [{type: volume, source: other, target: /data}]
                expose: [80, 81]
                healthcheck: {test: ["CMD", "b"], retries: 2}
                deploy: {resources: {limits: {cpus: "0.5"}}}
                depends_on: {t: {condition: service_healthy}}
            """)
        #expect(json(entry, "image") == #""catalog""#)
        #expect(json(entry, "command") == #""c""#)
        #expect(json(entry, "environment") == #"{"A":"1","B":"3","C":"4"}"#)
        #expect(json(entry, "labels") == #"{"x":"1","y":"2"}"#)
        #expect(json(entry, "ports") == #"["80:80","81:81",{"target":90,"published":91}]"#)
        #expect(json(entry, "volumes") == #"[{"type":"volume","source":"other","target":"/data"},"/etc/x:/x:ro"]"#)
        #expect(json(entry, "expose") == "[80,81]")
        #expect(json(entry, "healthcheck") == #"{"test":["CMD","b"],"interval":"1s","retries":2}"#)
        #expect(json(entry, "deploy") == #"{"replicas":1,"resources":{"limits":{"memory":"1M","cpus":"0.5"}}}"#)
        #expect(json(entry, "depends_on") == #"{"t":{"condition":"service_healthy"}}"#)
    }

    @Test func whatAServiceExtends() throws {
        let files = [
            "deploy/a.yml": """
            services:
              s: {extends: {service: base, file: lib/b.yml}, environment: {B: own}}
              t: {extends: s, command: ["t"]}
            """,
            "deploy/lib/b.yml": """
            services:
              base: {image: web, env_file: base.env, environment: {A: base, B: base}}
            """,
            "deploy/lib/base.env": "A=file\nF=file\n",
        ]
        let reading = read(files, ["deploy/a.yml"])
        #expect(reading.diagnostics.map(\.message) == [])
        let entries = try #require(reading.project).services.map(\.entry)
        #expect(json(entries[0], "environment") == #"{"A":"base","B":"own","F":"file"}"#)
        #expect(json(entries[1], "command") == #"["t"]"#)
        #expect(json(entries[1], "image") == #""web""#)
        #expect(entries[0].member("env_file") == nil)
    }

    @Test func bareNamesTakeTheEnvironmentsValues() throws {
        let entry = try entry("services: {s: {image: web, environment: [A, B]}}", values: ["A": "1"])
        #expect(json(entry, "environment") == #"{"A":"1"}"#)
    }

    @Test func configsAndSecrets() throws {
        let stack = """
            services:
              s:
                image: web
                configs: [conf, {source: inline, target: /i}]
                secrets: [TOKEN, old]
            configs:
              conf: {file: ./conf/app.conf}
              inline: {content: "x=$X"}
            secrets:
              TOKEN: {}
              old: {external: true, name: old_1}
            """
        let reading = read(["deploy/a.yml": stack, "deploy/conf/app.conf": "x"], ["deploy/a.yml"], ["X": "1"])
        #expect(reading.diagnostics.map(\.message) == [])
        let project = try #require(reading.project)
        #expect(project.configs.map(\.source) == [.file(BytePath("deploy/conf/app.conf")), .content("x=1")])
        #expect(project.secrets.map(\.source) == [.variable("TOKEN"), .external("old_1")])
        #expect(json(project.services[0].entry, "secrets") == #"["TOKEN",{"source":"old_1","target":"old"}]"#)
        #expect(reading.taken == ["TOKEN"])
    }

    @Test func relativeBindMounts() throws {
        let stack = "services: {s: {image: web, volumes: [\"./src:/src\"]}}"
        let reading = read(["deploy/a.yml": stack], ["deploy/a.yml"], root: BytePath("/w"))
        #expect(json(reading.project?.services[0].entry, "volumes") == #"["/w/deploy/src:/src"]"#)
        #expect(
            read(["a.yml": stack]).diagnostics.map(\.message)
                == ["'./src' is a folder of this checkout, which the engine's machines do not have"])
    }

    @Test func whoMentionsWhat() throws {
        let stack =
            "services:\n  s:\n    image: web\n    environment:\n      URL: http://$HOST:${PORT:-80}/\n      B: ${HOST}\n"
        let reading = read(["a.yml": stack])
        #expect(reading.mentions.map(\.name) == ["HOST", "PORT", "HOST"])
        #expect(reading.mentions.map(\.key) == ["URL", "URL", "B"])
        #expect(reading.mentions.map { $0.span.lineAndColumn.line } == [5, 5, 6])
        #expect(reading.mentions.map { $0.span.lineAndColumn.column } == [19, 25, 10])
        #expect(reading.settings.map(\.written) == ["http://$HOST:${PORT:-80}/", "${HOST}"])
    }

    @Test(arguments: [
        (
            "⟦servces⟧:\n  s: {image: web}\nservices: {s: {image: web}}\n", "unknown key 'servces'",
            "did you mean 'services'?"
        ),
        (
            "services:\n  s: {image: web, ⟦enviroment⟧: {}}\n", "unknown key 'enviroment' in 'services.s'",
            "did you mean 'environment'?"
        ),
        (
            "services:\n  s: {image: web, deploy: {⟦replica⟧: 1}}\n", "unknown key 'replica' in 'services.s.deploy'",
            "did you mean 'replicas'?"
        ),
        (
            "services:\n  s:\n    image: web\n    ⟦profiles⟧: [x]\n", "'profiles' is not supported in a stack",
            "leave the service out, and add it in a stack file of the environments that want it"
        ),
        (
            "services:\n  s: {image: \"⟦${A!}⟧\"}\n", "invalid template '${A!}'",
            "write ${NAME}, ${NAME:-default}, ${NAME:+other} or ${NAME:?message}; '$$' is a dollar sign"
        ),
        (
            "services:\n  s: {image: web, deploy: {replicas: ⟦many⟧}}\n",
            "'replicas' takes a whole number, and not 'many'", nil
        ),
        (
            "services:\n  ⟦s⟧: {build: .}\n", "the service 's' has no image",
            "lmsbuild runs images that rules make: write image: COMPONENT"
        ),
        (
            "services:\n  ⟦s⟧: {image: web, secrets: [tok]}\nsecrets: {tokn: {}}\n",
            "unknown secret 'tok' in 'services.s'", "did you mean 'tokn'?"
        ),
        (
            "services:\n  ⟦s⟧: {image: web, networks: [net]}\n", "unknown network 'net' in 'services.s'",
            "declare it below 'networks' at the top"
        ),
        (
            "services:\n  ⟦s⟧: {image: web, volumes: [\"data:/d\"]}\n", "unknown volume 'data' in 'services.s'",
            "declare it below 'volumes' at the top"
        ),
        ("services:\n  s: {image: web, extends: ⟦t⟧}\n", "there is no service 't' to extend", nil),
        (
            "services:\n  s: {image: web, environment: {A: ⟦[1]⟧}}\n",
            "'A' in 'environment' is neither a text nor a number", nil
        ),
        (
            "services:\n  s: {image: ⟦!⟧reset web}\n", "Compose's !reset is not supported",
            "expected: the value as it is to be, in a file of its own"
        ),
        (
            "services:\n  s: {image: web}\nconfigs: {⟦c⟧: {file: none}}\n", "there is no file 'none'",
            "files that git ignores don't count"
        ),
        ("⟦[1]⟧\n", "a stack is a mapping with 'services'", "write services: and the services below it"),
    ])
    func mistakes(_ marked: String, _ message: String, _ hint: String?) throws {
        let text = MarkedText(marked)
        let reading = read(["a.yml": String(decoding: text.bytes, as: UTF8.self)])
        let diagnostic = try #require(reading.diagnostics.first)
        #expect(diagnostic.message == message)
        #expect(diagnostic.hint == hint)
        #expect(diagnostic.code == .badStack)
        #expect(diagnostic.span.map { $0.offset..<$0.offset + $0.length } == text.ranges.first)
        #expect(reading.project == nil)
    }

    @Test func circlesAndKindsThatDiffer() {
        let circle = read(["a.yml": "services: {s: {extends: t}, t: {extends: s}}"])
        #expect(
            circle.diagnostics.first?.message.hasPrefix("services extend one another in a circle: a.yml:s -> a.yml:t")
                == true)
        let files = ["a.yml": "services: {s: {extends: {service: s, file: a.yml}}}"]
        #expect(read(files).diagnostics.first?.message.hasPrefix("services extend one another in a circle") == true)
        let kinds = read(
            ["a.yml": "services: {s: {image: web, ports: [\"1\"]}}", "b.yml": "services: {s: {ports: {a: 1}}}"],
            ["a.yml", "b.yml"])
        #expect(
            kinds.diagnostics.map(\.message) == [
                "'services.s.ports' is of another kind in the file that this is merged onto"
            ])
        #expect(read([:]).diagnostics.map(\.message) == ["there is no file 'a.yml'"])
    }
}
