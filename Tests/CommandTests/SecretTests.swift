// A secret in twelve places where it could get out, as people run the program; and what is wrong with secrets.
import BuildEngine
import BuildGraph
import BuildTestSupport
import Glibc
import Testing

@Suite(.enabled(if: geteuid() == 0 && access("/usr/bin/buildah", X_OK) == 0 && access("/usr/bin/skopeo", X_OK) == 0))
struct SecretTests {
    private let program = Program()
    private let store: TemporaryFolder
    private let environment: [String: String]
    /// Every piece of it is the canary's own, so that no part gets out unseen.
    private static let canary = "canary+0f9a/ZQ==\ncanary second line\ncanary 3"

    init() throws {
        store = try TemporaryFolder()
        environment = try store.imageStore()
    }

    private static let buildfile = #"""
        registry ?= localhost/lms
        variable TOKEN: text secret from file secret/token
        variable ASKED: text secret from command cat secret/asked
        service web
            dir web
            secret TOKEN ASKED
            build: src -> out
                echo "$TOKEN"
                echo "$TOKEN" >&2
                printf %s "x$TOKEN" | base64 -w0; echo
                printf %s "${TOKEN%%a/*}"; sleep 0.2; printf %s "${TOKEN#*0f9}"; echo
                printf 'q='; printf %s "$TOKEN" | head -1 | sed 's/+/%2B/; s,/,%2F,; s/=/%3D/g'
                test -n "$ASKED"
                cp src out
            [report junit reports/*.xml]
            unit: :build
                mkdir -p reports
                printf '<testsuite><testcase name="t"><failure message="got %s">%s</failure></testcase></testsuite>' "$(printf %s "$TOKEN" | sed -n 2p)" "$TOKEN" > reports/t.xml
                echo "$TOKEN"; exit 1
            image: Dockerfile :build
        service leak
            dir leak
            secret TOKEN
            image: Dockerfile

        """#

    private func repository() async throws -> TestRepository {
        let repository = try await TestRepository()
        try repository.write("Buildfile", Self.buildfile)
        try repository.write(".gitignore", "secret/\nreports/\nout\n")
        try repository.write("secret/token", Self.canary + "\n")
        try repository.write("secret/asked", "asked-canary-value\n")
        try repository.write("web/src", "1\n")
        for name in ["web", "leak"] {
            try repository.folder.write(
                "repository/\(name)/busybox", bytes: try readFile("/bin/busybox"), mode: 0o755)
        }
        let head = "FROM scratch\nCOPY busybox /bin/busybox\nCOPY busybox /bin/sh\n"
        try repository.write(
            "web/Dockerfile",
            head + "COPY out /out\nRUN --mount=type=secret,id=TOKEN --mount=type=secret,id=ASKED,target=/a "
                + "/bin/busybox wc -c < /run/secrets/TOKEN > /length; "
                + "/bin/busybox cat /run/secrets/TOKEN /a\n")
        try repository.write(
            "leak/Dockerfile", head + "RUN --mount=type=secret,id=TOKEN /bin/busybox cp /run/secrets/TOKEN /kept\n")
        try await repository.commitAll()
        return repository
    }

    /// Pieces of the values in any form that a reader would know them by.
    private static let traces = [
        "canary", "asked-can", "Y2FuYXJ5", "NhbmFyeS", "jYW5hcn", "second line", "0f9a/ZQ", "0f9a%2F",
    ].map { Array($0.utf8) }

    private func traced(_ text: String) -> [String] {
        let bytes = Array(text.utf8)
        return Self.traces.filter { bytes.firstRange(of: $0) != nil }.map { String(decoding: $0, as: UTF8.self) }
    }

    /// Files below `folder` with a trace in them, what is the test's own aside.
    private func traced(in folder: TemporaryFolder, but own: [String] = []) throws -> [String] {
        folder.files.filter { file in
            if own.contains(where: { file.contains($0) }) { return false }
            guard let bytes = try? readFile(folder(file).shown) else { return false }
            return Self.traces.contains { bytes.firstRange(of: $0) != nil }
        }
    }

    @Test(.timeLimit(.minutes(3))) func aCanaryGetsOutNowhere() async throws {
        let repository = try await repository()
        let summary = repository.folder("summary.md")
        var all = environment
        all["GITHUB_ACTIONS"] = "true"
        all["GITHUB_STEP_SUMMARY"] = summary.shown
        let words = ["run", "-k", "-v", "--driver", "buildah", "--report-dir", "../reports-of-run"]
        var said = ""
        for _ in 0..<2 {
            let outcome = try await program.run(words, in: repository.path, environment: all)
            #expect(outcome.status == 1, "\(outcome.errors)")
            said += outcome.output + outcome.errors
        }
        #expect(traced(said) == [])
        // It was there: in what recipes said, in RUN, in the report; and the image that keeps it was refused.
        #expect(said.contains("***"))
        #expect(said.contains("the image of 'leak:image' holds the secret 'TOKEN': layer 1 of 1, 'kept'"))
        let hash = try await program.run(["tag", "web"], in: repository.path).output
        let image = String(try #require(hash.split(separator: "\n").first))
        let length = try await ProcessRunner.ofTests.run(
            Command(
                [
                    "/bin/sh", "-c",
                    "c=$(buildah from --pull-never \(image)) && buildah run --isolation chroot $c /bin/busybox cat /length; buildah rm $c >/dev/null",
                ],
                environment: environment.merging(["PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "HOME": "/nonexistent"]) {
                    $1
                },
                folder: repository.path))
        #expect(
            String(decoding: length.output, as: UTF8.self).contains("\(Self.canary.utf8.count)"),
            "\(String(decoding: length.output, as: UTF8.self))")
        #expect(
            try traced(in: repository.folder, but: ["repository/secret/", "repository/Buildfile", ".git/"]) == [])
        #expect(try traced(in: store) == [])
        // Releases say nothing of it either.
        let release = try await program.run(["release"], in: repository.path, environment: environment)
        #expect(traced(release.output + release.errors) == [])
    }

    @Test(.timeLimit(.minutes(3))) func aRotationBuildsItsUsersAlone() async throws {
        let repository = try await repository()
        func run() async throws -> String {
            let outcome = try await program.run(
                ["run", "web:image", "--driver", "buildah"], in: repository.path, environment: environment)
            #expect(outcome.status == 0, "\(outcome.errors)")
            return outcome.errors
        }
        let tag = try await program.run(["tag", "web"], in: repository.path).output
        #expect(try await run().contains("web:image"))
        #expect(!(try await run()).contains("ran 1"))
        try repository.write("secret/token", "another canary, rotated\n")
        let again = try await run()
        #expect(again.contains("ran 1, cached 1"), "\(again)")
        // The tag is of what the image is made of, on every machine the same.
        #expect(try await program.run(["tag", "web"], in: repository.path).output == tag)
        #expect(!(try await run()).contains("ran 1"))
    }

    @Test func whatIsWrongWithASecretIsToldBeforeAnythingRuns() async throws {
        let repository = try await repository()
        func refused(_ words: [String] = ["run", "web:image"]) async throws -> String {
            let outcome = try await program.run(words, in: repository.path, environment: environment)
            #expect(outcome.status == 2, "\(outcome.errors)")
            #expect(!repository.folder.files.contains { $0.hasSuffix("web/out") })
            return outcome.errors
        }
        try repository.write("secret/token", "")
        #expect(try await refused().contains("the secret 'TOKEN' is empty"))
        _ = repository.path.appending("secret/token").withCString { unlink($0) }
        #expect(try await refused().contains("the secret 'TOKEN' cannot be read from 'secret/token'"))
        try repository.write("secret/token", Self.canary)
        _ = repository.path.appending("secret/asked").withCString { unlink($0) }
        let asked = try await refused()
        #expect(asked.contains("the secret 'ASKED' is not given by 'cat', which ended with exit status 1"))
        #expect(traced(asked) == [])
        let buildfile = Self.buildfile.replacing("file secret/token", with: "file secret/$environment/token")
        try repository.write("Buildfile", buildfile)
        try repository.write("secret/asked", "asked-canary-value")
        #expect(try await refused().contains("somewhere else in each environment, and a build has none"))
        try repository.write("Buildfile", Self.buildfile.replacing("secret TOKEN ASKED", with: "secret ASKED"))
        let undeclared = try await refused(["hash"])
        #expect(undeclared.contains("error[LMS205]: the secret 'TOKEN' is mounted here, and 'web' does not name it"))
        #expect(undeclared.contains("web/Dockerfile:5:"))
        #expect(undeclared.contains("add 'secret TOKEN' to the block of 'web'"))
    }
}
