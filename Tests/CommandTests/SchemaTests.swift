import BuildGraph
import BuildTestSupport
import Glibc
import Testing

/// Every published schema holds for what the program prints; the commands' own tests check special cases.
@Suite struct SchemaTests {
    private let program = Program()
    private let documents = DocumentCheck()

    @Test(arguments: [
        ("affected", ["affected", "--base", "HEAD", "--format", "json"]), ("tag", ["tag", "--format", "json"]),
        ("inputs", ["inputs", "app", "--format", "json"]), ("hash", ["hash", "--format", "json", "--inputs"]),
        ("explain", ["explain", "app", "--base", "HEAD", "--format", "json"]),
    ])
    func theSchemaHolds(_ name: String, _ arguments: [String]) async throws {
        let repository = try await TestRepository()
        try repository.write(
            "Buildfile",
            """
            port ?= 8080
            tool cc 12
                cc --version
            library lib
                dir lib
                inputs *.c
            service app
                dir app
                uses lib
                needs cc
                env MISSING
                consumes other by contract.json
                build: src link run.sh -> out
                    cat src > out; : $port $MISSING
                image: Dockerfile :build
            service other
                dir other
                verify: src
                    test -f "$contract"

            """)
        try repository.write("lib/a.c", "int a;\n")
        try repository.write("app/src", "1\n")
        try repository.write("app/run.sh", "1\n", executable: true)
        try repository.write("app/contract.json", "{}\n")
        try repository.write("app/Dockerfile", "FROM scratch\nCOPY out /\n")
        try repository.write("other/src", "1\n")
        #expect(repository.path.appending("app/link").withCString { symlink("src", $0) } == 0)
        try await repository.commitAll()
        try repository.write("app/src", "2\n")
        try repository.write("app/contract.json", "{ }\n")
        let outcome = try await program.run(arguments, in: repository.path)
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(try await documents.problems(outcome.output, schema: name) == "")
    }
}
