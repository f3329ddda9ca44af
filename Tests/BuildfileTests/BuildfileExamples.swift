import Buildfile

/// The language's whole example, as its description has it.
let wholeExample = #"""
    # Buildfile at the root of the repository
    registry ?= localhost:5000/lms            # ?= : NAME=VALUE on the command line, then the environment, win

    tool python3 3.11                         # declared, so hashed; checked against the machine at run time
        python3 --version

    template python-service
        needs python3

        lint: src/**/*.py
            python3 -m pyflakes src

        build: src/** -> dist/$name.pyz
            python3 -m zipapp src -m "$name.main:main" -o "dist/$name.pyz"

        unit: :build tests/unit/**
            python3 -m unittest discover -s tests/unit

        [gate mutation >= 80 reports/mutation.json] [timeout 20m]
        mutation: src/** tests/unit/** -> reports/mutation.json
            ../../scripts/mutate src tests/unit reports/mutation.json

        verify: :build tests/contract/**      # runs once for each consumer of this service
            python3 tests/contract/verify.py "$contract"

        image: Dockerfile :build python-base:image | :unit :lint

    library python-base
        dir images/python-base
        image: Dockerfile rootfs.list

    library http
        dir lib/http
        inputs *.py                           # what others get when they use it and it has no build rule

    services services/* : python-service      # a component for every folder that matches, named after it
    include services/*/Buildfile              # a folder's own Buildfile may add to or override the template

    environment staging
        stack deploy/compose.yml
        env-file deploy/staging.env
        engine swarm
        check http://127.0.0.1:8080/health within 60s

    environment prod
        stack deploy/compose.yml deploy/prod.yml
        env-file deploy/prod.env
        engine swarm
        after staging                         # only what staging runs, verified, may come here
        strategy canary 10% for 5m

    """#

let componentExample = """
    # services/lending/Buildfile
    service lending : python-service
        uses http                             # build-time: its content is part of lending's hashes
        consumes catalog by contracts/catalog.json
        consumes readers by contracts/readers.json
        port = 8083

    """

/// A Buildfile with every form that the examples above leave out.
let wideExample = """
    default :unit catalog:image
    variable PORT: port required
    notify slack "ops team"
    cache remote grpc://127.0.0.1:9092
    service a: t1 t2
        [platform linux/amd64 linux/arm64] [dockerfile D] [context /] [target run] [arg A=$b]
        [retries 2] [pool heavy] [network] [uncached] [keep .build/] [keep ~/.m2/] [report junit r/[a-z]*.xml]
        image: Dockerfile \\
            :build \\
            | :unit
    environment e
        policy signed

    """

/// What was parsed, without places, a line a fact: two trees are the same when their outlines are.
func outline(_ parsed: ParsedBuildfile) -> String {
    parsed.declarations.map { declaration in
        switch declaration {
        case .variable(let variable): outline(variable)
        case .directive(let directive): outline(directive)
        case .tool(let tool):
            (["tool <\(tool.name.text)> <\(tool.version.text)>"] + recipe(tool.command)).joined(separator: "\n")
        case .environment(let environment):
            (["environment <\(environment.name.text)>"] + environment.directives.map { "    " + outline($0) })
                .joined(separator: "\n")
        case .component(let component): outline(component)
        }
    }.joined(separator: "\n")
}

private func outline(_ component: ComponentDeclaration) -> String {
    var lines = ["\(component.kind.rawValue) <\(component.name.text)> :\(words(component.templates))"]
    for item in component.items {
        switch item {
        case .variable(let variable): lines.append("    " + outline(variable))
        case .directive(let directive): lines.append("    " + outline(directive))
        case .rule(let rule):
            for attribute in rule.attributes {
                lines.append("    [\(attribute.name.text)\(words(attribute.arguments))]")
            }
            lines.append(
                "    rule <\(rule.stage.text)>:\(words(rule.inputs)) |\(words(rule.gates)) ->\(words(rule.outputs))")
            lines += recipe(rule.recipe).map { "    " + $0 }
        }
    }
    return lines.joined(separator: "\n")
}

private func outline(_ variable: VariableDeclaration) -> String {
    "\(variable.name.text) \(variable.isDefault ? "?=" : "=") <\(variable.value.text)>"
}

private func outline(_ directive: Directive) -> String {
    ([directive.keyword.text + words(directive.arguments)] + directive.lines.map { "    " + outline($0) })
        .joined(separator: "\n")
}

private func words(_ words: [Word]) -> String { words.map { " <\($0.text)>" }.joined() }

private func recipe(_ recipe: Recipe?) -> [String] {
    recipe.map { ["    $ " + $0.text.replacing("\n", with: "⏎")] } ?? []
}

func parse(_ text: String) -> ParsedBuildfile { parseBuildfile(SourceText(name: "Buildfile", text: text)) }

/// The diagnostics as people see them.
func rendered(_ parsed: ParsedBuildfile) -> String { DiagnosticRenderer(color: false).render(parsed.diagnostics) }

/// All spans of a parsed file.
func spans(_ parsed: ParsedBuildfile) -> [SourceSpan] {
    var spans: [SourceSpan] = []
    func add(_ words: [Word]) { spans += words.map(\.span) }
    func add(_ directive: Directive) {
        add([directive.keyword] + directive.arguments)
        directive.lines.forEach(add)
    }
    func add(_ recipe: Recipe?) { if let recipe { spans.append(recipe.span) } }
    for declaration in parsed.declarations {
        switch declaration {
        case .variable(let variable): add([variable.name, variable.value])
        case .directive(let directive): add(directive)
        case .tool(let tool):
            add([tool.name, tool.version])
            add(tool.command)
        case .environment(let environment):
            add([environment.keyword, environment.name])
            environment.directives.forEach(add)
        case .component(let component):
            add([component.keyword, component.name] + component.templates)
            for item in component.items {
                switch item {
                case .variable(let variable): add([variable.name, variable.value])
                case .directive(let directive): add(directive)
                case .rule(let rule):
                    add([rule.stage] + rule.inputs + rule.gates + rule.outputs)
                    rule.attributes.forEach { add([$0.name] + $0.arguments) }
                    add(rule.recipe)
                }
            }
        }
    }
    for diagnostic in parsed.diagnostics {
        spans += [diagnostic.span].compactMap(\.self) + diagnostic.notes.compactMap(\.span)
    }
    return spans
}
