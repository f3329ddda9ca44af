import BuildTestSupport
import Buildfile
import Testing

@testable import BuildGraph

@Suite struct GraphTests {
    private func graph(_ buildfile: String, _ files: [String: String] = [:]) throws -> Graph {
        let resolution = try resolution(buildfile, files)
        return try #require(resolution.graph, "\(DiagnosticRenderer(color: false).render(resolution.diagnostics))")
    }

    private func resolution(_ buildfile: String, _ files: [String: String]) throws -> Resolution {
        try resolve(MemoryFileSystem(files.merging(["Buildfile": buildfile]) { $1 }), ResolutionSettings())
    }

    private func inputs(_ graph: Graph, _ label: Label) throws -> [String] {
        let target = graph.targets[try #require(graph.index(of: label))]
        return target.files.map { graph.tree.entries[$0].path.shown }
            + target.prerequisites.map { graph.targets[$0].label.description }
    }

    @Test func usingBringsBuildOutputsOrInputsAndWhatThoseUse() throws {
        let graph = try graph(
            """
            library plain
                dir plain
                inputs *.py
                uses deep
            library deep
                dir deep
                inputs *.py
            library built
                dir built
                uses deep
                build: x
                    make
            service a
                dir a
                uses plain built
                build: src
                    make
                image: Dockerfile

            """,
            [
                "plain/p.py": "", "plain/no.txt": "", "deep/d.py": "", "built/x": "", "a/src": "",
                "a/Dockerfile": "FROM scratch\nCOPY src /\n", "a/other": "",
            ])
        #expect(
            try inputs(graph, Label(component: "a", stage: "build")) == [
                "a/src", "deep/d.py", "plain/p.py", "built:build",
            ])
        #expect(try inputs(graph, Label(component: "a", stage: "image")) == ["a/Dockerfile", "a/src"])
    }

    @Test func componentsAreNamedAfterWhatWildcardsMatch() throws {
        let graph = try graph(
            "template docker\n    image: Dockerfile\nservices src/*/Dockerfile : docker\nservice cart\n    owners me\n",
            ["src/cart/Dockerfile": "FROM scratch\n", "src/pay/Dockerfile": "FROM scratch\n", "src/none/x": ""])
        #expect(graph.components.map(\.name) == ["cart", "pay"])
        #expect(graph.components.map(\.folder.shown) == ["src/cart", "src/pay"])
        #expect(graph.components[0].owners == ["me"])
    }

