import BuildEngine
import BuildGraph
import BuildTestSupport
import Glibc
import Testing

/// `lmsbuild explain LABEL`: every kind of cause, told down to the line, against commits, records and the last run.
@Suite struct ExplainTests {
    private let program = Program()
    private let documents = DocumentCheck()

    private static let buildfile = """
        port = 80
        tool cc 12
            cc --version
        library lib
            dir lib
            inputs *.c
        service app
            dir app
            uses lib
            needs cc
            env MODE
            build: src/** -> out
                cat src/* ../lib/*.c > out
                echo $port ${MODE-}
            unit: :build
                test -s out
            pack: :unit
                true
            lint: src/**
                true
        service other
            dir lib
            lint: *.c
                true

        """

    private func repository() async throws -> TestRepository {
        let repository = try await TestRepository()
        try repository.write("Buildfile", Self.buildfile)
        try repository.write(".gitignore", "out\n")
        try repository.write("lib/a.c", "int a;\nint b;\nint c;\n")
        try repository.write("app/src/main", "first\nmain\nlast\n")
        try repository.write("app/src/rest", "rest\n")
        try await repository.commitAll()
        return repository
    }

    private func explain(
        _ repository: TestRepository, _ arguments: String..., environment: [String: String] = [:]
    ) async throws -> String {
        let outcome = try await program.run(["explain"] + arguments, in: repository.path, environment: environment)
        #expect(outcome.status == 0, "\(outcome.errors)")
        return outcome.output
    }

    private func edit(_ repository: TestRepository, _ old: String, _ new: String) throws {
        try repository.write("Buildfile", Self.buildfile.replacing(old, with: new))
    }

