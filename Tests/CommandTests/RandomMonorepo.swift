import BuildGraph
import BuildTestSupport
import Glibc

/// A small monorepo and random changes to it that keep it valid.
struct RandomMonorepo {
    private let repository: TestRepository
    private var generator: SeededGenerator
    private var files: [String] = []
    private var counter = 0
    private var buildfile: [String] = []
    private var libraries = 0

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
        libraries = Int.random(in: 0...4, using: &generator)
        for index in 0..<libraries {
            let uses = (0..<index).filter { _ in Bool.random(using: &generator) }.map { "x\($0)" } + ["plain"]
            buildfile += [
                "library x\(index)", "    dir lib/x\(index)", "    uses " + uses.joined(separator: " "),
                "    build: *.c -> out/x.a", "        cat *.c > out/x.a",
            ]
        }
        try writeBuildfile()
        try repository.write(".gitignore", "out/\n*.log\n")
        for index in 0..<libraries { try write("lib/x\(index)/a.c", "a\n") }
        for index in 0..<5 {
            try write("services/s\(index)/src/main", "main \(index)\n")
            try write("services/s\(index)/conf/a.txt", "a\n")
            try write("services/s\(index)/tests/t", "t\n")
            try repository.write(
                "services/s\(index)/Dockerfile", "FROM scratch\nCOPY src /src\nCOPY out/s\(index).txt /\n")
            try writeService(index)
            try repository.write("services/s\(index)/contract.json", "{}\n")
        }
        try write("lib/plain/a.py", "a\n")
        try write("lib/built/a.c", "a\n")
    }

    private func writeBuildfile() throws {
        try repository.write("Buildfile", buildfile.joined(separator: "\n") + "\n")
    }

    /// A service's own Buildfile, with libraries and a provider of its own.
    private mutating func writeService(_ index: Int) throws {
        let used = (0..<libraries).filter { _ in Int.random(in: 0..<3, using: &generator) == 0 }.map { "x\($0)" }
        let uses = used.isEmpty ? "" : "    uses \(used.joined(separator: " "))\n"
        let provider = Int.random(in: 0..<5, using: &generator)
        let consumes = provider == index ? "" : "    consumes s\(provider) by contract.json\n"
        try repository.write(
            "services/s\(index)/Buildfile", "service s\(index)\n    port = 80\(index)\n\(uses)\(consumes)")
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
        switch Int.random(in: 0..<18, using: &generator) {
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
        case 15:
            let index = Int.random(in: 0..<5, using: &generator)
            try writeService(index)
            return "uses and consumes of s\(index)"
        case 16:
            // What was a file is a folder, or the other way round.
            let name = "\(service)/conf/swap.txt"
            if files.contains(name) {
                unlink(path(name))
                files.removeAll { $0 == name }
                try write(name + "/inner.txt", "folder \(counter)\n")
            } else if files.contains(name + "/inner.txt") {
                unlink(path(name + "/inner.txt"))
                rmdir(path(name))
                files.removeAll { $0 == name + "/inner.txt" }
                try write(name, "file \(counter)\n")
            } else {
                // What was in the folder may have gone, or have another name now.
                if access(path(name), F_OK) == 0, rmdir(path(name)) != 0, errno != ENOTDIR { return "nothing" }
                try write(name, "file \(counter)\n")
            }
            return "swap of \(name)"
        default:
            buildfile[2] = "tool sh \(pick(["1", "2"]))"
            buildfile[9] = "    uses \(pick(["plain built", "plain", "built"]))"
            try writeBuildfile()
            return "tool and uses"
        }
    }
}
