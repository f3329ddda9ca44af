import BuildGraph
import BuildTestSupport
import Glibc

/// A small monorepo with a Buildfile for each service, and random edits of everything that shapes its graph. Some of them make
/// mistakes, and later ones mend them.
struct RandomBuildfiles {
    private struct Rule {
        var attributes = ""
        var inputs = "src/**"
        var gates = ""
        var outputs = ""
        var recipe = "cat src/*"
    }

    private struct Unit {
        var comment = ""
        var header = ""
        var lines: [String: String] = [:]
        var rules: [String: Rule] = [:]
        var broken = ""

        var text: String {
            var text = comment + header + "\n"
            for (_, line) in lines.sorted(by: { $0.key < $1.key }) where !line.isEmpty { text += "    \(line)\n" }
            for (stage, rule) in rules.sorted(by: { $0.key < $1.key }) {
                if !rule.attributes.isEmpty { text += "    \(rule.attributes)\n" }
                text += "    \(stage): \(rule.inputs)"
                if !rule.gates.isEmpty { text += " | \(rule.gates)" }
                if !rule.outputs.isEmpty { text += " -> \(rule.outputs)" }
                text += "\n" + (rule.recipe.isEmpty ? "" : "        \(rule.recipe)\n")
            }
            return text + broken
        }
    }

    private let repository: TestRepository
    private var generator: SeededGenerator
    private var counter = 0
    private var services: [String: Unit] = [:]
    private var libraries: [String: Unit] = [:]
    /// Of the root Buildfile, by what they are.
    private var root: [String: String] = [
        "00 comment": "", "01 version": "version = 1", "02 level": "level ?= low", "03 extra": "",
        "04 tool": "tool sh 1\n    echo 1", "05 registry": "registry = localhost/x", "06 environment": "",
        "20 base": "template base\n    needs sh\n    lint: src/**\n        cat src/* # $level",
        "21 service":
            "template service : base\n    unit: :build src/**\n        test -e src # $version\n    verify: :build\n        cat \"$contract\"",
        "22 web": "template web\n    greeting = hello\n    pack: :build -> out/$name.pack\n        echo $greeting",
        "30 apps": "services apps/* : base", "31 include": "include services/*/Buildfile libs/Buildfile", "32 more": "",
        "33 default": "",
    ]

    init(_ repository: TestRepository, seed: UInt64) throws {
        self.repository = repository
        generator = SeededGenerator(seed: seed)
        for index in 0..<5 {
            let name = "s\(index)"
            services[name] = Unit(
                header: "service \(name) : service" + (index % 2 == 0 ? " web" : ""),
                lines: ["port": "port = 80\(index)", "uses": index == 3 ? "" : "uses plain"],
                rules: ["build": Rule(outputs: "out/\(name).txt", recipe: "cat src/* > out/\(name).txt")])
            if index < 3 {
                services[name]?.rules["image"] = Rule(inputs: "Dockerfile :build", recipe: "")
            }
            try makeFiles(name)
        }
        libraries["plain"] = Unit(header: "library plain", lines: ["dir": "dir lib/plain", "inputs": "inputs *.py"])
        libraries["deep"] = Unit(
            header: "library deep", lines: ["dir": "dir /lib/plain", "inputs": "inputs *.h", "uses": "uses plain"])
        libraries["built"] = Unit(
            header: "library built", lines: ["dir": "dir /lib/built"],
            rules: ["build": Rule(inputs: "*.c", outputs: "out/lib.a", recipe: "cat *.c > out/lib.a")])
        libraries["plain"]?.lines["dir"] = "dir /lib/plain"
        for name in ["lib/plain/a.py", "lib/plain/a.h", "lib/built/a.c", "apps/one/src/x", "apps/two/src/x"] {
            try repository.write(name, "a\n")
        }
        try repository.write("other/Buildfile", "library other\n    inputs *\n")
        try repository.write(".gitignore", "out/\n*.log\n")
        for name in services.keys { try writeService(name) }
        try writeLibraries()
        try writeRoot()
    }

    private func makeFiles(_ name: String) throws {
        try repository.write("services/\(name)/src/main", "main \(name)\n")
        try repository.write("services/\(name)/conf/a.txt", "a\n")
        try repository.write("services/\(name)/contract.json", "{}\n")
        try repository.write("services/\(name)/Dockerfile", "FROM scratch\nCOPY src /src\nCOPY out/\(name).txt /\n")
    }

    private func writeRoot() throws {
        let lines = root.sorted { $0.key < $1.key }.map(\.value).filter { !$0.isEmpty }
        try repository.write("Buildfile", lines.joined(separator: "\n") + "\n")
    }

    private func writeService(_ name: String) throws {
        guard let unit = services[name] else { return }
        try repository.write("services/\(name)/Buildfile", unit.text)
    }

