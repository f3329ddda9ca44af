import BuildEngine
import BuildGraph
import BuildTestSupport
import Glibc
import Testing

/// `release` and its parts, of services without an image: nothing asks an engine.
@Suite struct ReleaseCommandTests {
    private let program = Program()
    private let documents = DocumentCheck()

    private func repository() async throws -> TestRepository {
        let repository = try await TestRepository()
        try repository.write(
            "Buildfile",
            """
            tool cc 12
                echo 12
            environment staging
                stack compose.yml
            service api
                dir api
                needs cc
                build: src -> out
                    cp src out
                verify: :build
                    ! grep -q refused "$contract"
            service web
                dir web
                consumes api by api.json
                build: src ../shared.txt -> out
                    cat src > out

            """)
        try repository.write("compose.yml", "services: {}\n")
        try repository.write("shared.txt", "1\n")
        for name in ["api", "web"] { try repository.write("\(name)/src", "1\n") }
        try repository.write("web/api.json", Self.pact("books"))
        try await repository.commitAll("the first")
        return repository
    }

    private static func pact(_ asked: String) -> String {
        """
        {"consumer": {"name": "web"}, "provider": {"name": "api"}, "interactions": [{"description": "\(asked)",
        "request": {"method": "GET", "path": "/\(asked)"}, "response": {"status": 200}}],
        "metadata": {"pactSpecification": {"version": "2.0.0"}}}
        """
    }

    private func ask(
        _ arguments: [String], in repository: TestRepository, status: Int32 = 0,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> Program.Outcome {
        let outcome = try await program.run(arguments, in: repository.path)
        #expect(outcome.status == status, "\(outcome.errors)\(outcome.output)", sourceLocation: sourceLocation)
        return outcome
    }

    /// The name of the release that is made of what is at hand.
    private func made(_ repository: TestRepository) async throws -> String {
        let name = try await ask(["release", "-o", "lock.json"], in: repository).errors.split(separator: "\n").first {
            $0.hasPrefix("release ")
        }
        #expect(unlink(repository.path.appending("lock.json").shown) == 0)
        return String(try #require(name).dropFirst(8))
    }

    @Test func aReleaseIsKeptAndFoundByItsName() async throws {
        let repository = try await repository()
        _ = try await ask(["run", ":verify"], in: repository)
        let first = try await made(repository)
        #expect(try await made(repository) == first)
        try repository.write("web/src", "2\n")
        let second = try await made(repository)
        #expect(second != first)
        let list = try await ask(["release", "list"], in: repository).lines
        #expect(Set(list.compactMap { $0.split(separator: " ").first.map(String.init) }) == [first, second])
        #expect(list.contains { $0.hasPrefix(second) && $0.contains("no commit") && $0.hasSuffix("2 services") })
        let json = try await ask(["release", "list", "--format", "json"], in: repository).output
        #expect(try await documents.problems(json, schema: "release-list") == "")
        let shown = try await ask(["release", "show", first], in: repository).output
        #expect(shown.contains("contract web with api: 1 passed\n"))
        #expect(shown.contains("tool    cc 12\n"))
        let lock = try await ask(["release", "show", first, "--format", "json"], in: repository).output
        #expect(try await documents.problems(lock, schema: "release") == "")
        #expect(lock.contains("\"verdict\": \"passed\""))
        // HEAD is the first, whatever is at hand; the second is what is.
        #expect(try await ask(["release", "show", "HEAD"], in: repository).output == shown)
        #expect(
            try await ask(["release", "show", "here"], in: repository).output
                == ask(["release", "show", second], in: repository).output)
        let question = ["can-deploy", "--to", "staging", "--running"]
        #expect(
            try await ask(question + [first, first], in: repository).output
                == "yes: nothing would change in staging\n")
        _ = try await ask(["release", "show", "abcdabcd"], in: repository, status: 2)
        let wrong = try await ask(["release", "lst"], in: repository, status: 2)
        #expect(wrong.errors.contains("did you mean 'list'?"))
    }

