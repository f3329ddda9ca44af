import BuildTestSupport
import Buildfile
import Testing

@testable import BuildGraph

/// What is resolved on several threads is what one would give.
@Suite struct ManyComponentsTests {
    private static let template = """
        template t
            build: src/** -> dist/x
                touch dist/x $kind
            image: Dockerfile :build
            verify: :build $contract

        services s/* : t
        include s/*/Buildfile

        """

    private func workspace(_ count: Int, extra: (Int) -> String = { _ in "" }) -> MemoryFileSystem {
        var files = MemoryFileSystem(["Buildfile": Self.template])
        for number in 0..<count {
            let folder = "s/c\(number)"
            files["\(folder)/src/a"] = "\(number)"
            files["\(folder)/Dockerfile"] = "FROM scratch\nCOPY src /x\nCOPY dist /y\n"
            files["\(folder)/contract"] = ""
            files["\(folder)/Buildfile"] = """
                service c\(number)
                    kind = k\(number)
                    consumes c\(number / 2) by contract
                \(extra(number))
                """
        }
        return files
    }

    @Test func manyComponentsAreWhatEachIsAlone() throws {
        let many = workspace(200)
        let graph = try #require(try resolve(many, ResolutionSettings()).graph)
        let hashed = try HashedGraph(graph)
        #expect(graph.targets.map(\.label) == graph.targets.map(\.label).sorted())
        for number in [0, 7, 99, 199] {
            var alone = many
            for other in 0..<200 where other != number && other != number / 2 {
                for file in ["src/a", "Dockerfile", "contract", "Buildfile"] { alone["s/c\(other)/\(file)"] = nil }
            }
            // c0 consumes itself; others' providers are left without one of their own.
            if number / 2 != number, number / 2 != 0 {
                alone["s/c\(number / 2)/Buildfile"] = "service c\(number / 2)\n    kind = k\(number / 2)\n"
            }
            let small = try HashedGraph(try #require(try resolve(alone, ResolutionSettings()).graph))
            for stage in ["build", "image"] {
                let label = Label(component: "c\(number)", stage: stage)
                #expect(
                    hashed.hashes[try #require(graph.index(of: label))]
                        == small.hashes[try #require(small.graph.index(of: label))])
            }
            let verify = Label(component: "c\(number / 2)", stage: "verify", consumer: "c\(number)")
            #expect(
                hashed.hashes[try #require(graph.index(of: verify))]
                    == small.hashes[try #require(small.graph.index(of: verify))])
        }
    }

    @Test func mistakesComeInTheOrderOfTheirTargets() throws {
        let files = workspace(300) { "    zzz: none-\($0)\n        true\n" }
        let resolution = try resolve(files, ResolutionSettings())
        #expect(resolution.graph == nil)
        let names = (0..<300).map { "c\($0)" }.sorted().map { "none-\($0.dropFirst())" }
        #expect(
            resolution.diagnostics.filter { $0.code == .missingInput }.compactMap { $0.span?.source.name }
                == names.map { "s/c\($0.dropFirst(5))/Buildfile" })
    }

    /// What a template names is missing once, however many components are made from it.
    @Test func whatIsMissingEverywhereIsSaidOnce() throws {
        var files = workspace(300) { _ in "    uses c30O\n" }
        files["Buildfile"] = Self.template.replacing("src/**", with: "src/** /lint.in")
        files["lint.ini"] = ""
        let found = try resolve(files, ResolutionSettings()).diagnostics
        let missing = found.filter { $0.code == .missingInput }
        #expect(missing.map(\.message) == ["there is no file 'lint.in'"])
        #expect(missing.map(\.hint) == ["did you mean 'lint.ini' in that folder?"])
        let unknown = found.filter { $0.code == .unknownComponent }
        #expect(unknown.count == 300)
        #expect(Set(unknown.map(\.span?.source.name)).count == 300)
        #expect(Set(unknown.map(\.hint)) == ["did you mean 'c30'?"])
    }

    @Test func theConsumersOfAComponentAreInOrder() throws {
        let graph = try #require(try resolve(workspace(50), ResolutionSettings()).graph)
        for number in 0..<50 {
            let wanted = (0..<50).filter { $0 / 2 == number }.map { "c\($0)" }.sorted()
            let found = graph.targets.filter { $0.label.component == "c\(number)" && $0.label.stage == "verify" }
            #expect(found.compactMap(\.label.consumer) == wanted)
        }
    }

    @Test func resultsOfThreadsAreInOrder() {
        for count in [0, 1, 2, 63, 64, 1000] {
            #expect(Threads.map(count) { $0 * $0 } == (0..<count).map { $0 * $0 })
        }
    }
}