    @Test func laterTemplatesAndTheBlockOverride() throws {
        let graph = try graph(
            """
            template one
                v = 1
                build:
                    one $v
                unit:
                    one
            template two
                v = 2
                unit:
                    two
            service a : one two
                v = 3

            """)
        let build = graph.targets[try #require(graph.index(of: Label(component: "a", stage: "build")))]
        let unit = graph.targets[try #require(graph.index(of: Label(component: "a", stage: "unit")))]
        #expect(build.values == ["v": "3"])
        guard case .recipe(let recipe, _) = unit.making else { return #expect(Bool(false), "no recipe") }
        #expect(recipe.text == "two\n")
    }

    @Test func aProviderIsVerifiedOnceForEachConsumer() throws {
        let graph = try graph(
            """
            service p
                dir p
                verify: t/**
                    check "$contract" "$consumer"
            service c1
                dir c1
                consumes p by contracts/p.json
            service c2
                dir c2
                consumes p by p.json

            """, ["p/t/x": "", "c1/contracts/p.json": "", "c2/p.json": ""])
        #expect(graph.targets.map(\.label.description) == ["p:verify[c1]", "p:verify[c2]"])
        #expect(graph.targets[0].contractVariable(in: BytePath("p")) == "../c1/contracts/p.json")
        #expect(try inputs(graph, graph.targets[0].label) == ["c1/contracts/p.json", "p/t/x"])
    }

    @Test func outputsAreNeverMatchedByGlobs() throws {
        let graph = try graph(
            "service a\n    build: *.c -> made.c\n        make\n    lint: **\n        lint\n",
            ["x.c": "", "made.c": "committed by mistake"])
        #expect(try inputs(graph, Label(component: "a", stage: "build")) == ["x.c"])
        #expect(try inputs(graph, Label(component: "a", stage: "lint")) == ["Buildfile", "x.c"])
    }

    @Test(arguments: [
        ("service a\n    uses cataog\nservice catalog\n", "LMS101 unknown component 'cataog'"),
        ("service a\n    unit: :biuld\n        x\n    build:\n        x\n", "LMS102 unknown stage 'biuld'"),
        ("service a\n    needs sh\n    build:\n        x\n", "LMS103 unknown tool 'sh'"),
        ("service a : nope\n", "LMS104 unknown template 'nope'"),
        ("service a\n    build: $nope\n        x\n", "LMS105 unknown variable 'nope'"),
        ("service a\nservice a\n", "LMS106 component 'a' is declared twice"),
        (
            "service a\n    x: :y\n        x\n    y: :z\n        x\n    z: | :x\n        x\n",
            "LMS107 targets need each other in a circle: a:x -> a:y -> a:z -> a:x"
        ),
        (
            "service a\n    x: -> o/\n        x\n    y: -> o/f\n        x\n",
            "LMS108 'a:y' puts out 'o/f' inside 'o', which 'a:x' puts out"
        ),
        ("service a\n    x: nofile\n        x\n", "LMS109 there is no file 'nofile'"),
        ("service a\n    x: ../f\n        x\n", "LMS110 '../f' leaves the workspace"),
        ("include no/*/Buildfile\n", "LMS111 'no/*/Buildfile' matches no file"),
        (
            "service a\n    build: -> bin\n        x\n    image: Dockerfile\n",
            "LMS113 'bin' takes 'bin', which 'a:build' puts out, but 'a:image' does not name it"
        ),
    ]) func mistakesAreNamed(buildfile: String, message: String) throws {
        let resolution = try resolution(buildfile, ["Dockerfile": "FROM scratch\nCOPY bin /\n"])
        #expect(resolution.graph == nil)
        #expect(
            resolution.diagnostics.filter { $0.severity == .error }.map { "\($0.code.rawValue) \($0.message)" } == [
                message
            ])
    }

    private static let bases =
        "registry = r.example:5000/lms\nlibrary base\n    dir base\n    image: Dockerfile\n"
        + "service a\n    dir a\n    image: Dockerfile"

    @Test(arguments: [
        "FROM r.example:5000/lms/base", "FROM r.example:5000/lms/base:latest", "FROM r.example:5000/lms/base@sha256:12",
        "FROM scratch\nCOPY --from=r.example:5000/lms/base:1 /x /", "ARG b=r.example:5000/lms/base:1\nFROM $b",
    ]) func anotherComponentsImageByItsNameIsRefused(dockerfile: String) throws {
        for rule in ["\n", " base:image\n"] {
            let found = try resolution(
                Self.bases + rule, ["base/Dockerfile": "FROM scratch\n", "a/Dockerfile": dockerfile + "\n"])
            let mistake = try #require(found.diagnostics.first { $0.severity == .error })
            #expect(mistake.code == .missingImagePrerequisite)
            #expect(mistake.message.contains("is the image of 'base', which 'a:image' must take as a build argument"))
            #expect(
                mistake.hint == "write 'ARG base' and '${base}' here, and add 'base:image' to the rule's inputs")
        }
    }

    @Test(arguments: [
        "ARG base\nFROM $base", "FROM r.example:5000/other/base", "FROM r.example:5000/lms/unknown", "FROM base:1",
    ]) func otherImagesAreNot(dockerfile: String) throws {
        let found = try resolution(
            Self.bases + " base:image\n", ["base/Dockerfile": "FROM scratch\n", "a/Dockerfile": dockerfile + "\n"])
        #expect(found.graph != nil, "\(found.diagnostics.map(\.message))")
    }

    @Test(arguments: [
        ("ADD https://example.com/a.tar /", true), ("ADD https://example.com/a.git#main /", true),
        ("ADD --checksum=sha256:12 https://example.com/a.tar /", false),
        ("ADD https://example.com/a.git#9fceb02d0ae598e95dc970b74767f19372d61af8 /", false),
        ("ADD https://example.com/a.git#9fceb02d0ae598e95dc970b74767f19372d61af8:folder /", false),
        ("ARG u=http://example.com/a\nADD $u /", true), ("ADD a /", false),
    ]) func whatIsFetchedIsFlagged(instruction: String, isFlagged: Bool) throws {
        let found = try resolution(
            "service s\n    image: Dockerfile\n", ["Dockerfile": "FROM scratch\n\(instruction)\n", "a": ""])
        #expect(found.graph != nil)
        #expect(found.diagnostics.contains { $0.code == .notReproducible && $0.severity == .warning } == isFlagged)
    }

    @Test func labelsSelectByNameStageConsumerAndGlob() throws {
        let graph = try graph(
            "service pay\n    unit:\n        x\n    build:\n        x\nservice payroll\n    unit:\n        x\nservice cart\n    unit:\n        x\n"
        )
        func names(_ labels: String...) throws -> [String] {
            try graph.select(labels: labels, everythingByDefault: true).map { graph.targets[$0].label.description }
        }
        #expect(try names("pay") == ["pay:build", "pay:unit"])
        #expect(try names(":unit") == ["cart:unit", "pay:unit", "payroll:unit"])
        #expect(try names("pay*:unit") == ["pay:unit", "payroll:unit"])
        #expect(try names("cart:unit", "pay:build") == ["cart:unit", "pay:build"])
        #expect(throws: Diagnostic.self) { try names("crt") }
    }
}