    @Test func whatIsVerifiedLaterIsTheSameRelease() async throws {
        let repository = try await repository()
        let name = try await made(repository)
        #expect(try await ask(["release", "show", name], in: repository).output.contains("1 unverified"))
        _ = try await ask(["run", ":verify"], in: repository)
        #expect(try await made(repository) == name)
        #expect(try await ask(["release", "show", name], in: repository).output.contains("1 passed"))
        #expect(try await ask(["release", "verify", name], in: repository).output.hasPrefix("ok      name"))
    }

    @Test func stacksAndEnvFilesAreOfTheRelease() async throws {
        let repository = try await repository()
        let text = String(decoding: try readFile(repository.path.appending("Buildfile").shown), as: UTF8.self)
        try repository.write(
            "Buildfile",
            "variable LEVEL: text default info\nvariable TOKEN: text secret from file token\n"
                + text.replacing(
                    "stack compose.yml",
                    with: "stack compose.yml\n    env-file staging.env\nenvironment prod\n    stack compose.yml"))
        func stack(_ port: Int) throws {
            try repository.write(
                "compose.yml",
                """
                services:
                  api:
                    image: api:1
                    ports: ["\(port):80"]
                    environment: {LEVEL: "$LEVEL"}
                    volumes: ["./data:/data"]
                    configs: [motd]
                    secrets: [TOKEN]
                configs: {motd: {file: motd}}
                secrets: {TOKEN: {}}

                """)
        }
        try stack(80)
        for (file, bytes) in [("staging.env", "LEVEL=debug\n"), ("motd", "hello\n"), (".gitignore", "token\n*.json\n")]
        {
            try repository.write(file, bytes)
        }
        try await repository.commitAll("stacks")
        let first = try await made(repository)
        let shown = try await ask(["release", "show", first], in: repository).output
        #expect(shown.contains("environment prod: stack ") && shown.contains("environment staging: stack "))
        let table = try await ask(["release", "verify", first], in: repository).output
        #expect(table.contains("ok      stack     prod\n") && table.contains("ok      stack     staging\n"))
        // Neither a secret, nor the folder, nor the shell is any of it.
        try repository.write("token", "hunter2-hunter2\n")
        try await repository.git(["clone", "--quiet", repository.path.shown, repository.folder("clone").shown])
        let elsewhere = try await program.run(
            ["release"], in: repository.folder("clone"), environment: ["LEVEL": "warning"])
        #expect(elsewhere.errors.contains("release \(first)\n"))
        func changed(_ told: String...) async throws {
            let now = try await made(repository)
            #expect(now != first)
            let diff = try await ask(["release", "diff", first, now], in: repository).output
            for line in [
                "environment prod: another stack", "environment staging: another stack",
                "environment staging: other variables",
            ] {
                #expect(diff.contains(line) == told.contains(line), "\(diff)")
            }
        }
        try repository.write("staging.env", "LEVEL=warning\n")
        try await changed("environment staging: other variables")
        // What differs from the commit in an env file alone is of no commit.
        #expect(try await ask(["release", "show", "here"], in: repository).output.contains("commit  none\n"))
        try repository.write("staging.env", "LEVEL=debug\n")
        #expect(try await made(repository) == first)
        try stack(81)
        try await changed("environment prod: another stack", "environment staging: another stack")
        try stack(80)
        try repository.write("motd", "good bye\n")
        try await changed("environment prod: another stack", "environment staging: another stack")
    }

