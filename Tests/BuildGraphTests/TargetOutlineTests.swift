import BuildTestSupport
import Buildfile
import Testing

@testable import BuildGraph

/// What a run goes by before it makes any target: it has to be the same of a graph that was resolved and of one that lies on
/// the disk, or a target that has to be looked at would be passed over.
@Suite struct TargetOutlineTests {
    private static let buildfile = """
        service app
            dir app
            build: src -> out
                make $TOKEN
            [uncached]
            now: src
                date
            secret TOKEN
            [gate coverage drop <= 1 coverage.xml]
            unit: src :build | :now -> coverage.xml
                test
            [report junit other.xml]
            other: src -> other.xml
                test
            lint: src
                lint
            image: Dockerfile :build
            all: :build :unit
        """

    @Test func aGraphOnTheDiskTellsOfItsTargetsWhatTheyAre() throws {
        let folder = try TemporaryFolder()
        try folder.write("ws/Buildfile", Self.buildfile)
        try folder.write("ws/app/src", "src")
        try folder.write("ws/app/Dockerfile", "FROM scratch\nCOPY out /\n")
        let files = StateFiles(in: folder("state"))
        let settings = ResolutionSettings()
        func look() throws -> WorkingTree {
            let index = FileIndex(at: folder("state/index"), trustingFingerprints: true)
            return try WorkingTree.look(WorkingTreeOptions(root: folder("ws")), index: index, files)
        }
        try folder.write("state/.made", "")
        try folder.settle(by: "state/clock")
        let first = try look()
        let resolution = try resolve(first, settings)
        let graph = try #require(resolution.graph, "\(resolution.diagnostics.map(\.message))")
        try first.save(try HashedGraph(graph), files, settings)
        let kept = try #require(try look().hashed(files, settings)).graph
        #expect(kept.targets.areOfSnapshot)
        let traits: [String: TargetTraits] = [
            "app:all": .group, "app:build": .takesSecrets, "app:image": .image, "app:lint": .check,
            "app:now": .uncached, "app:other": .check, "app:unit": [.check, .judgedAgainstBase],
        ]
        let edges: [String: [String]] = [
            "app:all": ["input app:build", "input app:unit"], "app:image": ["input app:build"],
            "app:unit": ["input app:build", "gate app:now"],
        ]
        for graph in [graph, kept] {
            #expect(graph.targets.count == traits.count)
            for index in graph.targets.indices {
                let label = graph.targets.label(index).description
                #expect(graph.targets.traits(index) == traits[label], "\(label)")
                var found: [String] = []
                graph.targets.edges(of: index) { kind, target in
                    found.append("\(kind) \(graph.targets.label(target))")
                    return true
                }
                #expect(found == edges[label] ?? [], "\(label)")
            }
        }
    }
}
