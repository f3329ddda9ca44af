import BuildEngine
import BuildGraph
import BuildTestSupport
import Glibc
import Testing

/// The law of `affected`, on a random history of a small monorepo: a target is affected exactly when its input hash
/// differs between two checkouts, or it is new.
@Suite struct AffectedPropertyTests {
    private let program = Program()

    /// The same history in each run; LMSBUILD_TEST_SEED makes another.
    private var seed: UInt64 {
        getenv("LMSBUILD_TEST_SEED").flatMap { UInt64(String(cString: $0)) } ?? 1
    }

    @Test func affectedIsTheSetOfTargetsWhoseHashDiffers() async throws {
        let seed = seed
        print("random history with LMSBUILD_TEST_SEED=\(seed)")
        let repository = try await TestRepository()
        var history = try RandomMonorepo(repository, seed: seed)
        try await repository.commitAll()
        var before = try await program.hashes(in: repository.path)
        for step in 1...200 {
            let change = try history.change()
            if step.isMultiple(of: 10) {
                // Uncommitted and untracked files count where no head is given.
                let now = try await program.hashes(in: repository.path)
                let affected = try await program.run("affected", "--base", "HEAD", "--targets", in: repository.path)
                #expect(affected.lines == differing(before, now), "seed \(seed), step \(step): \(change), uncommitted")
            }
            try await repository.commitAll(change)
            let now = try await program.hashes(in: repository.path)
            let affected = try await program.run(
                "affected", "--base", "HEAD~1", "--head", "HEAD", "--targets", in: repository.path)
            #expect(affected.status == 0, "seed \(seed), step \(step): \(affected.errors)")
            #expect(affected.lines == differing(before, now), "seed \(seed), step \(step): \(change)")
            before = now
        }
    }

    private func differing(_ old: [String: String], _ new: [String: String]) -> [String] {
        new.filter { old[$0.key] != $0.value }.keys.sorted { label($0) < label($1) }
    }

    private func label(_ text: String) -> Label {
        let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
        let stage = parts[1].split(separator: "[").map(String.init)
        return Label(
            component: parts[0], stage: stage[0], consumer: stage.count > 1 ? String(stage[1].dropLast()) : nil)
    }

    @Test func theSameCommitHasTheSameHashesWhereverItIsCheckedOut() async throws {
        let repository = try await TestRepository()
        _ = try RandomMonorepo(repository, seed: 7)
        try repository.write("services/s0/src/run", "#!/bin/sh\n", executable: true)
        try await repository.git(["-C", ".", "add", "--all"])
        try await repository.commitAll()
        let here = try await program.hashes(in: repository.path)
        let elsewhere = try TemporaryFolder()
        try await repository.git(["clone", "-q", ".", elsewhere("deeper/copy").shown])
        let there = try await program.hashes(
            in: elsewhere("deeper/copy"), environment: ["LANG": "de_DE.UTF-8", "USER": "somebody", "port": "1"],
            before: ["sh", "-c", "umask 077; exec \"$@\"", "sh"])
        #expect(here == there)
        #expect(here.count > 10)
        if geteuid() == 0 {
            chmod(elsewhere.path.shown, 0o755)
            let status = try await ProcessRunner().run(
                Command(
                    ["chown", "-R", "65534:65534", elsewhere.path.shown], environment: ["PATH": "/usr/bin:/bin"],
                    folder: BytePath("/")))
            #expect(status.succeeded)
            let asNobody = try await program.hashes(
                in: elsewhere("deeper/copy"), before: ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"])
            #expect(here == asNobody)
        }
    }
}

/// A small monorepo and random changes to it that keep it valid.
private struct RandomMonorepo {
    private let repository: TestRepository
    private var generator: SeededGenerator
    private var files: [String] = []
    private var counter = 0
    private var buildfile: [String] = []