    @Test func canDeployKnowsWhatRunsThere() async throws {
        let repository = try await repository()
        let question = ["can-deploy", "--to", "staging", "HEAD"]
        let nothing = try await program.run(question, in: repository.path)
        #expect(nothing.errors.contains("nothing runs in 'staging', as far as this workspace knows"))
        #expect(!nothing.output.contains("nothing would change"))
        _ = try await made(repository)
        let name = try #require(
            JSONValue.parse(
                Array(try await ask(["release", "list", "--format", "json"], in: repository).output.utf8)
            ).member("releases")?.elements?.first?.member("name")?.text)
        try repository.write(".lmsbuild/environments/staging/current", name + "\n")
        #expect(try await ask(question, in: repository).output == "yes: nothing would change in staging\n")
        try repository.write(".lmsbuild/environments/staging/current", "now\n")
        #expect(try await ask(question, in: repository, status: 2).errors.contains("names no release"))
    }

    @Test func theSameContentsHaveTheSameNameElsewhere() async throws {
        let repository = try await repository()
        let name = try await made(repository)
        try await repository.git(["clone", "--quiet", repository.path.shown, repository.folder("clone").shown])
        let outcome = try await program.run("release", in: repository.folder("clone"))
        #expect(outcome.errors.contains("release \(name)\n"))
    }

    @Test func verifyFindsWhatDoesNotAgree() async throws {
        let repository = try await repository()
        let name = try await made(repository)
        // Whatever is at hand: the commit is what counts.
        try repository.write("web/src", "2\n")
        let good = try await ask(["release", "verify", name], in: repository)
        #expect(good.output == "ok      name      \(name)\nok      hash      api\nok      hash      web\n")
        let kept = try await ask(["release", "show", name, "--format", "json"], in: repository).output
        let hash = try #require(
            JSONValue.parse(Array(kept.utf8)).member("services")?.member("web")?.member("hash")?.text)
        let altered = kept.replacing(hash, with: String(repeating: "0", count: 64))
        try repository.write("altered.json", altered)
        let table = try await ask(["release", "verify", "altered.json", "--name", name], in: repository, status: 3)
        #expect(table.lines.contains { $0.hasPrefix("differs name") })
        #expect(
            table.lines.contains { $0.hasPrefix("differs hash      web  ") && $0.contains(String(hash.prefix(12))) })
        #expect(table.lines.contains("ok      hash      api"))
        let json = try await ask(
            ["release", "verify", "altered.json", "--format", "json"], in: repository, status: 3
        ).output
        #expect(try await documents.problems(json, schema: "release-verify") == "")
        // A kept file that was altered is not even looked at.
        let full = try #require(
            try await ask(["release", "list", "--format", "json"], in: repository).output.split(separator: "\"").first {
                $0.hasPrefix(name)
            })
        try repository.write(".lmsbuild/releases/\(full).json", altered)
        #expect(
            try await ask(["release", "verify", name], in: repository, status: 2).errors.contains("damaged or altered"))
    }

    @Test func aReleaseWithoutItsCommitIsNotCalledWrong() async throws {
        let repository = try await repository()
        try repository.write("web/src", "2\n")
        let name = try await made(repository)
        let table = try await ask(["release", "verify", name], in: repository).output
        #expect(table.contains("unknown hash      commit"))
    }

    @Test func diffTellsFilesAndCommits() async throws {
        let repository = try await repository()
        _ = try await ask(["run", ":verify"], in: repository)
        let first = try await made(repository)
        try repository.write("shared.txt", "2\n")
        let commit = try await repository.commitAll("shared: two")
        try repository.write("notes.txt", "nobody takes it in\n")
        try await repository.commitAll("notes")
        try repository.write("web/api.json", Self.pact("loans"))
        try await repository.commitAll("web asks for loans")
        let text = try await ask(["release", "diff", first, "HEAD"], in: repository).output
        #expect(text.contains("changed  web  "))
        #expect(text.contains("  input shared.txt\n"))
        #expect(text.contains("  commit  \(commit.prefix(12)) t: shared: two\n"))
        #expect(!text.contains("notes"))
        #expect(text.contains("contract web with api: 'books' is gone\n"))
        #expect(text.contains("contract web with api: 'loans' is new, unverified\n"))
        _ = try await ask(["run", ":verify"], in: repository)
        let json = try await ask(["release", "diff", first, "HEAD", "--format", "json"], in: repository).output
        #expect(try await documents.problems(json, schema: "release-diff") == "")
        // The other way round the commits are taken back.
        let back = try await ask(["release", "diff", "HEAD", first], in: repository).output
        #expect(back.contains("  without \(commit.prefix(12)) t: shared: two\n"))
        #expect(try await ask(["release", "diff", "HEAD", "HEAD"], in: repository).output.hasPrefix("nothing: "))
        _ = try await ask(["release", "diff", "HEAD"], in: repository, status: 2)
    }

    @Test func diffTellsServicesThatComeAndGo() async throws {
        let repository = try await repository()
        let first = try await made(repository)
        let text = String(decoding: try readFile(repository.path.appending("Buildfile").shown), as: UTF8.self)
        try repository.write(
            "Buildfile", text + "service job\n    dir job\n    build: src -> out\n        cp src out\n")
        try repository.write("job/src", "1\n")
        try await repository.commitAll("a job")
        #expect(try await ask(["release", "diff", first, "HEAD"], in: repository).output.contains("added    job  "))
        #expect(try await ask(["release", "diff", "HEAD", first], in: repository).output.contains("removed  job  "))
    }

    @Test func onlyASignedReleasePassesWhereThatIsAskedFor() async throws {
        let repository = try await repository()
        _ = try await ask(["release", "-o", "lock.json"], in: repository)
        let name = try await made(repository)
        _ = try await ask(["release", "-o", "lock.json"], in: repository)
        for key in ["ops", "other"] {
            let made = try await ProcessRunner.ofTests.run(
                Command(
                    ["openssl", "genpkey", "-algorithm", "ed25519", "-out", "\(key).pem"],
                    environment: ["PATH": "/usr/bin:/bin"], folder: repository.path))
            #expect(made.succeeded)
        }
        try repository.write("keys.txt", "# nobody yet\n")
        let question = ["release", "verify", "--require-signed", "--keys", "keys.txt", "lock.json"]
        #expect(try await ask(question, in: repository, status: 3).output.contains("nobody has signed it"))
        _ = try await ask(["release", "verify", "--require-signed", "lock.json"], in: repository, status: 2)
        let line = try await ask(["release", "sign", "--key", "ops.pem", "lock.json"], in: repository).output
        #expect(line.hasPrefix("trusted ops MCowBQYDK2VwAyEA"))
        #expect(try await ask(question, in: repository, status: 3).output.contains("no trusted key has this id"))
        try repository.write("keys.txt", line)
        let good = try await ask(question, in: repository).output
        #expect(good.contains("ok      signature ") && good.contains("  by ops\n"))
        let id = try #require(
            JSONValue.parse(try readFile(repository.path.appending("lock.json.dsse").shown)).member("signatures")?
                .elements?.first?.member("keyid")?.text)
        try repository.write("keys.txt", line + "revoked \(id)\n")
        #expect(try await ask(question, in: repository, status: 3).output.contains("the key is revoked"))
        try repository.write("keys.txt", "not a key\n")
        _ = try await ask(question, in: repository, status: 2)
        // An altered lock, and the signature of another release.
        try repository.write("keys.txt", line)
        let lock = String(decoding: try readFile(repository.path.appending("lock.json").shown), as: UTF8.self)
        try repository.write("lock.json", lock.replacing("\"cc\": \"12\"", with: "\"cc\": \"13\""))
        #expect(
            try await ask(question, in: repository, status: 3).output.contains("the signature is of another release"))
        // One that is kept is signed beside where it is kept.
        _ = try await ask(["release", "sign", "--key", "other.pem", name], in: repository)
        _ = try await ask(
            ["release", "verify", "--require-signed", "--keys", "keys.txt", name], in: repository, status: 3)
        _ = try await ask(["release", "sign", "--key", "ops.pem", "here"], in: repository, status: 2)
        _ = try await ask(["release", "sign", "--key", "keys.txt", name], in: repository, status: 2)
        #expect(try await ask(["release", "list"], in: repository).lines.count == 1)
    }
}