    private func writeLibraries() throws {
        try repository.write(
            "libs/Buildfile", libraries.sorted { $0.key < $1.key }.map(\.value.text).joined(separator: "\n"))
    }

    private func path(_ name: String) -> String { repository.path.appending(name).shown }

    private mutating func pick<Element>(_ choices: [Element]) -> Element {
        choices[Int.random(in: 0..<choices.count, using: &generator)]
    }

    private mutating func anyService() -> String { pick(services.keys.sorted()) }

    /// Goes back to what the Buildfiles were at `earlier`, and makes the other files whole.
    mutating func mend(to earlier: RandomBuildfiles) throws {
        (services, libraries, root) = (earlier.services, earlier.libraries, earlier.root)
        for name in services.keys {
            try makeFiles(name)
            unlink(path("services/\(name)/.gitignore"))
            unlink(path("services/\(name)/.dockerignore"))
            try writeService(name)
        }
        try repository.write(".gitignore", "out/\n*.log\n")
        try writeLibraries()
        try writeRoot()
    }

    /// Makes one change and says what it was.
    mutating func change() throws -> String {
        counter += 1
        switch Int.random(in: 0..<10, using: &generator) {
        case 0...4: return try changeService(anyService())
        case 5: return try changeLibrary()
        case 6, 7: return try changeRoot()
        case 8: return try changeFile(anyService())
        default: return try changeComponents()
        }
    }

    private mutating func changeService(_ name: String) throws -> String {
        guard var unit = services[name] else { return "nothing" }
        let stage = pick(unit.rules.keys.sorted() + ["build"])
        var what = ""
        switch Int.random(in: 0..<15, using: &generator) {
        case 0, 1, 2:
            if unit.rules[stage]?.recipe.isEmpty == false { unit.rules[stage]?.recipe = "echo \(counter) $version" }
            what = "recipe of \(stage)"
        case 3, 4:
            if stage != "image" {
                unit.rules[stage]?.inputs = pick(["src/**", "src/* conf/*", "src/main", "src/**", "nothing/*.x", "*"])
            }
            what = "inputs of \(stage)"
        case 5:
            if stage != "image" {
                unit.rules[stage]?.attributes = pick(
                    ["", "[timeout \(counter)m]", "[retries 1]", "[pool heavy] [uncached]"])
            }
            what = "attributes of \(stage)"
        case 6, 7:
            let words = ["plain", "built", "plain built", "deep", "deep built", "s\(counter % 5)", "nobody", "s0 s1"]
            unit.lines["uses"] = pick(["", "uses " + pick(words)])
            what = "uses: \(unit.lines["uses"] ?? "")"
        case 8:
            unit.lines["port"] = "port = \(counter)"
            if Bool.random(using: &generator) { unit.lines["version"] = pick(["", "version = own", "extra = $port"]) }
            what = "variables"
        case 9, 10:
            let new = pick(["extra", "check", "doc", "build", "group"])
            unit.rules[new] = Rule(
                inputs: pick(["src/**", ":build", "src/* s\(counter % 5):build", "built:build"]),
                gates: pick(["", "", ":build"]),
                outputs: pick(["", "out/\(new)", "out/\(new)/", "out/\(name).txt", "src/"]),
                recipe: new == "group" ? "" : "echo $port $extra \(counter)")
            if new == "group" || new == "build" { unit.rules[new]?.outputs = new == "build" ? "out/\(name).txt" : "" }
            if new == "build" { unit.rules[new]?.inputs = "src/**" }
            if unit.rules[new]?.inputs.contains("build") == true { unit.rules[new]?.gates = "" }
            what = "new rule \(new)"
        case 11:
            unit.rules[pick(["extra", "check", "doc", "group", stage])] = nil
            what = "fewer rules"
        case 12:
            unit.comment = pick(["", "# comment \(counter)\n", "\n\n"])
            what = "comment"
        case 13:
            let provider = "s\(counter % 5)"
            unit.lines["zconsumes"] = pick(
                ["", "consumes \(provider) by contract.json", "consumes \(provider) by conf/a.txt contract.json"])
            what = "consumes"
        default:
            unit.broken = unit.broken.isEmpty ? pick(["    build\n", "  : x\n", "frobnicate\n"]) : ""
            what = unit.broken.isEmpty ? "mended" : "broken"
        }
        services[name] = unit
        try writeService(name)
        return "\(name): \(what)"
    }