    init(_ repository: TestRepository, seed: UInt64) throws {
        self.repository = repository
        generator = SeededGenerator(seed: seed)
        buildfile = [
            "version = 1", "level ?= low", "tool sh 1", "    echo 1", "template base", "    needs sh",
            "    lint: src/**", "        cat src/*", "template service : base", "    uses plain built",
            "    build: src/** conf/*.txt -> out/$name.txt", "        cat src/* > \"out/$name.txt\" # $version",
            "    unit: :build tests/**", "        test -e tests", "    verify: :build", "        cat \"$contract\"",
            "    image: Dockerfile :build | :unit", "library plain", "    dir lib/plain", "    inputs *.py",
            "library built", "    dir lib/built", "    uses plain", "    build: *.c -> out/lib.a",
            "        cat *.c > out/lib.a", "services services/* : service", "include services/*/Buildfile",
        ]
        try writeBuildfile()
        try repository.write(".gitignore", "out/\n*.log\n")
        for index in 0..<5 {
            try write("services/s\(index)/src/main", "main \(index)\n")
            try write("services/s\(index)/conf/a.txt", "a\n")
            try write("services/s\(index)/tests/t", "t\n")
            try repository.write(
                "services/s\(index)/Dockerfile", "FROM scratch\nCOPY src /src\nCOPY out/s\(index).txt /\n")
            let consumes = index == 0 ? "" : "    consumes s\(index - 1) by contract.json\n"
            try repository.write(
                "services/s\(index)/Buildfile", "service s\(index)\n    port = 80\(index)\n\(consumes)")
            try repository.write("services/s\(index)/contract.json", "{}\n")
        }
        try write("lib/plain/a.py", "a\n")
        try write("lib/built/a.c", "a\n")
    }

    private func writeBuildfile() throws {
        try repository.write("Buildfile", buildfile.joined(separator: "\n") + "\n")
    }

    private mutating func write(_ name: String, _ text: String) throws {
        if !files.contains(name) { files.append(name) }
        try repository.write(name, text)
    }

    private mutating func pick<Element>(_ choices: [Element]) -> Element {
        choices[Int.random(in: 0..<choices.count, using: &generator)]
    }

    private func path(_ name: String) -> String { repository.path.appending(name).shown }

    /// Makes one change and says what it was.
    mutating func change() throws -> String {
        counter += 1
        let service = "services/s\(Int.random(in: 0..<5, using: &generator))"
        switch Int.random(in: 0..<16, using: &generator) {
        case 0, 1, 2:
            let file = pick(files)
            unlink(path(file))
            try write(file, "edit \(counter)\n")
            return "edit \(file)"
        case 3:
            let folder = pick(["src", "src/deep", "conf", "tests", "other"])
            let name = "\(service)/\(folder)/f\(counter)" + pick(["", ".txt", ".log", " é\u{301}"])
            try write(name, "new\n")
            return "add \(name)"
        case 4:
            let candidates = files.filter { !$0.hasSuffix("/main") && !$0.hasSuffix("a.txt") && !$0.hasPrefix("lib") }
            guard let file = candidates.randomElement(using: &generator) else { return "nothing" }
            unlink(path(file))
            files.removeAll { $0 == file }
            return "delete \(file)"
        case 5:
            let file = pick(files)
            let target = file + "x"
            guard !file.hasSuffix("/main"), rename(path(file), path(target)) == 0 else { return "nothing" }
            files.removeAll { $0 == file }
            files.append(target)
            return "rename \(file)"
        case 6:
            let file = pick(files)
            chmod(path(file), pick([0o755, 0o644, 0o600, 0o700]))
            return "mode of \(file)"
        case 7:
            let file = pick(files)
            unlink(path(file))
            symlink(pick(["target", "../elsewhere", "/etc/passwd"]), path(file))
            return "link \(file)"
        case 8:
            buildfile[11] =
                "        cat src/* > \"out/$name.txt\" # \(pick(["$version", "$level", "plain \(counter)"]))"
            try writeBuildfile()
            return "template's recipe"
        case 9:
            buildfile[0] = "version = \(counter)"
            try writeBuildfile()
            return "variable"
        case 10:
            buildfile.removeAll { $0.hasPrefix("# ") }
            buildfile.append("# comment \(counter)")
            try writeBuildfile()
            return "comment"
        case 11:
            try repository.write(".gitignore", "out/\n*.log\n" + pick(["", "src/deep/\n", "f1*\n", "!keep.log\n"]))
            return "ignore rules"
        case 12:
            try repository.write("\(service)/noise.log", "ignored \(counter)\n")
            return "ignored file"
        case 13:
            let name = BytePath(service).name.shown
            try repository.write(
                "\(service)/Dockerfile",
                "FROM scratch\nCOPY \(pick(["src", "src/main", "src src/main"])) /src/\nCOPY out/\(name).txt /\nENV N=\(counter)\n"
            )
            return "Dockerfile of \(service)"
        case 14:
            try repository.write("\(service)/contract.json", "{\"n\": \(counter)}\n")
            return "contract of \(service)"
        default:
            buildfile[2] = "tool sh \(pick(["1", "2"]))"
            buildfile[9] = "    uses \(pick(["plain built", "plain", "built"]))"
            try writeBuildfile()
            return "tool and uses"
        }
    }
}
