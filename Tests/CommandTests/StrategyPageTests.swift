import BuildEngine
import BuildGraph
import BuildTestSupport
import Testing

/// docs/strategies.md is right as it stands, and what it forbids is refused with a reason.
struct StrategyPageTests {
    private let program = Program()

    private func page() throws -> String {
        let root = BytePath(#filePath).parent.parent.parent
        return String(decoding: try readFile(root.appending("docs/strategies.md").shown), as: UTF8.self)
    }

    private func block(_ language: String, of page: String) -> String {
        let start = page.firstRange(of: "```\(language)\n").map { String(page[$0.upperBound...]) } ?? ""
        return start.firstRange(of: "```").map { String(start[..<$0.lowerBound]) } ?? start
    }

    private func workspace(_ change: (inout String, inout String) -> Void = { _, _ in }) throws -> TemporaryFolder {
        let page = try page()
        var (buildfile, stack) = (block("make", of: page), block("yaml", of: page))
        change(&buildfile, &stack)
        let folder = try TemporaryFolder()
        for name in ["router", "web", "stock"] {
            buildfile += "\nservice \(name)\n    dir \(name)\n    image: Dockerfile\n"
            try folder.write("\(name)/Dockerfile", "FROM scratch\n")
        }
        try folder.write("Buildfile", buildfile)
        try folder.write("deploy/compose.yml", stack)
        return folder
    }

    @Test func theExampleIsRight() async throws {
        let folder = try workspace()
        let check = try await program.run("env", "check", in: folder.path)
        #expect(check.status == 0, "\(check.errors)")
        let stack = try await program.run("env", "render", "prod", in: folder.path)
        let tree = try JSONTree.parse(Array(stack.output.utf8))
        #expect(tree.member("services")?.members?.map(\.name) == ["router", "stock", "web-blue"])
        #expect(tree.at("services", "web-blue", "environment", "PORT")?.text == "8081")
        #expect(
            tree.at("services", "router", "deploy", "update_config", "order")?.text == "start-first", "\(stack.output)")
    }

    @Test func theCanarysLineIsRight() async throws {
        let line = try page().split(separator: "\n").last { $0.contains("strategy canary") && $0.hasPrefix("    ") }
        let folder = try workspace { buildfile, _ in
            buildfile = buildfile.replacing("    strategy blue-green keep 10m", with: line ?? "")
        }
        #expect(try await program.run("env", "check", in: folder.path).status == 0)
    }

    @Test(arguments: [
        ("  router:\n    image", "  gate:\n    image", "no service of the stack is called 'router'"),
        ("io.lmsbuild.route: \"8080\"", "other: \"1\"", "nothing is behind the router 'router'"),
        ("io.lmsbuild.route: \"8080\"", "io.lmsbuild.route: web", "'web' is no place where a router can listen"),
        ("io.lmsbuild.ports: \"8081 8082\"", "other: \"1\"", "two sets of 'web' would listen on one port"),
        ("8081 8082", "8081 8081", "is not two ports"),
        ("    environment: {PORT: \"8080\"}", "    ports: [\"8080:8080\"]", "publishes ports itself"),
    ]) func whatCannotBeIsRefused(old: String, new: String, message: String) async throws {
        let folder = try workspace { _, stack in stack = stack.replacing(old, with: new) }
        let check = try await program.run("env", "check", in: folder.path)
        #expect(check.status == 3)
        #expect(check.errors.contains(message), "\(check.errors)")
    }
}

extension JSONTree {
    fileprivate func at(_ path: String...) -> JSONTree? { path.reduce(Optional(self)) { $0?.member($1) } }
}