    @Test func aFileBehindTwoTargets() async throws {
        let repository = try await repository()
        try repository.write("app/src/main", "first\nMAIN\nlast\n")
        let base = try await repository.line("rev-parse", "--short=12", "HEAD")
        #expect(
            try await explain(repository, "app:pack", "--base", "HEAD") == """
                app:pack has another input hash than in \(base)
                  because it takes in app:unit (Buildfile:17),
                    which takes in app:build (Buildfile:15),
                      where app/src/main changed
                          @@ -1,3 +1,3 @@
                           first
                          -main
                          +MAIN
                           last

                """)
        #expect(
            try await explain(repository, "other:lint", "--base", "HEAD")
                == "other:lint has the same input hash as in \(base)\n")
    }

    @Test func everyKindOfCause() async throws {
        let repository = try await repository()
        func causes(_ label: String = "app:build", environment: [String: String] = [:]) async throws -> [String] {
            try await explain(repository, label, "--base", "HEAD", "--all", environment: environment)
                .split(separator: "\n").dropFirst().map { String($0.drop { $0 == " " }) }
        }
        try edit(repository, "echo $port", "echo  $port")
        #expect(
            try await causes() == [
                "because the recipe changed (Buildfile:13)", "@@ -1,2 +1,2 @@", "cat src/* ../lib/*.c > out",
                "-echo $port ${MODE-}", "+echo  $port ${MODE-}",
            ])
        try edit(repository, "port = 80", "port = 81")
        #expect(try await causes() == ["because the variable port changed: '80' -> '81'"])
        try edit(repository, "tool cc 12", "tool cc 13")
        #expect(try await causes() == ["because the tool cc changed: '12' -> '13'"])
        try edit(repository, "build: src/** -> out", "build: src/** -> out out2")
        #expect(try await causes() == ["because the output app/out2 is new"])
        try edit(repository, "    uses lib\n", "")
        #expect(try await causes() == ["because lib/a.c is no input any more"])
        try edit(repository, "    build: src", "    [network]\n    build: src")
        #expect(try await causes() == ["because the attribute [network] is new: nothing -> ''"])
        try edit(repository, "    env MODE\n", "    env MODE\n    shell /bin/bash -e\n")
        #expect(try await causes("app:lint").first == "because the shell changed: '/bin/sh' -> '/bin/bash'")
        try edit(repository, "unit: :build", "unit: :build :lint")
        #expect(try await causes("app:unit") == ["because the prerequisite app:lint is new"])
        try edit(repository, "unit: :build", "other:\n        true\n    unit: :build")
        #expect(try await explain(repository, "app:other", "--base", "HEAD").hasPrefix("app:other is not in "))
        try repository.write("Buildfile", Self.buildfile)
        #expect(try await causes(environment: ["MODE": "fast"]) == [])
        try repository.write("app/src/rest", "rest\n", executable: true)
        #expect(try await causes() == ["because app/src/rest changed its mode, 0644 to 0755"])
        #expect(repository.path.appending("app/src/rest").withCString { unlink($0) } == 0)
        #expect(repository.path.appending("app/src/rest").withCString { symlink("main", $0) } == 0)
        #expect(
            try await causes().first == "because app/src/rest changed its mode, 0644 to link, and its content changed")
        #expect(repository.path.appending("app/src/rest").withCString { unlink($0) } == 0)
        try repository.write("app/src/new\n\u{1B}[31m", "x")
        #expect(
            try await causes() == [
                "because app/src/new\\n\\x1b[31m is a new input", "because app/src/rest is no input any more",
            ])
    }

    @Test func aSecretsAndAVariablesEnvironment() async throws {
        let repository = try await repository()
        let environment = ["MODE": "fast", "TOKEN": "hush-hush"]
        try edit(repository, "    needs cc\n", "    pass TOKEN\n")
        #expect(
            try await program.run("run", "--sandbox", "off", in: repository.path, environment: environment).status == 0)
        let changed = try await explain(repository, "app:build", environment: ["TOKEN": "x"])
        #expect(changed.contains("because the variable MODE changed: 'fast' -> not set"))
        let records = repository.path.appending(".lmsbuild/runs")
        let found = try await repository.git(
            ["grep", "--no-index", "-l", "hush", "--", records.shown], statuses: [0, 1])
        #expect(found == [])
    }

    // MARK: The last run

    @Test func againstTheLastRun() async throws {
        let repository = try await repository()
        try edit(repository, "    needs cc\n", "")
        #expect(try await explain(repository, "app:build") == "app:build would run: it never ran here\n")
        #expect(try await program.run("run", "--sandbox", "off", in: repository.path).status == 0)
        #expect(
            try await explain(repository, "app:build")
                == "app:build is up to date: a result for its inputs is cached\n")
        try repository.write("app/src/main", "changed\n")
        let changed = try await explain(repository, "app:build")
        #expect(changed.hasPrefix("app:build would run: its inputs are not those of its last run of 20"))
        #expect(changed.hasSuffix("\n  because app/src/main changed\n"))
        let dry = try await program.run("run", "-n", in: repository.path)
        let line = try #require(dry.lines.first)
        #expect(line.hasPrefix("app:build no result is stored for its inputs; differs from the run of 20"))
        #expect(line.hasSuffix("Z in: input app/src/main"))
        try repository.write("app/src/main", "first\nmain\nlast\n")
        // The cache is lost; then a record is damaged.
        try await repository.git(["clean", "-q", "-ffdx", ".lmsbuild/store"])
        #expect(try await explain(repository, "app:build").hasSuffix(", but no result is kept\n"))
        let folder = repository.path.appending(".lmsbuild/runs")
        for name in try await repository.git(["ls-files", "-z", "-o", "--", folder.shown]).split(separator: 0) {
            let path = repository.path.appending(BytePath(bytes: Array(name)))
            var bytes = try readFile(path.shown)
            for place in stride(from: 20, to: bytes.count, by: 100) { bytes[place] ^= 1 }
            _ = path.withCString { unlink($0) }
            try createFile(path, bytes: bytes)
        }
        #expect(try await explain(repository, "app:build") == "app:build would run: it never ran here\n")
    }

    @Test func aFailureIsNoResult() async throws {
        let repository = try await repository()
        try edit(repository, "    needs cc\n", "")
        let text = Self.buildfile.replacing("    needs cc\n", with: "").replacing("test -s out", with: "false")
        try repository.write("Buildfile", text)
        #expect(try await program.run("run", "--sandbox", "off", in: repository.path).status == 3)
        let told = try await explain(repository, "app:unit", "app:lint")
        #expect(told.contains("app:unit would run: its last run of 20"))
        #expect(told.contains(", with the same inputs, failed\n"))
    }

    // MARK: Records

    @Test func againstARecord() async throws {
        let repository = try await repository()
        let hashes = try await program.run("hash", "--format", "json", in: repository.path)
        let whole = try await program.run("hash", "--format", "json", "--inputs", in: repository.path)
        for record in [hashes, whole] { #expect(try await documents.problems(record.output, schema: "hash") == "") }
        try repository.folder.write("hashes.json", hashes.output)
        try repository.folder.write("whole.json", whole.output)
        let since = [
            "release:" + repository.folder("hashes.json").shown, "release:" + repository.folder("whole.json").shown,
        ]
        for record in since {
            let same = try await program.run("affected", "--since", record, in: repository.path)
            #expect(same.status == 0)
            #expect(same.output == "")
        }
        try repository.write("app/src/main", "2\n")
        try edit(repository, "echo $port", "echo")
        let short = try await explain(repository, "app:build", "--since", since[0])
        #expect(short.contains("the record holds no inputs ('hash --format json --inputs' keeps them)"))
        let long = try await explain(repository, "app:build", "--since", since[1])
        #expect(long.contains("  because the recipe changed (Buildfile:13)\n"))
        #expect(long.contains("-echo $port ${MODE-}\n"))
        #expect(long.contains("  because app/src/main changed\n"))
        let why = try await program.run("affected", "--since", since[1], "--why", "--targets", in: repository.path)
        #expect(
            why.lines == [
                "app:build", "  recipe", "  input app/src/main", "  variable port", "app:lint", "  input app/src/main",
                "app:pack", "  prerequisite app:unit", "app:unit", "  prerequisite app:build",
            ])
        let plain = try await program.run("affected", "--since", since[0], "--format", "json", in: repository.path)
        #expect(plain.output.contains("unrecorded"))
        #expect(try await documents.problems(plain.output, schema: "affected") == "")
        // A commit and a record compare, too, and without git at all.
        let committed = try await program.run("affected", "--since", since[0], "--head", "HEAD", in: repository.path)
        #expect(committed.output == "")
        #expect(repository.path.appending(".git").withCString { rename($0, repository.folder("gone").shown) } == 0)
        let without = try await program.run("affected", "--since", since[0], in: repository.path)
        #expect(without.lines == ["app"])
    }

    @Test(arguments: [
        "", "{}", "[1]", #"{"schema": 2, "targets": {}}"#, #"{"schema": 1}"#,
        #"{"schema": 1, "targets": {"a:b": "12"}}"#,
        #"{"schema": 1, "targets": {"nolabel": "\#(String(repeating: "a", count: 64))"}}"#,
        #"{"schema": 1, "targets": {}, "inputs": {"a:b": []}}"#,
        #"{"schema": 1, "targets": {"a:b": "\#(String(repeating: "a", count: 64))"}, "inputs": {"a:b": [["file", "x", "y"]]}}"#,
    ])
    func whatIsNoRecordIsRefused(_ text: String) async throws {
        let repository = try await repository()
        try repository.folder.write("record.json", text)
        let outcome = try await program.run(
            "affected", "--since", "release:" + repository.folder("record.json").shown, in: repository.path)
        #expect(outcome.status == 2)
        #expect(outcome.output == "")
        #expect(outcome.errors.contains("error[LMS311]"))
    }

    // MARK: JSON and mistakes

    @Test func theSchemaHolds() async throws {
        let repository = try await repository()
        try edit(repository, "echo $port", "echo")
        try repository.write("app/src/main", "2\n", executable: true)
        for arguments in [["--base", "HEAD"], ["--since", "cache"], []] {
            let outcome = try await program.run(
                ["explain", "app", "lib", "--format", "json"].filter { $0 != "lib" } + arguments, in: repository.path)
            #expect(outcome.status == 0, "\(outcome.errors)")
            #expect(try await documents.problems(outcome.output, schema: "explain") == "")
        }
    }

    @Test func mistakes() async throws {
        let repository = try await repository()
        #expect(try await program.run("explain", "ap:build", "--base", "HEAD", in: repository.path).status == 4)
        #expect(try await program.run("explain", "app:build", "--base", "gone", in: repository.path).status == 2)
        #expect(try await program.run("explain", "app:build", "--head", "HEAD", in: repository.path).status == 2)
        #expect(try await program.run("explain", "LMS999", in: repository.path).status == 2)
        #expect(try await program.run("hash", "--inputs", in: repository.path).status == 2)
    }
}