    private mutating func changeLibrary() throws -> String {
        let inputs = pick(["*.py", "*.py *.h", "**", "a.$level", "*.none"])
        let uses = pick(["", "uses plain", "uses plain built", "uses built"])
        let comment = pick(["", "# \(counter)\n"])
        switch Int.random(in: 0..<6, using: &generator) {
        case 0: libraries["plain"]?.lines["inputs"] = "inputs " + inputs
        case 1: libraries["deep"]?.lines["uses"] = uses
        case 2: libraries["built"]?.rules["build"]?.recipe = "cat *.c > out/lib.a # \(counter)"
        case 3:
            let has = libraries["plain"]?.rules["build"] != nil
            libraries["plain"]?.rules["build"] = has ? nil : Rule(inputs: "*.py", recipe: "echo")
        case 4: libraries["deep"]?.comment = comment
        default: libraries["built"]?.lines["owners"] = "owners team-\(counter)"
        }
        try writeLibraries()
        return "libraries"
    }

    private mutating func changeRoot() throws -> String {
        let (key, choices): (String, [String]) = pick([
            ("00 comment", ["", "# comment \(counter)"]),
            ("01 version", ["version = \(counter)", "version = v$level"]),
            ("02 level", ["level ?= low", "level ?= high", "level = py"]),
            ("03 extra", ["", "extra = \(counter)", "port = 1", "greeting = all"]),
            ("04 tool", ["tool sh \(counter)\n    echo 1", "tool sh 1\n    echo \(counter)"]),
            ("05 registry", ["registry = localhost/x", "registry = localhost/y", ""]),
            ("06 environment", ["", "environment prod\n    engine compose"]),
            (
                "20 base",
                [
                    "template base\n    needs sh\n    lint: src/**\n        cat src/* # \(counter)",
                    "template base\n    lint: src/**\n        cat src/* # $level",
                    "template base\n    lint: src/**\n        cat src/*\n    tidy: src/*\n        tidy",
                ]
            ),
            (
                "22 web",
                [
                    "template web\n    greeting = hello \(counter)\n    pack: :build -> out/$name.pack\n        echo $greeting > out/x",
                    "template web\n    pack: :build -> out/$name.\(counter)\n        echo",
                ]
            ),
            ("30 apps", ["services apps/* : base", "services apps/* : base\n    owners me", "services none/* : base"]),
            ("32 more", ["", "include other/Buildfile", "library inline\n    inputs *.gradle\n    dir lib"]),
            ("33 default", ["", "default s0:build", "default nobody:build"]),
        ])
        root[key] = pick(choices)
        try writeRoot()
        return "root: \(key): \(root[key] ?? "")"
    }

    private mutating func changeFile(_ name: String) throws -> String {
        let folder = "services/\(name)"
        switch Int.random(in: 0..<9, using: &generator) {
        case 0: try repository.write("\(folder)/src/main", "main \(counter)\n")
        case 1: try repository.write("\(folder)/src/f\(counter)", "new\n")
        case 2:
            try repository.write(
                "\(folder)/Dockerfile",
                "FROM scratch\nCOPY \(pick(["src", "src/main", "src conf", "missing"])) /\nCOPY out/\(name).txt /\n")
        case 3:
            try repository.write(
                "\(folder)/Dockerfile",
                "ARG BASE\nFROM ${\(pick(["BASE", "s1", "nobody"]))}\nADD \(pick(["src", "https://x.example/a"])) /\n")
        case 4: try repository.write("\(folder)/.dockerignore", pick(["src/f*\n", "conf\n", "*\n!src\n", ""]))
        case 5: unlink(path("\(folder)/.dockerignore"))
        case 6: try repository.write(".gitignore", "out/\n*.log\n" + pick(["", "f1*\n", "conf/\n", "Dockerfile\n"]))
        case 7: try repository.write("\(folder)/.gitignore", pick(["", "f*\n", "src/\n", "!*.log\n"]))
        default: unlink(path("\(folder)/.gitignore"))
        }
        return "file of \(name)"
    }

    private mutating func changeComponents() throws -> String {
        switch Int.random(in: 0..<5, using: &generator) {
        case 0:
            let name = "n\(counter)"
            services[name] = Unit(header: "service \(name) : base", rules: ["build": Rule()])
            try makeFiles(name)
            try writeService(name)
            return "new service \(name)"
        case 1:
            guard let name = services.keys.filter({ $0.hasPrefix("n") }).sorted().first else { return "nothing" }
            services[name] = nil
            unlink(path("services/\(name)/Buildfile"))
            return "service \(name) gone"
        case 2:
            let name = anyService()
            let header = pick([name, "\(name) : base", "\(name) : service web"])
            services[name]?.header = "service " + header
            try writeService(name)
            return "templates of \(name)"
        case 3:
            let app = "apps/a\(counter % 3)/src/x"
            if unlink(path(app)) != 0 { try repository.write(app, "x\n") }
            return "app"
        default:
            // So many that they are worth another base.
            for index in 0..<80 { try repository.write("many/m\(counter % 3)/f\(index)", "\(counter)\n") }
            return "many files"
        }
    }
}
