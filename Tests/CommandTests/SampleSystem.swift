// The sample system of `services/` as a repository of its own, on a server's main branch and on a branch with mistakes. Does not
// know CI servers.
import BuildEngine
import BuildGraph
import BuildTestSupport
import Glibc

/// The sample system with stand-ins for what PyPI has: a linter that knows unused imports, mutations that are counted in the
/// tests' text.
struct SampleSystem {
    let repository: TestRepository
    /// The commit on `main` before the change.
    let base: String
    /// The commit that brings the change onto `main`, the branch `merge`.
    let merge: String

    /// The change: a finding and mutants that survive in catalog, a test that fails in readers.
    init(source: String = #filePath) async throws {
        let root = BytePath(source).parent.parent.parent
        let repository = try await TestRepository()
        self.repository = repository
        try await Self.sh(
            """
            cp -a "$1"/. . && rm -rf .lmsbuild
            find . \\( -name dist -o -name reports -o -name site -o -name debs -o -name __pycache__ \\) -prune -exec rm -rf {} +
            """, [root.appending("services").shown], in: repository)
        let buildfile = String(decoding: try readFile(repository.path.appending("Buildfile").shown), as: UTF8.self)
        let parts = buildfile.split(separator: "    build: requirements.lock -> site/\n", maxSplits: 1)
        guard parts.count == 2, let rest = parts[1].range(of: "\ninclude */Buildfile") else { throw Changed() }
        try repository.write(
            "Buildfile",
            parts[0] + "    build: linter.py -> site/\n        mkdir -p site && cp linter.py site/flake8.py\n"
                + parts[1][rest.lowerBound...])
        try repository.write("pytools/linter.py", Self.linter)
        try repository.write("scripts/mutate", Self.mutate, executable: true)
        base = try await repository.commitAll("1")
        try await repository.git(["checkout", "-q", "-b", "topic"])
        try Self.edit(repository, "catalog/tests/unit/test_isbn.py") { "import wave\n" + $0 + "# survives\n" }
        try Self.edit(repository, "readers/tests/unit/test_api.py") {
            $0.replacing("\"cat\"})[0], 422)", with: "\"cat\"})[0], 200)")
        }
        try await repository.commitAll("2")
        try await repository.git(["checkout", "-q", "-b", "merge", "main"])
        try await repository.git(["merge", "-q", "--no-ff", "-m", "merge", "topic"])
        merge = try await repository.line("rev-parse", "HEAD")
    }

    /// The sample is not as this takes it to be.
    struct Changed: Error {}

    private static func edit(
        _ repository: TestRepository, _ name: String, _ change: (String) -> String
    ) throws {
        let old = String(decoding: try readFile(repository.path.appending(name).shown), as: UTF8.self)
        let new = change(old)
        if new == old { throw Changed() }
        try repository.write(name, new)
    }

    /// What a runner checks out: the newest commit of `branch` alone.
    func checkout(_ branch: String, as name: String) async throws -> BytePath {
        let folder = repository.folder(name)
        try await repository.git(
            ["clone", "-q", "--depth=1", "--branch=\(branch)", "file://" + repository.path.shown, folder.shown])
        return folder
    }

    private static func sh(_ script: String, _ words: [String], in repository: TestRepository) async throws {
        let result = try await ProcessRunner.ofTests.run(
            Command(["sh", "-ec", script, "sh"] + words, environment: repository.environment, folder: repository.path))
        if !result.succeeded { throw Changed() }
    }

    private static let linter = #"""
        import ast, pathlib, sys
        found = False
        for folder in sys.argv[sys.argv.index("--format") + 2:]:
            for path in sorted(pathlib.Path(folder).rglob("*.py")):
                text = path.read_text()
                for node in ast.walk(ast.parse(text)):
                    for name in [alias.name for alias in node.names] if isinstance(node, ast.Import) else []:
                        if text.count(name) == 1:
                            print(path, node.lineno, 1, "F401", f"'{name}' imported but unused", sep="\t")
                            found = True
        sys.exit(found)

        """#

    private static let mutate = #"""
        #!/usr/bin/env python3
        import json, pathlib, sys
        survived = sum(path.read_text().count("# survives") for path in pathlib.Path("tests/unit").glob("*.py"))
        path = pathlib.Path(sys.argv[3])
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"schemaVersion": "1", "score": 100 - 5 * survived}))

        """#
}

extension StringProtocol {
    /// Where `text` is first found.
    fileprivate func range(of text: String) -> Range<Index>? { firstRange(of: text) }
}
